"""Now and then the model reads its own word."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor

from tasks.remedies.free_running import draw, most_probable
from tasks.remedies.kinds._annealing import AnnealingName, refuse_impossible, right_share
from tasks.remedies.kinds._mixed_inputs import read_mixed
from tasks.remedies.remedy import Examples, Objective, Remedy, SequenceModel, negative_log_likelihood


@final
class ScheduledSampling(Remedy):
    """Each token that is read is, with a falling probability, the right one, else the model's own (Bengio et al. 2015).

    arXiv 1506.03099, section 2.4. The coin is thrown for each token; no gradient flows through the choice; targets stay
    the right ones. The objective is inconsistent: its minimum is not the true distribution (Huszar 2015, arXiv
    1511.05101).

    Args:
        features: not needed.
        annealing: how the probability of the right token falls.
        annealing_rate: c or k of the schedule; None: it fits the whole run, see ``right_share``.
        right_tokens: what the probability does not fall below; what it always is with ``constant``.
        own_tokens: ``sample``: drawn from the model's distribution; ``best``: its most probable token.

    Raises:
        ValueError: with such a rate the schedule is none.
    """

    mean_of = "tokens"
    of_running_text = True

    def __init__(
        self,
        *,
        features: int,  # noqa: ARG002
        annealing: AnnealingName = "inverse_sigmoid",
        annealing_rate: float | None = None,
        right_tokens: float = 0.0,
        own_tokens: Literal["sample", "best"] = "sample",
    ) -> None:
        super().__init__()
        refuse_impossible(annealing, annealing_rate)
        self._annealing, self._rate, self._floor = annealing, annealing_rate, right_tokens
        self._choose = draw if own_tokens == "sample" else most_probable

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean negative log-likelihood per right token."""
        share = right_share(self._annealing, examples.update, examples.updates, rate=self._rate, floor=self._floor)

        def choose(time: int, before: Tensor) -> Tensor:
            with torch.no_grad():
                own = self._choose(model.logits(before))
            right = torch.rand(own.shape, device=own.device) < share
            return model.embed(torch.where(right, examples.gold(time), own))

        features = read_mixed(model, examples, choose)
        loss = negative_log_likelihood(model.logits(features), examples.targets)
        return Objective(loss, logged={"right_tokens": share})
