"""A study with looks tells where each comparison or claim was decided, and what an undecided one waits for."""

from __future__ import annotations

from collections.abc import Callable

from tests.report.test_claims import claim
from unroll.ledger import Ledger
from unroll.reporting.document import Table
from unroll.reporting.findings import Findings, gather
from unroll.reporting.prose.answer import answer
from unroll.reporting.sections import compose
from unroll.reporting.tables.looks import looks_table
from unroll.study.declaration import Looks

MakeLedger = Callable[..., Ledger]
LOOKS = Looks(start=6, up_to=12, step=2)
CLOSE = {"elman": 13.4, "gru": 11.9, "lstm": 13.5}


def shown(findings: Findings) -> list[tuple[str, ...]]:
    table = looks_table(findings)
    assert table is not None
    return list(table.shown.iter_rows())


def test_a_comparison_that_is_decided_keeps_its_look(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(CLOSE, looks=LOOKS))
    gru, lstm = findings.differences.to_dicts()
    assert (gru["verdict"], gru["look"], gru["n"]) == ("better", 2, 8)
    assert (lstm["verdict"], lstm["look"]) == ("undecided", 2)
    assert gru["hangs_on"] == []
    assert "Looks at 6, 8, 10 and 12 seeds were declared before the first result: decided were gru at look" in answer(
        findings
    )
    assert "1 is undecided so far (adjusted p above 0.0312), with looks to come." in answer(findings)
    assert shown(findings)[0][:4] == ("gru", "better", "2 of 4", "8")
    (section,) = [section for section in compose(findings).sections if section.anchor == "differences"]
    assert "looks" in [block.name for block in section.blocks if isinstance(block, Table)]


def test_what_has_not_ended_is_waited_for(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(CLOSE, looks=LOOKS, ends={("lstm", 5): ("missing", "")}))
    assert shown(findings) == [("gru", "undecided"), ("lstm", "undecided")], "and columns without anything are left out"
    failed = gather(make_ledger(CLOSE, looks=LOOKS, ends={("lstm", 5): ("failed_user", "a mistake")}))
    assert failed.differences["look"].to_list() == [2, 2]


def test_claims_have_looks_of_their_own(make_ledger: MakeLedger) -> None:
    claims = [
        claim("gru", "elman"),
        claim("elman", "gru"),
        claim("lstm", "elman", "within 2 of", kind="within", margin=2.0),
        claim("gru", "elman", "within 0.2 of", kind="within", margin=0.2),
        claim("lstm", "elman"),
    ]
    findings = gather(make_ledger(CLOSE, looks=Looks(start=6, up_to=8, step=2), claims=claims))
    assert findings.claims["verdict"].to_list() == ["supported", "refuted", "equivalent", "refuted", "undecided"]
    assert findings.claims["closed"].to_list() == [True, True, True, True, False]
    assert findings.claims["look"].to_list() == [1, 1, 1, 1, 2]
    assert "decided were gru better than elman at look 1 (6 seeds)" in answer(findings)
