"""A corpus of the toy language, with the perplexity of the grammar itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tasks.text.cache import Prepared, cached
from tasks.text.corpus import SPLITS, TokenCorpus
from tasks.text.streams import Level, prepare_streams
from tasks.text.toy.grammar import toy_grammar
from tasks.text.toy.sentence import ToySentence, generate
from tasks.text.toy.sizes import split_sizes

_VERSION: Final = 1
"""Raised when grammar, lexicon or generator change."""


def read_toy(
    *, sentences: int = 3000, training_sentences: int | None = None, seed: int = 1, level: Level = "word", cache: Path
) -> TokenCorpus:
    """Independent random sentences; validation and test text come from random streams of their own.

    Args:
        sentences: of the training text; validation and test text have a fifth of it each, at least one.
        training_sentences: most sentences of the training text to learn from, its first ones; None: all.
        seed: of the text.
        level: what a token is; characters are those of the words, a space between them, and a newline.
        cache: folder of prepared texts.

    Returns:
        A corpus that knows its bounds: the perplexity of the grammar itself on the held-out texts, which is the
        lowest that any model can be expected to reach.
    """
    sizes = split_sizes(sentences, training_sentences)

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
