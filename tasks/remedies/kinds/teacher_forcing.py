"""Maximum likelihood."""

from __future__ import annotations

from typing import final

from tasks.remedies.remedy import Examples, Objective, Remedy, SequenceModel, negative_log_likelihood


@final
class TeacherForcing(Remedy):
    """``-sum_t log p(y_t | y_1 .. y_{t-1})`` of right tokens, which are also read (Williams and Zipser 1989).

    Args:
        features: not needed.
    """

    mean_of = "tokens"
    of_running_text = True

    def __init__(self, *, features: int) -> None:  # noqa: ARG002
        super().__init__()

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean negative log-likelihood per token."""
        features = model.read(model.embed(examples.inputs()), model.begin())
        return Objective(negative_log_likelihood(model.logits(features), examples.targets))
