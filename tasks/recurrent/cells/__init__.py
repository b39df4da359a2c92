"""Cells by name: the cell ``lstm`` is the one final :class:`~tasks.recurrent.cell.Cell` in ``lstm.py`` of this folder.

A new file is a new cell; there is no list to add it to. Names are known without importing torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tasks.named import NamedClasses

if TYPE_CHECKING:
    from tasks.recurrent.cell import Cell

__all__ = ["CELLS", "cell_names", "find_cell"]


CELLS: Final[NamedClasses[Cell]] = NamedClasses(
    sys.modules[__name__], what="cell", base="tasks.recurrent.cell:Cell", given=("inputs", "hidden")
)
cell_names: Final = CELLS.names
find_cell: Final = CELLS.find
