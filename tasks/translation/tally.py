"""How good translations are: sums over the whole of a text, never means of batches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from tasks.translation.exposure import ByPlace
from unroll.contract import Formula

_ORDERS: Final = range(1, 5)
"""Lengths of the n-grams of BLEU."""
FORMULAS: Final = {
    "bleu": Formula(
        form="bleu",
        above=[*({f"bleu/found_{n}": 1.0} for n in _ORDERS), {"bleu/length": 1.0}],
        below=[*({f"bleu/written_{n}": 1.0} for n in _ORDERS), {"bleu/reference_length": 1.0}],
    ),
    "exact_match": Formula.share("exact"),
    "accuracy": Formula.share("forced", "tokens"),
    "free_running_accuracy": Formula.share("free", "tokens"),
    "accuracy_gap": Formula(above=[{"forced": 1.0, "free": -1.0}], below=[{"tokens": 1.0}]),
    "loss": Formula.share("nats", "tokens"),
    "perplexity": Formula(form="exponential", above=[{"nats": 1.0}], below=[{"tokens": 1.0}]),
    "unfinished": Formula.share("unfinished"),
}
"""How these follow from sums over pairs. chrF does not: sacrebleu gives no sums of one pair; nor does the loss behind
own words."""


@final
@dataclass(slots=True)
class Tally:
    """What was counted in held-out pairs so far; mutable.

    Args:
        nats: sum of the right tokens' negative log-likelihoods, given the right ones before them.
        tokens: right tokens, ``<eos>`` included.
        forced: those that are the most probable, given the right ones before them.
        free: those that stand at their place in what was written.
        pairs: number of pairs.
        exact: those whose translation is the right one, every word of it known.
        unfinished: those whose translation ended by its limit.
        written: number of tokens of all translations, ``<eos>`` included.
        by_place: right tokens by their place in the sentence.
        own_nats: what ``nats`` is behind the model's own words; None: not asked for.
        translations: as text.
        references: as they are written.
    """

    nats: float = 0.0
    tokens: int = 0
    forced: int = 0
    free: int = 0
    pairs: int = 0
    exact: int = 0
    unfinished: int = 0
    written: int = 0
    by_place: ByPlace = field(default_factory=ByPlace)
    own_nats: float | None = None
    translations: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)

    def scores(self, scorer: Scorer) -> dict[str, float]:
        """Every metric, by name without its split."""
        loss = self.nats / self.tokens
        own = {} if self.own_nats is None else {"free_running_loss": self.own_nats / self.tokens}
        return {
            **scorer.score(self.translations, self.references),
            "exact_match": self.exact / self.pairs,
            "accuracy": self.forced / self.tokens,
            "free_running_accuracy": self.free / self.tokens,
            "accuracy_gap": (self.forced - self.free) / self.tokens,
            "loss": loss,
            "perplexity": math.exp(loss) if loss < math.log(1e300) else math.inf,
            "unfinished": self.unfinished / self.pairs,
            "length_ratio": self.written / self.tokens,
            **own,
            **self.by_place.scores(),
        }


@final
class Scorer:
    """BLEU (Papineni et al. 2002) and chrF (Popović 2015) by sacrebleu (Post 2018), with its defaults: 13a, chrF2.

    Args:
        lowercase: whether case is left out of account.
    """

    def __init__(self, *, lowercase: bool) -> None:
        self._metrics: dict[str, Any] = {
            "bleu": BLEU(lowercase=lowercase, force=True),
            "chrf": CHRF(lowercase=lowercase),
        }
        self._of_one = BLEU(lowercase=lowercase, force=True, effective_order=True)  # without it, it warns at each call

    def score(self, translations: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """Of a whole text, in points of 100."""
        return {
            name: float(metric.corpus_score(translations, [references]).score) for name, metric in self._metrics.items()
        }

    def bleu_sums(self, translation: str, reference: str) -> dict[str, int]:
        """What one pair adds to BLEU: n-grams that were found and written, and lengths, by the names of the sums."""
        score = self._of_one.sentence_score(translation, [reference])
        found = {f"bleu/found_{n}": score.counts[n - 1] for n in _ORDERS}
        written = {f"bleu/written_{n}": score.totals[n - 1] for n in _ORDERS}
        return {**found, **written, "bleu/length": score.sys_len, "bleu/reference_length": score.ref_len}

    def signatures(self) -> Mapping[str, str]:
        """What another program needs to know to get the same scores, by metric: sacrebleu's own lines."""
        self.score(["a"], ["a"])  # a signature tells the number of references, which it knows by then
        return {name: str(metric.get_signature()) for name, metric in self._metrics.items()}
