"""A prepared text: three streams of word numbers and the vocabulary that they are written in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.text.splits import SPLITS
from tasks.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tasks.text.embeddings.vectors import WordVectors


@dataclass(frozen=True, eq=False, kw_only=True)
class TokenCorpus:
    """What a language model learns from; a :class:`unroll.contract.Dataset`.

    Args:
        vocabulary: the words.
        train: word numbers of the training text, of shape (tokens,), read-only.
        validation: the same of the text that is looked at while training.
        test: the same of the text that is looked at once.
        start: number of the word that precedes each text (``<eos>``, or the newline), so that its first word is
            predicted like any other.
        facts: sizes and counts for the report.
        bounds: the lowest perplexity that is to be expected of any model, per metric; empty where that is unknown.
        fingerprint: hash of words and numbers, see :func:`fingerprint`.
        vectors: what the embeddings of words begin with; None: as they are drawn.
        warnings: what a reader must know of the text before believing a number.
    """

    vocabulary: Vocabulary
    train: NDArray[np.int32]
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    start: int
    facts: Mapping[str, int | float | str]
    bounds: Mapping[str, float]
    fingerprint: str
    vectors: WordVectors | None = None
    warnings: Sequence[str] = ()


def fingerprint(vocabulary: Vocabulary, splits: Mapping[str, NDArray[np.int32]], start: int) -> str:
    """SHA-256 of all that a model can see, in hexadecimal: equal texts agree, wherever and however they are stored."""
    digest = hashlib.sha256()
    for word in vocabulary.words:
        _add(digest, word.encode())
    for name in SPLITS:
        _add(digest, np.ascontiguousarray(splits[name], dtype="<i4").data)
    _add(digest, str(start).encode())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, part: bytes | memoryview) -> None:
    """Hash a part after its length, so that no two lists of parts look alike."""
    digest.update(memoryview(part).nbytes.to_bytes(8, "big"))
    digest.update(part)
