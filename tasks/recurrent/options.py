"""What a cell's constructor takes beyond its sizes: settings of one cell that others do not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, get_args, get_origin, get_type_hints

from tasks.named import refuse_unused
from tasks.recurrent.cells import CELLS, cell_names, find_cell
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.recurrent.cell import Cell
    from unroll.contract import Settings

Option = str | bool
OPTIONS: Final = ("activation", "ablation", "layer_norm")
"""Settings that are options of cells; null: the cell's own choice."""


def check_options(settings: Settings, *, cell: str, options: Mapping[str, Option]) -> None:
    """Refuse what a cell does not take. Loads torch only where there is something to check.

    Args:
        settings: the section that has the fields ``cell``, ``zoneout_memory`` and those of :data:`OPTIONS`.
        cell: its cell.
        options: those of its options that are set.

    Raises:
        UnusedSettings: the cell has no such setting; names the cells that have it.
        ValueError: an option has no such value, which names those that it has; or the cell refuses them together.
    """
    among = (*OPTIONS, "zoneout_memory")
    refuse_unused(settings, choice="cell", kinds=cell_names(), has=cell_settings, among=among)
    # Only where an option is set: finding a cell imports it, and with it torch.
    types = get_type_hints(find_cell(cell).__init__) if options else {}
    for name, value in options.items():
        allowed = _literals(types[name])
        if allowed and value not in allowed:
            raise ValueError(f"{name} of {cell} is one of {', '.join(map(str, allowed))}, received {value!r}")
    if options:
        build_cell(cell, options)  # two options may be right each and wrong together


def cell_settings(cell: str) -> set[str]:
    """The options of a cell, and ``zoneout_memory`` if its state is more than h. Loads torch."""
    memory = {"zoneout_memory"} if len(build_cell(cell, {}).parts) > 1 else set()
    return {*CELLS.options(cell), *memory}


def check_initializer(cell: str, initializer: str | None, gain: float) -> None:
    """Refuse another initializer of U for a cell that is defined by its own. Loads torch only where one is asked for.

    Raises:
        ValueError: the cell has an initializer of its own, and the settings give another or scale it.
    """
    if initializer is None and gain == 1:
        return
    own = find_cell(cell).recurrent_initialization
    if own is not None and (initializer not in (None, own) or gain != 1):
        raise ValueError(
            f"{cell} is defined by how it begins, with recurrent_initialization {own} and recurrent_gain 1, "
            f"received {initializer or own} and {gain:g}; in a comparison, set it in the other arms alone"
        )


def build_cell(cell: str, options: Mapping[str, Option]) -> Cell:
    """A cell that takes no memory, to be inspected. Loads torch.

    Raises:
        ValueError: it refuses its options.
    """
    import torch

    build: Callable[..., Cell] = find_cell(cell)
    try:
        with torch.device("meta"):
            return build(inputs=1, hidden=1, **options)
    except UserError as error:
        raise ValueError(f"{error.rule}, received {error.received}") from None


def _literals(hint: object) -> tuple[Option, ...]:
    """Values of a Literal, or of one beside None."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(value for part in get_args(hint) for value in _literals(part))
