"""Which loop ran each cell: what a trial's speed and its last bits depend on beside settings, data and versions."""

from __future__ import annotations

import re
from typing import Final
from weakref import WeakKeyDictionary

from torch import nn

from tasks.recurrent.cell import Cell

COMPILED: Final = "compiled"
PLAIN: Final = "plain"
TORCH: Final = "torch"
"""torch's own kernel of a cell."""

_ran: WeakKeyDictionary[Cell, dict[str, str]] = WeakKeyDictionary()
"""By cell: each loop that ran it, with the reason where it stood in for another, and its compiler."""
_PATH = re.compile(r"(?:[^\s/]*/)+(?=[^\s/])")


def note(cell: Cell, loop: str, *, reason: str = "", compiler: str = "") -> None:
    """Remember that a loop ran this cell.

    Args:
        cell: the cell.
        loop: :data:`COMPILED`, :data:`PLAIN` or :data:`TORCH`.
        reason: why it stood in for the compiled one; empty where it is what was asked for.
        compiler: what compiled it; empty where nothing was.
    """
    # Folders are cut off: an outcome's conditions are the same wherever the compiler or the cache lies.
    _ran.setdefault(cell, {})[f"{loop}: {_PATH.sub('', reason)}" if reason else loop] = compiler


def describe_loops(network: nn.Module) -> dict[str, str]:
    """What has run the cells of a network so far (``unroll.contract.Task.conditions``).

    Returns:
        ``loop``: "compiled", "torch" or "plain", with the reason where it stood in for "compiled"; several, sorted,
        where one run had several. ``compiler``, where anything was compiled: name, version and the vector
        instructions that it compiled for. Empty for a network without cells.
    """
    found: dict[str, str] = {}
    for cell in network.modules():
        found |= _ran.get(cell, {}) if isinstance(cell, Cell) else {}
    if len(found) > 1:
        found.pop(PLAIN, None)  # a diagnosis runs the plain loop, whatever trains it
    conditions = {"loop": ", ".join(sorted(found))} if found else {}
    return conditions | ({"compiler": found[COMPILED]} if COMPILED in found else {})
