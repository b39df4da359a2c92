"""The toy language: sentences of a known grammar, generated from ``data.seed``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.text.running.cache import Prepared, cached
from tasks.text.running.corpus import TokenCorpus
from tasks.text.running.prepare import Level, prepare_streams
from tasks.text.splits import SPLITS
from tasks.text.toy import ToySentence, generate, split_sizes, toy_grammar

if TYPE_CHECKING:
    from tasks.text.running.settings import TextData

SETTINGS: Final = ("level", "sentences", "training_sentences", "seed")
_VERSION: Final = 1
"""Raised when grammar, lexicon or generator change."""


def read(settings: TextData, cache: Path) -> TokenCorpus:
    """Generate ``settings.sentences`` training sentences and a fifth of it for validation and test each.

    Returns:
        A corpus that knows its bounds: the perplexity of the grammar itself on the held-out texts, which is the
        lowest that any model can be expected to reach.
    """
    seed, level = settings.seed, settings.level
    sizes = split_sizes(settings.sentences, settings.training_sentences)

    def build() -> Prepared:
        texts = {split: generate(seed, split, size) for split, size in sizes.items()}
        lines = {split: [" ".join(sentence.words) for sentence in text] for split, text in texts.items()}
        required = toy_grammar().words() if level == "word" else sorted({*" ".join(toy_grammar().words())})
        bounds = {f"{split}/perplexity": _floor(texts[split], level) for split in ("validation", "test")}
        where = dict.fromkeys(SPLITS, "toy language")
        return prepare_streams(lines, level=level, required=required, bounds=bounds, where=where)

    content = {"reader": "toy language", "version": _VERSION, "sizes": sizes, "seed": seed, "level": level}
    return cached(cache, content, build)


def _floor(text: Sequence[ToySentence], level: Level) -> float:
    """Perplexity of the grammar: exp(-sum of log P(sentence) / number of tokens), line ends included.

    The grammar is unambiguous, so a sentence's probability is that of its one derivation. A line end costs nothing
    in it, for a sentence of the language is known to end at its full stop or question mark.
    """
    if level == "word":
        tokens = sum(len(sentence.words) + 1 for sentence in text)
    else:
        tokens = sum(len(" ".join(sentence.words)) + 1 for sentence in text)
    return math.exp(-math.fsum(sentence.log_probability for sentence in text) / tokens)
