"""A prepared tagged corpus: for each split the numbers of words and tags, one sentence after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import NDArray

from tasks.text.prepared import Corpus, SentenceText, array_seen, hash_parts, kept_words, no_words, words_seen
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import Vocabulary

UNSEEN_TAG: Final = -1
"""Number of a tag that the training text lacks: nothing that a tagger could answer, so always an error."""


class Group(IntEnum):
    """Tags that a word has in the training text."""

    PLAIN = 0
    """It always has the same tag there."""
    AMBIGUOUS = 1
    """It has several tags there."""
    UNKNOWN = 2
    """It does not occur there."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class TaggedText(SentenceText):
    """Sentences one after the other, read-only.

    Args:
        tags: numbers of the words' tags, shape (tokens,); :data:`UNSEEN_TAG` for one that the training text lacks.
        groups: the :class:`Group` of each word, shape (tokens,).
    """

    tags: NDArray[np.int32]
    groups: NDArray[np.int8]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Spelling:
    """How the words are written, those too that are read as ``<unk>``.

    Args:
        characters: those of the training text; there is an ``<unk>`` for all others.
        forms: all distinct words of all splits.
        train: the number of each word's form, shape (tokens,), in the training text.
        validation: the same in the validation text.
        test: the same in the test text.
        fingerprint: hash of it all.
    """

    characters: Vocabulary
    forms: Vocabulary
    train: NDArray[np.int32]
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    fingerprint: str = ""

    @classmethod
    def of_one(cls, forms: Vocabulary, numbers: NDArray[np.int32], characters: Vocabulary) -> Self:
        """Of one text, which is all splits: its words, the number of each token's, the characters that are known."""
        return cls(characters=characters, forms=forms, train=numbers, validation=numbers, test=numbers)

    def seen(self) -> Iterator[bytes | memoryview]:
        """See :meth:`tasks.text.prepared.Corpus.seen`."""
        lists = (self.characters.words, self.forms.words)
        yield from (len(words).to_bytes(8, "big") for words in lists)
        yield from (word.encode() for words in lists for word in words)
        yield from (array_seen(getattr(self, split), "<i4") for split in SPLITS)


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class TaggedCorpus(Corpus):
    """What a tagger learns from; its vocabulary has an ``<unk>`` for all other words.

    Args:
        tags: the tags of the training text.
        train: the training text.
        validation: what is looked at while training.
        test: what is looked at once.
        spelling: how the words are written; no part of the fingerprint, for only few models look at it.
    """

    tags: Vocabulary
    train: TaggedText
    validation: TaggedText
    test: TaggedText
    spelling: Spelling

    def seen(self) -> Iterator[int | bytes | memoryview]:
        """See :meth:`tasks.text.prepared.Corpus.seen`."""
        for words in (self.vocabulary, self.tags):
            yield from words_seen(words)
        for text in (getattr(self, split) for split in SPLITS):
            yield from (array_seen(text.words, "<i4"), array_seen(text.tags, "<i4"))
            yield from (array_seen(text.groups, "i1"), array_seen(text.begins, "<i8"))

    def sealed(self) -> Self:
        """See :meth:`tasks.text.prepared.Corpus.sealed`."""
        # Apart from the corpus's own: a model that reads no characters is the same whatever unknown words look like.
        spelling = replace(self.spelling, fingerprint=hash_parts(self.spelling.seen()))
        return replace(super().sealed(), spelling=spelling)

    def spelled(self) -> TaggedCorpus:
        """The corpus for a model that reads characters: its fingerprint holds them."""
        both = (self.fingerprint.encode(), self.spelling.fingerprint.encode())
        return replace(self, fingerprint=hash_parts(both))

    def kept(self) -> dict[str, Any]:
        """See :meth:`tasks.text.prepared.Corpus.kept`."""
        characters = list(self.spelling.characters.words)
        return {
            **super().kept(),
            "tags": list(self.tags.words),
            "characters": characters,
            "sentences": len(self.train),
        }

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Self:
        """See :meth:`tasks.text.prepared.Corpus.restored`."""
        train, none = (
            TaggedText(**no_words(sentences), tags=np.zeros(0, np.int32), groups=np.zeros(0, np.int8))
            for sentences in (kept["sentences"], 0)
        )
        spelling = Spelling.of_one(Vocabulary(()), np.zeros(0, np.int32), Vocabulary(tuple(kept["characters"])))
        tags = Vocabulary(tuple(kept["tags"]))
        return cls(**kept_words(kept), tags=tags, train=train, validation=none, test=none, spelling=spelling)
