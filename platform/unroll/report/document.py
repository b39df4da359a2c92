"""What a report is made of: sections of paragraphs, tables, charts and a matrix of trials."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl
import vl_convert

WIDTH = 780
"""Pixels of a chart that is drawn without a browser; in a browser it takes the width of the page."""
_CLIP = re.compile(r"(?<=[\"#])clip\d+(?=[\")])")
_ROOT = re.compile(r"<svg[^>]*>")


@dataclass(frozen=True)
class Note:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """One table, twice: as data and as people read it."""

    name: str
    """File stem and anchor."""
    caption: str
    rows: pl.DataFrame
    """Typed values, written as CSV and Parquet."""
    shown: pl.DataFrame
    """The same as text, one line per cell."""
    numbers: frozenset[str] = frozenset()
    """Columns of ``shown`` that hold numbers and are aligned to the right."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Column of ``shown`` -> what its text means for colour: ``arm`` or ``verdict``."""


@dataclass(frozen=True)
class Chart:
    """One chart: what is drawn, and what is seen in it."""

    name: str
    caption: str
    spec: dict[str, Any]

    @cached_property
    def svg(self) -> str:
        """The chart drawn without a browser; its ink is the colour of the text around it."""
        padding = {"left": 5 + self._longest_name, "right": 16, "top": 5, "bottom": 5}
        drawn = str(vl_convert.vegalite_to_svg(json.dumps({**self.spec, "width": WIDTH, "padding": padding})))
        return _name_clips(drawn, self.name)

    @property
    def _longest_name(self) -> int:
        """Letters of the longest name beside the axis: a pixel for each, as a reader's font may be wider than ours."""
        axes = (layer.get("encoding", {}).get("y", {}) for layer in self.spec["layer"])
        names = (name for axis in axes if axis.get("type") == "nominal" for name in axis["scale"]["domain"])
        return max(map(len, names), default=0)

    def file(self) -> bytes:
        """The chart as a file of its own, on white."""
        return _ROOT.sub(r'\g<0><rect width="100%" height="100%" fill="white"/>', self.svg, count=1).encode()


def _name_clips(svg: str, chart: str) -> str:
    """Name what marks are clipped by after the chart: Vega counts such names on from one chart to the next."""
    names = dict.fromkeys(_CLIP.findall(svg))
    numbers = {name: f"{chart}-clip{number}" for number, name in enumerate(names)}
    return _CLIP.sub(lambda found: numbers[found[0]], svg)


@dataclass(frozen=True)
class Matrix:
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
class Section:
    """A part of the report with its anchor."""

    anchor: str
    title: str
    blocks: list[Block]


@dataclass(frozen=True)
class Document:
    """The whole report."""

    study: str
    question: str
    answer: str
    warnings: list[str]
    tiles: list[tuple[str, str]]
    """(number, what it counts): the study at a glance."""
    sections: list[Section]

    def blocks(self) -> Iterator[Block]:
        """Everything in all sections."""
        for section in self.sections:
            yield from section.blocks
