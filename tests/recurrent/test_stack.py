"""Layers on top of each other: against torch.nn, against a loop over single sequences, and where dropout acts."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tasks.recurrent.loop import LoopName
from tasks.recurrent.stack import RecurrentNetwork, detach

TIME, BATCH, INPUTS, HIDDEN, DEPTH = 6, 4, 3, 5, 3
LENGTHS = torch.tensor([4, 6, 1, 5])
LOOPS: list[LoopName] = ["auto", "compiled", "plain"]
KERNELS: dict[str, Callable[..., nn.Module]] = {"elman": nn.RNN, "gru_reset_after": nn.GRU, "lstm": nn.LSTM}
SHAPES: dict[str, dict[str, Any]] = {
    f"{direction}-{stacking}-{connections}": {
        "direction": direction,
        "stacking": stacking,
        "connections": connections,
    }
    for direction, stacking in [
        ("forward", "interleaved"),
        ("backward", "interleaved"),
        ("bidirectional", "interleaved"),
        ("bidirectional", "independent"),
    ]
    for connections in ["plain", "skip", "residual"]
}


def build(cell: str = "lstm", **more: Any) -> RecurrentNetwork:
    torch.manual_seed(0)
    shape: dict[str, Any] = {"inputs": INPUTS, "hidden": HIDDEN, "depth": DEPTH, **more}
    return RecurrentNetwork(cell=cell, **shape).double()


def sequences() -> Tensor:
    return torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64)


def random_states(network: RecurrentNetwork) -> tuple[tuple[Tensor, ...], ...]:
    return tuple(tuple(torch.randn_like(part) for part in state) for state in network.initial_state(BATCH))


# Against torch.nn


def kernel_of(network: RecurrentNetwork, cell: str, *, bidirectional: bool) -> nn.Module:
    """A network of torch's with the same weights; its second bias is zero but for the GRU's own."""
    kernel = KERNELS[cell](INPUTS, HIDDEN, DEPTH, bidirectional=bidirectional).double()
    with torch.no_grad():
        for way, suffix in [("forward", ""), ("backward", "_reverse")][: 1 + bidirectional]:
            for i, layer in enumerate(getattr(network, f"{way}_layers")):
                end, own = f"_l{i}{suffix}", layer.cell
                getattr(kernel, f"weight_ih{end}").copy_(own.read.weight)
                getattr(kernel, f"weight_hh{end}").copy_(own.recur.weight)
                getattr(kernel, f"bias_ih{end}").copy_(own.read.bias)
                getattr(kernel, f"bias_hh{end}").zero_()
                if cell == "gru_reset_after":
                    getattr(kernel, f"bias_hh{end}")[2 * HIDDEN :].copy_(own.reset_bias)
    return kernel


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", KERNELS)
def test_a_deep_network_is_torchs_on_packed_sequences(cell: str, bidirectional: bool, loop: LoopName) -> None:
    network = build(cell, direction="bidirectional" if bidirectional else "forward", loop=loop)
    for weight in network.parameters():
        nn.init.uniform_(weight, -0.7, 0.7)
    kernel, inputs, before = kernel_of(network, cell, bidirectional=bidirectional), sequences(), random_states(network)
    stacked = tuple(torch.stack(part) for part in zip(*before, strict=True))
    packed = pack_padded_sequence(inputs, LENGTHS, enforce_sorted=False)
    read, last = kernel(packed, stacked if cell == "lstm" else stacked[0])
    expected, _ = pad_packed_sequence(read)
    for final_state in (True, False):
        outputs, after = network(inputs, before, lengths=LENGTHS, final_state=final_state)
        torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-13)
    assert after == ()
    _, after = network(inputs, before, lengths=LENGTHS)
    for part, layers in enumerate(last if cell == "lstm" else (last,)):
        torch.testing.assert_close(torch.stack([state[part] for state in after]), layers, rtol=0, atol=1e-13)


@pytest.mark.parametrize("loop", LOOPS)
def test_gradients_are_torchs_on_packed_sequences(loop: LoopName) -> None:
    network, inputs = build(direction="bidirectional", loop=loop), sequences()
    kernel, direction = kernel_of(network, "lstm", bidirectional=True), torch.randn(TIME, BATCH, 2 * HIDDEN).double()
    expected, _ = pad_packed_sequence(kernel(pack_padded_sequence(inputs, LENGTHS, enforce_sorted=False))[0])
    (expected * direction).sum().backward()  # type: ignore[no-untyped-call]
    outputs, _ = network(inputs, lengths=LENGTHS, final_state=False)
    (outputs * direction).sum().backward()
    for way, suffix in [("forward", ""), ("backward", "_reverse")]:
        for i, layer in enumerate(getattr(network, f"{way}_layers")):
            for own, name in [(layer.cell.read.weight, "weight_ih"), (layer.cell.recur.weight, "weight_hh")]:
                theirs = getattr(kernel, f"{name}_l{i}{suffix}").grad
                torch.testing.assert_close(own.grad, theirs, rtol=0, atol=1e-12)


# Against one sequence at a time


def slow_layer(layer: Any, sequence: Tensor) -> tuple[Tensor, Tensor]:
    """One sequence of shape (time, inputs) read step by step: outputs, and the last h."""
    state, outputs = layer.cell.initial_state(1), []
    for x in sequence.flip(0) if layer.way == "backward" else sequence:
        state = layer.cell.step(layer.cell.project(x.unsqueeze(0)), state)
        outputs.append(state[0])
    read = torch.cat(outputs)
    return (read.flip(0) if layer.way == "backward" else read), state[0][0]


def slow_stack(levels: list[list[Any]], sequence: Tensor, connections: str) -> tuple[Tensor, dict[Any, Tensor]]:
    written: list[Tensor] = []
    last = {}
    for i, level in enumerate(levels):
        below = written[-1] if i else sequence
        seen = torch.cat([sequence, below], 1) if i and connections == "skip" else below
        halves = [slow_layer(layer, seen) for layer in level]
        last.update({layer: end for layer, (_, end) in zip(level, halves, strict=True)})
        outputs = torch.cat([half for half, _ in halves], 1)
        written.append(outputs + below if i and connections == "residual" else outputs)
    return (torch.cat(written, 1) if connections == "skip" else written[-1]), last


def slow(network: Any, sequence: Tensor, shape: dict[str, str]) -> tuple[Tensor, list[Tensor]]:
    forwards, backwards = list(network.forward_layers), list(network.backward_layers)
    if shape["stacking"] == "independent":
        stacks = [[[layer] for layer in forwards], [[layer] for layer in backwards]]
    else:
        pairs = [forwards[i : i + 1] + backwards[i : i + 1] for i in range(DEPTH)]
        stacks = [pairs]
    tops, ends = [], {}
    for levels in stacks:
        top, last = slow_stack(levels, sequence, shape["connections"])
        tops.append(top)
        ends.update(last)
    order = [layer for i in range(DEPTH) for layer in forwards[i : i + 1] + backwards[i : i + 1]]
    return torch.cat(tops, 1), [ends[layer] for layer in order]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_batch_is_each_of_its_sequences_alone(shape: dict[str, str], loop: LoopName) -> None:
    network, inputs = build(loop=loop, **shape), sequences()
    outputs, states = network(inputs, lengths=LENGTHS)
    assert outputs.shape == (TIME, BATCH, network.outputs)
    for i, length in enumerate(LENGTHS.tolist()):
        expected, ends = slow(network, inputs[:length, i], shape)
        torch.testing.assert_close(outputs[:length, i], expected, rtol=0, atol=1e-13)
        assert not outputs[length:, i].any(), "outputs are zero at padding"
        torch.testing.assert_close([state[0][i] for state in states], ends, rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_without_lengths_all_steps_are_real(shape: dict[str, str]) -> None:
    network, inputs = build(**shape), sequences()
    bare, told = network(inputs), network(inputs, lengths=torch.full((BATCH,), TIME))
    torch.testing.assert_close(bare, told, rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_padding_never_leaks(shape: dict[str, str]) -> None:
    network, inputs = build(**shape, dropout=0.3, locked=True), sequences()
    padding = (torch.arange(TIME).unsqueeze(1) >= LENGTHS).unsqueeze(2)
    results = []
    for filled in (inputs.masked_fill(padding, 0), inputs.masked_fill(padding, 1e6)):
        torch.manual_seed(1)
        outputs, states = network(filled.requires_grad_(), lengths=LENGTHS)
        loss = outputs.square().sum() + sum(part.sum() for state in states for part in state)
        results.append((outputs, states, torch.autograd.grad(loss, [filled, *network.parameters()])))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-12)
    assert not results[1][2][0].masked_select(padding).any(), "no gradient reaches padding"


def test_independent_stacks_are_two_networks() -> None:
    both = build(direction="bidirectional", stacking="independent", connections="skip")
    inputs, halves = sequences(), []
    for direction in ("forward", "backward"):
        one = build(direction=direction, connections="skip")
        one.load_state_dict({k: v for k, v in both.state_dict().items() if k.startswith(direction)})
        halves.append(one(inputs, lengths=LENGTHS)[0])
    torch.testing.assert_close(both(inputs, lengths=LENGTHS)[0], torch.cat(halves, dim=2), rtol=0, atol=0)


# Names and sizes


def test_networks_of_other_shapes_share_names_where_they_share_layers() -> None:
    shapes = {name: build(**shape).state_dict() for name, shape in SHAPES.items()}
    both, ahead = shapes["bidirectional-independent-plain"], shapes["forward-interleaved-plain"]
    assert {k: v.shape for k, v in both.items() if k.startswith("forward")} == {k: v.shape for k, v in ahead.items()}
    assert {k.replace("forward_", "backward_") for k in ahead} == set(shapes["backward-interleaved-plain"])
    assert build(depth=1).state_dict().keys() < ahead.keys()
    assert "forward_layers.0.cell.read.weight" in ahead


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_ways_of_the_outputs(shape: dict[str, str]) -> None:
    """Inverting the weights' sign of one direction changes the parts of the outputs that come from it alone."""
    network, inputs = build(**shape, depth=1), sequences()
    before = network(inputs)[0].chunk(len(network.ways), dim=2)
    with torch.no_grad():
        for weight in network.forward_layers.parameters():
            weight.neg_()
    after = network(inputs)[0].chunk(len(network.ways), dim=2)
    for way, old, new in zip(network.ways, before, after, strict=True):
        assert torch.equal(old, new) == (way == "backward")
    ways = build(**shape).ways
    deep = DEPTH if shape["connections"] == "skip" else 1
    expected = {"forward": ["forward"], "backward": ["backward"], "bidirectional": ["forward", "backward"]}
    alternate = expected[shape["direction"]] * deep
    assert list(ways) == (sorted(alternate, reverse=True) if shape["stacking"] == "independent" else alternate)


@pytest.mark.parametrize(
    ("shape", "reads"),
    [
        ("forward-interleaved-plain", [(INPUTS, 1), (HIDDEN, 2)]),
        ("bidirectional-interleaved-plain", [(INPUTS, 2), (2 * HIDDEN, 4)]),
        ("bidirectional-independent-residual", [(INPUTS, 2), (HIDDEN, 4)]),
        ("bidirectional-interleaved-skip", [(INPUTS, 2), (INPUTS + 2 * HIDDEN, 4)]),
        ("bidirectional-independent-skip", [(INPUTS, 2), (INPUTS + HIDDEN, 4)]),
    ],
)
def test_number_of_parameters(shape: str, reads: list[tuple[int, int]]) -> None:
    """``reads``: what layers read, and how many do."""
    expected = sum(layers * 4 * (size * HIDDEN + HIDDEN**2 + HIDDEN) for size, layers in reads)
    assert sum(weight.numel() for weight in build(**SHAPES[shape]).parameters()) == expected


# Dropout


class Triple(nn.Module):
    """Stands for dropout: what passes it is seen."""

    def forward(self, values: Tensor) -> Tensor:
        return 3 * values


@pytest.mark.parametrize("connections", ["plain", "skip", "residual"])
def test_dropout_acts_before_each_layer_and_at_the_top_and_on_nothing_else(connections: Any) -> None:
    network: Any = build("gru", connections=connections)
    network.dropout = Triple()
    inputs = sequences()
    outputs, _ = network(inputs)
    written: list[Tensor] = []
    for i, layer in enumerate(network.layers()):
        below = written[-1] if i else inputs
        seen = torch.cat([inputs, below], 2) if i and connections == "skip" else below
        wrote = layer(3 * seen, None, lengths=None, final_state=False).outputs
        written.append(wrote + below if i and connections == "residual" else wrote)
    top = torch.cat(written, 2) if connections == "skip" else written[-1]
    torch.testing.assert_close(outputs, 3 * top, rtol=0, atol=0)


def test_a_detached_state_has_equal_values_and_no_history() -> None:
    network = build("lstm")
    _, states = network(sequences())
    cut = detach(states)
    torch.testing.assert_close(cut, states, rtol=0, atol=0)
    assert all(part.grad_fn is None for layer in cut for part in layer)
