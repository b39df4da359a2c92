"""A prepared tagged corpus: for each split the numbers of words and tags, one sentence after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tasks.text.splits import SPLITS
from tasks.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tasks.text.embeddings.vectors import WordVectors

STRANGE_TAG: Final = -1
"""Number of a tag that the training text lacks: nothing that a tagger could say, so always an error."""


class Group(IntEnum):
    """What the training text says about a word."""

    PLAIN = 0
    """It always has the same tag there."""
    AMBIGUOUS = 1
    """It has several tags there."""
    UNKNOWN = 2
    """It does not occur there."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TaggedText:
    """Sentences one after the other, read-only.

    Args:
        words: numbers of the words, shape (tokens,).
        tags: numbers of their tags, shape (tokens,); :data:`STRANGE_TAG` for one that the training text lacks.
        groups: the :class:`Group` of each word, shape (tokens,).
        begins: place of each sentence's first word, and the number of tokens; shape (sentences + 1,).
    """

    words: NDArray[np.int32]
    tags: NDArray[np.int32]
    groups: NDArray[np.int8]
    begins: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.begins) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of words of each sentence, shape (sentences,)."""
        return np.diff(self.begins)


@dataclass(frozen=True, eq=False, kw_only=True)
class Spelling:
    """How the words are written, those too that are read as ``<unk>``.

    Args:
        characters: those of the training text; there is an ``<unk>`` for all others.
        forms: all distinct words of all splits.
        numbers: the number of each word's form, shape (tokens,), for each split.
        fingerprint: hash of it all.
    """

    characters: Vocabulary
    forms: Vocabulary
    numbers: Mapping[str, NDArray[np.int32]]
    fingerprint: str


@dataclass(frozen=True, eq=False, kw_only=True)
class TaggedCorpus:
    """What a tagger learns from; a :class:`unroll.contract.Dataset`.

    Args:
        vocabulary: the words; there is an ``<unk>`` for all others.
        tags: the tags of the training text.
        train: the training text.
        validation: what is looked at while training.
        test: what is looked at once.
        facts: sizes and counts for the report.
        bounds: the highest accuracy that is to be expected of any tagger, per metric; empty where that is unknown.
        fingerprint: hash of words, tags and numbers, see :func:`fingerprint`.
        spelling: how the words are written; no part of the fingerprint, for only few models look at it.
        vectors: what the embeddings of words begin with; None: as they are drawn.
        warnings: what a reader must know of the sentences before believing a number.
    """

    vocabulary: Vocabulary
    tags: Vocabulary
    train: TaggedText
    validation: TaggedText
    test: TaggedText
    facts: Mapping[str, int | float | str]
    bounds: Mapping[str, float]
    fingerprint: str
    spelling: Spelling
    vectors: WordVectors | None = None
    warnings: Sequence[str] = ()

    def spelled(self) -> TaggedCorpus:
        """The corpus for a model that reads characters: its fingerprint holds them."""
        return replace(self, fingerprint=_hash((self.fingerprint.encode(), self.spelling.fingerprint.encode())))


def fingerprint(vocabulary: Vocabulary, tags: Vocabulary, splits: Mapping[str, TaggedText]) -> str:
    """SHA-256 of all that a model can see, in hexadecimal: equal corpora agree wherever and however they are stored."""
    digest = hashlib.sha256()
    for words in (vocabulary, tags):
        digest.update(len(words).to_bytes(8, "big"))
        for word in words.words:
            _add(digest, word.encode())
    for split in SPLITS:
        text = splits[split]
        for array, kind in ((text.words, "<i4"), (text.tags, "<i4"), (text.groups, "i1"), (text.begins, "<i8")):
            _add(digest, np.ascontiguousarray(array, dtype=kind).data)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, part: bytes | memoryview) -> None:
    """Hash a part after its length, so that no two lists of parts look alike."""
    digest.update(memoryview(part).nbytes.to_bytes(8, "big"))
    digest.update(part)


def spelling_fingerprint(characters: Vocabulary, forms: Vocabulary, numbers: Mapping[str, NDArray[np.int32]]) -> str:
    """SHA-256 of all that a model can see of the spelling, in hexadecimal."""
    arrays = (np.ascontiguousarray(numbers[split], dtype="<i4").data for split in SPLITS)
    sizes = (len(words).to_bytes(8, "big") for words in (characters, forms))
    return _hash((*sizes, *(word.encode() for words in (characters, forms) for word in words.words), *arrays))


def _hash(parts: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        _add(digest, part)
    return digest.hexdigest()
