"""What a report is made of: sections of paragraphs, tables, charts and a matrix of trials.

Names, questions and messages may be hostile. The constructors below put every text of a block on one line and replace
the characters that hide or move other text; nothing before them has to. What a format would read as markup is escaped
where that format is written (``pages``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import polars as pl
import vl_convert

from unroll.reporting.numbers import plain

WIDTH = 780
"""Pixels of a chart that is drawn without a browser; in a browser it takes the width of the page."""
TIPS, ON_CHOICE = "tips", "on choice"
"""Names of layers that a drawing does not have: one is invisible and carries tooltips, one is seen when an arm is
chosen."""
_CLIP = re.compile(r"(?<=[\"#])clip\d+(?=[\")])")
_ROOT = re.compile(r"<svg[^>]*>")
_TAG = re.compile(r"<[a-z][^<>]*>")
_PLACE = re.compile(r' (?:d|transform)="[^"]*"')
_TENTHS = re.compile(r"(\.\d)\d+")
_NAMED_OBJECTS = re.compile(rb"(?:[ ]+/[A-Za-z]+\d+ \d+ 0 R\n){2,}")


class _Sanitised:
    """Base of the blocks: no field holds text that is not ``plain``."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, each.name, _sanitise(getattr(self, each.name)))  # blocks are frozen


def _sanitise(value: Any) -> Any:
    """The same value with every text in it plain; typed data frames, which only files hold, stay as they are."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return dict(zip(_distinct(map(plain, value)), map(_sanitise, value.values()), strict=True))
    if isinstance(value, list | tuple):
        return type(value)(map(_sanitise, value))
    return value


def _distinct(names: Iterable[str]) -> list[str]:
    """Names, of which those that came before are numbered: ``a``, ``a (2)``."""
    found: dict[str, None] = {}
    for name in names:
        numbered = (f"{name} ({n})" for n in range(2, len(found) + 3))
        found[name if name not in found else next(each for each in numbered if each not in found)] = None
    return list(found)


@dataclass(frozen=True)
class Note(_Sanitised):
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Column(_Sanitised):
    """A column of a table as it is read: a heading and one text per row."""

    head: str
    cells: list[str]
    number: bool = False
    """Whether it holds numbers, which are aligned to the right."""
    mark: str = ""
    """What its text means for colour: ``arm``, ``verdict`` or nothing."""


@dataclass(frozen=True)
class Table(_Sanitised):
    """A table in two forms: typed rows for files, and columns of text for pages."""

    name: str
    """File stem and anchor."""
    caption: str
    rows: pl.DataFrame
    """Typed values, written as CSV and Parquet."""
    columns: list[Column]

    @cached_property
    def shown(self) -> pl.DataFrame:
        """The columns as a frame of text; headings that are the same are numbered."""
        heads = _distinct(column.head for column in self.columns)
        return pl.DataFrame([pl.Series(h, c.cells, pl.String) for h, c in zip(heads, self.columns, strict=True)])


@dataclass(frozen=True)
class Chart(_Sanitised):
    """A chart: a Vega-Lite specification that holds its data, and what is seen in it."""

    name: str
    caption: str
    spec: dict[str, Any]
    title: str = ""
    """What is seen in it, as a sentence."""

    @cached_property
    def svg(self) -> str:
        """The chart drawn without a browser; text and rules take the colour of the text around the chart."""
        # A pixel for each letter of the longest name beside the axis, as a reader's font may be wider than ours.
        axes = (layer.get("encoding", {}).get("y", {}) for layer in self.spec["layer"])
        names = (name for axis in axes if axis.get("type") == "nominal" for name in axis["scale"]["domain"])
        padding = {"left": 5 + max(map(len, names), default=0), "right": 16, "top": 5, "bottom": 5}
        layers = [layer for layer in self.spec["layer"] if layer.get("name") not in (TIPS, ON_CHOICE)]
        # The page names the whole drawing: a name for every mark would be the larger part of it.
        config = {**self.spec["config"], "aria": False}
        spec = {**self.spec, "layer": layers, "width": WIDTH, "padding": padding, "config": config}
        drawn = str(vl_convert.vegalite_to_svg(json.dumps(spec)))
        # Text is left alone: of tags it is the places whose hundredths of a pixel nobody sees.
        drawn = _TAG.sub(lambda tag: _PLACE.sub(lambda place: _TENTHS.sub(r"\1", place[0]), tag[0]), drawn)
        # Vega numbers clip paths on from one chart to the next: named after the chart, they do not depend on others.
        clips = {name: f"{self.name}-clip{n}" for n, name in enumerate(dict.fromkeys(_CLIP.findall(drawn)))}
        return _CLIP.sub(lambda found: clips[found[0]], drawn)

    def file(self) -> bytes:
        """The chart as a file of its own, on white."""
        return _ROOT.sub(r'\g<0><rect width="100%" height="100%" fill="white"/>', self.svg, count=1).encode()

    def pdf(self) -> bytes:
        """The chart for a paper: vectors, and letters as letters."""
        # The library writes names of objects in any order: sorted, they are as long and mean the same.
        return _NAMED_OBJECTS.sub(
            lambda found: b"".join(sorted(found[0].splitlines(keepends=True))), vl_convert.svg_to_pdf(self.svg)
        )


@dataclass(frozen=True)
class Matrix(_Sanitised):
    """Arms by seeds, each cell the status of a trial and its message."""

    caption: str
    seeds: list[int]
    rows: list[tuple[str, list[tuple[str, str]]]]
    """(arm, one (status, message) per seed; status is empty where no trial was planned)."""

    def present(self) -> set[str]:
        """The statuses that occur."""
        return {status for _, cells in self.rows for status, _ in cells}


@dataclass(frozen=True)
class Exhibit(_Sanitised):
    """A chart, and beside it the numbers that it is drawn of."""

    chart: Chart
    table: Table


Block = Note | Table | Chart | Matrix | Exhibit


@dataclass(frozen=True)
class Section(_Sanitised):
    """A part of the report with its anchor."""

    anchor: str
    title: str
    blocks: list[Block]

    def parts(self) -> Iterator[Block]:
        """The blocks, and of an exhibit its chart and its table."""
        for block in self.blocks:
            if isinstance(block, Exhibit):
                yield from (block.chart, block.table)
            else:
                yield block


@dataclass(frozen=True)
class Document(_Sanitised):
    """The whole report."""

    study: str
    question: str
    answer: str
    """What is measured, or how many claims have which verdict; the verdicts follow."""
    decided: list[str]
    """What was decided after looking at results: it stands above everything but the question."""
    warnings: list[str]
    tiles: list[tuple[str, str]]
    """(number, what it counts): the study at a glance."""
    sections: list[Section]
    colours: dict[str, str]
    """Arm -> its colour in charts and tables."""
    verdicts: list[str] = field(default_factory=list)
    """One line for each claim or comparison: its verdict and numbers."""
    remarks: list[str] = field(default_factory=list)
    """What belongs to the answer and is no verdict."""

    def blocks(self) -> Iterator[Block]:
        """Everything in all sections; of an exhibit its chart and its table."""
        for section in self.sections:
            yield from section.parts()
