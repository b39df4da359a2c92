"""Every pack of the repository can be read, whatever the code has become since, and its report can be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from unroll.ledger import Pack
from unroll.reporting import write_report
from unroll.workflow.packing import find_pack, unpack_results

STUDIES = Path(__file__).parents[2] / "studies"
PACKS = sorted(STUDIES.glob("*/*.pack"))


def test_there_are_packs_and_they_are_found_by_their_study() -> None:
    assert PACKS
    assert [find_pack(file.parent.name) for file in PACKS] == PACKS


@pytest.mark.parametrize("file", PACKS, ids=lambda file: file.stem)
def test_it_is_read_and_its_report_is_written(file: Path, tmp_path: Path) -> None:
    pack = Pack.read(file)
    assert file.stem == file.parent.name == pack.manifest.study
    assert file.stat().st_size < 500_000
    assert pack.content.runs
    assert all(run.git_dirty is False for run in pack.content.runs), "it comes from a clean working tree"
    ledger = unpack_results(pack, tmp_path / "results")
    page = write_report(ledger).markdown.read_text(encoding="utf-8")
    assert pack.digest in page
    assert f"{pack.manifest.results} of {len(pack.content.plan.trials)} planned trials have completed" in page
    assert not ledger.damage()
