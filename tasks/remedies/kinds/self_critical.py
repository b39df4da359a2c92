"""Better than the model's own best guess?"""

from __future__ import annotations

from typing import final

from tasks.remedies.free_running import draw, most_probable, run_free
from tasks.remedies.kinds._policy_gradient import judge, policy_loss
from tasks.remedies.remedy import Examples, Objective, Remedy, SequenceModel
from tasks.remedies.rewards import REWARDS, RewardName


@final
class SelfCritical(Remedy):
    """``-(r(y) - r(y_greedy)) sum_t log p(y_t)``, y drawn, y_greedy the model's greedy output without dropout.

    Self-critical sequence training (Rennie et al. 2017, arXiv 1612.00563, equation 10).

    Args:
        features: not needed.
        reward: r.
    """

    warm_start = True
    warm_rate = 0.05
    mean_of = "sentences"

    def __init__(self, *, features: int, reward: RewardName = "bleu") -> None:  # noqa: ARG002
        super().__init__()
        self._reward = REWARDS[reward]

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean over sentences, in units of the reward."""
        with model.evaluating() as quiet:
            greedy = run_free(quiet, examples, most_probable, limit=examples.limit)
        run = run_free(model, examples, draw, limit=examples.limit)
        drawn, best = (judge(one, examples, self._reward) for one in (run, greedy))
        logged = {"reward": drawn.mean().item(), "greedy_reward": best.mean().item()}
        return Objective(policy_loss(model, run, drawn - best), logged=logged)
