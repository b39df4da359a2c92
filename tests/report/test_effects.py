"""A study of several factors says what a level changes over all levels of the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.report.test_baselines import GAINS, group_up
from unroll.ledger import Ledger
from unroll.reporting.findings import gather
from unroll.reporting.prose.answer import answer
from unroll.reporting.tables.effects import effects_table
from unroll.study.declaration import Looks

MakeLedger = Callable[..., Ledger]


def test_levels_are_told_over_the_levels_of_the_others(make_ledger: MakeLedger) -> None:
    findings = gather(group_up(make_ledger, GAINS))
    table = effects_table(findings)
    assert table is not None
    rows = {row["effect"]: row for row in table.rows.to_dicts()}
    assert [*rows][:3] == [
        "network.cell: gru against elman",
        "network.cell: lstm against elman",
        "data.length: 50 against 20",
    ]
    gru = rows["network.cell: gru against elman"]
    assert (gru["verdict"], gru["cells"], gru["better_in"]) == ("better", 2, 2)
    by_arm = findings.differences.filter(findings.differences["arm"].str.contains("gru"))
    assert gru["difference"] == pytest.approx(by_arm["difference"].mean(), abs=1e-9)
    assert "Averaged over the levels of the other factors, network.cell: gru against elman is better by" in answer(
        findings
    )


def test_one_factor_has_no_such_table(make_ledger: MakeLedger) -> None:
    assert effects_table(gather(make_ledger())) is None


def test_with_looks_the_seeds_of_the_first_one_count(make_ledger: MakeLedger) -> None:
    table = effects_table(gather(group_up(make_ledger, GAINS, looks=Looks(start=6, up_to=8, step=2))))
    assert table is not None
    assert set(table.rows["planned_seeds"]) == {6}
