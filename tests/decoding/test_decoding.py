"""Decodings against listing everything, against each other, and against the model's own probabilities."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.decoding.decoding import Decoding, Hypothesis, Request, forbid
from tasks.decoding.decodings.beam import Beam
from tasks.decoding.decodings.greedy import Greedy
from tasks.decoding.decodings.sampling import Sampling
from tasks.decoding.decodings.variable_beam import VariableBeam
from tests.decoding.conftest import END, Small

LIMIT = 4
EXHAUSTIVE = 4**LIMIT
WIDE_OPEN: dict[str, Any] = {"relative": 0, "absolute": math.inf, "relative_local": 0, "per_parent": EXHAUSTIVE}
DIVISORS: dict[str, Callable[[int], float]] = {
    "none": lambda length: 1,
    "mean": lambda length: length,
    "gnmt": lambda length: ((5 + length) / 6) ** 0.8,
}
DECODINGS: list[Decoding] = [Greedy(), Beam(width=3), VariableBeam(), Sampling(samples=3, temperature=0.7, top_p=0.9)]


def only(request: Request, sentence: int) -> Request:
    """One sentence of a batch."""
    row = slice(sentence, sentence + 1)
    state = {"h": (request.state["h"][0][row],)}
    return replace(request, state=state, start=request.start[row], limits=request.limits[row], seeds=request.seeds[row])


def close(left: list[Hypothesis], right: list[Hypothesis]) -> bool:
    return [(h.tokens, h.finished) for h in left] == [(h.tokens, h.finished) for h in right] and all(
        math.isclose(a.log_probability, b.log_probability, abs_tol=1e-9) for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("decoding", DECODINGS, ids=lambda d: type(d).__name__)
def test_scores_are_the_models_own_and_ends_are_right(decoding: Decoding, small: Small) -> None:
    request = small.request(6, 5)
    for sentence, found in enumerate(decoding.decode(request)):
        assert found
        for one in found:
            assert one.log_probability == pytest.approx(small.score(request, sentence, one.tokens), abs=1e-9)
            assert END not in one.tokens[:-1]
            assert one.finished == (one.tokens[-1] == END)
            assert one.finished or len(one.tokens) == 5
        assert [one.finished for one in found] == sorted((one.finished for one in found), reverse=True)


@pytest.mark.parametrize("decoding", DECODINGS, ids=lambda d: type(d).__name__)
def test_a_batch_is_its_sentences_one_by_one(decoding: Decoding, small: Small) -> None:
    request = replace(small.request(5, 6), limits=torch.tensor([1, 6, 3, 2, 6]))
    together = decoding.decode(request)
    alone = [decoding.decode(only(request, sentence))[0] for sentence in range(5)]
    assert all(map(close, together, alone))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), batch=st.integers(1, 4), limit=st.integers(1, 7), vocabulary=st.integers(2, 6))
def test_a_beam_of_width_one_is_greedy(seed: int, batch: int, limit: int, vocabulary: int) -> None:
    request = Small(seed, vocabulary=vocabulary).request(batch, limit, seed=seed)
    greedy = Greedy().decode(request)
    assert all(map(close, greedy, Beam(width=1).decode(request)))
    assert all(map(close, greedy, VariableBeam(width=1).decode(request)))
    assert all(map(close, greedy, Sampling(temperature=1e-4).decode(request)))
    assert all(map(close, greedy, Sampling(top_k=1).decode(request)))


@pytest.mark.parametrize("normalization", ["none", "mean", "gnmt"])
@pytest.mark.parametrize("beam", [Beam, VariableBeam])
def test_a_beam_as_wide_as_all_sequences_finds_the_best_of_all(beam: Any, normalization: str, small: Small) -> None:
    request = small.request(3, LIMIT)
    more = WIDE_OPEN if beam is VariableBeam else {}
    found = beam(width=EXHAUSTIVE, length_normalization=normalization, alpha=0.8, **more).decode(request)
    for sentence, hypotheses in enumerate(found):
        listed = {tokens: small.score(request, sentence, tokens) for tokens in small.everything(LIMIT)}
        assert {one.tokens for one in hypotheses} == set(listed)
        score = {t: p / DIVISORS[normalization](len(t)) for t, p in listed.items() if t[-1] == END}
        best = max(score, key=lambda tokens: score[tokens])
        assert hypotheses[0].tokens == best
        assert sum(math.exp(one.log_probability) for one in hypotheses) == pytest.approx(1)


def test_the_beam_is_one_narrower_for_each_that_has_ended(small: Small) -> None:
    request = small.request(1, 12)
    (found,) = Beam(width=4).decode(request)
    rows = [1, *small.widths[1:]]
    assert max(rows) <= 4
    ended_by = Counter(len(one.tokens) for one in found if one.finished)
    for step, width in enumerate(small.widths[1:], start=1):
        possible = 4 - sum(count for length, count in ended_by.items() if length <= step)
        assert width == min(possible, 4)
    assert len(found) == 4


def test_without_an_end_every_hypothesis_has_the_sentences_length(small: Small) -> None:
    request = replace(small.request(3, 5, end=None), limits=torch.tensor([2, 5, 3]))
    for decoding in DECODINGS:
        for limit, found in zip([2, 5, 3], decoding.decode(request), strict=True):
            assert {len(one.tokens) for one in found} == {limit}
            assert not any(one.finished for one in found)


@pytest.mark.parametrize("decoding", DECODINGS, ids=lambda d: type(d).__name__)
def test_what_is_forbidden_is_never_chosen_and_changes_no_other_probability(decoding: Decoding, small: Small) -> None:
    request = small.request(6, 5)
    for sentence, found in enumerate(decoding.decode(replace(request, step=forbid(request.step, [2, 3])))):
        assert found
        for one in found:
            assert {*one.tokens} <= {END, 1}
            assert one.log_probability == pytest.approx(small.score(request, sentence, one.tokens), abs=1e-9)


class Fixed:
    """The same distribution at every step."""

    def __init__(self, *probabilities: float) -> None:
        self._log = torch.tensor(probabilities, dtype=torch.float64).log()

    def __call__(self, tokens: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        return self._log.expand(len(tokens), -1), state

    def request(self, limit: int, batch: int = 1) -> Request:
        start = torch.zeros(batch, dtype=torch.long)
        limits = torch.full((batch,), limit)
        return Request(step=self, state=(), start=start, end=None, limits=limits, seeds=tuple(range(batch)))


@pytest.mark.parametrize("decoding", DECODINGS, ids=lambda d: type(d).__name__)
def test_a_sentence_whose_probabilities_are_no_numbers_has_a_hypothesis_and_harms_no_other(
    decoding: Decoding, small: Small
) -> None:
    request = small.request(3, 5)
    expected = decoding.decode(request)
    request.state["h"][0][1] = torch.nan
    found = decoding.decode(request)
    assert [found[0], found[2]] == [expected[0], expected[2]]
    assert found[1]
    assert math.isnan(found[1][0].log_probability)


def tokens_of(decoding: Decoding, request: Request) -> set[tuple[int, ...]]:
    return {one.tokens for found in decoding.decode(request) for one in found}


def test_each_threshold_of_a_variable_beam_cuts_where_it_says() -> None:
    request = Fixed(0.5, 0.3, 0.15, 0.05).request(1)
    cases: list[tuple[dict[str, Any], int]] = [
        ({"relative": 0.59}, 2),  # 0.3 is 0.6 of 0.5
        ({"relative": 0.61}, 1),
        ({"relative": 0.1}, 4),
        ({"absolute": math.log(0.5 / 0.15) + 1e-9}, 3),
        ({"absolute": math.log(0.5 / 0.15) - 1e-9}, 2),
        ({"relative_local": 0.29}, 3),
        ({"per_parent": 2}, 2),
        ({}, 4),
    ]
    for threshold, kept in cases:
        found = tokens_of(VariableBeam(**{**WIDE_OPEN, **threshold}), request)
        assert found == {(token,) for token in range(kept)}, threshold


def test_thresholds_after_a_poor_prefix_are_the_sentences_but_local_ones_the_parents() -> None:
    request = Fixed(0.6, 0.4).request(2)
    assert tokens_of(VariableBeam(**WIDE_OPEN), request) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    # 0.36, 0.24, 0.24, 0.16: the last one is 0.44 of the best, but its last token is 0.67 of its parent's best.
    assert tokens_of(VariableBeam(**{**WIDE_OPEN, "relative": 0.5}), request) == {(0, 0), (0, 1), (1, 0)}
    assert tokens_of(VariableBeam(**{**WIDE_OPEN, "relative_local": 0.5}), request) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_samples_have_the_models_distribution(small: Small) -> None:
    count = 20_000
    request = small.request(1, 3)
    (found,) = Sampling(samples=count).decode(request)
    drawn = Counter(one.tokens for one in found)
    for tokens in small.everything(3):
        share = math.exp(small.score(request, 0, tokens))
        assert drawn[tokens] / count == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / count) + 1e-12)


def test_truncated_samples_are_those_of_the_truncated_distribution() -> None:
    model, count = Fixed(0.15, 0.5, 0.05, 0.3), 20_000
    cases: list[tuple[dict[str, Any], list[float]]] = [
        ({"top_k": 2}, [0, 5 / 8, 0, 3 / 8]),
        ({"top_p": 0.79}, [0, 5 / 8, 0, 3 / 8]),
        ({"top_p": 0.81}, [0.15 / 0.95, 0.5 / 0.95, 0, 0.3 / 0.95]),
        ({"top_p": 0.1}, [0, 1, 0, 0]),
        ({"temperature": 0.5}, [0.0225 / 0.365, 0.25 / 0.365, 0.0025 / 0.365, 0.09 / 0.365]),
        ({"temperature": 2.0, "top_k": 2}, [0, 0.5**0.5 / (0.5**0.5 + 0.3**0.5), 0, 0.3**0.5 / (0.5**0.5 + 0.3**0.5)]),
    ]
    for chosen, expected in cases:
        (found,) = Sampling(samples=count, **chosen).decode(model.request(1))
        drawn = Counter(one.tokens[0] for one in found)
        for token, share in enumerate(expected):
            spread = 5 * math.sqrt(share * (1 - share) / count)
            assert drawn[token] / count == pytest.approx(share, abs=spread + 1e-12), chosen


def test_a_sentences_draws_are_its_seeds(small: Small) -> None:
    request = small.request(4, 6)
    turned = replace(request, seeds=request.seeds[::-1])
    one, other = Sampling(samples=2).decode(request), Sampling(samples=2).decode(turned)
    assert one == Sampling(samples=2).decode(request)
    assert one != other
