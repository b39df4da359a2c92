"""What one reaches who ignores all that was read: the frequencies of words in the training text."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tasks.language_modeling.likelihood import BITS_PER_CHARACTER
from tasks.language_modeling.metrics import RANK_SCORES, RANKS
from tasks.text.running import TokenCorpus


def unigram_scores(corpus: TokenCorpus, *, characters: bool) -> Mapping[str, float]:
    """Perplexities of held-out text by metric, and bits per character where tokens are characters.

    Every count of the training text is raised by one, so that a word that it lacks has a probability too.
    """
    counts = np.bincount(corpus.train, minlength=len(corpus.vocabulary)) + 1
    nats = -np.log(counts / counts.sum())
    found: dict[str, float] = {}
    for split, text in (("validation", corpus.validation), ("test", corpus.test)):
        mean = _mean(nats, text)
        found[f"{split}/perplexity"] = math.exp(mean)
        if characters:
            found[f"{split}/{BITS_PER_CHARACTER}"] = mean / math.log(2)
    return found


def unigram_ranks(corpus: TokenCorpus) -> Mapping[str, float]:
    """Scores of the test text's tokens, ranked by how often the training text has them; by metric."""
    counts = np.bincount(corpus.train, minlength=len(corpus.vocabulary))
    ranks = np.empty_like(counts)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(1, len(counts) + 1)
    found = ranks[corpus.test]
    values = (*((found <= k).mean() for k in RANKS), (1 / found).mean())
    return {f"test/{name}": float(value) for name, value in zip(RANK_SCORES, values, strict=True)}


def _mean(nats: NDArray[np.float64], text: NDArray[np.int32]) -> float:
    """Nats per token: a text of n tokens is counted, not copied n times as floats."""
    return float(np.bincount(text, minlength=len(nats)) @ nats / len(text))
