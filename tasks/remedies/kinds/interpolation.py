"""Targets that are in part right, in part the model's own, in part what the reward asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

import torch
from torch import Tensor

from tasks.remedies.free_running import draw
from tasks.remedies.remedy import PADDING, Examples, Objective, Remedy, SequenceModel, negative_log_likelihood
from tasks.remedies.rewards import REWARDS, Reward, RewardName

_LEAST_RIGHT: Final = 0.5
"""Share of right tokens among those of the reward below which they are noise."""


@final
class Interpolation(Remedy):
    """Maximum likelihood of sequences whose every token comes from the data, the model or the reward.

    The interpolation algorithm of Tan et al. 2019 (arXiv 1811.09740, section 4.2). A token is right with a probability
    that falls in the course of training, the model's own with one that rises, and otherwise drawn in proportion to
    ``exp(gain / temperature)``, the gain being the reward that it adds to what is written. A sequence is as long as the
    right one, whose end symbol closes it. The authors anneal whenever the validation score falls, by steps of 0.06, and
    draw one source for a whole batch at each step; here the probabilities are linear in the number of updates, which
    needs no look at held-out text, and each token has its own source.

    One token adds little to the reward of a sentence, the less the longer it is, and all wrong ones together weigh as
    much as there are. So at the default temperature what the reward draws is mostly noise: behind right words, the
    share of right tokens among those drawn for sentences of 12 different words is 5 % of 70 words and 0.1 % of 6,000
    (81 % and 75 % at 0.003; by reward ``accuracy`` 98 % of 70 at 0.01). :meth:`warnings` tells it for the data at hand.

    Args:
        features: not needed.
        own_at_first: probability of the model's own token at the first update.
        own_at_last: and at the last one.
        reward_at_last: probability of the reward's token at the last update; it is 0 at the first.
        reward_temperature: of the draw by gains; the authors' is 1, which is nearly uniform over any vocabulary.
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

    def warnings(self, *, vocabulary: int, length: int) -> Sequence[str]:
        """See :meth:`Remedy.warnings`: a temperature with which the reward's tokens are mostly wrong."""
        share = self.right_share(vocabulary=vocabulary, length=length)
        if not self._reward_share or share >= _LEAST_RIGHT:
            return ()
        return [
            f"Of the tokens that interpolation draws by reward, up to {self._reward_share:.0%} of all, {share:.1%} "
            f"would be right for a sentence of {length} words of {vocabulary:,}, behind right words: a "
            f"training.reward_temperature lower than {self._temperature:g} draws less noise."
        ]

    def right_share(self, *, vocabulary: int, length: int) -> float:
        """Probability that the reward draws the right token, meaned over a sentence whose words are all different.

        Args:
            vocabulary: number of tokens, the end symbol included.
            length: words of the sentence, all right up to the one that is drawn.
        """
        reference = list(range(min(length, vocabulary - 1)))
        tokens = torch.zeros(vocabulary - 1, dtype=torch.float64)  # the end symbol is not drawn
        gains = [_gains(tokens, reference[:place], reference, self._reward) for place in reference]
        shares = [(each / self._temperature).softmax(0)[place] for place, each in zip(reference, gains, strict=True)]
        return torch.stack(shares).mean().item()

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
