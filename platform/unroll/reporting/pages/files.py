"""The report on disk: page, text, charts and tables, each replaced in one step."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from unroll.ledger.files import write_atomic
from unroll.reporting.document import Chart, Document, Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import FORMULA
from unroll.reporting.pages.html import DataLink, link_data, render_page
from unroll.reporting.pages.latex import to_latex
from unroll.reporting.pages.markdown import render_markdown
from unroll.reporting.tables.examples import example_cells


@dataclass(frozen=True)
class ReportFiles:
    """Where a report is."""

    html: Path
    markdown: Path
    tables: Path
    """Folder with every table as CSV, Parquet and LaTeX."""


def write_files(findings: Findings, document: Document, folder: Path, *, cache: Path | None) -> ReportFiles:
    """Write everything; the two readable files last, when all that they link to is there.

    Raises:
        StorageError: the disk refused.
    """
    places = ReportFiles(folder / "report.html", folder / "report.md", folder / "tables")
    tables = dict(_tables(findings, document, places.tables))
    charts = [block for block in document.blocks() if isinstance(block, Chart)]
    drawn = {folder / "charts" / f"{chart.name}.svg": chart.file() for chart in charts}
    drawn |= {folder / "charts" / f"{chart.name}.pdf": chart.pdf() for chart in charts}
    for path, data in (tables | drawn).items():
        # Not durable: a report that a power cut takes is written again from the ledger.
        write_atomic(path, data, durable=False)
    write_atomic(places.markdown, render_markdown(document).encode())
    write_atomic(places.html, render_page(document, _links(tables), cache).encode())
    return places


def _links(tables: Mapping[Path, bytes]) -> dict[str, list[DataLink]]:
    """Name of a table -> links to its files, in the order in which they are written."""
    links = defaultdict[str, list[DataLink]](list)
    for path, data in tables.items():
        links[path.stem].append(link_data(path.name, data))
    return links


def _tables(findings: Findings, document: Document, folder: Path) -> Iterator[tuple[Path, bytes]]:
    shown = {block.name: block for block in document.blocks() if isinstance(block, Table)}
    more = {"trials": findings.ordered, "pairs": findings.written(findings.pairs)}
    more |= {"curves": findings.curves, "training": findings.training_curves}
    if findings.profiles:
        more["profiles"] = _join(findings.profiles)  # mean, low and high are logarithms to base 10
    if findings.free_running_curves:
        more["free_running"] = pl.concat(findings.free_running_curves.values())
    if findings.shown and not (cells := example_cells(findings)).is_empty():
        more["example_cells"] = cells
    if findings.metrics_by_distance:
        more["by_distance"] = _join(findings.metrics_by_distance)
    for name, frame in {**{name: table.rows for name, table in shown.items()}, **more}.items():
        yield folder / f"{name}.csv", to_csv(frame)
        yield folder / f"{name}.parquet", _parquet(frame)
    for name, table in shown.items():
        yield folder / f"{name}.tex", to_latex(table, findings.plan.study)


def _join(profiles: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One frame that names the profile of each row."""
    return pl.concat([frame.select(pl.lit(name).alias("profile"), pl.all()) for name, frame in profiles.items()])


def to_csv(frame: pl.DataFrame) -> bytes:
    """CSV in UTF-8 whose text no spreadsheet runs: an apostrophe goes before what looks like a formula."""
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]  # CSV has none
    flat = frame.with_columns(pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(" ") for name in lists)
    safe = flat.with_columns(pl.col(pl.String).str.replace(FORMULA, "'${0}"))
    names = {name: f"'{name}" for name in safe.columns if re.match(FORMULA, name)}
    return safe.rename(names).write_csv().encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
