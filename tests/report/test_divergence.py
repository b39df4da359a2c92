"""Divergence in numbers: sentence, table, picture, and the label of survivors wherever a number is over them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unroll.ledger import Ledger
from unroll.reporting import write_report
from unroll.reporting.charts import draw_charts
from unroll.reporting.findings import gather
from unroll.reporting.prose.answer import answer, divergence_sentence
from unroll.reporting.sections import compose
from unroll.reporting.tables.divergence import divergence_table
from unroll.reporting.tables.results import arms_table, differences_table, metrics_table

MakeLedger = Callable[..., Ledger]
Ends = dict[tuple[str, int], tuple[str, str]]

CLIPPING = {"none": 12.0, "one": 11.5}


def diverged(**arms: int) -> Ends:
    """The first so many seeds of each arm."""
    return {(arm, seed): ("diverged", "loss is nan") for arm, seeds in arms.items() for seed in range(seeds)}


def texts(node: Any) -> set[str]:
    """All words that a chart writes."""
    return {row["words"] for row in chain.from_iterable(node["datasets"].values()) if "words" in row}


def test_a_study_without_divergence_does_not_speak_of_it(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger())
    document = compose(findings)
    assert "divergence" not in [section.anchor for section in document.sections]
    assert "divergence" not in draw_charts(findings)
    assert divergence_sentence(findings) == ""
    captions = [table(findings).caption for table in (arms_table, metrics_table, differences_table)]
    assert "urvivors" not in " ".join(
        [answer(findings), *captions, *(c.caption for c in draw_charts(findings).values())]
    )


def test_clipping_is_answered_in_numbers(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(CLIPPING, seeds=10, ends=diverged(none=9)))
    reported = (
        "The baseline none diverged on 9 of 10 seeds (95 % interval 55.5 to 99.7 %); one on 0 of 10 (0 to 30.8 %): "
        "less often, p = 0.00391."
    )
    assert divergence_sentence(findings) == reported
    assert reported in answer(findings)
    shown = divergence_table(findings).shown.to_dicts()
    assert shown == [
        {
            **{"Arm": "none (baseline)", "Diverged": "9 of 10", "Rate": "90.0 %", "95 % interval": "55.5 to 99.7 %"},
            **dict.fromkeys(("Diverges", "Alone", "Pairs", "p (adjusted)", "Smallest p"), "–"),
        },
        {
            **{"Arm": "one", "Diverged": "0 of 10", "Rate": "0 %", "95 % interval": "0 to 30.8 %"},
            **{
                "Diverges": "less often",
                "Alone": "0 (9)",
                "Pairs": "10 of 10",
                "p (adjusted)": "0.00391",
            },
            "Smallest p": "0.00195",
        },
    ]


def test_it_is_reported_on_every_page_and_in_every_file(make_ledger: MakeLedger) -> None:
    places = write_report(make_ledger(CLIPPING, seeds=10, ends=diverged(none=9)))
    page, text = places.html.read_text(encoding="utf-8"), places.markdown.read_text(encoding="utf-8")
    for reported in (page, text):
        assert "less often, p = 0.00391." in reported
        assert "Clopper" in reported
        assert "over survivors" in reported
    assert '<section id="divergence">' in page
    assert "color: var(--better)" in page.partition('id="table-divergence"')[2].partition("</table>")[0]
    assert "charts/divergence.svg" in text
    assert (places.html.parent / "charts" / "divergence.svg").is_file()
    csv = pl.read_csv(places.tables / "divergence.csv")
    assert csv["diverged"].to_list() == [9, 0]
    assert csv["p"].to_list() == [None, 0.00390625]
    assert csv.equals(pl.read_parquet(places.tables / "divergence.parquet"))
    assert r"90.0 \%" in (places.tables / "divergence.tex").read_text(encoding="utf-8")


def test_a_baseline_that_always_diverged_can_still_be_compared_in_that(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(CLIPPING, seeds=10, ends=diverged(none=10)))
    text = answer(findings)
    assert "none has no completed trial (10 of its 10 trials diverged), so nothing can be compared with it. The" in text
    assert "one on 0 of 10 (0 to 30.8 %): less often, p = 0.00195." in text
    (row,) = differences_table(findings).shown.to_dicts()
    assert (row["Difference (survivors)"], row["Pairs"], row["Verdict"]) == (
        "no completed pair",
        "0 of 10",
        "undecided",
    )
    charts = draw_charts(findings)
    assert "differences" not in charts
    assert texts(charts["divergence"].spec) == {"0 of 10", "10 of 10"}
    assert texts(charts["seeds"].spec) == {"no final value: 10 of 10 trials diverged"}


def test_an_arm_that_always_diverged_keeps_its_place_everywhere(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger(seeds=8, ends=diverged(gru=8))
    findings, places = gather(ledger), write_report(ledger, tmp_path / "report")
    assert "gru is undecided: no completed pair with the baseline (8 of its 8 trials diverged)." in answer(findings)
    means = dict(arms_table(findings).shown.select("Arm", "Mean").iter_rows())
    assert list(means) == ["elman (baseline)", "gru", "lstm"]
    assert means["gru"] == "–"
    charts = draw_charts(findings)
    assert texts(charts["differences"].spec) == {"no completed pair"}
    assert "no completed pair" in charts["differences"].svg
    assert texts(charts["seeds"].spec) == {"no final value: 8 of 8 trials diverged"}
    assert places.html.is_file()


def test_a_study_in_which_everything_diverged_has_that_for_an_answer(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(CLIPPING, seeds=6, ends=diverged(none=6, one=6))
    assert answer(gather(ledger)) == (
        "Every planned trial diverged (12), so no arm has a final validation/perplexity. The baseline none diverged on "
        "6 of 6 seeds (95 % interval 54.1 to 100 %); one on 6 of 6 (54.1 to 100 %): undecided, p = 1."
    )
    assert write_report(ledger).html.is_file()


def test_numbers_over_survivors_are_labelled(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(ends=diverged(gru=2)))
    for table in (arms_table, metrics_table):
        assert "Diverged trials enter none of these: they are numbers of survivors." in table(findings).caption
    assert "Difference (survivors)" in differences_table(findings).shown.columns
    assert "a seed on which either side diverged enters no difference" in differences_table(findings).caption
    charts = draw_charts(findings)
    assert charts["differences"].caption.endswith(
        "Survivors only: 2 pairs of which a side has no final value are left out."
    )
    assert "from then on the mean is over survivors" in charts["curves"].caption
    assert arms_table(findings).shown["Diverged"].to_list() == ["0", "2", "0"]


def test_trials_without_a_result_are_in_no_rate(make_ledger: MakeLedger) -> None:
    ends = {**diverged(one=4), **{("one", seed): ("timeout", "") for seed in range(4, 8)}, ("none", 0): ("missing", "")}
    findings = gather(make_ledger(CLIPPING, ends=ends))
    assert "one on 4 of 4 (39.8 to 100 %): undecided, p = 0.25." in divergence_sentence(findings)
    gone = {("none", seed): ("missing", "") for seed in range(8)}
    findings = gather(make_ledger(CLIPPING, ends={**diverged(one=4), **gone}))
    assert divergence_sentence(findings) == (
        "The baseline none has no trial with a result yet; one diverged on 4 of 8 seeds (95 % interval 15.7 to 84.3 %)."
    )
    assert divergence_table(findings).shown["Alone"].to_list() == ["–", "no pair"]
    assert "no trial with a result" in texts(draw_charts(findings)["divergence"].spec)


def test_many_arms_are_listed_by_name(make_ledger: MakeLedger) -> None:
    levels = {"none": 12.0, **{f"a{i}": 11.0 for i in range(7)}}
    findings = gather(make_ledger(levels, seeds=10, ends=diverged(none=10, a0=10, a1=1)))
    assert divergence_sentence(findings) == (
        "Seeds that diverged: none 10 of 10, a0 10 of 10 and a1 1 of 10; "
        "less often than the baseline: a1, a2, a3, a4, a5 and a6."
    )


def test_a_lone_arm_has_a_rate(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger({"none": 12.0}, ends=diverged(none=3)))
    assert divergence_sentence(findings) == "The baseline none diverged on 3 of 8 seeds (95 % interval 8.5 to 75.5 %)."
    assert divergence_table(findings).shown.columns == ["Arm", "Diverged", "Rate", "95 % interval"]


@pytest.mark.parametrize("seeds", [0, 3, 8])
def test_the_picture_shows_every_rate_and_its_interval(make_ledger: MakeLedger, seeds: int) -> None:
    findings = gather(make_ledger(ends=diverged(gru=seeds, lstm=1)))
    chart = draw_charts(findings)["divergence"]
    json.dumps(chart.spec, allow_nan=False)
    drawn = {row["arm"]: row for row in chain.from_iterable(chart.spec["datasets"].values()) if "rate" in row}
    for row in findings.divergence.iter_rows(named=True):
        assert [drawn[row["arm"]][name] for name in ("rate", "low", "high")] == [row["rate"], row["low"], row["high"]]
    assert f"{seeds} of 8" in chart.svg
