"""How many weights a cell has, and where its blocks lie."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.recurrent import cells
from tasks.recurrent.cells import find_cell
from tests.recurrent.cells.variants import VARIANTS, Variant

Count = Callable[[int, int], int]


def of_blocks(blocks: int) -> Count:
    return lambda n, h: blocks * (n * h + h * h + h)


COUNTS: list[tuple[str, dict[str, Any], Count]] = [
    ("elman", {}, of_blocks(1)),
    ("elman", {"activation": "relu"}, of_blocks(1)),
    ("elman", {"activation": "logistic"}, of_blocks(1)),
    ("irnn", {}, of_blocks(1)),
    ("minimal_gated", {}, of_blocks(2)),
    ("gru", {}, of_blocks(3)),
    ("gru_reset_after", {}, lambda n, h: 3 * (n * h + h * h + h) + h),
    ("lstm_coupled", {}, of_blocks(3)),
    ("lstm", {}, of_blocks(4)),
    ("lstm_squashed_cell", {}, of_blocks(4)),
    ("lstm_peephole", {}, lambda n, h: 4 * (n * h + h * h + h) + 3 * h),
    ("lstm", {"ablation": "none"}, of_blocks(4)),
    ("lstm", {"ablation": "no_input_gate"}, of_blocks(3)),
    ("lstm", {"ablation": "no_forget_gate"}, of_blocks(3)),
    ("lstm", {"ablation": "no_output_gate"}, of_blocks(3)),
    ("lstm", {"ablation": "no_input_activation"}, of_blocks(4)),
    ("lstm", {"ablation": "no_output_activation"}, of_blocks(4)),
    ("lstm", {"ablation": "full_gate_recurrence"}, lambda n, h: 4 * (n * h + h * h + h) + 9 * h * h),
    ("lstm", {"layer_norm": True}, lambda n, h: 4 * (n * h + h * h + h) + (4 + 4 + 2) * h),
    (
        "lstm",
        {"layer_norm": True, "ablation": "full_gate_recurrence"},
        lambda n, h: 4 * (n * h + h * h + h) + 9 * h * h + (4 + 4 + 2) * h,
    ),
    ("lstm", {"layer_norm": True, "ablation": "no_input_gate"}, lambda n, h: 3 * (n * h + h * h + h) + (3 + 3 + 2) * h),
]


@pytest.mark.parametrize(("name", "options", "count"), COUNTS)
@pytest.mark.parametrize(("inputs", "hidden"), [(1, 1), (30, 70), (650, 650)])
def test_a_cell_has_as_many_weights_as_its_definition(
    name: str, options: dict[str, Any], count: Count, inputs: int, hidden: int
) -> None:
    build: Any = find_cell(name)
    with torch.device("meta"):
        cell = build(inputs=inputs, hidden=hidden, **options)
    assert all(parameter.is_meta for parameter in cell.parameters())
    assert sum(parameter.numel() for parameter in cell.parameters()) == count(inputs, hidden)


every_cell = pytest.mark.parametrize("variant", VARIANTS, ids=str)


@every_cell
def test_recurrent_blocks_are_views_of_square_matrices(variant: Variant) -> None:
    cell = variant.build(inputs=3, hidden=4)
    blocks = cell.recurrent_blocks()
    assert blocks
    assert all(block.shape == (4, 4) for block in blocks.values())
    for number, block in enumerate(blocks.values()):
        block.data.fill_(number)
    assert all((block == number).all() for number, block in enumerate(blocks.values())), "no two overlap"
    square = [weight for weight in cell.parameters() if weight.ndim == 2 and weight.shape[1] % 4 == 0]
    assert sum(weight.numel() for weight in square) == sum(block.numel() for block in blocks.values())
    assert sum(float(weight.detach().sum()) for weight in square) == sum(16 * k for k in range(len(blocks)))


@every_cell
def test_the_forget_bias_opens_the_forget_gate_and_moves_nothing_else(variant: Variant) -> None:
    cell = variant.build(inputs=3, hidden=4)
    state, x = tuple(torch.rand(1, 4).double() for _ in cell.parts), torch.randn(1, 3).double()
    before, bias = cell.activations(cell.project(x), state), cell.forget_bias()
    if before:  # a cell need not tell its gates; if it does, the forget gate is among them
        assert ("f" in cell.blocks) == ("f" in before)
    if bias is None or not before:
        return
    assert bias.shape == (4,)
    bias.data.fill_(100)
    after = cell.activations(cell.project(x), state)
    assert (after["f"] > 0.999).all()
    moved = {"f", "i"} if variant.cell == "lstm_coupled" else {"f", "o"} if variant.cell == "lstm_peephole" else {"f"}
    assert {name for name in after if not torch.equal(before[name], after[name])} == moved


UNTOLD = """
from typing import final

import torch

from tasks.recurrent.cell import Cell


@final
class Untold(Cell):
    def __init__(self, *, inputs, hidden):
        super().__init__(inputs=inputs, hidden=hidden, blocks=("f", "n"))

    def step(self, read, state):
        (h,) = state
        f, n = (read + self.recur(h)).chunk(2, dim=-1)
        return (torch.sigmoid(f) * h + torch.tanh(n),)
"""


def test_a_cell_with_a_forget_gate_need_not_tell_its_gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "untold.py").write_text(UNTOLD)
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    variant = Variant("untold")
    assert variant.build(inputs=3, hidden=4).forget_bias() is not None
    test_the_forget_bias_opens_the_forget_gate_and_moves_nothing_else(variant)
    monkeypatch.delitem(sys.modules, f"{cells.__name__}.untold")


@every_cell
def test_what_begins_as_the_cell_says_is_a_parameter_of_it(variant: Variant) -> None:
    build: Any = find_cell(variant.cell)
    built = [v.build(inputs=1, hidden=1) for v in VARIANTS if v.cell == variant.cell]
    assert build.initial_values.keys() <= {name for cell in built for name, _ in cell.named_parameters()}
