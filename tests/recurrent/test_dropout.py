"""Dropout and noise in time: rates, expectations, what is the same at all steps."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.recurrent.cell import State, recurrent_mask
from tasks.recurrent.dropout import Dropout, StateNoise
from tasks.recurrent.loop import LoopName, read_sequence
from tasks.recurrent.noise import Noise
from tasks.recurrent.stack import RecurrentNetwork
from tests.recurrent.cells.variants import VARIANTS, Variant, random_state

TIME, BATCH, INPUTS, HIDDEN = 7, 3, 4, 5
LOOPS: list[LoopName] = ["auto", "compiled", "plain"]
NOISES = [
    StateNoise(recurrent=0.4),
    StateNoise(zoneout=0.3),
    StateNoise(zoneout_memory=0.3),
    StateNoise(recurrent=0.2, zoneout=0.5, zoneout_memory=0.1),
]


# What layers read


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_drops_its_share_and_scales_up_the_rest(locked: bool) -> None:
    torch.manual_seed(0)
    values = torch.rand(50, 40, 60) + 1
    dropped = Dropout(0.3, locked=locked)(values)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], (values / 0.7)[kept])
    assert kept.float().mean().item() == pytest.approx(0.7, abs=0.02)


def test_a_locked_mask_is_one_for_all_steps_and_another_for_each_sequence() -> None:
    torch.manual_seed(0)
    dropped = Dropout(0.5, locked=True)(torch.ones(20, 30, 40)) == 0
    assert (dropped == dropped[0]).all()
    assert not (dropped == dropped[:, :1]).all()
    again = Dropout(0.5, locked=False)(torch.ones(20, 30, 40)) == 0
    assert not (again == again[0]).all()


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_is_off_in_evaluation_and_at_rate_zero(locked: bool) -> None:
    values = torch.randn(2, 3, 4)
    assert torch.equal(Dropout(0.5, locked=locked).eval()(values), values)
    assert torch.equal(Dropout(0.0, locked=locked)(values), values)


# What layers carry through time


def state(parts: int = 2) -> State:
    return tuple(torch.zeros(BATCH, HIDDEN) for _ in range(parts))


def test_without_rates_there_is_no_noise() -> None:
    assert StateNoise().draw(state(), steps=TIME, training=True) is None
    assert StateNoise(recurrent=0.5).draw(state(), steps=TIME, training=False) is None, "torch's kernel may be used"
    assert StateNoise(zoneout_memory=0.5).draw(state(1), steps=TIME, training=True) is None, "there is no memory"


def test_zoneout_keeps_each_part_at_its_own_rate() -> None:
    torch.manual_seed(0)
    large = tuple(torch.zeros(40, 50) for _ in range(2))
    noise = StateNoise(zoneout=0.1, zoneout_memory=0.6).draw(large, steps=30, training=True)
    assert noise is not None
    assert noise.recurrent is None
    for keep, rate in zip(noise.keep, (0.1, 0.6), strict=True):
        assert keep.shape == (30, 40, 50)
        assert set(keep.flatten().tolist()) == {0.0, 1.0}
        assert keep.mean().item() == pytest.approx(rate, abs=0.01)
        assert not torch.equal(keep[0], keep[1]), "another mask at each step"


def test_in_evaluation_zoneout_is_its_expectation() -> None:
    noise = StateNoise(recurrent=0.5, zoneout=0.1, zoneout_memory=0.6).draw(state(), steps=TIME, training=False)
    assert noise is not None
    assert noise.recurrent is None
    assert [keep.item() for keep in noise.keep] == pytest.approx([0.1, 0.6])


def test_recurrent_dropout_has_one_mask_for_all_steps() -> None:
    torch.manual_seed(0)
    noise = StateNoise(recurrent=0.25).draw((torch.zeros(200, 50),), steps=TIME, training=True)
    assert noise is not None
    assert noise.recurrent is not None
    assert noise.recurrent.shape == (200, 50)
    assert sorted(set(noise.recurrent.flatten().tolist())) == pytest.approx([0, 4 / 3])
    assert (noise.recurrent == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("cell", "gate", "value"), [("gru", "z", 1), ("gru_reset_after", "z", 1), ("minimal_gated", "u", 0)]
)
def test_under_recurrent_dropout_a_gate_that_remembers_keeps_h(
    cell: str, gate: str, value: int, loop: LoopName
) -> None:
    remembering = Variant(cell).build(inputs=INPUTS, hidden=HIDDEN)
    with torch.no_grad():
        remembering.block(remembering.read.bias, gate).fill_(100.0 if value else -100.0)
    (h,) = random_state(remembering, BATCH)
    noise = StateNoise(recurrent=0.5).draw((h,), steps=35, training=True)
    inputs = torch.randn(35, BATCH, INPUTS, dtype=torch.float64)
    outputs = read_sequence(remembering, inputs, (h,), noise=noise, loop=loop).outputs
    torch.testing.assert_close(outputs, h.expand_as(outputs), rtol=0, atol=1e-13)


@pytest.mark.parametrize("bias", [-4.0, 4.0])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_under_recurrent_dropout_what_is_bounded_stays_so(variant: Variant, bias: float) -> None:
    cell = variant.build(inputs=INPUTS, hidden=HIDDEN)
    if not cell.bounded:
        return
    torch.nn.init.constant_(cell.read.bias, bias)
    state = random_state(cell, BATCH)
    noise = StateNoise(recurrent=0.5).draw(state, steps=35, training=True)
    inputs = torch.randn(35, BATCH, INPUTS, dtype=torch.float64)
    outputs = read_sequence(cell, inputs, state, noise=noise, loop="plain").outputs
    assert outputs.abs().max() <= 36, "a step adds at most 1"


def test_a_mask_ends_with_its_step_even_one_that_fails() -> None:
    cell = Variant("gru").build(inputs=INPUTS, hidden=HIDDEN)
    h = torch.randn(BATCH, HIDDEN, dtype=torch.float64)
    before = cell.recur(h)
    with pytest.raises(RuntimeError), recurrent_mask(torch.zeros(BATCH, HIDDEN + 1)):
        cell.recur(h)
    assert torch.equal(cell.recur(h), before)


def by_hand(cell: Any, sequence: Tensor, noise: Noise | None) -> Tensor:
    """The outputs of every step, with zoneout and recurrent dropout as in the papers."""
    parts, outputs = cell.initial_state(sequence.shape[1]), []
    mask = 1.0 if noise is None or noise.recurrent is None else noise.recurrent
    for t, x in enumerate(sequence):
        new = cell.step(cell.project(x), (parts[0] * mask, *parts[1:]))
        if noise is not None and noise.keep:
            stay = [keep.expand(len(sequence), -1, -1)[t] for keep in noise.keep]
            new = tuple(d * old + (1 - d) * fresh for d, old, fresh in zip(stay, parts, new, strict=True))
        parts = new
        outputs.append(parts[0])
    return torch.stack(outputs)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_a_noisy_network_is_its_equations(cell: str, noise: StateNoise, training: bool, loop: LoopName) -> None:
    network: Any = RecurrentNetwork(cell=cell, inputs=INPUTS, hidden=HIDDEN, noise=noise, loop=loop).double()
    network.train(training)
    inputs = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64)
    torch.manual_seed(3)
    outputs, _ = network(inputs)
    torch.manual_seed(3)
    drawn = noise.draw(network.initial_state(BATCH)[0], steps=TIME, training=training)
    expected = by_hand(network.forward_layers[0].cell, inputs, drawn)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("training", [True, False])
def test_noise_and_lengths_go_together_in_both_directions(training: bool) -> None:
    noise = StateNoise(recurrent=0.2, zoneout=0.5, zoneout_memory=0.1)
    network = RecurrentNetwork(
        cell="lstm", inputs=INPUTS, hidden=HIDDEN, depth=2, direction="bidirectional", noise=noise, dropout=0.2
    )
    network.double().train(training)
    inputs, lengths = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64), torch.tensor([3, 7, 1])
    results = []
    for padding in (0.0, 9.0):
        torch.manual_seed(3)
        filled = inputs.masked_fill((torch.arange(TIME).unsqueeze(1) >= lengths).unsqueeze(2), padding)
        results.append(network(filled, lengths=lengths))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)
    outputs, states = results[0]
    assert not outputs[3:, 0].any()
    if not training:
        top_forward, top_backward = states[-2][0], states[-1][0]
        for i, length in enumerate(lengths):
            torch.testing.assert_close(outputs[length - 1, i, :HIDDEN], top_forward[i], rtol=0, atol=0)
            torch.testing.assert_close(outputs[0, i, HIDDEN:], top_backward[i], rtol=0, atol=0)


def test_the_same_seed_gives_the_same_noise() -> None:
    noise = StateNoise(recurrent=0.2, zoneout=0.5, zoneout_memory=0.1)
    network = RecurrentNetwork(cell="lstm", inputs=INPUTS, hidden=HIDDEN, noise=noise, dropout=0.5, locked=True)
    inputs = torch.randn(TIME, BATCH, INPUTS)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(network(inputs)[0])
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_under_zoneout_outputs_stay_what_they_were() -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(cell="lstm", inputs=INPUTS, hidden=200, noise=StateNoise(zoneout=0.9))
    outputs, _ = network(torch.randn(40, BATCH, INPUTS))
    stays = (outputs[1:] == outputs[:-1]).float().mean().item()
    assert stays == pytest.approx(0.9, abs=0.02)
