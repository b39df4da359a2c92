"""Right sentences with some wrong words, the fewer the more often."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

import torch
from torch import Tensor

from tasks.remedies.remedy import PADDING, Examples, Objective, Remedy, SequenceModel, negative_log_likelihood

_MOST_SUBSTITUTED: Final = 0.5
"""Share of wrong tokens beyond which targets are noise."""
_FEW_SUBSTITUTED: Final = 0.1
"""Share that is named in place of it."""


@final
class RewardAugmented(Remedy):
    """Maximum likelihood of targets drawn from ``q(y) ~ exp(r(y, y*) / tau)``, r minus the number of wrong tokens.

    Reward augmented maximum likelihood (Norouzi et al. 2016, arXiv 1609.00150, equation 7), by their stratified
    sampling (section 2.3) for the Hamming distance, where it is exact: a number e of substitutions with probability
    proportional to ``C(m, e) W^e exp(-e / tau)``, then e of the m places, then for each one of the W tokens that are
    neither right nor the end symbol, which stays where it is.

    So each token is wrong with probability ``W / (W + exp(1 / tau))``, and the same tau is another remedy for another
    vocabulary: 0.2 replaces 32 % of the tokens where there are 70 others, 98 % where there are 6,000. The authors'
    program multiplies the reward by ``1 + ln W`` first (as that of Tan et al. 2019, arXiv 1811.09740, tells): a tau of
    theirs, around 0.85 in translation, is ``tau / (1 + ln W)`` here, 0.16 for 70 others (13 % are replaced) and 0.088
    for 6,000 (6 %). :meth:`warnings` tells where most tokens are replaced.

    Args:
        features: not needed.
        payoff_temperature: tau.
    """

    mean_of = "tokens"

    def __init__(self, *, features: int, payoff_temperature: float = 0.2) -> None:  # noqa: ARG002
        super().__init__()
        self._temperature = payoff_temperature

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean negative log-likelihood per token of what was drawn."""
        vocabulary = model.logits(model.step(model.embed(examples.start), model.begin())[0]).shape[1]
        drawn = replace(examples, targets=substitute(examples, vocabulary=vocabulary, temperature=self._temperature))
        features = model.read(model.embed(drawn.inputs()), model.begin())
        wrong = ((drawn.targets != examples.targets).sum() / examples.real.sum()).item()
        return Objective(
            negative_log_likelihood(model.logits(features), drawn.targets), logged={"substituted_tokens": wrong}
        )

    def warnings(self, *, vocabulary: int, length: int) -> Sequence[str]:  # noqa: ARG002
        """See :meth:`Remedy.warnings`: a temperature with which most of what is learned is wrong."""
        share = substituted_share(vocabulary=vocabulary, temperature=self._temperature)
        if share <= _MOST_SUBSTITUTED:
            return ()
        # The temperature with which the share is p: W / (W + exp(1 / tau)) = p.
        lower = 1 / math.log((vocabulary - 2) * (1 - _FEW_SUBSTITUTED) / _FEW_SUBSTITUTED)
        return [
            f"training.payoff_temperature {self._temperature:g} replaces {share:.0%} of the target tokens by others of "
            f"the {vocabulary:,}: {lower:.2g} would replace {_FEW_SUBSTITUTED:.0%}."
        ]


def substituted_share(*, vocabulary: int, temperature: float) -> float:
    """Expected share of wrong tokens among those that are not the end symbol, see :class:`RewardAugmented`."""
    odds = math.log(max(1, vocabulary - 2)) - 1 / temperature
    return torch.tensor(odds, dtype=torch.float64).sigmoid().item()


def substitute(examples: Examples, *, vocabulary: int, temperature: float) -> Tensor:
    """Targets with tokens replaced by others of the vocabulary but the end symbol, shape (time, batch)."""
    targets, device = examples.targets, examples.targets.device
    free = (targets != PADDING) & (targets != examples.end)
    if not (others := vocabulary - 2):  # neither the right token nor the end symbol: one symbol, to reverse say
        return targets
    lengths = free.sum(0).double()  # (batch,)
    edits = torch.arange(len(targets) + 1, device=device, dtype=torch.float64).unsqueeze(1)
    ways = torch.lgamma(lengths + 1) - torch.lgamma(edits + 1) - torch.lgamma((lengths - edits).clamp(min=0) + 1)
    scores = ways + edits * torch.log(torch.tensor(float(others), device=device, dtype=torch.float64))
    scores = (scores - edits / temperature).masked_fill(edits > lengths, -torch.inf)
    count = torch.multinomial(scores.softmax(0).T, 1).squeeze(1)  # (batch,)
    places = torch.rand(targets.shape, device=device).masked_fill(~free, torch.inf).argsort(0).argsort(0)
    chosen = (places < count) & free
    # One of the others, uniformly: numbers from 0 to others - 1 that pass over the right token and the end symbol.
    number = torch.randint(others, targets.shape, device=device)
    low, high = targets.clamp(max=examples.end), targets.clamp(min=examples.end)
    number = number + (number >= low).long()
    number = number + (number >= high).long()
    return torch.where(chosen, number, targets)
