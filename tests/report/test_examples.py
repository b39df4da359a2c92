"""Examples in the report: texts in a table, matrices as heatmaps that can be read without seeing them."""

from pathlib import Path

import polars as pl

from tests.report.conftest import MakeLedger
from unroll.contract import Example
from unroll.ledger import Ledger, ShownExamples
from unroll.ledger.records import encode_record
from unroll.reporting import write_report
from unroll.reporting.charts import draw_charts
from unroll.reporting.document import Table
from unroll.reporting.findings import gather
from unroll.reporting.sections import compose

HOSTILE = "<script>a|![x](y)"


def showing(ledger: Ledger, *, examples: int = 3, arms: tuple[str, ...] = ("elman", "gru")) -> Ledger:
    """The same study whose trials of these arms have shown something."""
    for trial in ledger.plan().trials:
        if trial.arm not in arms:
            continue
        made = [
            Example(
                title=f"sentence {number}",
                texts={"source": "the the king", "translation": HOSTILE if number == 1 else f"lo rex {trial.seed}"},
                rows=("lo", HOSTILE),
                columns=("the", "the", "king"),
                values=((0.5, 0.3, 0.2), (0.0, 0.1, 0.9)),
                meaning="weight of a source word (column) when a word is written (row)",
            )
            for number in range(1, examples + 1)
        ]
        record = encode_record("examples", ShownExamples.of(trial.id, made))
        (ledger.trial(trial.id).folder / "examples.json").write_bytes(record)  # as if written before the outcome
    return ledger


def test_of_each_arm_the_first_seed_is_shown(make_ledger: MakeLedger) -> None:
    ends = {("elman", 0): ("diverged", "NaN")}
    findings = gather(showing(make_ledger(seeds=3, ends=ends)))
    assert {arm: seed for arm, (seed, _) in findings.shown.items()} == {"elman": 1, "gru": 0}
    section = next(section for section in compose(findings).sections if section.anchor == "examples")
    table, *charts = section.blocks
    assert [getattr(chart, "name", "") for chart in charts] == [f"example_{n}_{arm}" for arm in (1, 2) for n in (1, 2)]
    assert isinstance(table, Table)
    assert table.rows["text: source"].unique().to_list() == ["the the king"]
    assert gather(make_ledger(seeds=2)).shown == {}


def test_a_word_that_a_sentence_has_twice_has_two_columns_and_the_caption_tells_the_most(
    make_ledger: MakeLedger,
) -> None:
    chart = draw_charts(gather(showing(make_ledger(seeds=1))))["example_1_2"]
    cells = [row for data in chart.spec["datasets"].values() for row in data]
    assert {(row["row"], row["column"]): row["share"] for row in cells}["1 lo", "2 the"] == 0.3
    assert len(cells) == 6
    assert "sentence 1, gru, seed 0: weight of a source word" in chart.caption
    assert "lo: the 0.50" in chart.caption
    assert ">king<" in chart.svg


def test_files_hold_all_and_pages_escape(make_ledger: MakeLedger, tmp_path: Path) -> None:
    places = write_report(showing(make_ledger(seeds=2)), tmp_path)
    cells = pl.read_csv(places.tables / "example_cells.csv")
    assert len(cells) == 2 * 3 * 6
    assert len(pl.read_csv(places.tables / "examples.csv")) == 2 * 3
    page = places.html.read_text(encoding="utf-8")
    assert "<script>a|" not in page
    assert "![x](y)" not in places.markdown.read_text(encoding="utf-8")
