"""Text for people: what is shown is what is there, and cannot act on a terminal."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from unroll.cli._output import Format, as_table, format_bytes, lay_out, lossless, print_rows
from unroll.terminal.text import format_value, visible


@given(st.text())
@settings(deadline=None, max_examples=50)
def test_visible_text_is_one_printable_line(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(visible(text)) == visible(text)


@given(
    st.recursive(
        st.floats() | st.integers() | st.text() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
@settings(deadline=None, max_examples=50)
def test_lossless_values_pass_through_strict_json(value: object) -> None:
    again = json.loads(json.dumps(lossless(value), allow_nan=False))
    assert again == lossless(value)


def test_lossless_names_what_json_lacks() -> None:
    assert lossless([math.nan, math.inf, -math.inf, 1.5]) == ["NaN", "Infinity", "-Infinity", 1.5]


def test_a_table_takes_text_literally() -> None:
    file = io.StringIO()
    rows: list[dict[str, object]] = [{"arm": "[red]x[/red] :smile:", "n": 1}, {"arm": "\x1b[31m", "n": None}]
    Console(file=file, width=80, force_terminal=True).print(as_table(rows, title="[b]t"))
    text = file.getvalue()
    assert "[red]x[/red] :smile:" in text
    assert "\x1b[31m" not in text
    assert "[b]t" in text


SETTINGS: list[dict[str, object]] = [
    {"setting": "network.cell", "default": "lstm", "values": "elman, " * 15 + "lstm", "meaning": "Cell."},
    {"setting": "training.epochs", "default": "1", "values": "integer", "meaning": "What it is, at length. " * 9},
]
NUMBERS: list[dict[str, object]] = [
    {"arm": f"cell=lstm, size={size}", **{f"validation/metric_{i}": 1234567 + i for i in range(9)}} for size in (1, 20)
]


def drawn(rows: list[dict[str, object]], width: int) -> list[str]:
    """The lines on a terminal of this many columns."""
    file = io.StringIO()
    voice = Console(file=file, width=width, force_terminal=True, color_system=None)
    voice.print(*lay_out(rows, title="title", width=width), sep="\n")
    return file.getvalue().splitlines()


def test_off_a_terminal_no_line_is_longer_than_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(SETTINGS, Format.TABLE)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith(" ")] == []
    assert lines[1].split() == ["setting", "default", "values", "meaning"]
    epochs = next(line for line in lines if "training.epochs" in line)
    assert "What it is, at length. " * 8 in epochs  # one row, one line, for grep
    assert epochs.index("What") < 60  # a long cell pushes nothing but its own line
    assert next(line for line in lines if "network.cell" in line).count("elman") == 15
    assert len(lines[2]) < 60


def test_off_a_terminal_a_table_looks_as_on_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(NUMBERS, Format.TABLE, title="title")
    assert capsys.readouterr().out.splitlines() == [line.rstrip() for line in drawn(NUMBERS, 1000)]


def test_a_table_of_nothing_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], Format.TABLE)
    assert capsys.readouterr().out == ""


def test_every_part_of_a_split_table_repeats_the_columns_that_name_a_row() -> None:
    rows = [{"arm": "lstm", "seed": seed, **{f"metric_{i}": 1.5 for i in range(9)}} for seed in (0, 1)]
    parts = [part for part in lay_out(rows, width=60, keys=2) if isinstance(part, Table)]
    assert len(parts) > 1
    assert all([str(column.header) for column in part.columns[:2]] == ["arm", "seed"] for part in parts)


@pytest.mark.parametrize("width", [40, 60, 79, 80, 120, 200])
@pytest.mark.parametrize("rows", [SETTINGS, NUMBERS])
def test_on_a_terminal_every_word_and_number_is_whole(rows: list[dict[str, object]], width: int) -> None:
    lines = drawn(rows, width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    for row in rows:
        for name, value in row.items():
            assert name in words
            assert set(format_value(value).split()) <= set(words)


def test_numbers_that_do_not_fit_follow_below_beside_their_names() -> None:
    lines = drawn(NUMBERS, 80)
    assert [line.split()[0] for line in lines if "validation/metric" in line] == ["arm"] * 5
    assert sum("cell=lstm, size=20" in line for line in lines) == 5
    assert sum("title" in line for line in lines) == 1


def test_a_table_that_just_fits_is_one_table() -> None:
    whole = [line for line in drawn(NUMBERS, 1000) if "metric_8" in line]
    width = len(whole[0].rstrip()) + 1
    assert sum("arm" in line for line in drawn(NUMBERS, width)) == 1
    assert sum("arm" in line for line in drawn(NUMBERS, width - 1)) == 2


def test_long_texts_that_do_not_fit_are_told_row_by_row() -> None:
    lines = [line.rstrip() for line in drawn(SETTINGS, 60)]
    assert lines[:3] == ["title", "setting  network.cell", "default  lstm"]


def test_csv_holds_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(
        [{"=1+1": "=cmd|' /C calc'!A0", "b": "-1+2", "c": "\t@x", "d": -1.5, "e": -math.inf, "f": None}], Format.CSV
    )
    lines = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert lines == [
        ["'=1+1", "b", "c", "d", "e", "f"],
        ["'=cmd|' /C calc'!A0", "'-1+2", "'\N{REPLACEMENT CHARACTER}@x", "-1.5", "-Infinity", ""],
    ]


def test_csv_has_every_column_of_any_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"a": 1}, {"b": math.nan, "a": None}], Format.CSV)
    assert capsys.readouterr().out == "a,b\n1,\n,NaN\n"


def test_nothing_is_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], Format.JSON)
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345, "12,345"),
        (0.30000000000000004, "0.3000"),
        (1234.56, "1,235"),
        (2.539e45, "2.539e+45"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (0.0, "0"),
        (None, ""),
        (True, "True"),
    ],
)
def test_figures(value: object, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize(("count", "text"), [(999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (3e15, "3000.0 TB")])
def test_sizes(count: float, text: str) -> None:
    assert format_bytes(count) == text
