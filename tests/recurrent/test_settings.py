"""Settings of recurrent networks: what is refused, and that each reaches the network."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from tasks.recurrent import cells
from tasks.recurrent.cells import cell_names
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.options import cell_settings
from tasks.recurrent.settings import RecurrentSettings, build_initialization, build_recurrent

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"cell": "ltsm"}, f"a cell is one of {', '.join(cell_names())}; did you mean 'lstm'?"),
    ({"cell": "gru", "activation": "relu"}, "cell gru has no use for activation: leave it out, or choose elman"),
    (
        {"cell": "elman", "activation": "rulu"},
        "activation of elman is one of tanh, relu, logistic, received 'rulu'",
    ),
    ({"cell": "gru", "ablation": "no_forget_gate"}, "cell gru has no use for ablation: leave it out, or choose lstm"),
    ({"ablation": "no_gate"}, "ablation of lstm is one of none, no_input_gate, no_forget_gate, "),
    ({"cell": "elman", "layer_norm": True}, "cell elman has no use for layer_norm: leave it out, or choose lstm"),
    (
        {"cell": "gru", "zoneout_memory": 0.5},
        "cell gru has no use for zoneout_memory: leave it out, or choose lstm or ",
    ),
    (
        {"cell": "irnn", "recurrent_initialization": "orthogonal"},
        "irnn is defined by how it begins, with recurrent_initialization identity and recurrent_gain 1, "
        "received orthogonal and 1; ",
    ),
    (
        {"cell": "irnn", "recurrent_gain": 1.4},
        "received identity and 1.4; in a comparison, set it in the other arms alone",
    ),
    ({"stacking": "independent"}, "stacking independent needs direction bidirectional, received forward"),
    (
        {"initialization": "uniform"},
        "initialization_scale is needed by initialization uniform, and by no other, received null for uniform",
    ),
    ({"direction": "both"}, "Input should be 'forward', 'backward' or 'bidirectional'"),
    ({"recurrent_initialization": "zeros"}, "Input should be 'orthogonal', 'identity', 'gaussian' or 'sparse'"),
    ({"recurrent_gain": 0}, "greater than 0"),
    ({"zoneout": 1}, "less than 1"),
    ({"recurrent_dropout": -0.1}, "greater than or equal to 0"),
    ({"loop": "fast"}, "Input should be 'auto', 'compiled' or 'plain'"),
]


@pytest.mark.parametrize(("settings", "text"), MISTAKES)
def test_a_mistake_is_told(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RecurrentSettings.model_validate(settings)
    (error,) = caught.value.errors()
    assert text in error["msg"]


def test_a_cell_may_be_told_to_begin_as_it_does() -> None:
    said = RecurrentSettings(cell="irnn", recurrent_initialization="identity")
    assert torch.equal(read(said), read(RecurrentSettings(cell="irnn")))


def test_what_a_cell_itself_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "choosy.py").write_text(
        "from tasks.recurrent.cell import Cell\n"
        "from unroll.contract import UserError\n\n\n"
        "class Choosy(Cell):\n"
        "    def __init__(self, *, inputs: int, hidden: int, layer_norm: bool | None = None) -> None:\n"
        "        super().__init__(inputs=inputs, hidden=hidden, blocks='h')\n"
        "        if layer_norm:\n"
        "            raise UserError('choosy goes without layer normalization', received='true')\n\n"
        "    def step(self, read, state):\n"
        "        return state\n"
    )
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    assert RecurrentSettings(cell="choosy", layer_norm=False).options == {"layer_norm": False}
    with pytest.raises(ValidationError, match="choosy goes without layer normalization, received true"):
        RecurrentSettings(cell="choosy", layer_norm=True)


def test_settings_that_no_cell_needs_load_no_torch(root: Path) -> None:
    code = (
        "import sys; from tasks.recurrent.settings import RecurrentSettings; "
        "RecurrentSettings(depth=2, zoneout=0.1); assert 'torch' not in sys.modules; "
        "RecurrentSettings(cell='elman', activation='relu'); assert 'torch' in sys.modules"
    )
    environment = {"PYTHONPATH": f"{root / 'platform'}:{root}"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


SHAPE = {"hidden": 6, "depth": 2}
"""What the examples below have in common."""

EFFECTS: list[dict[str, Any]] = [
    {"cell": "elman", "activation": "relu"},
    {"ablation": "no_forget_gate"},
    {"layer_norm": True},
    {"depth": 3},
    {"direction": "backward"},
    {"direction": "bidirectional"},
    {"direction": "bidirectional", "stacking": "independent"},
    {"connections": "skip"},
    {"connections": "residual"},
    {"dropout": 0.5},
    {"dropout": 0.5, "dropout_kind": "locked"},
    {"recurrent_dropout": 0.5},
    {"zoneout": 0.5},
    {"zoneout_memory": 0.5},
    {"forget_bias": None},
    {"initialization": "uniform", "initialization_scale": 0.1},
    {"recurrent_initialization": "orthogonal"},
    {"recurrent_gain": 2.0},
]


def read(settings: RecurrentSettings) -> torch.Tensor:
    """What a network of these settings writes about some fixed sequences."""
    network = build_recurrent(settings, inputs=3)
    build_initialization(settings).fill(network, seed=1)
    torch.manual_seed(0)
    outputs: torch.Tensor = network(torch.randn(5, 2, 3), final_state=False)[0]
    return outputs


def test_every_setting_reaches_the_network() -> None:
    effects = [{**SHAPE, **effect} for effect in [{}, {"cell": "elman"}, *EFFECTS]]
    outputs = [read(RecurrentSettings(**effect)) for effect in effects]
    for i, one in enumerate(outputs):
        for j, other in enumerate(outputs[:i]):
            assert one.shape != other.shape or not torch.equal(one, other), (effects[i], effects[j])
    tried = {name for effect in [*EFFECTS, {**SHAPE, "cell": ""}] for name in effect}
    assert tried | {"loop"} == set(RecurrentSettings.model_fields)


@pytest.mark.parametrize("loop", ["auto", "compiled", "plain"])
@pytest.mark.parametrize("cell", cell_names())
def test_loops_agree(cell: str, loop: Any) -> None:
    expected, given = (read(RecurrentSettings(cell=cell, loop=name, **SHAPE)) for name in ("plain", loop))
    torch.testing.assert_close(given, expected, rtol=1e-5, atol=1e-6)


def test_the_compiled_loop_is_read_by_its_former_name_too() -> None:
    assert RecurrentSettings.model_validate({"loop": "common"}) == RecurrentSettings(loop="compiled")


def test_the_initialization_is_that_of_the_settings() -> None:
    settings = RecurrentSettings(recurrent_initialization="sparse", recurrent_gain=1.2, forget_bias=3)
    expected = Initialization(scale=None, forget_bias=3, recurrent="sparse", recurrent_gain=1.2)
    assert build_initialization(settings) == expected


def test_options_are_those_of_the_constructor() -> None:
    assert cell_settings("elman") == {"activation"}
    assert cell_settings("gru") == set()
    assert cell_settings("lstm") == {"ablation", "layer_norm", "zoneout_memory"}


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "elman", "activation": "logistic"},
        {"ablation": "none", "layer_norm": False},
        {"direction": "bidirectional", "stacking": "independent", "depth": 1},
    ],
)
def test_settings_survive_being_written_out_in_full(settings: dict[str, Any]) -> None:
    given = RecurrentSettings(**settings)
    assert RecurrentSettings.model_validate_json(given.model_dump_json()) == given
