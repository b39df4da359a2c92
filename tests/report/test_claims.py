"""A study with claims is answered by their verdicts; what compares arms with the baseline describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.report.test_page import Page
from unroll.ledger import Ledger
from unroll.reporting import write_report
from unroll.reporting.checklist.answers import find_answers
from unroll.reporting.checklist.subject import Subject
from unroll.reporting.document import Chart, Exhibit, Table
from unroll.reporting.findings import gather
from unroll.reporting.prose.answer import tell
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
    told = tell(findings)
    assert told.first == "4 claims: 1 supported, 1 refuted and 2 undecided."
    assert told.remarks == ["24 of 24 planned trials have completed."]
    first, second, third, fourth = compose(findings).verdicts
    effect = findings.differences.row(0, named=True)["difference"]
    assert first.startswith("gru better than elman is supported: ")
    assert " lower (" in first
    assert "adjusted p = 0.00781 on 8 seeds." in first
    assert findings.claims["effect"][0] == pytest.approx(effect, abs=0.05)
    assert second.startswith("elman better than gru is refuted: ")
    assert "(with this effect and spread, " in third
    assert third.endswith(" seeds would decide it with 80.0 % power).")
    assert fourth == (
        "gru diverges less than lstm is undecided: 0 % of seeds against 0 %, 95 % interval −27.7 to 27.7 %, "
        "adjusted p = 1 on 8 seeds (with this effect and spread, 100,000 seeds would not decide it)."
    )


def test_pages_and_tables_have_the_verdicts_and_comparisons_describe(ledger: Ledger) -> None:
    places = write_report(ledger)
    page, text = places.html.read_text(), places.markdown.read_text()
    assert '<li>gru better than elman is <strong class="supported">supported</strong>: ' in page
    assert "\n- gru better than elman is supported: " in text
    assert "The claims above decide; what follows describes." in text
    assert text.index("## Claims") < text.index("## Arms") < text.index("what follows describes")
    assert '<h3>gru better than elman is <strong class="supported">supported</strong>: ' in page
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


def chart_rows(chart: Chart, field: str) -> list[dict[str, Any]]:
    return [row for data in chart.spec["datasets"].values() for row in data if field in row]


def test_each_claim_has_a_chart_under_its_verdict_beside_its_seeds(make_ledger: MakeLedger) -> None:
    within = claim("gru", "lstm", "within 2 of", kind="within", margin=2.0)
    findings = gather(make_ledger(claims=[*CLAIMS, within]))
    (section,) = (each for each in compose(findings).sections if each.anchor == "claims")
    table, *exhibits = section.blocks
    assert isinstance(table, Table)
    assert len(exhibits) == 5
    places: list[list[int]] = []
    verdicts = findings.claims["verdict"].to_list()
    values = {(row["arm"], row["seed"]): row[findings.metric] for row in findings.trials.to_dicts()}
    for exhibit, declared, verdict in zip(exhibits, findings.plan.claims, verdicts, strict=True):
        assert isinstance(exhibit, Exhibit)
        chart, seeds = exhibit.chart, exhibit.table
        assert chart.title.startswith(f"{declared.text} is {verdict}: ")
        assert seeds.rows["seed"].to_list() == list(range(8))
        drawn = {row["seed"]: row["difference"] for row in chart_rows(chart, "seed")}
        assert drawn == pytest.approx(dict(seeds.rows.select("seed", "difference").iter_rows()), rel=1e-5)
        if declared.kind != "diverges less":
            differences = [values[declared.first, seed] - values[declared.second, seed] for seed in range(8)]
            assert seeds.rows["difference"].to_list() == pytest.approx(differences)
        places.append([row["place"] for row in chart_rows(chart, "seed")])
        (mean,) = chart_rows(chart, "mean")
        assert mean["mean"] == pytest.approx(seeds.rows["difference"].mean())
        rules = [row["difference"] for row in chart_rows(chart, "difference") if "seed" not in row]
        margin = declared.margin
        assert rules == [0.0, *({"within": [-margin, margin]}.get(declared.kind, [-margin]) if margin else [])]
    assert places[3] == list(range(8)), "equal values are stacked"


def test_checklists_tell_the_claims(ledger: Ledger) -> None:
    findings = gather(ledger)
    answers = find_answers()
    subject = Subject(findings, ledger.attempts_frame())
    for name in ("verdicts", "tests"):
        told = answers[name](subject)
        assert told is not None
        assert [line for line in told.lines if line in compose(findings).verdicts] == compose(findings).verdicts
        assert "tables/claims.csv" in told.sources
    doubts = answers["doubts"](subject)
    assert doubts is not None
    undecided = "lstm better by 0.16 than elman and gru diverges less than lstm"
    assert doubts.lines[0] == f"Undecided, which does not mean false: {undecided}."


def test_claims_of_hostile_names_are_inert(make_ledger: MakeLedger) -> None:
    bad = "</script><img src=x onerror=alert(1)>|*\u202e"
    levels = {"elman": 13.0, bad: 12.0}
    places = write_report(make_ledger(levels, claims=[claim(bad, "elman")]), checklists=["acl"])
    page = Page(places.html.read_text())
    calm = Page(write_report(make_ledger({"elman": 13.0, "b": 12.0}, claims=[claim("b", "elman")])).html.read_text())
    assert (page.tags["script"], page.tags["img"]) == (calm.tags["script"], 0)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "\u202e" not in page.text
    for text in (places.markdown.read_text(), places.html.with_name("checklist-acl.md").read_text()):
        assert "<" not in text


def test_an_unfinished_study_says_so_before_its_claims(make_ledger: MakeLedger) -> None:
    ends = {("gru", 0): "failed_user", ("gru", 1): "diverged", ("lstm", 2): "timeout", ("lstm", 3): "missing"}
    ledger = make_ledger(claims=CLAIMS, ends={trial: (status, "") for trial, status in ends.items()})
    assert tell(gather(ledger)).first.endswith(
        "20 of 24 planned trials have completed; 1 diverged, 1 timed out, 1 failed (an error in the task or its "
        "settings) and 1 not run yet."
    )
