"""A few cells of the calibration benchmark: error rates, power beside Holm, and the invalid control."""

import pytest

from benchmarks.calibration import Cell, describe, grid, holm, measure_cell, measure_peeking, tabulate_cells
from benchmarks.looks import DEFAULT, STRONG, LookedCell, measure_looks, tabulate_looks
from benchmarks.looks import describe as describe_looks
from unroll.study.declaration import Looks


def test_the_grid_has_what_is_promised() -> None:
    cells = grid()
    assert len(cells) >= 24
    assert len({(cell.name, cell.seeds, cell.comparisons) for cell in cells}) == len(cells)
    assert {cell.seeds for cell in cells} >= {6, 32}
    assert {cell.comparisons for cell in cells} >= {1, 9}
    assert len({cell.effect for cell in cells}) == 4


@pytest.mark.parametrize(
    "cell",
    [
        Cell(values="normal", seeds=6, comparisons=9),
        Cell(values="ties", seeds=8, comparisons=2),
        Cell(values="normal", seeds=8, comparisons=2, special="all diverge"),
        Cell(values="normal", seeds=8, comparisons=2, special="margin"),
    ],
    ids=lambda cell: cell.name,
)
def test_a_null_cell_is_held(cell: Cell) -> None:
    found = measure_cell(cell, replications=200)
    assert found.errors <= found.bound


def test_nine_comparisons_with_eight_seeds_are_decided_where_holm_decides_none() -> None:
    found = measure_cell(Cell(values="normal", seeds=8, comparisons=9, effect=1.5, affected=9), replications=100)
    assert found.holm_power == 0
    assert found.power is not None
    assert found.power >= 0.4
    (row,) = tabulate_cells([describe(found)]).splitlines()[2:]
    assert row.startswith("| normal, 9 of 9 better by 1.5 sd | 8 | 9 | ")


def test_survivors_alone_would_err() -> None:
    cell = Cell(values="normal", seeds=12, comparisons=4, special="one diverges", wrong=("better",))
    assert measure_cell(cell, replications=150).errors <= 0.05


def test_the_invalid_control_is_found() -> None:
    assert measure_peeking(replications=400) > 0.2


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_looks_hold_the_level_and_save_seeds_where_effects_are_large() -> None:
    """The first cell is enumerated, and its verdicts are compared with those of whole frames."""
    small = Looks(start=6, up_to=10, step=2)
    found = measure_looks(LookedCell(values="normal", looks=small, comparisons=2), replications=200)
    assert found.errors <= found.bound
    large = measure_looks(
        LookedCell(values="normal", looks=DEFAULT, comparisons=1, effect=1.5, affected=1), replications=60
    )
    assert large.power is not None
    assert large.power >= STRONG
    assert large.seeds is not None
    assert large.fixed is not None
    assert large.seeds <= 0.7 * large.fixed
    (row,) = tabulate_looks([describe_looks(large)]).splitlines()[2:]
    assert row.startswith("| normal, 1 of 1 better by 1.5 sd | 8, 12, 16, 20, 24 | 1 | ")
