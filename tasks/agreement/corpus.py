"""A prepared corpus: sentences as numbers of words, and for each verb where it stands and what is known about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.text.splits import SPLITS
from tasks.text.store import Parts, stored
from tasks.text.vocabulary import EOS, Vocabulary

if TYPE_CHECKING:
    from tasks.text.embeddings.vectors import WordVectors


@dataclass(frozen=True, eq=False, kw_only=True)
class AgreementText:
    """Sentences one after the other, and their verbs, read-only.

    Args:
        words: numbers of the words, shape (tokens,).
        begins: place of each sentence's first word, and the number of tokens; shape (sentences + 1,).
        prefixes: place of the first word of each verb's sentence, shape (verbs,).
        lengths: number of words before each verb, shape (verbs,).
        distances: number of words between subject and verb, shape (verbs,).
        attractors: number of nouns between the two of another number than the subject's, shape (verbs,).
        plural: whether subject and verb are plural, shape (verbs,).
        forms: numbers of the verb's singular and plural, shape (verbs, 2).
    """

    words: NDArray[np.int32]
    begins: NDArray[np.int64]
    prefixes: NDArray[np.int64]
    lengths: NDArray[np.int64]
    distances: NDArray[np.int64]
    attractors: NDArray[np.int64]
    plural: NDArray[np.bool_]
    forms: NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class AgreementCorpus:
    """What agreement is learned from; a :class:`unroll.contract.Dataset`.

    Args:
        vocabulary: the words; there is an ``<unk>`` for all others, and an ``<eos>`` around every sentence.
        train: the training text.
        validation: what is looked at while training.
        test: what is looked at once.
        facts: sizes and counts for the report.
        bounds: the highest accuracy that is to be expected of any model, per metric; empty where that is unknown.
        fingerprint: hash of words and numbers, see :func:`fingerprint`.
        vectors: what the embeddings of words begin with; None: as they are drawn.
        warnings: what a reader must know of the sentences before believing a number.
    """

    vocabulary: Vocabulary
    train: AgreementText
    validation: AgreementText
    test: AgreementText
    facts: Mapping[str, int | float | str]
    bounds: Mapping[str, float]
    fingerprint: str
    vectors: WordVectors | None = None
    warnings: Sequence[str] = ()

    @property
    def start(self) -> int:
        """Number of the word that precedes every sentence."""
        return self.vocabulary.number(EOS)


def fingerprint(vocabulary: Vocabulary, texts: Mapping[str, AgreementText]) -> str:
    """SHA-256 of all that a model can see, in hexadecimal: equal corpora agree wherever and however they are stored."""
    digest = hashlib.sha256()
    for word in vocabulary.words:
        _add(digest, word.encode())
    for split in SPLITS:
        for array in vars(texts[split]).values():
            _add(digest, np.ascontiguousarray(array, dtype="<i8").data)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, part: bytes | memoryview) -> None:
    """Hash a part after its length, so that no two lists of parts look alike."""
    digest.update(memoryview(part).nbytes.to_bytes(8, "big"))
    digest.update(part)


def cached(cache: Path, content: Mapping[str, Any], build: Callable[[], Parts]) -> AgreementCorpus:
    """The corpus of this content, made by ``build`` unless the cache holds it.

    Args:
        cache: folder of all entries; made if need be.
        content: everything that the corpus depends on, as JSON: reader and its version, options, hashes of sources.
        build: reads the sources, and gives what :func:`~tasks.agreement.prepare.prepare` does.

    Raises:
        UserError: the sources are malformed, or the cache cannot be written.
    """
    parts = stored(cache, content, build, fingerprints=_fingerprints)
    train, validation, test = (_text(parts, split) for split in SPLITS)
    return AgreementCorpus(
        vocabulary=parts.words["vocabulary"], train=train, validation=validation, test=test, **parts.record
    )


def _fingerprints(parts: Parts) -> dict[str, str]:
    return {"fingerprint": fingerprint(parts.words["vocabulary"], {split: _text(parts, split) for split in SPLITS})}


def _text(parts: Parts, split: str) -> AgreementText:
    return AgreementText(**{field.name: parts.arrays[f"{split}-{field.name}"] for field in fields(AgreementText)})
