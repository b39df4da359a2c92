"""Right sentences with some wrong words, the fewer the more often."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from tasks.remedies.remedy import PADDING, Examples, Objective, Remedy, SequenceModel, negative_log_likelihood


@final
class RewardAugmented(Remedy):
    """Maximum likelihood of targets drawn from ``q(y) ~ exp(r(y, y*) / tau)``, r minus the number of wrong tokens.

    Reward augmented maximum likelihood (Norouzi et al. 2016, arXiv 1609.00150, equation 7), by their stratified
    sampling (section 2.3) for the Hamming distance, where it is exact: a number e of substitutions with probability
    proportional to ``C(m, e) W^e exp(-e / tau)``, then e of the m places, then for each one of the W tokens that are
    neither right nor the end symbol, which stays where it is.

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


def substitute(examples: Examples, *, vocabulary: int, temperature: float) -> Tensor:
    """Targets with tokens replaced by others of the vocabulary but the end symbol, shape (time, batch)."""
    targets, device = examples.targets, examples.targets.device
    free = (targets != PADDING) & (targets != examples.end)
    others = vocabulary - 2  # neither the right token nor the end symbol
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
