"""What is said to change nothing changes nothing, and nothing else does that."""

from typing import Any

import pytest
import torch

from tasks.recurrent.cells import CELLS, cell_names, find_cell
from tasks.recurrent.settings import RecurrentSettings, build_initialization, build_recurrent
from tasks.recurrent.unused import unused_settings
from tests.tasks.run import same

CHANGES: list[dict[str, Any]] = [
    {"forget_bias": -0.5},
    {"forget_bias": None},
    {"connections": "residual"},
    {"connections": "skip"},
    {"dropout_kind": "locked"},
]


def begin_and_run(settings: RecurrentSettings) -> list[Any]:
    """Initial weights, and outputs of a network in training."""
    network = build_recurrent(settings, inputs=3)
    build_initialization(settings).fill(network, seed=1)
    torch.manual_seed(2)
    outputs, state = network(torch.randn(5, 2, 3))
    return [network.state_dict(), outputs, state]


@pytest.mark.parametrize("cell", cell_names())
def test_what_a_cell_does_not_have_changes_nothing(cell: str) -> None:
    plain = {"cell": cell, "hidden": 4, "loop": "plain"}
    reference = begin_and_run(RecurrentSettings.model_validate(plain))
    for change in CHANGES:
        settings = RecurrentSettings.model_validate(plain | change)
        (name,) = change
        assert (name in set(unused_settings(settings))) == same(begin_and_run(settings), reference), change


@pytest.mark.parametrize("cell", cell_names())
def test_an_option_that_says_what_the_cell_does_anyway_changes_nothing(cell: str) -> None:
    plain = {"cell": cell, "hidden": 4, "loop": "plain"}
    reference = begin_and_run(RecurrentSettings.model_validate(plain))
    for name, option in CELLS.options(cell).items():
        settings = RecurrentSettings.model_validate(plain | {name: option.default})
        assert name in set(unused_settings(settings)), name
        assert same(begin_and_run(settings), reference)


def test_a_law_of_a_cell_s_own_may_be_named() -> None:
    plain = {"cell": "irnn", "hidden": 4}
    named = RecurrentSettings.model_validate(plain | {"recurrent_initialization": "identity"})
    assert "recurrent_initialization" in set(unused_settings(named))
    assert same(begin_and_run(named), begin_and_run(RecurrentSettings.model_validate(plain)))


def test_what_is_at_work_is_used() -> None:
    at_work = {"depth": 2, "connections": "skip", "dropout": 0.5, "dropout_kind": "locked", "ablation": "no_input_gate"}
    assert set(unused_settings(RecurrentSettings.model_validate(at_work))) == set()
    assert find_cell("lstm").recurrent_initialization is None
    without = RecurrentSettings.model_validate({"ablation": "no_forget_gate"})
    assert "forget_bias" in set(unused_settings(without)), "the LSTM of 1997 has no such gate"
