"""Text for people: what is shown is what is there, and cannot act on a terminal."""

from __future__ import annotations

import io
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from unroll.cli._output import Format, as_table, emit, figure, lossless, size, visible


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


def test_csv_has_every_column_of_any_row(capsys: pytest.CaptureFixture[str]) -> None:
    emit([{"a": 1}, {"b": math.nan, "a": None}], Format.CSV)
    assert capsys.readouterr().out == "a,b\n1,\n,NaN\n"


def test_nothing_is_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    emit([], Format.JSON)
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
    assert figure(value) == text


@pytest.mark.parametrize(("count", "text"), [(999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (3e15, "3000.0 TB")])
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text
