"""Targets that are in part right, in part the model's own, in part what the reward asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from tasks.remedies.free_running import draw
from tasks.remedies.remedy import PADDING, Examples, Objective, Remedy, SequenceModel, negative_log_likelihood
from tasks.remedies.rewards import REWARDS, Reward, RewardName


@final
class Interpolation(Remedy):
    """Maximum likelihood of sequences whose every token comes from the data, the model or the reward.

    The interpolation algorithm of Tan et al. 2019 (arXiv 1811.09740, section 4.2). A token is right with a probability
    that falls in the course of training, the model's own with one that rises, and otherwise drawn in proportion to
    ``exp(gain / temperature)``, the gain being the reward that it adds to what is written. A sequence is as long as the
    right one, whose end symbol closes it. The authors anneal whenever the validation score falls; here the
    probabilities are linear in the number of updates, which needs no look at held-out text.

    Args:
        features: not needed.
        own_at_first: probability of the model's own token at the first update.
        own_at_last: and at the last one.
        reward_at_last: probability of the reward's token at the last update; it is 0 at the first.
        reward_temperature: of the draw by gains; the authors' is 1, which is nearly uniform over a large vocabulary.
        reward: what is gained.

    Raises:
        ValueError: the shares at the last update are more than all tokens.
    """

    mean_of = "tokens"

    def __init__(
        self,
        *,
        features: int,  # noqa: ARG002
        own_at_first: float = 0.04,
        own_at_last: float = 0.16,
        reward_at_last: float = 0.48,
        reward_temperature: float = 0.05,
        reward: RewardName = "bleu",
    ) -> None:
        super().__init__()
        if own_at_last + reward_at_last > 1:
            raise ValueError(
                f"own_at_last and reward_at_last are shares of all tokens: 1 at most together, "
                f"received {own_at_last} and {reward_at_last}"
            )
        self._own, self._reward_share = (own_at_first, own_at_last), reward_at_last
        self._temperature, self._reward = reward_temperature, REWARDS[reward]

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean negative log-likelihood per token of what was made."""
        done = examples.update / max(1, examples.updates - 1)
        own = self._own[0] + done * (self._own[1] - self._own[0])
        by_reward = done * self._reward_share
        made = replace(examples, targets=self._make(model, examples, own=own, by_reward=by_reward))
        features = model.read(model.embed(made.inputs()), model.begin())
        loss = negative_log_likelihood(model.logits(features), made.targets)
        return Objective(loss, logged={"right_tokens": 1 - own - by_reward, "rewarded_tokens": by_reward})

    @torch.no_grad()
    def _make(self, model: SequenceModel, examples: Examples, *, own: float, by_reward: float) -> Tensor:
        """Sequences of the right lengths, shape (time, batch)."""
        state, read, made = model.begin(), examples.start, list[Tensor]()
        references = examples.references()
        written: list[list[int]] = [[] for _ in references]
        for right in examples.targets:
            features, state = model.step(model.embed(read), state)
            logits = model.logits(features)
            logits[:, examples.end] = -torch.inf  # where it stands is not up for choice
            source = torch.rand(right.shape, device=right.device)
            token = torch.where(source < own, draw(logits), right)
            rewarded = (source >= 1 - by_reward) & (right != examples.end) & (right != PADDING)
            if bool(rewarded.any()):
                gains = torch.full_like(logits, 0.0)
                for row in rewarded.nonzero().flatten().tolist():
                    gains[row] = _gains(gains[row], written[row], references[row], self._reward)
                gains[:, examples.end] = -torch.inf
                token = torch.where(rewarded, draw(gains / self._temperature), token)
            token = torch.where((right == examples.end) | (right == PADDING), right, token)
            for row, one in enumerate(token.tolist()):
                written[row].append(one)
            made.append(token)
            read = token.clamp(min=0)
        return torch.stack(made)


def _gains(like: Tensor, written: Sequence[int], reference: Sequence[int], reward: Reward) -> Tensor:
    """Of every token, what it adds to the reward: all that the reference lacks add the same."""
    before = reward(written, reference)
    gains = torch.full_like(like, reward([*written, PADDING], reference) - before)
    for token in set(reference):
        gains[token] = reward([*written, token], reference) - before
    return gains
