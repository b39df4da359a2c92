"""What a cell's step does, as a list of torch operations: traced on tensors that have shapes but no values."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.compiler.graph import Unsupported
from tasks.recurrent.compiler.pointwise import DECOMPOSED, FILLED, name_of
from tasks.recurrent.noise import noisy_step
from tasks.recurrent.torch_internals import TorchDispatchMode

# A prime, so that no stack of equal blocks has this size either.
BATCH = 65_537
"""A size that no weight has (``settings.WIDEST`` is one less), so that a dimension of this size is the batch."""
UNKNOWN = "a tensor that is neither weight, nor state, nor made of them; register it as a buffer"
OWN_GRADIENT = "a step that turns gradients off or, in a torch.autograd.Function, writes its own"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """One operation as it was called. Tensors are told apart by ``id``, so calls keep them alive."""

    operation: Callable[..., Any]
    values: tuple[Any, ...]
    options: Mapping[str, Any]
    result: Any

    @property
    def given(self) -> Iterator[Tensor]:
        """All tensors among the arguments."""
        return tensors((self.values, tuple(self.options.values())))

    @property
    def made(self) -> list[Tensor]:
        """All tensors that came out."""
        return list(tensors(self.result))

    def again(self, found: Callable[[Tensor], Any], *, without: str = "") -> Any:
        """Call the operation with other tensors in the place of its own, and without one of its options."""
        options = {name: substitute(value, found) for name, value in self.options.items() if name != without}
        return self.operation(*(substitute(value, found) for value in self.values), **options)


@final
class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps the operations that reach torch's kernels while it is active, autograd's own among them.

    Args:
        smooth: whether an operation within ``torch.no_grad`` is refused.
    """

    def __init__(self, *, smooth: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self._smooth = smooth

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called by torch in the place of the kernel."""
        if func in DECOMPOSED:
            with self:  # torch leaves the mode while it runs this method; what the operation is made of is wanted too
                return DECOMPOSED[func](*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise Unsupported(f"the random operation {name_of(func)}")
        if self._smooth and not torch.is_grad_enabled():
            raise Unsupported(OWN_GRADIENT)
        result = func(*args, **(kwargs or {}))
        self.calls.append(Call(func, args, kwargs or {}, result))
        return result


@final
@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One step of a cell, taken apart.

    Args:
        weights: stand-ins of the cell's parameters and buffers, by name.
        rows: stand-ins of what has a row per sequence, by name.
        constants: tensors that the step itself makes of numbers.
        before: operations on weights alone, once per call of the loop.
        within: operations on rows, at every step.
        after: the new state.
    """

    weights: Mapping[str, Tensor]
    rows: Mapping[str, Tensor]
    constants: tuple[Tensor, ...]
    before: tuple[Call, ...]
    within: tuple[Call, ...]
    after: State


def tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples and lists."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from tensors(value)


def substitute(values: Any, found: Callable[[Tensor], Any]) -> Any:
    """The same nested values with another thing in each tensor's place."""
    if isinstance(values, Tensor):
        return found(values)
    if isinstance(values, tuple | list):
        return type(values)(substitute(value, found) for value in values)
    return values


def trace_step(cell: Cell, *, width: int, dtype: torch.dtype, recurrent: bool, keep: tuple[bool, ...]) -> Step:
    """Take one step apart.

    Args:
        cell: whose step.
        width: of what the step reads.
        dtype: of everything.
        recurrent: whether what enters the recurrent products is masked.
        keep: for each part of the state that is partly kept: whether the share is one number for all.

    Raises:
        Unsupported: the step cannot be traced, or its result is no state.
    """

    def rows(columns: int) -> Tensor:
        return torch.empty(BATCH, columns, dtype=dtype, device="meta")

    weights = {
        f"cell.{name}": torch.empty_like(value, device="meta", requires_grad=False)
        for name, value in _named_weights(cell)
    }
    given = {"read": rows(width), **{f"state_{part}": rows(cell.hidden) for part in range(len(cell.parts))}}
    if recurrent:
        given["recurrent"] = rows(cell.hidden)
    for part, single in enumerate(keep):
        if single:
            weights[f"keep_{part}"] = torch.empty(1, 1, dtype=dtype, device="meta")
        else:
            given[f"keep_{part}"] = rows(cell.hidden)
    kept = tuple((weights if single else given)[f"keep_{part}"] for part, single in enumerate(keep))
    state = tuple(given[f"state_{part}"] for part in range(len(cell.parts)))
    tracer = Tracer(smooth=True)
    standing = _standing_in(cell, weights)
    try:
        with torch.enable_grad(), tracer:
            for row in given.values():  # so that a custom backward leaves its mark on the result
                row.requires_grad_()
            after = noisy_step(standing, given["read"], state, given.get("recurrent"), kept)
    except (RuntimeError, NotImplementedError, TypeError) as error:
        raise Unsupported(f"a step that does not run on shapes alone ({_first_line(error)})") from error
    _check_state(after, dtype, cell)
    return Step(weights, given, *_split(tracer.calls, weights.values(), given.values(), after), tuple(after))


def _standing_in(cell: Cell, weights: Mapping[str, Tensor]) -> Cell:
    """A copy of the cell with other weights: others may be using the cell itself."""
    held = (value for module in cell.modules() for value in vars(module).values() if isinstance(value, Tensor))
    copies = {id(tensor): tensor.detach() for tensor in held}  # such as a pruned weight, made anew at each step
    # A deep copy takes what its memo holds for an id: the stand-in in each weight's place.
    copies |= {id(value): weights[f"cell.{name}"] for name, value in _named_weights(cell)}
    try:
        return copy.deepcopy(cell, copies)
    except Exception as error:  # whatever an attribute raises
        raise Unsupported(f"a cell that cannot be copied ({_first_line(error)})") from error


def _named_weights(cell: Cell) -> Iterator[tuple[str, Tensor]]:
    yield from cell.named_parameters()
    yield from cell.named_buffers()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _check_state(after: Any, dtype: torch.dtype, cell: Cell) -> None:
    """Refuse what is no state, and a step with a backward of its own, even one that computes nothing."""
    for part in after:
        if not isinstance(part, Tensor) or part.shape != (BATCH, cell.hidden) or part.dtype != dtype:
            raise Unsupported("a step whose result is not a state of the cell's own type")
    todo, seen = [part.grad_fn for part in after], set()
    while todo:
        node = todo.pop()
        if isinstance(node, BackwardCFunction):
            raise Unsupported(OWN_GRADIENT)
        if node is not None and node not in seen:
            seen.add(node)
            todo += [following for following, _ in node.next_functions]


def _split(
    calls: list[Call], weights: Iterable[Tensor], rows: Iterable[Tensor], after: State
) -> tuple[tuple[Tensor, ...], tuple[Call, ...], tuple[Call, ...]]:
    """Constants, what is done to weights alone, and what to rows; calls that nothing needs are left out."""
    per_row = {id(row) for row in rows}
    known = per_row | {id(weight) for weight in weights}
    constants, before, within = list[Tensor](), list[Call](), list[Call]()
    for call in calls:
        strange = [tensor for tensor in call.given if id(tensor) not in known]
        if strange and name_of(call.operation) != "lift_fresh.default":  # what torch.tensor makes is lifted
            raise Unsupported(UNKNOWN)
        constants += strange
        made = {id(tensor) for tensor in call.made}
        known |= made
        # Made of a row, or of no row but with one for each sequence, as zeros of the batch's size are.
        if any(id(t) in per_row for t in call.given) or any(BATCH in t.shape for t in call.made):
            _check_rows(call, after[0].dtype)
            per_row |= made
            within.append(call)
        else:
            before.append(call)
    needed = {id(part) for part in after}
    needed_within = _needed(within, needed)
    return tuple(constants), _needed(before, needed), needed_within


def _needed(calls: list[Call], needed: set[int]) -> tuple[Call, ...]:
    """The calls that make a needed tensor; what they are made of is needed too, and added."""
    kept = []
    for call in reversed(calls):
        if any(id(t) in needed for t in call.made):
            needed.update(id(t) for t in call.given)
            kept.append(call)
    return tuple(reversed(kept))


def _check_rows(call: Call, dtype: torch.dtype) -> None:
    name = name_of(call.operation)
    if name.split(".")[0].endswith("_"):
        raise Unsupported(f"the operation {name}, which changes its argument")
    for made in call.made:
        if made.dim() == 0 and name in FILLED:
            continue  # a number, which a row was asked to make: it has the row's type
        if made.dim() not in (1, 2) or made.shape[0] != BATCH or BATCH in made.shape[1:]:
            sizes = ", ".join("batch" if size == BATCH else str(size) for size in made.shape)
            raise Unsupported(f"the operation {name} with a result of shape ({sizes})")
        if made.dtype not in (dtype, *(() if name == "_to_copy.default" else (torch.bool,))):
            raise Unsupported(f"the operation {name} with a result of type {made.dtype}")
