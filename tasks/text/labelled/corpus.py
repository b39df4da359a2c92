"""A prepared labelled corpus: for each split the numbers of words, one sentence after the other, and of labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.text.splits import SPLITS
from tasks.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tasks.text.embeddings.vectors import WordVectors


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledText:
    """Sentences one after the other, read-only.

    Args:
        words: numbers of the words, shape (tokens,).
        begins: place of each sentence's first word, and the number of tokens; shape (sentences + 1,).
        labels: number of each sentence's label, shape (sentences,); of one that only held-out text has, from the number
            of labels on: nothing that a classifier could say, so always an error.
    """

    words: NDArray[np.int32]
    begins: NDArray[np.int64]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of words of each sentence, shape (sentences,)."""
        return np.diff(self.begins)


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledCorpus:
    """What a classifier learns from; a :class:`unroll.contract.Dataset`.

    Args:
        vocabulary: the words; there is an ``<unk>`` for all others.
        labels: the labels of the training text, in the order of their code points.
        strange: those that only held-out text has, in the same order; their numbers go on from those of ``labels``.
        train: the training text.
        validation: what is looked at while training.
        test: what is looked at once.
        facts: sizes and counts for the report.
        bounds: the best that is to be expected of any classifier, per metric; empty where that is unknown.
        fingerprint: hash of words, labels and numbers, see :func:`fingerprint`.
        vectors: what the embeddings of words begin with; None: as they are drawn.
        warnings: what a reader must know of the sentences before believing a number.
    """

    vocabulary: Vocabulary
    labels: Vocabulary
    train: LabelledText
    validation: LabelledText
    test: LabelledText
    facts: Mapping[str, int | float | str]
    bounds: Mapping[str, float]
    fingerprint: str
    vectors: WordVectors | None = None
    warnings: Sequence[str] = ()
    strange: Vocabulary = field(default_factory=lambda: Vocabulary(()))


def fingerprint(
    vocabulary: Vocabulary, labels: Vocabulary, strange: Vocabulary, splits: Mapping[str, LabelledText]
) -> str:
    """SHA-256 of all that a model can see, in hexadecimal: equal corpora agree wherever and however they are stored."""
    digest = hashlib.sha256()
    for words in (vocabulary, labels, *([strange] if len(strange) else [])):
        digest.update(len(words).to_bytes(8, "big"))
        for word in words.words:
            _add(digest, word.encode())
    for split in SPLITS:
        text = splits[split]
        for array, kind in ((text.words, "<i4"), (text.begins, "<i8"), (text.labels, "<i4")):
            _add(digest, np.ascontiguousarray(array, dtype=kind).data)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, part: bytes | memoryview) -> None:
    """Hash a part after its length, so that no two lists of parts look alike."""
    digest.update(memoryview(part).nbytes.to_bytes(8, "big"))
    digest.update(part)
