"""Remedies that minimize an expected loss, against exact enumeration of all that a model can write."""

from __future__ import annotations

import math
from typing import Any

import pytest
import sacrebleu
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tasks.remedies.free_running import draw, run_free
from tasks.remedies.kinds import minimum_risk, mixer, reinforce, self_critical
from tasks.remedies.kinds._policy_gradient import Baseline
from tasks.remedies.kinds.minimum_risk import MinimumRisk
from tasks.remedies.kinds.mixer import Mixer
from tasks.remedies.kinds.reinforce import Reinforce
from tasks.remedies.kinds.self_critical import SelfCritical
from tasks.remedies.remedy import PADDING, Examples
from tasks.remedies.rewards import sentence_bleu, token_accuracy
from tests.remedies.conftest import END, HIDDEN, LIMIT, START, Tiny, everything, examples_of, same

RIGHT = (2, 3, END)


def without_end(tokens: tuple[int, ...]) -> list[int]:
    return [token for token in tokens if token not in (END, PADDING)]


class Forced:
    """Instead of drawing: the next token of a given sequence, for a batch of one sentence or several rows."""

    def __init__(self, *rows: tuple[int, ...]) -> None:
        self._rows, self._time = rows, 0

    def __call__(self, logits: Tensor) -> Tensor:
        tokens = [row[self._time] if self._time < len(row) else END for row in self._rows]
        self._time += 1
        return torch.tensor(tokens)


@pytest.mark.parametrize("remedy", [Reinforce, SelfCritical])
def test_a_policy_gradient_over_all_outputs_is_the_gradient_of_the_expected_reward(
    remedy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, examples = Tiny(batch=1), examples_of(RIGHT)
    module = reinforce if remedy is Reinforce else self_critical
    built = remedy(features=HIDDEN, reward="accuracy")
    if isinstance(built, Reinforce):
        with torch.no_grad():
            built.baseline.double().weight.copy_(torch.tensor([0.3, -0.2, 0.5]))
    summed = [torch.zeros_like(weight) for weight in tiny.parameters()]
    expected = torch.zeros((), dtype=torch.float64)
    for tokens in everything():
        probability = tiny.log_probability(0, tokens).exp()
        expected = expected + probability * token_accuracy(without_end(tokens), without_end(RIGHT))
        monkeypatch.setattr(module, "draw", Forced(tokens))
        found = tiny.gradients(built.objective(tiny, examples).loss)
        summed = [total + probability.detach() * one for total, one in zip(summed, found, strict=True)]
    assert same(summed, tiny.gradients(-expected))


def test_drawn_sequences_have_the_models_probabilities() -> None:
    batch = 30_000
    tiny = Tiny(batch=1).repeat(batch)
    torch.manual_seed(0)
    run = run_free(tiny, examples_of(*[RIGHT] * batch), draw, limit=LIMIT)
    rows = [tuple(token for token in column if token != PADDING) for column in run.tokens.T.tolist()]
    for tokens in everything():
        share = math.exp(tiny.log_probability(0, tokens).item())
        assert rows.count(tokens) / batch == pytest.approx(share, abs=5 * math.sqrt(share / batch) + 1e-9)


def test_self_critical_compares_with_the_greedy_output(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, examples = Tiny(batch=1), examples_of(RIGHT)
    with torch.no_grad():
        greedy = run_free(tiny, examples, lambda logits: logits.argmax(1), limit=LIMIT).sentences(END)[0]
    monkeypatch.setattr(self_critical, "draw", Forced((2, 2, 2)))
    found = SelfCritical(features=HIDDEN, reward="accuracy").objective(tiny, examples)
    advantage = token_accuracy([2, 2, 2], [2, 3]) - token_accuracy(greedy, [2, 3])
    slow = -advantage * tiny.log_probability(0, (2, 2, 2))
    assert torch.allclose(found.loss, slow)
    assert same(tiny.gradients(found.loss), tiny.gradients(slow))


def test_the_baseline_learns_by_squared_error_and_touches_no_other_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, examples = Tiny(batch=1), examples_of(RIGHT)
    remedy = Reinforce(features=HIDDEN, reward="accuracy")
    remedy.double()
    monkeypatch.setattr(reinforce, "draw", Forced((2, 3, END)))
    found = remedy.objective(tiny, examples)
    assert found.own is not None
    assert found.own.item() == pytest.approx((1 - 0.01) ** 2), "it begins at 0.01, and the reward is 1"
    assert all(not gradient.any() for gradient in tiny.gradients(found.own))
    assert torch.autograd.grad(found.own, remedy.baseline.bias)[0].item() == pytest.approx(-2 * 0.99)


@pytest.mark.parametrize("sharpness", [0.005, 1.0, 3.0])
@pytest.mark.parametrize("right_candidate", [True, False])
@pytest.mark.parametrize("likelihood", [0.0, 0.3])
def test_minimum_risk_is_its_equation_over_the_distinct_candidates(
    sharpness: float, right_candidate: bool, likelihood: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, examples = Tiny(), examples_of((2, 3, END), (3, END))
    written = [[(2, 3, END), (2, END), (2, END)], [(3, 3, 3), (END,), (1, END)]]
    monkeypatch.setattr(minimum_risk, "draw", Forced(*written[0], *written[1]))
    remedy = MinimumRisk(
        features=HIDDEN,
        candidates=3,
        right_candidate=right_candidate,
        sharpness=sharpness,
        likelihood=likelihood,
        reward="accuracy",
    )
    found = remedy.objective(tiny, examples).loss
    slow = torch.zeros((), dtype=torch.float64)
    for sentence, right in enumerate([(2, 3, END), (3, END)]):
        candidates = {*written[sentence], *([right] if right_candidate else [])}
        powers = {one: (sharpness * tiny.log_probability(sentence, one)).exp() for one in candidates}
        whole = sum(powers.values(), torch.zeros(()))
        for one, power in powers.items():
            slow = slow + power / whole * (1 - token_accuracy(without_end(one), without_end(right))) / 2
    if likelihood:
        logs = [tiny.log_probability(0, (2, 3, END)), tiny.log_probability(1, (3, END))]
        slow = slow - likelihood * (logs[0] + logs[1]) / 5
    assert torch.allclose(found, slow)
    assert same(tiny.gradients(found), tiny.gradients(slow))


def test_the_risk_of_one_candidate_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="candidates must be 2 at least where the right sequence is none of them"):
        MinimumRisk(features=HIDDEN, candidates=1, right_candidate=False)


def test_minimum_risk_over_all_outputs_is_the_expected_risk(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, examples, listed = Tiny(batch=1), examples_of(RIGHT), everything()
    monkeypatch.setattr(minimum_risk, "draw", Forced(*listed))
    remedy = MinimumRisk(features=HIDDEN, candidates=len(listed), sharpness=1.0, reward="accuracy")
    found = remedy.objective(tiny, examples).loss
    risks = [1 - token_accuracy(without_end(tokens), without_end(RIGHT)) for tokens in listed]
    expected = sum(
        (tiny.log_probability(0, tokens).exp() * risk for tokens, risk in zip(listed, risks, strict=True)),
        torch.zeros(()),
    )
    assert torch.allclose(found, expected)
    assert same(tiny.gradients(found), tiny.gradients(expected))


def test_mixer_is_likelihood_before_and_policy_gradient_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, examples = Tiny(batch=1), examples_of((2, 3, 2, END), update=1, limit=4)
    remedy = Mixer(features=HIDDEN, reward="accuracy", prefix_every=1, prefix_by=2)
    remedy.double()
    monkeypatch.setattr(mixer, "draw", Forced((1, END)))
    found = remedy.objective(tiny, examples).loss
    written = (2, 3, 1, END)
    advantage = token_accuracy([2, 3, 1], [2, 3, 2]) - remedy.baseline.bias.item()
    first = tiny.log_probability(0, (2, 3))
    slow = -(first / 2) / 2 - advantage * (tiny.log_probability(0, written) - first) / 2
    assert torch.allclose(found, slow)
    assert same(tiny.gradients(found), tiny.gradients(slow))


@pytest.mark.parametrize(("update", "kind"), [(0, "likelihood"), (99, "policy")])
def test_mixer_begins_as_likelihood_and_ends_as_reinforce(
    update: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, examples = Tiny(batch=1), examples_of((2, 3, 2, END), update=update, limit=4)
    remedy = Mixer(features=HIDDEN, reward="accuracy")
    remedy.double()
    monkeypatch.setattr(mixer, "draw", Forced((2, 1, END)))
    found = remedy.objective(tiny, examples)
    if kind == "likelihood":
        assert torch.allclose(found.loss, -tiny.log_probability(0, (2, 3, 2, END)) / 4)
        assert found.own is None
    else:
        advantage = token_accuracy([2, 1], [2, 3, 2]) - remedy.baseline.bias.item()
        assert torch.allclose(found.loss, -advantage * tiny.log_probability(0, (2, 1, END)) / 2)


def test_no_gradient_of_a_baseline_reaches_features() -> None:
    features = torch.randn(3, 2, HIDDEN, requires_grad=True)
    Baseline(HIDDEN)(features).sum().backward()
    assert features.grad is None


sentences = st.lists(st.integers(1, 6), max_size=12)


@given(hypothesis=sentences, reference=sentences)
def test_sentence_bleu_is_sacrebleus_with_one_added(hypothesis: list[int], reference: list[int]) -> None:
    found = sentence_bleu(hypothesis, reference)
    assert 0 <= found <= 1 + 1e-12
    if hypothesis and reference and set(hypothesis) & set(reference):
        oracle = sacrebleu.BLEU(smooth_method="add-k", smooth_value=1, tokenize="none")
        texts = [" ".join(f"w{token}" for token in tokens) for tokens in (hypothesis, reference)]
        assert found == pytest.approx(oracle.sentence_score(texts[0], [texts[1]]).score / 100, abs=1e-9)
    assert sentence_bleu(reference, reference) == pytest.approx(1)


def test_token_accuracy_counts_places_of_the_longer_one() -> None:
    assert token_accuracy([1, 2, 3], [1, 5, 3]) == pytest.approx(2 / 3)
    assert token_accuracy([1, 2], [1, 2, 3, 4]) == 0.5
    assert token_accuracy([1, 2, 3, 4], [1, 2]) == 0.5
    assert token_accuracy([], []) == 1
    assert token_accuracy([1], []) == 0


def test_a_run_reads_what_it_wrote(tiny: Tiny, examples: Examples) -> None:
    torch.manual_seed(5)
    run = run_free(tiny, examples, draw, limit=6)
    for sentence, tokens in enumerate(run.sentences(END)):
        h, last = tiny.first[sentence], START
        for time, token in enumerate(tokens):
            h = torch.tanh(tiny.embedding[last] + h @ tiny.recurrent)
            assert torch.allclose(run.features[time, sentence], h)
            last = token
