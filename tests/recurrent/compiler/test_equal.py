"""The compiled loop is the plain loop: for every cell with every option, and for cells that do unusual things."""

from __future__ import annotations

import pytest
import torch

from tasks.recurrent.compiler.products import OwnLinear
from tasks.recurrent.noise import Noise
from tests.recurrent.cells.variants import VARIANTS, Variant
from tests.recurrent.compiler.cells import Constant, Linear, Patchwork, Smooth, Twin
from tests.recurrent.compiler.compare import assert_same, compiled, leaves, randomize

TIME, BATCH, INPUTS, HIDDEN = 6, 4, 5, 7
MADE_UP = [Patchwork, Smooth, Linear, Twin, Constant]
every_cell = pytest.mark.parametrize("variant", VARIANTS, ids=str)
some_cells = pytest.mark.parametrize("variant", [Variant("lstm"), Variant("gru")], ids=str)
LENGTHS = torch.tensor([6, 1, 3, 5])


def share(kind: str, *, batch: int = BATCH) -> torch.Tensor:
    """A zoneout mask: drawn for every value, or its expectation."""
    whole = torch.rand(TIME, batch, HIDDEN, dtype=torch.float64)
    return (whole < 0.4).double() if kind == "drawn" else torch.full((1, 1, 1), 0.3, dtype=torch.float64)


def noise_of(kind: str, parts: int) -> Noise | None:
    """The ways in which the state is disturbed."""
    recurrent = (torch.rand(BATCH, HIDDEN, dtype=torch.float64) < 0.5).double() * 2
    shares = tuple(share("drawn" if kind in ("drawn", "all") else "expected") for _ in range(parts))
    noises = {"none": None, "recurrent": Noise(recurrent=recurrent), "all": Noise(recurrent, shares)}
    return noises.get(kind, Noise(keep=shares))


@pytest.mark.parametrize("padded", [False, True])
@every_cell
def test_every_state_and_gradient_is_that_of_the_plain_loop(variant: Variant, padded: bool) -> None:
    cell = randomize(variant.build(inputs=INPUTS, hidden=HIDDEN))
    assert_same(cell, lengths=LENGTHS if padded else None)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("kind", ["recurrent", "drawn", "expected", "all"])
@some_cells
def test_under_noise(variant: Variant, kind: str, padded: bool) -> None:
    cell = randomize(variant.build(inputs=INPUTS, hidden=HIDDEN))
    assert_same(cell, lengths=LENGTHS if padded else None, noise=noise_of(kind, len(cell.parts)))


@pytest.mark.parametrize("shares", [("drawn", "expected"), ("expected", "drawn")])
def test_each_part_of_the_state_has_a_share_of_its_own(shares: tuple[str, str]) -> None:
    cell = randomize(Variant("lstm").build(inputs=INPUTS, hidden=HIDDEN))
    assert_same(cell, noise=Noise(keep=tuple(share(kind) for kind in shares)))


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("kind", MADE_UP)
def test_cells_that_do_unusual_things(kind: type, padded: bool) -> None:
    assert_same(randomize(kind(inputs=INPUTS, hidden=HIDDEN)), lengths=LENGTHS if padded else None)


@pytest.mark.parametrize(("time", "batch"), [(1, 1), (1, 5), (9, 1), (3, 13), (2, 30)])
@some_cells
def test_sequences_of_any_length_and_number(variant: Variant, time: int, batch: int) -> None:
    assert_same(randomize(variant.build(inputs=INPUTS, hidden=HIDDEN)), time=time, batch=batch)


@pytest.mark.parametrize("hidden", [1, 2, 16, 33, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_widths_that_vectors_do_not_fill(hidden: int, dtype: torch.dtype) -> None:
    cell = randomize(Variant("gru").build(inputs=3, hidden=hidden), dtype=dtype)
    assert_same(cell, dtype=dtype, tolerance=2e-6 if dtype == torch.float32 else 1e-12)


@every_cell
def test_single_precision(variant: Variant) -> None:
    cell = randomize(variant.build(inputs=INPUTS, hidden=16), dtype=torch.float32)
    assert_same(cell, dtype=torch.float32, tolerance=5e-6)


@pytest.mark.parametrize("kind", [Patchwork, Twin])
def test_gradients_are_those_of_finite_differences(kind: type) -> None:
    cell = randomize(kind(inputs=2, hidden=4))
    inputs, state = leaves(cell, time=3, batch=2)
    lengths = torch.tensor([3, 2])

    def run(read: torch.Tensor, *before: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return compiled(cell, read, before, lengths=lengths)

    assert torch.autograd.gradcheck(run, (inputs, *state))


def test_gradients_that_nobody_asks_for_are_not_there() -> None:
    cell = randomize(Variant("lstm").build(inputs=INPUTS, hidden=HIDDEN))
    cell.recur.weight.requires_grad_(False)
    outputs, _ = compiled(cell, torch.randn(TIME, BATCH, INPUTS).double(), cell.initial_state(BATCH))
    outputs.sum().backward()  # type: ignore[no-untyped-call]
    assert cell.recur.weight.grad is None
    assert cell.read.weight.grad is not None


def test_gradients_of_gradients_are_refused() -> None:
    cell = randomize(Variant("gru").build(inputs=INPUTS, hidden=HIDDEN))
    inputs, state = leaves(cell, time=2, batch=2)
    (outputs,) = compiled(cell, inputs, state)
    with pytest.raises(RuntimeError, match=r"network\.loop plain"):
        torch.autograd.grad(outputs.square().sum(), inputs, create_graph=True)
    with OwnLinear():
        projected = cell.project(inputs)
    with pytest.raises(RuntimeError, match=r"network\.loop plain"):
        torch.autograd.grad(projected.sum(), inputs, create_graph=True)


def test_lengths_may_be_overwritten_before_the_way_back() -> None:
    cell = randomize(Variant("gru").build(inputs=INPUTS, hidden=HIDDEN))
    inputs, state = leaves(cell, time=TIME, batch=BATCH)
    found = []
    for later in (6, 2):
        lengths = torch.full((BATCH,), 6)
        (outputs,) = compiled(cell, inputs, state, lengths=lengths)
        lengths.fill_(later)
        found.append(torch.autograd.grad(outputs.square().sum(), inputs)[0])
    assert torch.equal(*found)
