"""Operations per step of every shape against torch's own counter; wider is never cheaper, so a size can be solved."""

from itertools import product
from typing import Any, cast

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tasks.recurrent.operations import matrix_operations
from tasks.recurrent.stack import RecurrentNetwork

SHAPES: list[dict[str, Any]] = [
    {"direction": direction, "stacking": stacking, "connections": connections, "depth": depth}
    for direction, stacking, connections, depth in product(
        ("forward", "backward", "bidirectional"),
        ("interleaved", "independent"),
        ("plain", "skip", "residual"),
        (1, 3),
    )
    if direction == "bidirectional" or stacking == "interleaved"
]


def build(hidden: int, **shape: Any) -> RecurrentNetwork:
    return RecurrentNetwork(cell="gru", inputs=5, hidden=hidden, loop="plain", **shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch_counts_as_many(shape: dict[str, Any]) -> None:
    network = build(6, **shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(4, 2, 5))
    assert matrix_operations(network) == cast("int", counter.get_total_flops()) / (4 * 2)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_wider_is_never_cheaper(shape: dict[str, Any]) -> None:
    with torch.device("meta"):
        networks = [build(hidden, **shape) for hidden in range(1, 12)]
    operations = [matrix_operations(network) for network in networks]
    weights = [sum(weight.numel() for weight in network.parameters()) for network in networks]
    assert operations == sorted(set(operations))
    assert weights == sorted(set(weights))
