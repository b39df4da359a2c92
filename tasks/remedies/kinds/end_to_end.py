"""A mixture of likely words is read, and gradients flow through it."""

from __future__ import annotations

from typing import final

from torch import Tensor

from tasks.remedies.kinds._mixed_inputs import read_mixed
from tasks.remedies.kinds._prefixes import PrefixAnnealing
from tasks.remedies.remedy import Examples, Objective, Remedy, SequenceModel, negative_log_likelihood


@final
class EndToEnd(Remedy):
    """Behind a prefix of right tokens, the k most probable ones are read together, weighted by their probabilities.

    Ranzato et al. 2016 (arXiv 1511.06732, section 3.1.3). The weights are renormalised, and the whole is
    differentiated, choice of the k tokens aside. The prefix falls as MIXER's does.

    Args:
        features: not needed.
        mixture: k.
        prefix_from: updates before the prefix begins to fall.
        prefix_every: updates between one fall and the next; None: spread over the run.
        prefix_by: tokens that are lost at each.
    """

    mean_of = "tokens"
    of_running_text = True

    def __init__(
        self,
        *,
        features: int,  # noqa: ARG002
        mixture: int = 10,
        prefix_from: int = 0,
        prefix_every: int | None = None,
        prefix_by: int = 2,
    ) -> None:
        super().__init__()
        self._mixture = mixture
        self._prefix = PrefixAnnealing(start=prefix_from, every=prefix_every, by=prefix_by)

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean negative log-likelihood per right token."""
        prefix = self._prefix.length(examples)

        def choose(time: int, before: Tensor) -> Tensor:
            if time <= prefix:
                return model.embed(examples.gold(time))
            logits = model.logits(before)
            best, tokens = logits.topk(min(self._mixture, logits.shape[1]), dim=1)
            return (best.softmax(1).unsqueeze(2) * model.embed(tokens)).sum(1)

        features = read_mixed(model, examples, choose)
        loss = negative_log_likelihood(model.logits(features), examples.targets)
        return Objective(loss, logged={"right_prefix": float(prefix)})
