"""Markdown has the content of the page, and no markup of anybody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.ledger import Ledger
from unroll.reporting import write_report
from unroll.reporting.document import Table
from unroll.reporting.findings import gather
from unroll.reporting.numbers import plain
from unroll.reporting.pages.markdown import escape
from unroll.reporting.sections import compose

MakeLedger = Callable[..., Ledger]


def read_cells(row: str) -> list[str]:
    """A row of a Markdown table as a reader sees it: cells end at bars without a backslash."""
    cells = re.split(r"(?<!\\)(?:\\\\)*\|", row.strip())[1:-1]
    return [unescape(re.sub(r"\\([\W_])", r"\1", cell)).strip() for cell in cells]


@given(st.text(st.characters(codec="utf-8"), max_size=40))
@settings(deadline=None, max_examples=200)
def test_a_cell_reads_back_as_it_was(text: str) -> None:
    text = plain(text)
    row = f"| {escape(text)} | next |"
    assert "\n" not in row
    assert "<" not in row
    assert read_cells(row) == [text, "next"]


def test_markup_becomes_text() -> None:
    assert escape("# title") == r"\# title"
    assert escape("1. item") == r"1\. item"
    assert escape("13.62 ± 0.15") == "13.62 ± 0.15"
    assert escape("<b>x</b> *a* [l](u) `c` _u_ a_b") == r"&lt;b&gt;x&lt;/b&gt; \*a\* \[l\](u) \`c\` \_u\_ a_b"


def test_every_table_and_paragraph_of_the_page_is_there(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(ends={("gru", 2): ("failed_user", "a|b\nc <i>"), ("lstm", 1): ("diverged", "NaN")})
    text = write_report(ledger).markdown.read_text(encoding="utf-8")
    document = compose(gather(ledger))
    rows = [read_cells(line) for line in text.splitlines() if line.startswith("|")]
    for table in (block for block in document.blocks() if isinstance(block, Table)):
        assert list(table.shown.columns) in rows
        for row in table.shown.iter_rows():
            assert [cell.strip() for cell in row] in rows
    assert escape(document.answer) in text
    assert all(escape(warning) in text for warning in document.warnings)
    assert [f"## {escape(section.title)}" for section in document.sections] == re.findall(
        r"^## .*$", text, re.MULTILINE
    )


def test_every_link_leads_to_a_file(make_ledger: MakeLedger) -> None:
    files = write_report(make_ledger())
    links = re.findall(r"\]\(([^)]+)\)", files.markdown.read_text(encoding="utf-8"))
    assert len(links) > 20
    assert [link for link in links if not (files.markdown.parent / link).is_file()] == []
