"""An A/A comparison with real training: one setting under two names differs by exactly nothing, and is undecided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from tests.cli.conftest import STUDY, Said
from unroll.ledger import Ledger
from unroll.reporting.findings import gather


def test_a_network_does_not_differ_from_itself(project: Path, unroll: Callable[..., Said]) -> None:
    names = STUDY.replace("network.cell: [elman, lstm]", "name: {first: {}, second: {}}").replace(
        "seeds: 2", "seeds: 8"
    )
    (project / "studies" / "tiny" / "study.yaml").write_text(names, encoding="utf-8")
    said = unroll("run", "tiny", "--runner", "inline", "network.dropout=0.3")
    assert said.code == 0, said.err
    ledger = Ledger.open(project / "results" / "tiny")
    findings = gather(ledger)
    assert len(set(findings.trials["trial"])) == 16, "both were trained"
    assert findings.trials["status"].to_list() == ["completed"] * 16
    assert findings.values.filter(pl.col("arm") == "first")["value"].n_unique() == 8, "seeds differ"
    assert findings.pairs.filter(pl.col("arm") == "second")["difference"].to_list() == [0.0] * 8
    (row,) = findings.differences.to_dicts()
    assert (row["arm"], row["baseline"], row["n"], row["difference"], row["p"]) == ("second", "first", 8, 0.0, 1.0)
    assert (row["low"], row["high"], row["verdict"]) == (0.0, 0.0, "undecided")
    history = ledger.history_frame(ledger.plan()).drop("seconds", "trial").sort("seed", "step", "metric")
    sides = [history.filter(pl.col("arm") == name).drop("arm") for name in ("first", "second")]
    assert sides[0].equals(sides[1]), "every logged value is the same to the last bit"
    page = (ledger.root / "report" / "report.md").read_text(encoding="utf-8")
    assert "second is undecided: it equals the baseline on each of 8 seeds, p = 1." in page
