"""Settings that change nothing: what a cell does not have, and what equals leaving it out."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.recurrent.cells import CELLS
from tasks.recurrent.options import build_cell
from tasks.recurrent.settings import RecurrentSettings


def unused_settings(settings: RecurrentSettings) -> Iterator[str]:
    """Names of the settings without which the very same network would begin and run the same. Loads torch."""
    cell, options = build_cell(settings.cell, settings.options), CELLS.options(settings.cell)
    yield from (name for name, value in settings.options.items() if value == options[name].default)
    if cell.forget_bias() is None:
        yield "forget_bias"
    if cell.recurrent_initialization is not None:
        yield "recurrent_initialization"  # it takes no other than its own
    if settings.depth == 1:
        yield "connections"
    if not settings.dropout:
        yield "dropout_kind"
