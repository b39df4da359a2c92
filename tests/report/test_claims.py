"""A study with claims is answered by their verdicts; what compares arms with the baseline describes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from unroll.ledger import Ledger
from unroll.reporting import write_report
from unroll.reporting.findings import gather
from unroll.reporting.prose.answer import answer
from unroll.reporting.prose.plan import claim_reach_sentences, reach_sentence
from unroll.reporting.sections import compose
from unroll.study.claims import Claim, ClaimPair

MakeLedger = Callable[..., Ledger]


def claim(first: str, second: str, words: str = "better than", **changes: object) -> Claim:
    pairs = (ClaimPair(first=first, second=second, cell=0),)
    made = Claim(
        text=f"{first} {words} {second}",
        kind="better",
        first=first,
        second=second,
        metric="validation/perplexity",
        pairs=pairs,
    )
    return made.model_copy(update=changes)


CLAIMS = [
    claim("gru", "elman"),
    claim("elman", "gru"),
    claim("lstm", "elman", "better by 0.16 than", margin=0.16),
    claim("gru", "lstm", "diverges less than", kind="diverges less"),
]


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> Ledger:
    return make_ledger(claims=CLAIMS)


def test_the_answer_is_one_line_for_each_claim(ledger: Ledger) -> None:
    findings = gather(ledger)
    assert answer(findings).startswith("4 claims: 1 supported, 1 refuted and 2 undecided. 24 of 24 planned trials")
    first, second, third, fourth = compose(findings).claims
    effect = findings.differences.row(0, named=True)["difference"]
    assert first.startswith("gru better than elman is supported: ")
    assert " lower (" in first
    assert "p = 0.00781, adjusted 0.00781 on 8 seeds." in first
    assert findings.claims["effect"][0] == pytest.approx(effect, abs=0.05)
    assert second.startswith("elman better than gru is refuted: ")
    assert "(with this effect and spread, " in third
    assert third.endswith(" seeds would decide it with 80.0 % power).")
    assert fourth == (
        "gru diverges less than lstm is undecided: 0 % of seeds against 0 %, 95 % interval −27.7 to 27.7 %, p = 1, "
        "adjusted 1 on 8 seeds (with this effect and spread, 100,000 seeds would not decide it)."
    )


def test_pages_and_tables_have_the_verdicts_and_comparisons_describe(ledger: Ledger) -> None:
    places = write_report(ledger)
    page, text = places.html.read_text(), places.markdown.read_text()
    assert '<li>gru better than elman is <strong class="supported">supported</strong>: ' in page
    assert "\n- gru better than elman is supported: " in text
    assert "The claims above decide; what follows describes." in text
    assert text.index("## Claims") < text.index("## Arms") < text.index("what follows describes")
    rows = (ledger.root / "report" / "tables" / "claims.csv").read_text().splitlines()
    assert len(rows) == 1 + len(CLAIMS)


def test_a_plan_says_what_its_seeds_can_decide(make_ledger: MakeLedger, ledger: Ledger) -> None:
    assert reach_sentence(ledger.plan()) == ""
    assert next(claim_reach_sentences(ledger.plan())) == (
        "claim: gru better than elman; smallest p within reach 0.00781 with 8 seeds"
    )
    few = make_ledger(seeds=4, claims=CLAIMS[:1]).plan()
    assert reach_sentence(few) == (
        "The planned seeds cannot decide 'gru better than elman' (smallest p 0.125 with 4 seeds); 6 seeds can reach "
        "0.05."
    )
