"""Guards: a cell's weights, and all else that its step may depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import ref

from torch import Tensor, nn

from tasks.recurrent.cell import Cell

TORCHS = frozenset(vars(nn.Module())) - {"training"}
"""Attributes of a module that are torch's own."""
WEIGHTS = ("_parameters", "_buffers")
HOOKS = ("_forward_hooks", "_forward_pre_hooks")
PLAIN = frozenset({bool, int, float, complex, str, bytes, type(None)})


def inspect_cell(cell: Cell) -> tuple[Mapping[str, Any], tuple[Any, ...]]:
    """Parameters and buffers by name, and a key that is equal as long as a step that was traced is still the same.

    A module that was put in another's place, an attribute or a function that is another one, a weight that was tied,
    parametrised or pruned: each changes the second. It takes some microseconds, at every call of a loop.
    """
    weights: dict[str, Any] = {}
    traits: list[Any] = []
    todo: list[tuple[str, nn.Module]] = [("cell.", cell)]
    for prefix, module in todo:
        values = vars(module)
        for kind in WEIGHTS:
            for name, weight in values[kind].items():
                weights[prefix + name] = weight
        traits += [prefix, type(module), *[each for hooks in HOOKS for each in values[hooks]]]
        for name, value in values.items():
            if name not in TORCHS:
                traits += [name, value if type(value) in PLAIN else _trait(value)]
        todo += [(f"{prefix}{name}.", part) for name, part in values["_modules"].items() if part is not None]
    traits += [(name, None if weight is None else (weight.shape, weight.dtype)) for name, weight in weights.items()]
    # Which names share a tensor, not which tensor it is: another of the same shape and type may take its place.
    ids = [id(weight) for weight in weights.values()]
    tied = len(set(ids)) < len(ids)
    return weights, (*traits, *(ids.index(each) for each in ids if tied))


def _trait(value: Any) -> Any:
    """Something that is equal while an attribute is, and keeps nothing alive that may hold the cell."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is tuple or kind is list:
        return tuple([each if type(each) in PLAIN else _trait(each) for each in value])
    if kind is dict:
        return tuple([(name, _trait(each)) for name, each in value.items()])
    return None if isinstance(value, Tensor) else _reference(value)  # the step may not use it, or not be compiled


def _reference(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return id(value)
    try:
        return ref(value)  # equal while the object is, and keeps no cell alive
    except TypeError:
        return value
