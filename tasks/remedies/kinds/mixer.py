"""From maximum likelihood to expected reward, from the end of sentences on."""

from __future__ import annotations

from typing import final

import torch

from tasks.remedies.free_running import draw, run_free
from tasks.remedies.kinds._policy_gradient import BASELINE_RATE, Baseline, judge, policy_loss_with_baseline
from tasks.remedies.kinds._prefixes import PrefixAnnealing
from tasks.remedies.remedy import PADDING, Examples, Objective, Remedy, SequenceModel, negative_log_likelihood
from tasks.remedies.rewards import REWARDS, RewardName


@final
class Mixer(Remedy):
    """Likelihood for the first s tokens, REINFORCE for those that the model draws behind them; s falls to 0.

    Ranzato et al. 2016 (arXiv 1511.06732, section 3.2.2 and algorithm 1). The reward is that of the whole sentence.

    The two losses are weighted with 1/2 each once s has begun to fall, as in the authors' program, but each is a mean
    here: likelihood per token of the prefix, policy per sentence. In that program likelihood is summed over steps and
    meaned over the batch, the policy summed over both, so that the policy weighs as many times more as a batch has
    sentences; here it weighs as many times more as the prefix has tokens. Their reward leaves n-grams out that lie in
    the prefix.

    Args:
        features: size of a step's features.
        reward: of a sentence.
        prefix_from: updates before s begins to fall.
        prefix_every: updates between one fall and the next; None: spread over the run.
        prefix_by: tokens that s loses at each.
    """

    warm_start = True
    warm_rate = 0.05
    own_rate = BASELINE_RATE

    def __init__(
        self,
        *,
        features: int,
        reward: RewardName = "bleu",
        prefix_from: int = 0,
        prefix_every: int | None = None,
        prefix_by: int = 2,
    ) -> None:
        super().__init__()
        self.baseline, self._reward = Baseline(features), REWARDS[reward]
        self._prefix = PrefixAnnealing(start=prefix_from, every=prefix_every, by=prefix_by)

    def objective(self, model: SequenceModel, examples: Examples) -> Objective:
        """Mean negative log-likelihood per right token of the prefix, and mean policy loss per sentence."""
        prefix = self._prefix.length(examples)
        if prefix == len(examples.targets):
            features = model.read(model.embed(examples.inputs()), model.begin())
            loss = negative_log_likelihood(model.logits(features), examples.targets)
            return Objective(loss, logged={"right_prefix": float(prefix)})
        run = run_free(model, examples, draw, limit=max(examples.limit, prefix + 1), forced=prefix)
        rewards = judge(run, examples, self._reward)
        losses = policy_loss_with_baseline(model, run, rewards, self.baseline, begin=prefix)
        loss = losses.policy / 2
        right = examples.targets[: min(prefix, len(run.tokens))]
        if bool((right != PADDING).any()):
            likelihood = negative_log_likelihood(model.logits(run.features[: len(right)]), right)
            loss = loss + likelihood / 2
        own = losses.baseline if torch.is_grad_enabled() else None
        return Objective(loss, own, {"right_prefix": float(prefix), "reward": rewards.mean().item()})
