"""The report as Markdown, with the content of the page, for repositories and terminals."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from unroll.reporting.document import Block, Chart, Document, Matrix, Note, Table
from unroll.reporting.pages.html import KINDS, SYMBOLS
from unroll.reporting.pages.table_html import MOST_ROWS
from unroll.reporting.wording import STATUS_WORDS

_SPECIAL = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")
_OPENING = re.compile(r"^(\s*)([#+=-])")
_NUMBERED = re.compile(r"^(\s*\d+)([.)])(?=\s|$)")


def render_markdown(document: Document) -> str:
    """The whole report; charts are linked from ``charts/``, data from ``tables/``."""
    return "\n".join(_lines(document)).rstrip() + "\n"


def escape(text: str) -> str:
    """Text that is literal in a line or a cell of Markdown: no markup, no HTML, no column, no heading."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(r"\\\g<0>", text)
    return _NUMBERED.sub(r"\1\\\2", _OPENING.sub(r"\1\\\2", text))


def _lines(document: Document) -> Iterator[str]:
    yield from (
        f"# {escape(document.question)}",
        "",
        f"Study **{escape(document.study)}**",
        "",
        escape(document.answer),
        "",
    )
    for text in document.warnings:
        yield from (f"> **Note.** {escape(text)}", "")
    yield from (f"- {escape(number)} {escape(label)}" for number, label in document.tiles)
    for section in document.sections:
        yield from ("", f"## {escape(section.title)}", "")
        for block in section.blocks:
            yield from (*_block(block), "")


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Note):
        yield escape(block.text)
    elif isinstance(block, Chart):
        yield from (f"![{escape(block.caption)}](charts/{block.name}.svg)", "", f"*{escape(block.caption)}*")
    elif isinstance(block, Matrix):
        yield from _matrix(block)
    else:
        yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    yield from _grid(table.shown.head(MOST_ROWS), [column.number for column in table.columns])
    more = f" The first {MOST_ROWS} of {table.shown.height} rows." if table.shown.height > MOST_ROWS else ""
    links = ", ".join(f"[{kind}](tables/{table.name}.{end})" for end, (kind, _) in KINDS.items())
    yield from ("", f"*{escape(table.caption)}{more}* Data: {links}.")


def _matrix(matrix: Matrix) -> Iterator[str]:
    columns = ["Arm", *map(str, matrix.seeds)]
    rows = [(arm, *(SYMBOLS[status] for status, _ in cells)) for arm, cells in matrix.rows]
    yield from _grid(pl.DataFrame(rows, schema=columns, orient="row"), [False] * len(columns))
    key = ", ".join(f"{SYMBOLS[s]} {word}" for s, word in STATUS_WORDS.items() if s in matrix.present())
    yield from ("", f"*{escape(matrix.caption)} {escape(key)}.*")


def _grid(frame: pl.DataFrame, numbers: list[bool]) -> Iterator[str]:
    yield _row(frame.columns)
    yield _row(["---:" if number else ":---" for number in numbers], raw=True)
    yield from (_row(row) for row in frame.iter_rows())


def _row(cells: list[str] | tuple[str, ...], *, raw: bool = False) -> str:
    return "| " + " | ".join(cell if raw else escape(cell) for cell in cells) + " |"
