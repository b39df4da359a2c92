"""A results folder that version 0.1.0 wrote (commit 114ca6d, two arms, two seeds) is read, reported and grown."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]

OLD = Path(__file__).parents[1] / "ledger" / "folder_of_114ca6d"
STUDY = """\
question: Does gating help?
task: language_modeling
settings:
  data: {corpus: toy_language, sentences: 60}
  network: {embedding: 4, hidden: 6, loop: LOOP}
  training: {epochs: 2, batch_size: 4}
compare:
  network.cell: [elman, lstm]
seeds: 2
log_every_steps: 5
wandb: {mode: disabled}
"""


@pytest.mark.parametrize("loop", ["common", "compiled"])
def test_a_folder_of_an_older_version_is_read_and_grown(project: Path, unroll: Unroll, loop: str) -> None:
    """``common`` is called ``compiled`` now, and means the same trials."""
    (project / "studies/tiny/study.yaml").write_text(STUDY.replace("LOOP", loop), encoding="utf-8")
    folder = Path("results/tiny")
    shutil.copytree(OLD, folder)
    old = {path: path.read_bytes() for path in folder.glob("trials/*/*/*.json")}

    shown = unroll("results", "tiny", "--format", "csv")
    assert (shown.code, "damaged" in shown.err) == (0, False)
    values = {(row["arm"], row["seed"]): row["validation/perplexity"] for row in csv.DictReader(shown.out.splitlines())}
    assert values["elman", "0"] == "163.87012750424344"
    assert len(values) == 4
    status = json.loads(unroll("status", "tiny", "--format", "json").out)
    assert (status["counts"], status["damaged"]) == ({"completed": 4}, [])
    assert unroll("report", "tiny").code == 0
    assert "163.9" in (folder / "report/report.md").read_text(encoding="utf-8")

    grown = unroll("run", "tiny", "seeds=3", "--runner", "inline", "--if-changed", "keep")
    assert grown.code == 0, grown.err
    assert "6 trials, 4 done before, 2 to run" in grown.out + grown.err
    again = csv.DictReader(unroll("results", "tiny", "--format", "csv").out.splitlines())
    after = {(row["arm"], row["seed"]): row["validation/perplexity"] for row in again}
    assert len(after) == 6
    assert after.items() >= values.items()
    assert {path: path.read_bytes() for path in old} == old


def test_the_folder_names_no_place_of_the_machine_that_wrote_it() -> None:
    files = [path for path in OLD.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 60_000
    assert not any(word in path.read_bytes() for path in files for word in (b"/home", b"/root", b"/tmp", b"/work"))
