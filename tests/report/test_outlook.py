"""The last words of a run: what is decided, and what deciding the rest would take."""

from __future__ import annotations

from collections.abc import Callable

from tests.report.test_claims import CLAIMS
from unroll.evidence import deciding_pairs
from unroll.ledger import Ledger
from unroll.reporting.findings import gather
from unroll.reporting.prose.outlook import look_on

MakeLedger = Callable[..., Ledger]


def test_where_all_is_decided_nothing_is_asked_for(make_ledger: MakeLedger) -> None:
    found = look_on(gather(make_ledger({"elman": 13.0, "gru": 11.0})))
    assert found is not None
    assert (found.decided, found.open, found.seeds) == ("1 of 1 comparison with 8 seeds", "", None)


def test_seeds_that_would_decide_follow_from_effect_and_spread(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger())
    found, needed = (
        look_on(findings),
        deciding_pairs(findings.paired, findings.metric, baselines=findings.baselines, scale=findings.note.scale),
    )
    assert found is not None
    if "undecided" in (verdicts := findings.differences["verdict"].to_list()):
        assert found.decided == "1 of 2 comparisons with 8 seeds"
        assert found.seeds == needed["lstm"]
        assert found.open == (
            f"would be decided: lstm by {found.seeds} seeds (the effect and spread that were seen, 80.0 % power)"
        )
    else:
        assert verdicts == ["better", "better"]
        assert found.seeds is None


def test_too_few_seeds_are_told_with_those_that_can_decide(make_ledger: MakeLedger) -> None:
    found = look_on(gather(make_ledger(seeds=4)))
    assert found is not None
    assert (found.open, found.seeds) == ("gru and lstm: these seeds cannot reach 0.05, 6 can", 6)


def test_claims_are_counted_instead_of_comparisons(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(claims=CLAIMS))
    found, needed = look_on(findings), findings.claims["seeds_needed"][2]
    assert found is not None
    assert found.decided == "2 of 4 claims with 8 seeds"
    assert found.seeds == needed
    assert found.open == (
        f"would be decided: lstm better by 0.16 than elman by {needed:,} seeds and gru diverges less than lstm by no "
        "number of seeds up to 100,000 (the effect and spread that were seen, 80.0 % power)"
    )


def test_a_study_of_one_arm_has_no_last_words(make_ledger: MakeLedger) -> None:
    assert look_on(gather(make_ledger({"elman": 12.0}))) is None
