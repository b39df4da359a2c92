"""The toy language: sentences of a known grammar, generated from ``data.seed``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from tasks.text.prepared import HELD_OUT, cached
from tasks.text.reading import Reader
from tasks.text.running.corpus import TokenCorpus
from tasks.text.running.prepare import Level, prepare_streams
from tasks.text.toy import TOY_PLACES, ToySentence, generate, split_sizes, toy_grammar


@final
@dataclass(frozen=True, kw_only=True)
class ToyLanguage(Reader[TokenCorpus]):
    """Generates ``sentences`` training sentences and a fifth of it for validation and test each.

    The corpus knows its bounds: the perplexity of the grammar itself on the held-out texts, which is the lowest that
    any model can be expected to reach.
    """

    level: Level
    sentences: int
    training_sentences: int | None
    seed: int

    def read(self, cache: Path) -> TokenCorpus:
        """See :meth:`Reader.read`."""
        return cached(cache, self.content(), self._build, TokenCorpus)

    def _build(self) -> TokenCorpus:
        sizes, words = split_sizes(self.sentences, self.training_sentences), toy_grammar().words()
        texts = {split: generate(self.seed, split, size) for split, size in sizes.items()}
        return prepare_streams(
            {split: [" ".join(sentence.words) for sentence in text] for split, text in texts.items()},
            level=self.level,
            # The whole language, drawn or not: which words are known depends neither on the seed nor on the size.
            required=words if self.level == "word" else sorted({*" ".join(words)}),
            bounds={f"{split}/perplexity": _floor(texts[split], self.level) for split in HELD_OUT},
            where=TOY_PLACES,
        )


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
