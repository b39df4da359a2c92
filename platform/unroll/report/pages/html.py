"""The report as one HTML page that needs nothing but itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from unroll.ledger import MISSING
from unroll.report.document import Chart, Document, Matrix, Note, Table
from unroll.report.pages.data_links import DataLink
from unroll.report.pages.table_html import MOST_ROWS, render_table
from unroll.report.pages.vega import vega_script
from unroll.report.wording import STATUS_WORDS

SYMBOLS = {
    "completed": "✓",
    "diverged": "∞",
    "stopped": "■",
    "out_of_memory": "M",
    "timeout": "T",
    "failed_user": "✕",
    "failed_infrastructure": "!",
    MISSING: "·",
    "": "",
}
"""One sign per status, so that the matrix can be read without its colours."""

_VERDICT = re.compile(r" is (better|worse|undecided): ")


def render_page(
    document: Document, colours: Mapping[str, str], links: Mapping[str, Sequence[DataLink]], cache: Path | None
) -> str:
    """The whole page.

    Args:
        document: what it says.
        colours: arm -> colour.
        links: name of a table -> where its data are.
        cache: see :func:`~unroll.report.pages.vega.vega_script`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.tests |= {"note": _is(Note), "table": _is(Table), "chart": _is(Chart), "matrix": _is(Matrix)}
    environment.filters |= {"json": embed_json, "stress": stress_verdicts}
    environment.filters["html"] = lambda table: render_table(table, colours)
    environment.filters["svg"] = lambda chart: Markup(chart.svg)  # noqa: S704 -- drawn by Vega, which escapes text
    return environment.get_template("page.html").render(
        document=document,
        links=links,
        symbols=SYMBOLS,
        words=STATUS_WORDS,
        most_rows=MOST_ROWS,
        style=Markup(_resource("page.css")),  # noqa: S704 -- our own file
        script=Markup(_resource("page.js")),  # noqa: S704 -- our own file
        bundle=Markup(vega_script(cache)),  # noqa: S704 -- checked to hold no end of a script
        has_charts=any(isinstance(block, Chart) for block in document.blocks()),
    )


def embed_json(value: Any) -> Markup:
    """JSON that may stand inside a script element: no ``<`` is left that could end it or open a comment."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704 -- see above


def stress_verdicts(text: str) -> Markup:
    """The answer with its verdicts set off."""
    return Markup(_VERDICT.sub(r' is <strong class="\1">\1</strong>: ', str(escape(text))))  # noqa: S704 -- escaped


def _is(kind: type) -> Any:
    return lambda value: isinstance(value, kind)


def _resource(name: str) -> str:
    return files("unroll.report").joinpath("templates", name).read_text(encoding="utf-8")
