"""The report as one HTML page that needs nothing but itself."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup, escape

from unroll.ledger import MISSING
from unroll.reporting.document import Chart, Document, Exhibit, Matrix, Note, Table
from unroll.reporting.pages.table_html import MOST_ROWS, render_table
from unroll.reporting.pages.vega import vega_script
from unroll.reporting.wording import STATUS_WORDS

SYMBOLS = {
    "completed": "✓",
    "diverged": "∞",
    "pruned": "↓",
    "stopped": "■",
    "out_of_memory": "M",
    "timeout": "T",
    "failed_user": "✕",
    "failed_infrastructure": "!",
    MISSING: "·",
    "": "",
}
"""One sign per status, so that the matrix can be read without its colours."""

_VERDICT = re.compile(r" is (better|worse|undecided|untested|supported|equivalent|refuted): ")
EMBEDDED_UP_TO = 150_000
"""Bytes up to which a file is embedded in the page; a larger one is only beside it."""
KINDS = {
    "csv": ("CSV", "text/csv"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
    "tex": ("LaTeX", "application/x-tex"),
}
"""Ending of a file -> its name for people, its media type."""


class DataLink(NamedTuple):
    """A link to one file of a table."""

    kind: str
    file: str
    href: str
    """A ``data:`` address, or a path from the page's folder."""
    inside: bool
    """Whether the file is embedded in the page."""


def link_data(file: str, data: bytes) -> DataLink:
    """The link to ``tables/FILE`` of a page, or to its copy inside the page."""
    kind, media = KINDS[file.rpartition(".")[2]]
    inside = len(data) <= EMBEDDED_UP_TO
    href = f"data:{media};base64,{b64encode(data).decode()}" if inside else f"tables/{file}"
    return DataLink(kind, file, href, inside)


def render_page(document: Document, links: Mapping[str, Sequence[DataLink]], cache: Path | None) -> str:
    """The whole page.

    Args:
        document: its content.
        links: name of a table -> where its data are.
        cache: see :func:`~unroll.reporting.pages.vega.vega_script`.
    """
    environment = make_environment()
    environment.filters |= {"compressed": compress, "stress": stress_verdicts}
    # Filters give Markup, which autoescape leaves alone: each must escape what came from outside by itself.
    environment.filters["html"] = lambda table: render_table(table, document.colours)
    environment.filters["svg"] = lambda chart: Markup(chart.svg)  # noqa: S704 -- drawn by Vega, which escapes text
    charts = {block.name: block.spec for block in document.blocks() if isinstance(block, Chart)}
    return environment.get_template("page.html").render(
        document=document,
        links=links,
        style=Markup(_resource("page.css")),  # noqa: S704 -- our own file
        script=Markup(_resource("page.js")),  # noqa: S704 -- our own file
        bundle=vega_script(cache) if charts else "",
        charts=json.dumps(charts, ensure_ascii=False),
        has_charts=bool(charts),
    )


def make_environment(**options: Any) -> jinja2.Environment:
    """What the templates of all formats share: blocks as tests, and the words and signs of statuses."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        **options,
    )
    # A template asks `if block is chart`; the default binds each class to its own test.
    for kind in (Note, Table, Chart, Matrix, Exhibit):
        environment.tests[kind.__name__.lower()] = lambda value, kind=kind: isinstance(value, kind)
    environment.globals |= {"symbols": SYMBOLS, "words": STATUS_WORDS, "most_rows": MOST_ROWS, "kinds": KINDS}
    return environment


@lru_cache(maxsize=2)  # the script of all pages, and the charts of one
def compress(text: str) -> str:
    """Text for a script element that the page's script unpacks: gzip in base64, in which nothing is markup."""
    return b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def stress_verdicts(text: str) -> Markup:
    """The answer with its verdicts set off."""
    return Markup(_VERDICT.sub(r' is <strong class="\1">\1</strong>: ', str(escape(text))))  # noqa: S704 -- escaped


def _resource(name: str) -> str:
    return files("unroll.reporting").joinpath("templates", name).read_text(encoding="utf-8")
