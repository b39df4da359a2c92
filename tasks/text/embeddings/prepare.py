"""From a prepared corpus to the same corpus with the vectors that a file has of its words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tasks.text.embeddings.lookup import look_up
from tasks.text.embeddings.settings import WordVectorSettings, embedding_size
from tasks.text.embeddings.vectors import WordVectors
from tasks.text.splits import SPLITS

CorpusT = TypeVar("CorpusT", bound=Any)


def with_word_vectors(corpus: CorpusT, settings: WordVectorSettings, cache: Path) -> CorpusT:
    """A prepared corpus with the vectors of its words, their coverage among its facts, and a fingerprint that has them.

    Args:
        corpus: a dataclass with a ``vocabulary``, and for each split an array of word numbers or something whose
            ``words`` it is.
        settings: name the file; without one the corpus stays as it is.
        cache: folder for prepared data.

    Raises:
        UserError: the file is missing or malformed, has no word of the corpus, or vectors of another size than asked.
    """
    if settings.word_vectors is None:
        return corpus
    parts = look_up(settings.word_vectors, corpus.vocabulary, cache)
    vectors = WordVectors(
        words=parts.arrays["words"],
        values=parts.arrays["values"],
        frozen=settings.word_vectors_use == "frozen",
    )
    embedding_size(settings, vectors)  # one that differs is refused before anything is built
    facts = {**corpus.facts, **parts.record, **_coverage(corpus, vectors)}
    fingerprint = _fingerprint(corpus.fingerprint, vectors)
    with_vectors: CorpusT = replace(corpus, facts=facts, fingerprint=fingerprint, vectors=vectors)
    return with_vectors


def _coverage(corpus: Any, vectors: WordVectors) -> Mapping[str, float]:
    """Share of the tokens of each split whose word has a vector; ``<unk>`` and ``<eos>`` are tokens like any other."""
    has = np.zeros(len(corpus.vocabulary), bool)
    has[vectors.words] = True  # by word number
    texts = {split: getattr(corpus, split) for split in SPLITS}
    # The splits of running text are arrays, those of sentences have one.
    tokens = {split: getattr(text, "words", text) for split, text in texts.items()}
    return {f"{split} tokens with a word vector": float(has[words].mean()) for split, words in tokens.items()}


def _fingerprint(corpus: str, vectors: WordVectors) -> str:
    """SHA-256 of the corpus and of which words have which values: a file's other words change nothing."""
    digest = hashlib.sha256(f"{corpus} {vectors.values.shape}".encode())
    digest.update(np.ascontiguousarray(vectors.words, dtype="<i4").data)
    digest.update(np.ascontiguousarray(vectors.values, dtype="<f4").data)
    return digest.hexdigest()
