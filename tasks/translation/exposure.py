"""Exposure bias of a translator: what it makes of right words before, against what it makes of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

from torch import Tensor
from torch.nn.functional import cross_entropy

from tasks.encoder_decoder.network import Conditioned
from tasks.remedies.free_running import most_probable, run_free
from tasks.remedies.remedy import PADDING, Examples
from unroll.contract import distance_metric

LONGEST: Final = 40
"""Places of a translation that are looked at, from its first token on."""
_ENOUGH: Final = 0.1
"""Share of the translations that must have a place, or the few that do would say nothing of it."""


@final
@dataclass(slots=True)
class ByPlace:
    """Right tokens of translations by their place, counted from 1; mutable.

    Args:
        tokens: how many translations have such a place, ``<eos>`` included.
        forced: in how many the right token is the most probable one, given the right ones before it.
        free: in how many it stands at its place in what was written.
    """

    tokens: Counter[int] = field(default_factory=Counter)
    forced: Counter[int] = field(default_factory=Counter)
    free: Counter[int] = field(default_factory=Counter)

    def add(self, forced: Sequence[bool], free: Sequence[bool]) -> None:
        """Count one translation, token by token; what was written may be shorter or longer than what is right."""
        for place, right in enumerate(forced[:LONGEST], 1):
            self.tokens[place] += 1
            self.forced[place] += right
            self.free[place] += place <= len(free) and free[place - 1]

    def scores(self) -> dict[str, float]:
        """Accuracies at every place that enough translations have, by name without the split."""
        found = dict[str, float]()
        for place in sorted(place for place, count in self.tokens.items() if count >= _ENOUGH * self.tokens[1]):
            found[distance_metric("accuracy", place)] = self.forced[place] / self.tokens[place]
            found[distance_metric("free_running_accuracy", place)] = self.free[place] / self.tokens[place]
        return found


def own_nats(model: Conditioned, examples: Examples) -> float:
    """``-sum_t log p(y_t | z_1 .. z_(t-1), x)``: of the right tokens y, while the model reads its own words z.

    z_t is the most probable token behind z_1 .. z_(t-1), whatever a trial decodes with; the model goes on behind its
    own ``<eos>``, until the right sentence is over. With y in place of z it is the loss. The targets stay the right
    words of their places, as scheduled sampling has them in training (Bengio et al. 2015, arXiv 1506.03099, section
    2.2), and with the same flaw (Huszar 2015, arXiv 1511.05101): behind a word too many, right words that come one
    place later are wrong. So it is large where a model is lost, and also where it says the same in another way.
    """
    free = run_free(model, examples, most_probable, limit=len(examples.targets), stops=False)
    logits: Tensor = model.logits(free.features)
    nats = cross_entropy(logits.flatten(0, 1), examples.targets.flatten(), ignore_index=PADDING, reduction="none")
    return nats.double().sum().item()
