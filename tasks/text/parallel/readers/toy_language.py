"""The toy language and its second language, into which every sentence has one true translation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from tasks.text.parallel.corpus import ParallelCorpus
from tasks.text.parallel.prepare import Pair, Vocabularies, prepare_pairs
from tasks.text.parallel.tokenization import TokenKind, made_by
from tasks.text.prepared import cached
from tasks.text.reading import Reader
from tasks.text.toy import TOY_PLACES, generate, split_sizes, toy_grammar

Direction = Literal["forward", "backward"]


@final
@dataclass(frozen=True, kw_only=True)
class ToyLanguage(Reader[ParallelCorpus]):
    """Generates ``sentences`` training pairs and a fifth of it for validation and test each.

    A sentence has one derivation, and so one translation, which follows from its words. Backward it is not so: of 2,000
    translations 6 % are those of two sentences, for nothing marks whether *that* is subject or object.
    """

    tokens: TokenKind
    vocabularies: Vocabularies
    vocabulary_size: int | None
    direction: Direction
    sentences: int
    training_sentences: int | None
    seed: int

    def content(self) -> dict[str, Any]:
        """See :meth:`Reader.content`; with what makes the tokens."""
        return {**super().content(), **made_by(self.tokens)}

    def read(self, cache: Path) -> ParallelCorpus:
        """See :meth:`Reader.read`."""
        return cached(cache, self.content(), self._build, ParallelCorpus)

    def _build(self) -> ParallelCorpus:
        sizes = split_sizes(self.sentences, self.training_sentences)
        words, others = toy_grammar().words(), toy_grammar().translated_words()
        return prepare_pairs(
            {
                split: [self._pair(each.words, each.translation) for each in generate(self.seed, split, size)]
                for split, size in sizes.items()
            },
            tokens=self.tokens,
            vocabularies=self.vocabularies,
            vocabulary_size=self.vocabulary_size,
            required=[self._pair(words, others)],
            exact=self.direction == "forward",
            where=TOY_PLACES,
        )

    def _pair(self, words: tuple[str, ...], translation: tuple[str, ...]) -> Pair:
        pair = Pair(" ".join(words), " ".join(translation))
        return pair if self.direction == "forward" else Pair(pair.target, pair.source)
