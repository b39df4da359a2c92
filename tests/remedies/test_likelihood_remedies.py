"""Remedies that minimize a likelihood, against their equations written slowly."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.remedies.kinds import _mixed_inputs, scheduled_sampling
from tasks.remedies.kinds._annealing import AnnealingName, half_way, right_share
from tasks.remedies.kinds._prefixes import PrefixAnnealing
from tasks.remedies.kinds.data_as_demonstrator import DataAsDemonstrator
from tasks.remedies.kinds.end_to_end import EndToEnd
from tasks.remedies.kinds.reward_augmented import RewardAugmented, substitute, substituted_share
from tasks.remedies.kinds.scheduled_sampling import ScheduledSampling
from tasks.remedies.kinds.teacher_forcing import TeacherForcing
from tasks.remedies.remedy import PADDING, Examples
from tests.remedies.conftest import END, HIDDEN, START, VOCABULARY, Tiny, examples_of, same


def slow_likelihood(tiny: Tiny, examples: Examples, read: Any) -> Tensor:
    """Mean over all right tokens of -log p; ``read(sentence, time, h, right)`` gives the vector that is read."""
    total, count = torch.zeros((), dtype=torch.float64), 0
    for sentence, column in enumerate(examples.targets.T.tolist()):
        right = [token for token in column if token != PADDING]
        h, embedded = tiny.first[sentence], tiny.embedding[START]
        for time, token in enumerate(right):
            h = torch.tanh(embedded + h @ tiny.recurrent)
            total = total - (h @ tiny.output).log_softmax(0)[token]
            count += 1
            embedded = read(sentence, time, h, token)
    return total / count


def test_teacher_forcing_is_maximum_likelihood(tiny: Tiny, examples: Examples) -> None:
    found = TeacherForcing(features=HIDDEN).objective(tiny, examples)
    slow = slow_likelihood(tiny, examples, lambda s, t, h, right: tiny.embedding[right])
    assert found.own is None
    assert torch.allclose(found.loss, slow)
    assert same(tiny.gradients(found.loss), tiny.gradients(slow))


@pytest.mark.parametrize(
    ("name", "rate", "stated"),
    [
        ("linear", 0.01, {0: 1.0, 30: 0.7, 100: 0.0, 1000: 0.0}),
        ("exponential", 0.9, {0: 1.0, 1: 0.9, 20: 0.9**20}),
        ("inverse_sigmoid", 10.0, {0: 10 / 11, 23: 10 / (10 + math.exp(2.3)), 10**9: 0.0}),
        ("constant", None, {0: 0.0, 50: 0.0}),
    ],
)
def test_schedules_have_their_stated_values(name: AnnealingName, rate: float | None, stated: dict[int, float]) -> None:
    for update, share in stated.items():
        assert right_share(name, update, 100, rate=rate, floor=0.0) == pytest.approx(share)
        assert right_share(name, update, 100, rate=rate, floor=0.25) == pytest.approx(max(share, 0.25))


@pytest.mark.parametrize(
    ("name", "possible", "impossible"), [("linear", 1.0, 1.1), ("exponential", 0.999, 1.0), ("inverse_sigmoid", 1, 0.9)]
)
def test_a_rate_without_a_schedule_is_refused(name: AnnealingName, possible: float, impossible: float) -> None:
    ScheduledSampling(features=HIDDEN, annealing=name, annealing_rate=possible)
    with pytest.raises(ValueError, match=f"^annealing {name} .*annealing_rate.* received {impossible:g}$"):
        ScheduledSampling(features=HIDDEN, annealing=name, annealing_rate=impossible)


def test_schedules_without_a_rate_fit_the_run() -> None:
    for updates in (10, 1000, 100_000):
        assert right_share("linear", updates, updates, rate=None, floor=0.1) == pytest.approx(0.1)
        assert right_share("exponential", updates, updates, rate=None, floor=0.0) == pytest.approx(0.01)
        assert half_way(updates) * math.log(half_way(updates)) == pytest.approx(updates / 2)
        assert right_share("inverse_sigmoid", updates // 2, updates, rate=None, floor=0.0) == pytest.approx(0.5)
    assert half_way(0) == 1.0


@pytest.mark.parametrize("own", ["sample", "best"])
def test_scheduled_sampling_is_its_equation_for_the_words_that_it_read(
    own: Any, tiny: Tiny, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[Tensor]()
    plain = _mixed_inputs.read_mixed

    def spy(model: Any, given: Examples, choose: Any) -> Tensor:
        def kept(time: int, before: Tensor) -> Tensor:
            seen.append(choose(time, before))
            return seen[-1]

        return plain(model, given, kept)

    monkeypatch.setattr(scheduled_sampling, "read_mixed", spy)
    remedy = ScheduledSampling(features=HIDDEN, annealing="constant", right_tokens=0.5, own_tokens=own)
    torch.manual_seed(3)
    found = remedy.objective(tiny, examples)
    which = [[int((tiny.embedding == row).all(1).nonzero()) for row in step] for step in seen]
    slow = slow_likelihood(tiny, examples, lambda s, t, h, right: tiny.embedding[which[t][s]] if t < 2 else h)
    assert torch.allclose(found.loss, slow)
    assert same(tiny.gradients(found.loss), tiny.gradients(slow))


def test_the_coin_of_scheduled_sampling_is_thrown_for_each_token(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = 4000
    tiny, target = Tiny(batch=batch), (2, 2, 2, END)
    examples = examples_of(*[target] * batch)
    read = list[Tensor]()
    embed = tiny.embed

    def spy(tokens: Tensor) -> Tensor:
        read.append(tokens)
        return embed(tokens)

    monkeypatch.setattr(tiny, "embed", spy)
    monkeypatch.setattr(scheduled_sampling, "draw", lambda logits: torch.full((batch,), 3))
    ScheduledSampling(features=HIDDEN, annealing="constant", right_tokens=0.3).objective(tiny, examples)
    right = torch.stack(read[1:]) == 2
    assert right.double().mean().item() == pytest.approx(0.3, abs=0.03)
    both = (right[0] & right[1]).double().mean().item()
    assert both == pytest.approx(0.09, abs=0.03), "tokens of one sentence are independent"


def test_always_right_is_teacher_forcing(tiny: Tiny, examples: Examples) -> None:
    teacher = TeacherForcing(features=HIDDEN).objective(tiny, examples).loss
    for remedy in (
        ScheduledSampling(features=HIDDEN, annealing="constant", right_tokens=1.0),
        DataAsDemonstrator(features=HIDDEN, prefix_from=1),
        EndToEnd(features=HIDDEN, prefix_from=1),
        RewardAugmented(features=HIDDEN, payoff_temperature=1e-3),
    ):
        found = remedy.objective(tiny, examples).loss
        assert torch.allclose(found, teacher), remedy
        assert same(tiny.gradients(found), tiny.gradients(teacher))


def test_prefixes_fall_from_all_to_none() -> None:
    prefix = PrefixAnnealing(start=10, every=5, by=2)
    lengths = {
        update: prefix.length(examples_of((2, 2, 2, 2, END), update=update)) for update in (0, 9, 14, 15, 20, 25, 99)
    }
    assert lengths == {0: 5, 9: 5, 14: 5, 15: 3, 20: 1, 25: 0, 99: 0}
    spread = PrefixAnnealing(start=0, every=None, by=1)
    assert spread.length(examples_of((2, END), update=66)) == 0
    assert spread.length(examples_of((2, END), update=65)) == 1


@pytest.mark.parametrize("prefix_by", [1, 2, 3])
def test_data_as_demonstrator_reads_best_guesses_behind_the_prefix(prefix_by: int, tiny: Tiny) -> None:
    examples = examples_of((2, 3, END), (3, 2, END), update=1)
    remedy = DataAsDemonstrator(features=HIDDEN, prefix_every=1, prefix_by=prefix_by)
    prefix = 3 - prefix_by

    def read(sentence: int, time: int, h: Tensor, right: int) -> Tensor:
        return tiny.embedding[right if time + 1 <= prefix else int((h @ tiny.output).argmax())]

    found, slow = remedy.objective(tiny, examples).loss, slow_likelihood(tiny, examples, read)
    assert torch.allclose(found, slow)
    assert same(tiny.gradients(found), tiny.gradients(slow))


@pytest.mark.parametrize("mixture", [1, 2, VOCABULARY, 50])
def test_end_to_end_reads_mixtures_through_which_gradients_flow(mixture: int, tiny: Tiny) -> None:
    examples = examples_of((2, 3, END), (3, 2, END), update=1)
    remedy = EndToEnd(features=HIDDEN, mixture=mixture, prefix_every=1, prefix_by=2)

    def read(sentence: int, time: int, h: Tensor, right: int) -> Tensor:
        if time + 1 <= 1:
            return tiny.embedding[right]
        probabilities = (h @ tiny.output).softmax(0)
        kept = sorted(range(VOCABULARY), key=lambda token: -float(probabilities[token].detach()))[:mixture]
        whole = sum((probabilities[token] for token in kept), torch.zeros(()))
        return torch.stack([probabilities[token] / whole * tiny.embedding[token] for token in kept]).sum(0)

    found, slow = remedy.objective(tiny, examples).loss, slow_likelihood(tiny, examples, read)
    assert torch.allclose(found, slow)
    assert same(tiny.gradients(found), tiny.gradients(slow))


def test_substitutions_have_the_exponentiated_payoff_distribution() -> None:
    count, temperature, right = 40_000, 0.7, (2, 1)
    examples = examples_of(*[(*right, END)] * count)
    torch.manual_seed(0)
    drawn = Counter(map(tuple, substitute(examples, vocabulary=5, temperature=temperature).T.tolist()))
    payoffs = {
        (*tokens, END): math.exp(-sum(a != b for a, b in zip(tokens, right, strict=True)) / temperature)
        for tokens in itertools.product([1, 2, 3, 4], repeat=2)
    }
    assert set(drawn) <= set(payoffs)
    for tokens, payoff in payoffs.items():
        share = payoff / sum(payoffs.values())
        assert drawn[tokens] / count == pytest.approx(share, abs=5 * math.sqrt(share / count))


def test_a_temperature_that_replaces_most_tokens_is_told() -> None:
    vocabulary, temperature, count = 30, 0.4, 2_000
    share = substituted_share(vocabulary=vocabulary, temperature=temperature)
    examples = examples_of(*[(2, 1, 3, 2, END)] * count)
    torch.manual_seed(0)
    wrong = substitute(examples, vocabulary=vocabulary, temperature=temperature) != examples.targets
    assert wrong.sum().item() / (4 * count) == pytest.approx(share, abs=5 * math.sqrt(share / (4 * count)))

    (told,) = RewardAugmented(features=HIDDEN, payoff_temperature=temperature).warnings(vocabulary=30, length=4)
    assert told.startswith(f"training.payoff_temperature 0.4 replaces {share:.0%} of the target tokens")
    lower = float(told.split(": ")[1].split()[0])
    assert substituted_share(vocabulary=vocabulary, temperature=lower) == pytest.approx(0.1, abs=0.01)
    assert not RewardAugmented(features=HIDDEN, payoff_temperature=lower).warnings(vocabulary=30, length=4)
    assert substituted_share(vocabulary=vocabulary, temperature=1e-6) == 0


def test_substitutions_leave_padding_and_ends_alone() -> None:
    examples = examples_of((2, 3, 2, 1, END), (END,), (3, END))
    torch.manual_seed(1)
    for _ in range(50):
        made = substitute(examples, vocabulary=VOCABULARY, temperature=50.0)
        fixed = (examples.targets == PADDING) | (examples.targets == END)
        assert torch.equal(made[fixed], examples.targets[fixed])
        assert ((made[~fixed] > 0) & (made[~fixed] < VOCABULARY)).all()


def test_where_there_is_one_word_none_is_substituted() -> None:
    examples = examples_of((1, 1, END), (1, END))
    assert torch.equal(substitute(examples, vocabulary=2, temperature=1.0), examples.targets)
