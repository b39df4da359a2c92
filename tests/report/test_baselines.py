"""Several baselines: the report names the baseline of every difference, and compares nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from typing import Any

import polars as pl
import pytest

from unroll.ledger import Ledger
from unroll.reporting import write_report
from unroll.reporting.charts import draw_charts
from unroll.reporting.charts.style import ARM_COLOURS, BASELINE_COLOUR, DASHES, colour_arms, dash_arms, is_unambiguous
from unroll.reporting.document import Chart, Matrix, Note, Section
from unroll.reporting.findings import Findings, gather
from unroll.reporting.prose.answer import answer, divergence_sentence, tell
from unroll.reporting.prose.warnings import warnings
from unroll.reporting.sections import compose
from unroll.reporting.tables.context import facts_table
from unroll.reporting.tables.divergence import divergence_table
from unroll.reporting.tables.results import arms_table, differences_table
from unroll.study.groups import Group

MakeLedger = Callable[..., Ledger]
Ends = dict[tuple[str, int], tuple[str, str]]

ELMAN = {20: 13.4, 50: 16.0}
GAINS = {"elman": 0.0, "gru": -1.5, "lstm": -0.1}


def name(cell: str, length: int) -> str:
    return f"cell={cell}, length={length}"


ORDER = [name(cell, length) for length in ELMAN for cell in GAINS]
"""Group by group; the plan itself has the lengths inside the cells."""


@pytest.fixture
def gather_grouped(make_ledger: MakeLedger) -> Callable[..., Findings]:
    """Findings of cells x lengths, each cell against the Elman network of its length."""

    def make(cells: dict[str, float] | None = None, **changes: Any) -> Findings:
        return gather(group_up(make_ledger, cells or GAINS, **changes))

    return make


def same_data(cell: str, length: int) -> str:
    return "one"


def group_up(
    make_ledger: MakeLedger, cells: dict[str, float], data: Callable[[str, int], str] = same_data, **kw: Any
) -> Ledger:
    arms = [(cell, length) for cell in cells for length in ELMAN]
    ledger = make_ledger({name(*arm): ELMAN[arm[1]] + cells[arm[0]] for arm in arms}, **kw)
    plan = ledger.plan()
    changed = [
        old.model_copy(
            update={
                "levels": {"network.cell": cell, "data.length": length},
                "baseline": name("elman", length),
                "fingerprint": data(cell, length),
            }
        )
        for old, (cell, length) in zip(plan.arms, arms, strict=True)
    ]
    factors = {"network.cell": list(cells), "data.length": [str(length) for length in ELMAN]}
    ledger.save_plan(plan.model_copy(update={"arms": changed, "factors": factors}))
    return ledger


def section(findings: Findings, anchor: str) -> Section:
    return next(section for section in compose(findings).sections if section.anchor == anchor)


def diverged(**arms: int) -> Ends:
    """The first so many seeds of ``CELL_LENGTH``."""
    keys = [(name(arm.split("_")[0], int(arm.split("_")[1])), seed) for arm, n in arms.items() for seed in range(n)]
    return dict.fromkeys(keys, ("diverged", "loss is nan"))


def test_the_answer_has_one_line_for_each_baseline_and_comparison(gather_grouped: Callable[..., Findings]) -> None:
    text = answer(gather_grouped())
    assert text.startswith(
        "On validation/perplexity (lower is better), each arm is set against elman with the same length. "
        "With length=20, the baseline elman reaches 13."
    )
    lines = tell(gather_grouped()).verdicts
    begins = [f"With length={n}, {what}" for n in ELMAN for what in ("the baseline elman reaches", "gru is", "lstm is")]
    assert [line[: len(begin)] for line, begin in zip(lines, begins, strict=True)] == begins
    assert "(mean over 8 seeds, 95 % interval 13.32 to 13.76)." in lines[0]
    assert lines[1].startswith("With length=20, gru is better: 1.")
    assert lines[2].startswith("With length=20, lstm is undecided: 0.")
    assert lines[4].endswith("better on 8 of 8 seeds.")
    assert not [line for line in lines if "cell=" in line]


def test_many_arms_are_listed_by_verdict_within_their_group(gather_grouped: Callable[..., Findings]) -> None:
    cells = {"elman": 0.0, **{f"a{i}": -2.0 for i in range(3)}, "b": 2.0, "c": 0.0}
    findings = gather_grouped(cells, seeds=12, ends=diverged(a1_20=1, elman_50=2))
    text = answer(findings)
    assert "each arm is set against elman with the same length; means have their 95 % intervals. With length=20" in text
    lines = ("better: a0, a1 (but 1 diverged) and a2", "worse: b", "undecided: c")
    twenty = " ".join(f"With length=20, {line}." for line in lines)
    assert f"{twenty} With length=50, the baseline" in text
    fifty = "With length=50, better: a0, a1 and a2. With length=50, undecided: b and c."
    assert f", but 2 of its 12 trials diverged. {fifty}" in text


def test_a_baseline_without_results_silences_its_own_group_only(gather_grouped: Callable[..., Findings]) -> None:
    text = answer(gather_grouped(ends=diverged(elman_20=8)))
    assert (
        "With length=20, the baseline elman has no completed trial (8 of its 8 trials diverged), so nothing can be "
        "compared with it. With length=50, the baseline elman reaches 16." in text
    )
    assert text.count("gru is better") == 1


def test_each_difference_is_to_the_baseline_of_its_group(gather_grouped: Callable[..., Findings]) -> None:
    findings = gather_grouped()
    values = {(r["arm"], r["seed"]): r[findings.metric] for r in findings.trials.iter_rows(named=True)}
    for row in findings.differences.iter_rows(named=True):
        assert row["baseline"] == name("elman", int(row["arm"][-2:]))
        expected = [values[row["arm"], s] - values[row["baseline"], s] for s in range(8)]
        assert row["difference"] == pytest.approx(sum(expected) / 8)
    assert findings.differences["smallest_p"].to_list() == [2 / 2**8] * 4


def test_tables_are_grouped_and_name_the_baselines(gather_grouped: Callable[..., Findings]) -> None:
    findings = gather_grouped()
    assert arms_table(findings).shown["Arm"].to_list() == [
        arm + (" (baseline)" if arm.startswith("cell=elman") else "") for arm in ORDER
    ]
    table = differences_table(findings)
    assert table.shown.columns[:3] == ["Arm", "Against", "Verdict"]
    assert table.shown.select("Arm", "Against").rows() == [
        (name(cell, length), name("elman", length)) for length in ELMAN for cell in ("gru", "lstm")
    ]
    assert table.caption.startswith(
        "Difference of validation/perplexity to elman with the same length on the same seeds (lower is better)."
    )
    assert "adjusted: for 4 comparisons together" in table.caption
    assert table.rows["baseline"].to_list() == table.shown["Against"].to_list()
    assert section(findings, "differences").title == "Against elman with the same length"
    (matrix,) = (block for block in section(findings, "coverage").blocks if isinstance(block, Matrix))
    assert [row for row, _ in matrix.rows if "(baseline)" in row] == [f"{name('elman', n)} (baseline)" for n in ELMAN]


def test_one_baseline_has_no_column_for_it(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(ends={("gru", 1): ("diverged", "NaN")})
    findings = gather(ledger)
    assert "Against" not in differences_table(findings).shown.columns + divergence_table(findings).shown.columns
    folder = write_report(ledger).tables
    for file in ("differences", "divergence", "pairs"):
        assert "baseline" not in pl.read_csv(folder / f"{file}.csv").columns


def test_files_hold_the_baseline_of_every_row(make_ledger: MakeLedger) -> None:
    folder = write_report(group_up(make_ledger, GAINS, ends=diverged(gru_50=1))).tables
    for file in ("differences", "pairs"):
        rows = pl.read_parquet(folder / f"{file}.parquet")
        assert all(arm[-2:] == baseline[-2:] for arm, baseline in rows.select("arm", "baseline").iter_rows())
        assert pl.read_csv(folder / f"{file}.csv")["baseline"].to_list() == rows["baseline"].to_list()
    assert pl.read_parquet(folder / "divergence.parquet")["baseline"].null_count() == 2
    assert "Arm & Against & Verdict" in (folder / "differences.tex").read_text(encoding="ascii")


def test_divergence_is_reported_against_the_own_baseline(gather_grouped: Callable[..., Findings]) -> None:
    findings = gather_grouped(ends=diverged(elman_20=8, lstm_50=1))
    table = divergence_table(findings)
    assert table.shown["Against"].to_list() == ["–", *[name("elman", 20)] * 2, "–", *[name("elman", 50)] * 2]
    assert table.shown["Diverges"].to_list() == ["–", "less often", "less often", "–", "undecided", "undecided"]
    assert "seeds on which the arm diverged and its baseline did not" in table.caption
    assert "adjusted: for 4 comparisons together" in table.caption
    sentence = divergence_sentence(findings)
    assert sentence.startswith("The baseline cell=elman, length=20 diverged on 8 of 8 seeds (")
    assert "; the baseline cell=elman, length=50 on 0 of 8 (" in sentence
    assert "adjusted p = 0.0" in sentence


def test_many_arms_that_diverged_are_listed_against_their_baselines(gather_grouped: Callable[..., Findings]) -> None:
    cells = {"elman": 0.0, **{f"a{i}": -2.0 for i in range(3)}}
    sentence = divergence_sentence(gather_grouped(cells, seeds=10, ends=diverged(elman_20=10)))
    a0, a1, a2 = (name(f"a{i}", 20) for i in range(3))
    assert sentence.endswith(f"; less often than its baseline: {a0}, {a1} and {a2}.")


@pytest.mark.parametrize(
    ("data", "warned"),
    [
        (lambda cell, length: "one", False),
        (lambda cell, length: f"{length}", False),
        (lambda cell, length: f"{cell} {length}", True),
        (lambda cell, length: "odd" if (cell, length) == ("lstm", 50) else f"{length}", True),
    ],
)
def test_only_data_that_differ_within_a_comparison_are_warned_of(
    gather_grouped: Callable[..., Findings], data: Callable[[str, int], str], warned: bool
) -> None:
    reported = "Arms were trained on different data: a difference between them is also one between their data."
    assert (reported in warnings(gather_grouped(data=data))) is warned


def test_sizes_are_held_against_those_of_the_same_group(make_ledger: MakeLedger) -> None:
    def reported(parameters: Callable[[str], int]) -> list[str]:
        ledger = group_up(make_ledger, GAINS)
        plan = ledger.plan()
        arms = [arm.model_copy(update={"parameters": parameters(arm.name)}) for arm in plan.arms]
        ledger.save_plan(plan.model_copy(update={"arms": arms}))
        return [block.text for block in section(gather(ledger), "size").blocks if isinstance(block, Note)]

    assert reported(lambda arm: 100 * int(arm[-2:])) == []
    assert reported(lambda arm: 300 if arm == name("gru", 50) else 200) == [
        "Among arms that are compared, the largest arm has 1.50 times the parameters of the smallest: a difference may "
        "come from size."
    ]


def test_charts_are_grouped_and_their_words_are_true(gather_grouped: Callable[..., Findings]) -> None:
    charts = draw_charts(gather_grouped())
    differences = json.dumps(charts["differences"].spec, ensure_ascii=False)
    title = ["← better · difference in validation/perplexity", "to elman with the same length"]
    assert f'"title": {json.dumps(title, ensure_ascii=False)}' in differences
    assert charts["differences"].caption.startswith(
        "Difference of validation/perplexity to elman with the same length on the same seed: "
    )
    means = [row for row in chain(*charts["differences"].spec["datasets"].values()) if "verdict" in row]
    assert [row["baseline"] for row in means] == [name("elman", length) for length in (20, 20, 50, 50)]
    order = [name(cell, length) for length in ELMAN for cell in ("gru", "lstm")]
    assert f'"domain": {json.dumps(order)}' in differences
    assert f'"domain": {json.dumps(ORDER)}' in json.dumps(charts["seeds"].spec)
    assert "A thin line joins the trials of one seed that are compared; the bar" in charts["seeds"].caption
    key = "Grey: baselines. One colour is one cell, one line pattern one length."
    assert f"{key} Click an arm" in charts["curves"].caption
    for chart in charts.values():
        json.dumps(chart.spec, allow_nan=False)
        assert chart.svg.startswith("<svg")


def test_what_a_group_is_measured_by_bears_its_name(make_ledger: MakeLedger) -> None:
    def charts(floors: dict[int, float]) -> dict[str, Chart]:
        ledger = group_up(make_ledger, GAINS)
        plan = ledger.plan()
        arms = [arm.model_copy(update={"bounds": {plan.metric: floors[int(arm.name[-2:])]}}) for arm in plan.arms]
        ledger.save_plan(plan.model_copy(update={"arms": arms}))
        return draw_charts(gather(ledger))

    for chart in (charts({20: 10.7, 50: 12.0})[name] for name in ("curves", "seeds")):
        labels = [row["label"] for row in chain(*chart.spec["datasets"].values()) if "floor" in row]
        assert sorted(labels) == ["true distribution 10.70, length=20", "true distribution 12.00, length=50"]
        assert "The dashed lines are what the true distribution reaches." in chart.caption
    (same,) = (row for row in chain(*charts({20: 10.7, 50: 10.7})["seeds"].spec["datasets"].values()) if "floor" in row)
    assert same["label"] == "true distribution 10.70"


def test_data_of_a_group_bear_its_name(gather_grouped: Callable[..., Findings]) -> None:
    rows = facts_table(gather_grouped(data=lambda cell, length: f"{length}")).shown
    assert rows["Of"].unique(maintain_order=True).to_list() == ["length=20", "length=50"]


def test_what_is_not_compared_is_explained(gather_grouped: Callable[..., Findings], make_ledger: MakeLedger) -> None:
    reported = (
        "This study has several baselines: each arm is compared with elman with the same length, and with no other "
        "arm. Whether arms differ that do not have the same length is not tested."
    )
    assert Note(reported) in section(gather_grouped(), "reading").blocks
    assert "several baselines" not in str(section(gather(make_ledger()), "reading").blocks)


def test_lines_of_seeds_join_only_what_is_compared(gather_grouped: Callable[..., Findings]) -> None:
    layers = draw_charts(gather_grouped())["seeds"].spec["layer"]
    (lines,) = (layer for layer in layers if "detail" in layer.get("encoding", {}))
    assert [part["field"] for part in lines["encoding"]["detail"]] == ["seed", "baseline"]


def test_a_colour_is_a_kind_and_a_line_pattern_a_group(gather_grouped: Callable[..., Findings]) -> None:
    groups = gather_grouped().groups
    colours, dashes = colour_arms(groups), dash_arms(groups)
    assert list(colours) == list(dashes) == ORDER
    for cell, colour in {"elman": BASELINE_COLOUR, "gru": ARM_COLOURS[0], "lstm": ARM_COLOURS[1]}.items():
        assert {colours[name(cell, length)] for length in ELMAN} == {colour}
    for length, dash in zip(ELMAN, DASHES, strict=False):
        assert all(dashes[name(cell, length)] == dash for cell in GAINS)


@pytest.mark.parametrize(("groups", "kinds"), [(1, 56), (2, 28), (4, 14), (8, 7)])
def test_arms_of_several_groups_are_distinguished(groups: int, kinds: int) -> None:
    made = [
        Group(baseline=f"b{g}", shared=f"g={g}", labels={f"b{g}": "b", **{f"{k} {g}": f"{k}" for k in range(kinds)}})
        for g in range(groups)
    ]
    colours, dashes = colour_arms(made), dash_arms(made)
    looks = [(colours[arm], tuple(dashes[arm])) for group in made for arm in group.labels]
    assert len(set(looks)) == len(looks) == groups * (kinds + 1)
    assert is_unambiguous(made) == (kinds <= len(ARM_COLOURS))


def test_colours_that_begin_again_are_not_explained(gather_grouped: Callable[..., Findings]) -> None:
    cells = {"elman": 0.0, **{f"a{i}": -0.1 for i in range(len(ARM_COLOURS) + 1)}}
    assert "One colour" not in draw_charts(gather_grouped(cells, seeds=1))["curves"].caption


def test_baselines_without_a_rival_have_a_report(make_ledger: MakeLedger) -> None:
    ledger = group_up(make_ledger, {"elman": 0.0})
    text = write_report(ledger).markdown.read_text(encoding="utf-8")
    assert "Every arm is a baseline: there is nothing to compare it with." in text
    assert "With length=50, the baseline elman reaches 16." in text
    assert "smallest p within reach" not in text


def test_a_group_names_its_arms_without_what_all_of_them_share(make_ledger: MakeLedger) -> None:
    page = write_report(group_up(make_ledger, GAINS, ends=diverged(gru_20=1))).html.read_text(encoding="utf-8")
    assert '<li>With length=50, gru is <strong class="better">better</strong>: ' in page
    assert "box-shadow: inset 4px 0 0 " + BASELINE_COLOUR in page
