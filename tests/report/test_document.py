"""Blocks of a document: whatever text they are given, it is inert in HTML, Markdown and LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import altair as alt
import polars as pl
import pytest

from tests.report.test_markdown import read_cells
from tests.report.test_page import Page
from unroll.reporting.charts.style import make_chart
from unroll.reporting.document import Block, Chart, Column, Document, Matrix, Note, Section, Table
from unroll.reporting.pages.html import render_page
from unroll.reporting.pages.latex import to_latex
from unroll.reporting.pages.markdown import render_markdown

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=http://e.example/x onerror=alert(1)>",
    "<!--<script>",
    "\u202egnp.exe\u2066",
    "a\x00b\x1b[31mc\x85d",
    "first\r\n# heading\n- item\n\n    code\u2028last",
    "[x](javascript:alert(1)) ![y](http://e.example/y)",
    "1. item | cell `code` *b* _u_ ~s~",
    r"\input{/etc/passwd} \write18{id} \end{table}",
    "50 % $x^2$ & # _ { } ~ \\\\",
    "[2] * =HYPERLINK()",
    "{{ 7 * 7 }}{% raw %} datum.value &lt;b&gt;",
    "'\"><a href='javascript:alert(1)'>",
)


def draw(text: str) -> Chart:
    rows = pl.DataFrame({"arm": [text, "calm"], "value": [1.0, 2.0]})
    y = alt.Y("arm:N", title=text, scale=alt.Scale(domain=[text, "calm"]))
    return make_chart("chart", text, [alt.Chart(rows).mark_text().encode(x="value:Q", y=y, text="arm:N")], height=50)


def document_of(text: str) -> Document:
    """The text in every field of every kind of block that holds text of a study."""
    cells = [Column(text, [text, "calm"], mark="arm"), Column("Verdict", [text, "better"], mark="verdict")]
    blocks: list[Block] = [
        Note(text),
        Table("table", text, pl.DataFrame({"x": [1, 2]}), [*cells, Column(text, [text, "1"], number=True)]),
        draw(text),
        Matrix(text, [0], [(text, [("failed_user", text)])]),
    ]
    sections = [Section("section", text, blocks)]
    return Document(text, text, text, [text], [text], [(text, text)], sections, {text: "#4477aa", "calm": "#8a8a8a"})


def texts(value: Any) -> Iterator[str]:
    """Every text in a document, typed rows of files aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for each in pair for text in texts(each))
    elif isinstance(value, list | tuple):
        yield from (text for each in value for text in texts(each))
    elif is_dataclass(value):
        yield from (text for field in fields(value) for text in texts(getattr(value, field.name)))


def hidden(text: str) -> list[str]:
    """Characters that move or hide text, or end a line."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202e\u2066"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_block_holds_what_hides_text(text: str) -> None:
    assert [found for found in texts(document_of(text)) if hidden(found)] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_it_is_inert_in_html(text: str) -> None:
    calm, page = (Page(render_page(document_of(each), {"table": []}, None)) for each in ("calm text", text))
    drawn = {"g", "line", "path", "text"}  # an axis has as many ticks as its labels leave room for
    assert {tag: n for tag, n in page.tags.items() if tag not in drawn} == {
        tag: n for tag, n in calm.tags.items() if tag not in drawn
    }
    allowed = {name for _, name, _ in calm.attributes}
    assert {name for _, name, _ in page.attributes} == allowed
    assert [a for a in page.attributes if a[1] in ("href", "src") and "javascript:" in a[2]] == []
    assert hidden(page.text.replace("\n", "")) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_it_is_inert_in_markdown(text: str) -> None:
    calm, found = (render_markdown(document_of(each)).splitlines() for each in ("calm text", text))
    assert len(found) == len(calm)
    opening = re.compile(r"\s*(#+ |- |> \*\*|\*|!\[|\| |\d+[.)] |$)")
    shapes = [[match[1] if (match := opening.match(line)) else "" for line in lines] for lines in (calm, found)]
    assert shapes[0] == shapes[1]
    assert [line for line in found if "<" in line] == []
    unescaped = [re.findall(r"(?<!\\)\]\([^)]*\)", line) for line in found]
    assert {link for links in unescaped for link in links} <= {
        "](charts/chart.svg)",
        *(f"](tables/table.{end})" for end in ("csv", "parquet", "tex")),
    }
    assert {len(read_cells(line)) for line in found if line.startswith("|")} == {2, 3}


@pytest.mark.parametrize("text", HOSTILE)
def test_it_is_inert_in_latex(text: str) -> None:
    (table,) = (block for block in document_of(text).blocks() if isinstance(block, Table))
    found = to_latex(table, text).decode()
    commands = set(re.findall(r"(?<!\\)(?:\\\\)*\\([a-zA-Z]+)", found))
    rules = {"toprule", "midrule", "bottomrule"}
    known = {"usepackage", "begin", "end", "centering", "caption", "label", "linewidth", *rules}
    assert {name for name in commands - known if not name.startswith("text")} == set()
    assert found.count(r"\end{table}") == 1
    assert len(re.findall(r"(?<!\\)\{", found)) == len(re.findall(r"(?<!\\)\}", found))
    rows = [line for line in found.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {2}
    assert "%" not in re.sub(r"\\%", "", found.split("\n", 1)[1])


def test_headings_that_become_one_are_numbered() -> None:
    table = Table("t", "", pl.DataFrame(), [Column(head, ["1"]) for head in ("a b", "a\nb", "a  b", "a b (2)")])
    assert table.shown.columns == ["a b", "a b (2)", "a b (3)", "a b (2) (2)"]
