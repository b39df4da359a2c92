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
TIPS = "tips"
"""Name of a chart's layer that is invisible and carries tooltips: a drawing has none."""
_CLIP = re.compile(r"(?<=[\"#])clip\d+(?=[\")])")
_ROOT = re.compile(r"<svg[^>]*>")


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

    @cached_property
    def svg(self) -> str:
        """The chart drawn without a browser; text and rules take the colour of the text around the chart."""
        # A pixel for each letter of the longest name beside the axis, as a reader's font may be wider than ours.
        axes = (layer.get("encoding", {}).get("y", {}) for layer in self.spec["layer"])
        names = (name for axis in axes if axis.get("type") == "nominal" for name in axis["scale"]["domain"])
        padding = {"left": 5 + max(map(len, names), default=0), "right": 16, "top": 5, "bottom": 5}
        layers = [layer for layer in self.spec["layer"] if layer.get("name") != TIPS]
        spec = {**self.spec, "layer": layers, "width": WIDTH, "padding": padding}
        drawn = str(vl_convert.vegalite_to_svg(json.dumps(spec)))
        # Vega numbers clip paths on from one chart to the next: named after the chart, they do not depend on others.
        clips = {name: f"{self.name}-clip{n}" for n, name in enumerate(dict.fromkeys(_CLIP.findall(drawn)))}
        return _CLIP.sub(lambda found: clips[found[0]], drawn)

    def file(self) -> bytes:
        """The chart as a file of its own, on white."""
        return _ROOT.sub(r'\g<0><rect width="100%" height="100%" fill="white"/>', self.svg, count=1).encode()


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


Block = Note | Table | Chart | Matrix


@dataclass(frozen=True)
class Section(_Sanitised):
    """A part of the report with its anchor."""

    anchor: str
    title: str
    blocks: list[Block]


@dataclass(frozen=True)
class Document(_Sanitised):
    """The whole report."""

    study: str
    question: str
    answer: str
    decided: list[str]
    """What was decided after looking at results: it stands above everything but the question."""
    warnings: list[str]
    tiles: list[tuple[str, str]]
    """(number, what it counts): the study at a glance."""
    sections: list[Section]
    colours: dict[str, str]
    """Arm -> its colour in charts and tables."""
    claims: list[str] = field(default_factory=list)
    """One line for each declared claim: its verdict and numbers."""

    def blocks(self) -> Iterator[Block]:
        """Everything in all sections."""
        for section in self.sections:
            yield from section.blocks
