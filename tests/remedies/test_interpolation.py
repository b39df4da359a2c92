"""Interpolation: where tokens come from, and what the reward asks for."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from tasks.remedies.kinds.interpolation import Interpolation
from tasks.remedies.kinds.teacher_forcing import TeacherForcing
from tasks.remedies.remedy import PADDING
from tasks.remedies.rewards import REWARDS, RewardName, token_accuracy
from tests.remedies.conftest import END, HIDDEN, VOCABULARY, Tiny, examples_of, same


def test_at_first_and_with_nothing_of_its_own_it_is_teacher_forcing(tiny: Tiny) -> None:
    examples = examples_of((2, 3, END), (3, END))
    remedy = Interpolation(features=HIDDEN, own_at_first=0.0)
    found, teacher = (
        remedy.objective(tiny, examples).loss,
        TeacherForcing(features=HIDDEN).objective(tiny, examples).loss,
    )
    assert torch.allclose(found, teacher)
    assert same(tiny.gradients(found), tiny.gradients(teacher))


def made(remedy: Interpolation, tiny: Tiny, *, own: float, by_reward: float, batch: int) -> list[tuple[int, ...]]:
    targets = remedy._make(tiny, examples_of(*[(2, 3, END)] * batch), own=own, by_reward=by_reward)
    return [tuple(column) for column in targets.T.tolist()]


def test_own_tokens_have_the_models_distribution_without_the_end() -> None:
    batch = 4_000
    one = Tiny(batch=1)
    drawn = Counter(
        row[0] for row in made(Interpolation(features=HIDDEN), one.repeat(batch), own=1.0, by_reward=0.0, batch=batch)
    )
    logits = one.logits(one.step(one.embed(torch.tensor([1])), one.begin())[0])[0]
    logits[END] = -math.inf
    for token, share in enumerate(logits.softmax(0).tolist()):
        assert drawn[token] / batch == pytest.approx(share, abs=0.04)


def test_rewarded_tokens_are_drawn_by_what_they_add() -> None:
    batch, temperature = 20_000, 0.3
    remedy = Interpolation(features=HIDDEN, reward="accuracy", reward_temperature=temperature)
    tiny = Tiny(batch=1).repeat(batch)
    drawn = Counter(row[:2] for row in made(remedy, tiny, own=0.0, by_reward=1.0, batch=batch))
    expected = dict[tuple[int, ...], float]()
    for first in range(1, VOCABULARY):
        gains = {t: token_accuracy([t], [2, 3]) for t in range(1, VOCABULARY)}
        share = math.exp(gains[first] / temperature) / sum(math.exp(g / temperature) for g in gains.values())
        before = token_accuracy([first], [2, 3])
        gains = {t: token_accuracy([first, t], [2, 3]) - before for t in range(1, VOCABULARY)}
        whole = sum(math.exp(g / temperature) for g in gains.values())
        expected |= {(first, t): share * math.exp(g / temperature) / whole for t, g in gains.items()}
    for pair, share in expected.items():
        assert drawn[pair] / batch == pytest.approx(share, abs=0.04)


def test_ends_and_padding_stay_where_they_are(tiny: Tiny) -> None:
    examples = examples_of((2, 3, 1, END), (END,), update=99)
    torch.manual_seed(0)
    targets = Interpolation(features=HIDDEN, own_at_last=0.5, reward_at_last=0.5)._make(
        tiny, examples, own=0.5, by_reward=0.5
    )
    assert targets[3, 0] == END
    assert targets[:, 1].tolist() == [END, PADDING, PADDING, PADDING]
    assert (targets[:3, 0] > 0).all()


def test_shares_are_linear_in_updates(tiny: Tiny) -> None:
    remedy = Interpolation(features=HIDDEN, own_at_first=0.1, own_at_last=0.3, reward_at_last=0.5)
    shares = [
        remedy.objective(tiny, examples_of((2, END), (3, END), update=u, updates=101)).logged for u in (0, 50, 100)
    ]
    assert [one["right_tokens"] for one in shares] == pytest.approx([0.9, 0.55, 0.2])
    assert [one["rewarded_tokens"] for one in shares] == pytest.approx([0.0, 0.25, 0.5])


@pytest.mark.parametrize("reward", ["bleu", "accuracy"])
def test_a_temperature_that_draws_noise_is_told(reward: RewardName) -> None:
    """By the softmax over what each word of a small vocabulary adds, word by word."""
    vocabulary, right, temperature = 9, [0, 1, 2, 3], 0.2
    remedy = Interpolation(features=HIDDEN, reward=reward, reward_temperature=temperature)
    shares = []
    for place, token in enumerate(right):
        weights = {
            other: math.exp(REWARDS[reward]([*right[:place], other], right) / temperature)
            for other in range(vocabulary - 1)
        }
        shares.append(weights[token] / sum(weights.values()))
    share = sum(shares) / len(shares)
    assert remedy.right_share(vocabulary=vocabulary, length=len(right)) == pytest.approx(share)
    (told,) = remedy.warnings(vocabulary=vocabulary, length=len(right))
    assert f"{share:.1%} would be right for a sentence of 4 words of 9, behind right words" in told
    cold = Interpolation(features=HIDDEN, reward=reward, reward_temperature=1e-3)
    assert not cold.warnings(vocabulary=vocabulary, length=len(right))
    assert not Interpolation(features=HIDDEN, reward_at_last=0.0).warnings(vocabulary=vocabulary, length=4)
