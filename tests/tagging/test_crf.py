"""The conditional random field: against enumeration, against another implementation, and at its edges."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchcrf import CRF

from tasks.tagging.crf import FORBIDDEN, ConditionalRandomField

TAGS = 3


def build(*, seed: int = 0, tags: int = TAGS, allowed: Tensor | None = None) -> ConditionalRandomField:
    torch.manual_seed(seed)
    crf = ConditionalRandomField(tags, allowed=allowed).double()
    for weight in crf.parameters():
        torch.nn.init.normal_(weight)
    return crf


def emissions_of(time: int, batch: int, *, tags: int = TAGS) -> Tensor:
    return torch.randn(time, batch, tags, dtype=torch.float64)


def slow_score(crf: ConditionalRandomField, emissions: Tensor, tags: tuple[int, ...]) -> Tensor:
    """Term by term, of one sentence: emissions of shape (length, tags)."""
    score = crf.start[tags[0]] + crf.end[tags[-1]]
    for t, tag in enumerate(tags):
        score = score + emissions[t, tag]
        if t:
            score = score + crf.transitions[tags[t - 1], tag]
    return score


@pytest.mark.parametrize("lengths", [[4, 1, 3], [4, 4, 4], [1, 1, 4]])
def test_partition_and_best_sequence_equal_enumeration(lengths: list[int]) -> None:
    crf, emissions = build(), emissions_of(4, 3)
    partition = crf.log_partition(emissions, torch.tensor(lengths))
    best = crf.decode(emissions, torch.tensor(lengths))
    for b, length in enumerate(lengths):
        every = list(product(range(TAGS), repeat=length))
        scores = torch.stack([slow_score(crf, emissions[:, b], tags) for tags in every])
        torch.testing.assert_close(partition[b], scores.logsumexp(0), rtol=0, atol=1e-12)
        assert tuple(best[:length, b].tolist()) == every[int(scores.argmax())]
        assert not best[length:, b].any()


def test_probabilities_of_all_sequences_sum_to_one() -> None:
    crf, emissions = build(), emissions_of(4, 1)
    every = torch.tensor(list(product(range(TAGS), repeat=4))).T
    wide = emissions.expand(-1, every.shape[1], -1)
    total = crf.log_likelihood(wide, every, torch.full((every.shape[1],), 4)).exp().sum()
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 7), min_size=1, max_size=5), st.integers(1, 6))
def test_it_equals_another_implementation(seed: int, lengths: list[int], tags: int) -> None:
    crf, time = build(seed=seed, tags=tags), max(lengths)
    other = CRF(tags).double()
    other.load_state_dict({"transitions": crf.transitions, "start_transitions": crf.start, "end_transitions": crf.end})
    emissions = emissions_of(time, len(lengths), tags=tags)
    gold = torch.randint(tags, (time, len(lengths)))
    mask = torch.arange(time)[:, None] < torch.tensor(lengths)
    ours = crf.log_likelihood(emissions, gold, torch.tensor(lengths))
    torch.testing.assert_close(ours, other(emissions, gold, mask, reduction="none"), rtol=0, atol=1e-10)
    best = crf.decode(emissions, torch.tensor(lengths))
    for b, theirs in enumerate(other.decode(emissions, mask)):
        assert best[: lengths[b], b].tolist() == theirs


def test_gradients_equal_finite_differences() -> None:
    crf, lengths, gold = build(), torch.tensor([4, 2]), torch.randint(TAGS, (4, 2))
    weights = [crf.transitions, crf.start, crf.end]

    def likelihood(emissions: Tensor, *_: Tensor) -> Tensor:
        return crf.log_likelihood(emissions, gold, lengths)

    assert torch.autograd.gradcheck(likelihood, (emissions_of(4, 2).requires_grad_(), *weights))


def test_padding_is_never_seen() -> None:
    crf, lengths, gold = build(), torch.tensor([4, 2]), torch.randint(TAGS, (4, 2))
    clean = emissions_of(4, 2)
    dirty = clean.clone()
    dirty[2:, 1] = torch.nan
    nonsense = gold.clone()
    nonsense[2:, 1] = -100
    dirty.requires_grad_()
    ours = crf.log_likelihood(dirty, nonsense, lengths)
    assert torch.equal(ours, crf.log_likelihood(clean, gold, lengths))
    assert torch.equal(crf.decode(dirty, lengths), crf.decode(clean, lengths))
    seen, *weights = torch.autograd.grad(ours.sum(), (dirty, *crf.parameters()))
    assert all(bool(weight.isfinite().all()) for weight in weights)
    assert not seen[2:, 1].any()


def test_a_forbidden_move_is_never_taken_and_has_no_probability() -> None:
    """O, B, I: I follows only B or I."""
    allowed = torch.ones(4, 4, dtype=torch.bool)
    allowed[0, 2] = allowed[3, 2] = False
    crf, lengths = build(allowed=allowed), torch.full((50,), 6)
    emissions = emissions_of(6, 50) + torch.tensor([0.0, 0.0, 3.0])
    best = crf.decode(emissions, lengths)
    illegal = (best[1:] == 2) & (best[:-1] == 0)
    assert not illegal.any()
    assert not (best[0] == 2).any()
    never = torch.full((6, 50), 2)
    assert (crf.log_likelihood(emissions, never, lengths) < FORBIDDEN / 2).all()


def test_a_single_step_is_a_softmax() -> None:
    crf, emissions, gold = build(), emissions_of(1, 5), torch.randint(TAGS, (1, 5))
    logits = emissions[0] + crf.start + crf.end
    expected = logits.log_softmax(1).gather(1, gold.T).squeeze(1)
    torch.testing.assert_close(crf.log_likelihood(emissions, gold, torch.ones(5, dtype=torch.long)), expected)
