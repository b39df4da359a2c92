"""What a cell's constructor takes beyond its sizes: settings of one cell that others do not have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, get_args, get_origin, get_type_hints

from tasks.recurrent.cells import cell_names, find_cell
from unroll.contract import IdleSettings, UserError

if TYPE_CHECKING:
    from tasks.recurrent.cell import Cell

Option = str | bool


def check_options(cell: str, options: Mapping[str, Option]) -> None:
    """Refuse what a cell does not take. Loads torch only where there is something to check.

    Raises:
        ValueError: the cell has no such option, or none of this value; names the cells that have it, or the values. Or
            it refuses them together.
    """
    for name, value in options.items():
        types = option_types(cell)
        if name not in types:
            takers = [other for other in cell_names() if name in option_types(other)]
            rule = f"{name} is a setting of {_join(takers) or 'no cell'}, received {value!r} for {cell}"
            raise IdleSettings(rule, idle=[name], choice="cell")
        allowed = _literals(types[name])
        if allowed and value not in allowed:
            raise ValueError(f"{name} of {cell} is one of {_join(allowed)}, received {value!r}")
    if options:
        build_cell(cell, options)


def option_types(cell: str) -> dict[str, object]:
    """Options of a cell, by name, with the types that its constructor gives them."""
    build = find_cell(cell).__init__
    hints = get_type_hints(build)
    names = list(inspect.signature(build).parameters)[1:]
    return {name: hints[name] for name in names if name not in ("inputs", "hidden")}


def option_defaults(cell: str) -> dict[str, object]:
    """Options of a cell, by name, with what they are where nothing is said."""
    parameters = inspect.signature(find_cell(cell).__init__).parameters
    return {name: parameters[name].default for name in option_types(cell)}


def check_memory(cell: str, zoneout: float) -> None:
    """Refuse zoneout of memory where there is none. Loads torch.

    Raises:
        ValueError: the cell's state is h alone; names the cells that have more.
    """
    if not _has_memory(cell):
        takers = [other for other in cell_names() if _has_memory(other)]
        rule = f"zoneout_memory is a setting of {_join(takers)}, received {zoneout} for {cell}"
        raise IdleSettings(rule, idle=["zoneout_memory"], choice="cell")


def check_beginning(cell: str, law: str | None, gain: float) -> None:
    """Refuse another beginning of U for a cell that is defined by its own. Loads torch only where one is asked for.

    Raises:
        ValueError: the cell has a law of its own, and the settings give another or scale it.
    """
    if law is None and gain == 1:
        return
    own = find_cell(cell).recurrent_initialization
    if own is not None and (law not in (None, own) or gain != 1):
        raise ValueError(
            f"{cell} is defined by how it begins, with recurrent_initialization {own} and recurrent_gain 1, "
            f"received {law or own} and {gain:g}; in a comparison, set it in the other arms alone"
        )


def _has_memory(cell: str) -> bool:
    return len(build_cell(cell, {}).parts) > 1


def build_cell(cell: str, options: Mapping[str, Option]) -> Cell:
    """A cell that takes no memory, to be looked at. Loads torch.

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


def _join(names: tuple[Option, ...] | list[str]) -> str:
    return ", ".join(str(name) for name in names)
