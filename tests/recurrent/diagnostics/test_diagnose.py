"""Diagnostics against slow versions, for every cell and shape, and that they leave no trace."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasks.recurrent.cells import cell_names
from tasks.recurrent.diagnostics.diagnose import diagnose
from tasks.recurrent.dropout import StateNoise
from tasks.recurrent.hierarchy import HierarchicalNetwork
from tasks.recurrent.stack import RecurrentNetwork
from tasks.recurrent.summary import Last

TIME, BATCH, INPUTS, HIDDEN = 9, 3, 2, 5


def network_of(cell: str, scale: float = 1.0, **more: Any) -> RecurrentNetwork:
    torch.manual_seed(1)
    network = RecurrentNetwork(cell=cell, inputs=INPUTS, hidden=HIDDEN, **more)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_().mul_(scale)
    return network


def sequences() -> Tensor:
    return torch.randn(TIME, BATCH, INPUTS, generator=torch.Generator().manual_seed(2))


def score_of(network: RecurrentNetwork, lengths: Tensor | None = None) -> Callable[[], Tensor]:
    def score() -> Tensor:
        outputs: Tensor = network(sequences(), lengths=lengths)[0]
        return outputs[-1].square().sum()

    return score


def test_an_lstm_worked_out_step_by_step() -> None:
    network = network_of("lstm", scale=2.0)
    values = diagnose(network, score_of(network))
    cell: Any = network.layers()[0].cell
    h = c = torch.zeros(BATCH, HIDDEN)
    seen: dict[str, list[Tensor]] = {name: [] for name in ("i", "f", "o", "h", "c")}
    for x in sequences():
        a = (cell.read(x) + cell.recur(h)).split(HIDDEN, dim=1)
        i, f, g, o = a[0].sigmoid(), a[1].sigmoid(), a[2].tanh(), a[3].sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        for name, value in (("i", i), ("f", f), ("o", o), ("h", h), ("c", c)):
            seen[name].append(value)
    count = TIME * BATCH * HIDDEN
    for gate in ("i", "f", "o"):
        low = sum(v < 0.1 for step in seen[gate] for v in step.flatten().tolist())
        high = sum(v > 0.9 for step in seen[gate] for v in step.flatten().tolist())
        assert 0 < low < count  # the test would see a confusion of the two
        assert 0 < high < count
        assert values[f"gates/layer0/{gate}/saturated_low"] == pytest.approx(low / count)
        assert values[f"gates/layer0/{gate}/saturated_high"] == pytest.approx(high / count)
    for part in ("h", "c"):
        norms = [math.sqrt(sum(v * v for v in row)) for step in seen[part] for row in step.tolist()]
        assert values[f"state/layer0/{part}/norm"] == pytest.approx(sum(norms) / len(norms), rel=1e-5)
    for index, block in enumerate("ifgo"):
        matrix = cell.recur.weight.detach().numpy()[index * HIDDEN : (index + 1) * HIDDEN]
        radius, largest = np.abs(np.linalg.eigvals(matrix)).max(), np.linalg.norm(matrix, 2)
        assert values[f"recurrent/layer0/U_{block}/spectral_radius"] == pytest.approx(radius, rel=1e-4)
        assert values[f"recurrent/layer0/U_{block}/largest_singular_value"] == pytest.approx(largest, rel=1e-4)


SHAPES: list[dict[str, Any]] = [
    {},
    {"depth": 3},
    {"depth": 2, "direction": "bidirectional"},
    {"depth": 2, "connections": "skip", "dropout": 0.5},
    {"depth": 2, "connections": "residual", "noise": StateNoise(recurrent=0.3, zoneout=0.2)},
]


@pytest.mark.parametrize("cell", cell_names())
@pytest.mark.parametrize("shape", SHAPES)
def test_every_cell_and_shape_can_be_diagnosed_and_keeps_no_trace(cell: str, shape: dict[str, Any]) -> None:
    network = network_of(cell, scale=0.5, **shape).train()
    network.layers()[0].eval()  # a part that was in another mode stays there
    score = score_of(network)
    score().backward()  # type: ignore[no-untyped-call]
    before, modes = state_of(network), [module.training for module in network.modules()]
    loops = [layer.loop for layer in network.layers()]
    random = torch.get_rng_state()
    values = diagnose(network, score)
    assert torch.equal(torch.get_rng_state(), random)
    assert modes == [module.training for module in network.modules()]
    assert loops == [layer.loop for layer in network.layers()]
    assert not any(layer._forward_hooks for layer in network.layers())
    assert not any("step" in vars(layer.cell) for layer in network.layers())
    for left, right in zip(before, state_of(network), strict=True):
        assert torch.equal(left, right)
    assert all(math.isfinite(value) for value in values.values())
    assert_complete(values, network)


def state_of(network: nn.Module) -> list[Tensor]:
    return [
        tensor.clone() for weight in network.parameters() for tensor in (weight.data, weight.grad) if tensor is not None
    ]


def assert_complete(values: dict[str, float], network: RecurrentNetwork) -> None:
    cells: dict[str, Any] = {}
    for layer in network.layers():
        end = "_backward" if layer.way == "backward" else ""
        depth = sum(name.endswith("_backward") == bool(end) for name in cells)
        cells[f"layer{depth}{end}"] = layer.cell
    for name, cell in cells.items():
        assert {n for n in values if n.startswith(f"state/{name}/")} == {f"state/{name}/{p}/norm" for p in cell.parts}
        blocks = {n.split("/")[2] for n in values if n.startswith(f"recurrent/{name}/")}
        assert blocks == {f"U_{block}" for block in cell.recurrent_blocks()}
        flow = {n.split("/")[-2] for n in values if re.fullmatch(rf"gradient_flow/{name}/.*distance_\d+", n)}
        assert flow == (set() if name.endswith("_backward") else {name, *cell.parts})
    assert all(0 <= value <= 1 for n, value in values.items() if n.startswith("gates/"))


def test_padding_is_no_part_of_it() -> None:
    lengths = torch.tensor([9, 4, 6])
    network = network_of("lstm")
    padded = diagnose(network, score_of(network, lengths))
    assert padded["state/layer0/h/norm"] != diagnose(network, score_of(network))["state/layer0/h/norm"]
    sums = [0.0, 0.0]
    for b, length in enumerate(lengths.tolist()):

        def alone(b: int = b, length: int = length) -> Tensor:
            outputs: Tensor = network(sequences()[:length, b : b + 1])[0]
            return outputs[-1].sum()

        values = diagnose(network, alone)
        sums[0] += length * values["state/layer0/h/norm"]
        sums[1] += length * values["gates/layer0/f/saturated_high"]
    assert padded["state/layer0/h/norm"] == pytest.approx(sums[0] / 19, rel=1e-5)
    assert padded["gates/layer0/f/saturated_high"] == pytest.approx(sums[1] / 19, rel=1e-5)


def test_what_runs_is_what_would_run() -> None:
    """Zoneout in evaluation is an expectation, which the recorded states have too."""
    network = network_of("lstm", noise=StateNoise(zoneout=0.4, zoneout_memory=0.3)).eval()
    usual = network(sequences())[0].norm(dim=-1).mean().item()
    assert diagnose(network, score_of(network))["state/layer0/h/norm"] == pytest.approx(usual, rel=1e-5)


def test_ruined_weights_are_told_as_they_are() -> None:
    network = network_of("elman")
    with torch.no_grad():
        network.layers()[0].cell.recur.weight[0, 0] = math.nan
    values = diagnose(network, score_of(network))
    assert math.isnan(values["recurrent/layer0/U_h/spectral_radius"])
    assert math.isnan(values["gradient_flow/layer0/distance_5"])


class Two(nn.Module):
    """Words, then sentences."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.sentences = network_of("gru"), RecurrentNetwork(cell="elman", inputs=HIDDEN, hidden=HIDDEN)

    def score(self) -> Tensor:
        outputs: Tensor = self.sentences(self.words(sequences())[0])[0]
        return outputs[-1].sum()


def test_several_networks_have_their_names_before_their_layers() -> None:
    model = Two()
    values = diagnose(model, model.score)
    assert "gates/words.layer0/z/saturated_low" in values
    assert "state/sentences.layer0/h/norm" in values
    assert {name.split("/")[1] for name in values} == {"words.layer0", "sentences.layer0"}


def test_words_and_sentences_of_documents() -> None:
    """Also where a sentence is empty: a document's loss reaches each sentence's last word first."""
    words, sentences = network_of("lstm"), RecurrentNetwork(cell="gru", inputs=HIDDEN, hidden=HIDDEN)
    network = HierarchicalNetwork(words=words, sentence=Last(), sentences=sentences, document=Last())
    documents = torch.randn(6, 4, BATCH, INPUTS, generator=torch.Generator().manual_seed(3))
    lengths = torch.tensor([[6, 2, 3], [1, 0, 5], [4, 4, 0], [2, 6, 0]])
    values = diagnose(network, lambda: network(documents, lengths=lengths).square().sum())
    assert all(math.isfinite(value) for value in values.values())
    for name, last in (("words", 5), ("sentences", 3)):
        distances = [int(n.rpartition("_")[2]) for n in values if n.startswith(f"gradient_flow/{name}.layer0/distance")]
        assert max(distances) == last
        assert values[f"gradient_flow/{name}.layer0/distance_0"] > 0
