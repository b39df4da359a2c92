"""The likelihood-ratio gradient of an expected reward, and a learned guess of the reward."""

from __future__ import annotations

from typing import Final, NamedTuple, final

import torch
from torch import Tensor, nn

from tasks.remedies.free_running import FreeRun
from tasks.remedies.remedy import PADDING, Examples, SequenceModel, token_log_probabilities
from tasks.remedies.rewards import Reward

BASELINE_RATE: Final = 1e-2
"""Adam's: a constant reward in [0, 1] is learned within a hundred updates. Ranzato et al. state none; their program
takes a hundredth of the model's 0.2, by plain descent."""


@final
class Baseline(nn.Module):
    """What reward is expected at each step: linear in the step's features (Ranzato et al. 2016, section 3.2.1).

    It learns by squared error, and no gradient of it reaches what made the features.

    Args:
        features: size of them.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(features)), nn.Parameter(torch.empty(()))
        self.fill_given()

    @torch.no_grad()
    def fill_given(self) -> None:
        """See :class:`~tasks.recurrent.initialization.GivenWeights`: the values that the authors begin with."""
        self.weight.zero_()
        self.bias.fill_(0.01)

    def forward(self, features: Tensor) -> Tensor:
        """Shape (time, batch), from (time, batch, features)."""
        return features.detach() @ self.weight + self.bias


class Guessed(NamedTuple):
    """A policy gradient's loss, and that of the baseline."""

    policy: Tensor
    baseline: Tensor


def judge(run: FreeRun, examples: Examples, reward: Reward) -> Tensor:
    """Reward of each sentence that a model wrote, shape (batch,)."""
    pairs = zip(run.sentences(examples.end), examples.references(), strict=True)
    return torch.tensor([reward(written, right) for written, right in pairs], dtype=torch.float64).to(run.features)


def policy_loss(model: SequenceModel, run: FreeRun, advantages: Tensor, *, begin: int = 0) -> Tensor:
    """``-sum_t A_t log p(y_t)`` per sentence, meaned over the batch (Williams 1992); its gradient is the expectation's.

    Args:
        model: what wrote.
        run: what it wrote, drawn from its own distribution.
        advantages: A without gradient, shape (time, batch) or (batch,).
        begin: first step that counts.
    """
    chosen = token_log_probabilities(model.logits(run.features), run.tokens)
    return -(advantages.detach() * chosen)[begin:].sum(0).mean()


def policy_loss_with_baseline(
    model: SequenceModel, run: FreeRun, rewards: Tensor, baseline: Baseline, *, begin: int = 0
) -> Guessed:
    """The same with ``A_t = r - b_t``, and the mean squared error of b over all steps that count."""
    expected = baseline(run.features)
    counts = run.tokens != PADDING
    counts[:begin] = False
    errors = (rewards - expected)[counts] ** 2
    return Guessed(
        policy_loss(model, run, rewards - expected, begin=begin),
        errors.mean() if len(errors) else expected.sum() * 0.0,
    )
