"""Cells by name: the cell ``lstm`` is the one final :class:`~tasks.recurrent.cell.Cell` in ``lstm.py`` of this folder.

A new file is a new cell; there is no list to add it to. Names are known without importing torch.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.recurrent.cell import Cell

__all__ = ["cell_names", "check_cell", "find_cell"]


def cell_names() -> tuple[str, ...]:
    """Names of all cells, sorted; files that begin with ``_`` hold pieces of cells."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def check_cell(name: str) -> str:
    """Give the name back if there is such a cell.

    Raises:
        UserError: there is none; lists those that there are.
    """
    names = cell_names()
    if name in names:
        return name
    near = difflib.get_close_matches(name.lower(), names, n=1)
    raise UserError(
        f"a cell is one of {', '.join(names)}",
        received=repr(name),
        advice=f"did you mean {near[0]!r}?" if near else "a new cell is a new file in tasks/recurrent/cells",
    )


def find_cell(name: str) -> type[Cell]:
    """The class of the cell of this name.

    Raises:
        UserError: there is no such cell.
    """
    from tasks.recurrent.cell import Cell

    module = importlib.import_module(f"{__name__}.{check_cell(name)}")
    here = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    (cell,) = [c for c in here if issubclass(c, Cell)]
    return cell
