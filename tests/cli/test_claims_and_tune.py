"""A study that is tuned first and then judged by its claims, in one command, trained in earnest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from unroll.ledger import Ledger
from unroll.reporting.findings import gather

STUDY = """\
question: Do gated cells model language better than an Elman network?
task: language_modeling
settings:
  data: {corpus: toy_language, sentences: 80}
  network: {embedding: 4, hidden: 6}
  training: {epochs: 2, batch_size: 4, bptt: 10}
compare:
  network.cell: [elman, gru]
  network.depth: [1, 2]
seeds: 2
tune:
  draws: 2
  search: {training.learning_rate: {log_uniform: [1e-3, 1e-1]}}
claims:
  - gru better than elman by 2%
  - gru within 30% of elman on test/perplexity
  - gru diverges less than elman
wandb: {mode: disabled}
"""
CLAIMS = 3


@pytest.mark.slow
def test_one_command_tunes_confirms_judges_and_reports(unroll: Callable[..., Said], project: Path) -> None:
    (project / "studies" / "claimed").mkdir()
    (project / "studies" / "claimed" / "study.yaml").write_text(STUDY, encoding="utf-8")
    planned = unroll("plan", "claimed")
    assert "claim: gru better than elman by 2%; smallest p within reach 0.5 with 2 seeds" in planned.out
    said = unroll("run", "claimed", "--runner", "inline")
    assert said.code == 0, said.err
    assert "8 of 8 trials completed" in said.out
    assert "\ndecided   0 of 3 claims with the 2 seeds that were declared\n" in said.out
    assert "more      unroll run claimed seeds=6 " in said.out
    ledger = Ledger.open(Path("results/claimed"))
    findings = gather(ledger)
    assert len(findings.winners) == 4
    assert findings.claims["verdict"].to_list() == ["undecided"] * CLAIMS
    assert findings.claims["cells"].to_list() == [2] * CLAIMS, "the depths are averaged over"
    values = {(row["arm"], row["seed"]): row["validation/perplexity"] for row in findings.trials.to_dicts()}
    first = findings.claim_values(findings.plan.claims[0]).to_dicts()
    for row in first:
        means = [
            sum(value for (arm, seed), value in values.items() if cell in arm and seed == row["seed"]) / 2
            for cell in ("gru", "elman")
        ]
        assert [row["first"], row["second"], row["difference"]] == pytest.approx([*means, means[0] - means[1]])
    page = Path("results/claimed/report/report.md").read_text(encoding="utf-8")
    assert "3 claims: 3 undecided." in page
    assert "Every arm was tuned with 2 draws of training.learning_rate by validation/perplexity" in page
    assert page.index("## Claims") < page.index("## Tuning") < page.index("## Every trial")
    told = json.loads(unroll("explain", "claimed", "gru better than elman by 2%", "--format", "json").out)
    assert len(told["trials"]) == 8
    assert told["test"]["verdict"] == "undecided"
    assert unroll("report", "claimed", "--checklist", "neurips").code == 0
    checklist = Path("results/claimed/report/checklist-neurips.md").read_text(encoding="utf-8")
    assert "gru better than elman by 2% is undecided: " in checklist
    assert "0 to run" in unroll("run", "claimed", "--runner", "inline").out
