"""The expected reward, by sampling."""

from __future__ import annotations

from typing import final

from tasks.remedies.free_running import draw, run_free
from tasks.remedies.kinds._policy_gradient import BASELINE_RATE, Baseline, judge, policy_loss_with_baseline
from tasks.remedies.remedy import Examples, Objective, Remedy, SequenceModel
from tasks.remedies.rewards import REWARDS, RewardName


@final
class Reinforce(Remedy):
    """``-(r(y, y*) - b_t) sum_t log p(y_t)`` of a sequence that the model draws (Williams 1992, Machine Learning 8).

    b is learned, see ``_policy_gradient``. Without a warm start it collapses; with one it wants a learning rate of a
    tenth to a fiftieth of what maximum likelihood has.

    Args:
        features: size of a step's features.
        reward: r.
    """

    warm_start = True
    warm_rate = 0.05
    own_rate = BASELINE_RATE
    mean_of = "sentences"

    def __init__(self, *, features: int, reward: RewardName = "bleu") -> None:
        super().__init__()
        self.baseline, self._reward = Baseline(features), REWARDS[reward]

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean over sentences, in units of the reward."""
        run = run_free(model, examples, draw, limit=examples.limit)
        rewards = judge(run, examples, self._reward)
        losses = policy_loss_with_baseline(model, run, rewards, self.baseline)
        return Objective(losses.policy, losses.baseline, {"reward": rewards.mean().item()})
