"""Cells by name: the cell ``lstm`` is the one final :class:`~tasks.recurrent.cell.Cell` in ``lstm.py`` of this folder.

A new file is a new cell; there is no list to add it to. Names are known without importing torch.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import traceback
from pathlib import Path
from types import ModuleType
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

    module = _import(check_cell(name))
    here = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    cells = [c for c in here if issubclass(c, Cell)]
    if len(cells) != 1:
        raise UserError("a cell's file holds exactly one subclass of Cell", where=_file(name), received=f"{len(cells)}")
    if missing := sorted(cells[0].__abstractmethods__):
        raise UserError(f"a cell defines {' and '.join(missing)}", where=_file(name), received=cells[0].__name__)
    return cells[0]


def _import(name: str) -> ModuleType:
    """The file of a cell; what is wrong with it is its author's to know, with the line."""
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except Exception as error:
        line = error.lineno if isinstance(error, SyntaxError) else _last_line(error, name)
        where = _file(name) + (f":{line}" if line else "")
        raise UserError(
            "a cell's file must be importable", where=where, received=f"{type(error).__name__}: {error}"
        ) from error


def _last_line(error: Exception, name: str) -> int | None:
    """Where in the cell's own file an error came from."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename).name == f"{name}.py"), None)


def _file(name: str) -> str:
    return f"tasks/recurrent/cells/{name}.py"
