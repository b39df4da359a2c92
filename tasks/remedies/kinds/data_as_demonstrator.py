"""The model's best guess is read, the data show what should have come."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from tasks.remedies.free_running import most_probable
from tasks.remedies.kinds._mixed_inputs import read_mixed
from tasks.remedies.kinds._prefixes import PrefixAnnealing
from tasks.remedies.remedy import Examples, Objective, Remedy, SequenceModel, negative_log_likelihood


@final
class DataAsDemonstrator(Remedy):
    """The first tokens that are read are right, the others the model's most probable ones; targets stay right.

    Venkatraman et al. 2015 (AAAI), as a baseline of Ranzato et al. 2016 (arXiv 1511.06732, section 3.1.2). The number
    of right tokens falls as MIXER's does, so that the two differ in what is minimized alone.

    Args:
        features: not needed.
        prefix_from: updates before it begins to fall.
        prefix_every: updates between one fall and the next; None: spread over the run.
        prefix_by: tokens that are lost at each.
    """

    mean_of = "tokens"
    of_running_text = True

    def __init__(
        self,
        *,
        features: int,  # noqa: ARG002
        prefix_from: int = 0,
        prefix_every: int | None = None,
        prefix_by: int = 2,
    ) -> None:
        super().__init__()
        self._prefix = PrefixAnnealing(start=prefix_from, every=prefix_every, by=prefix_by)

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean negative log-likelihood per right token."""
        prefix = self._prefix.length(examples)

        def choose(time: int, before: Tensor) -> Tensor:
            if time <= prefix:
                return model.embed(examples.gold(time))
            with torch.no_grad():
                own = most_probable(model.logits(before))
            return model.embed(own)

        features = read_mixed(model, examples, choose)
        loss = negative_log_likelihood(model.logits(features), examples.targets)
        return Objective(loss, logged={"right_prefix": float(prefix)})
