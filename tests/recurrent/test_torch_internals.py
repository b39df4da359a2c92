"""Private names of torch: one file uses them, and a test fails when torch drops one."""

import re
from pathlib import Path

import pytest
import torch

from tasks.recurrent import torch_internals

ROOT = Path(torch_internals.__file__).parents[2]
PRIVATE = re.compile(r"\b_VF\b|\btorch\._(?!_)|\btorch(?:\.\w+)*\._(?!_)|\b_disable_current_modes\b")
"""How a private name of torch looks where it is used."""


@pytest.mark.parametrize("name", ["rnn_tanh", "rnn_relu", "lstm", "gru"])
def test_torch_has_the_kernel(name: torch_internals.KernelName) -> None:
    assert callable(torch_internals.recurrent_kernel(name))


def test_torch_decomposes_operations() -> None:
    silu = torch.ops.aten.silu.default
    values = torch.linspace(-3, 3, 7, dtype=torch.float64)
    (rule,) = torch_internals.decompositions([silu]).values()
    assert torch.allclose(rule(values), torch.nn.functional.silu(values))


def test_outside_dispatch_modes_none_sees_anything() -> None:
    seen = []

    class Spy(torch_internals.TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            seen.append(function)
            return function(*args, **(kwargs or {}))

    with Spy():  # type: ignore[no-untyped-call]
        torch.ones(2) + 1
        within = len(seen)
        with torch_internals.outside_dispatch_modes():
            torch.ones(2) + 1
    assert within > 0
    assert len(seen) == within


def test_no_other_file_reaches_into_torch() -> None:
    files = [file for folder in ("tasks", "platform") for file in (ROOT / folder).rglob("*.py")]
    found = [
        str(file) for file in files if file.name != "torch_internals.py" and PRIVATE.search(file.read_text("utf-8"))
    ]
    assert not found
