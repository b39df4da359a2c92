"""Which words of a vocabulary have a vector in a file: looked up once per node."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.text.embeddings.reader import Found, read_vectors
from tasks.text.lines import refuse_special, refusing_unreadable
from tasks.text.splits import describe_file
from tasks.text.store import CacheEntry, stored
from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError

_VERSION: Final = 1
"""Raised when the same file and words give other vectors."""


def look_up(file: Path, vocabulary: Vocabulary, cache: Path) -> CacheEntry:
    """Vectors of the words that have one, from the store of this node if they were looked up before.

    Returns:
        Arrays ``words`` and ``values``, see :class:`~tasks.text.embeddings.vectors.WordVectors`, and facts.

    Raises:
        UserError: the file is missing or malformed, or has none of the words.
    """
    described = _describe(file)
    words = hashlib.sha256(json.dumps(vocabulary.words).encode()).hexdigest()

    def make() -> CacheEntry:
        parts = _read(file, vocabulary)
        if _describe(file) != described:
            raise UserError("a file must not change while it is read", where=str(file), advice="run the command again")
        return parts

    content = {"reader": "word_vectors", "version": _VERSION, "file": described, "vocabulary": words}
    return stored(cache, content, make)


def _describe(file: Path) -> dict[str, Any]:
    with refusing_unreadable(file, what := "file of word vectors"):
        refuse_special(file, rule := "word vectors must lie in a regular file")
        if file.is_dir():
            raise UserError(rule, where=str(file), received="a folder", advice="name a file")
    return describe_file(file, what)


def _read(file: Path, vocabulary: Vocabulary) -> CacheEntry:
    """A word has the vector of just this form, else that of its lower-case form.

    Raises:
        UserError: the file is missing or malformed, or has none of the words.
    """
    found = read_vectors(file, {form for word in vocabulary.words for form in (word, word.lower())})
    forms = [word if word in found.vectors else word.lower() for word in vocabulary.words]  # of each word, in its order
    numbers = [number for number, form in enumerate(forms) if form in found.vectors]
    if not numbers:
        raise UserError(
            "a file of word vectors must have a word of the vocabulary",
            where=str(file),
            received=f"none of {len(vocabulary):,} words",
            advice="is it of the same language? are tokens words, and not characters?",
        )
    values = np.stack([found.vectors[forms[number]] for number in numbers])
    lowered = sum(forms[number] != vocabulary.words[number] for number in numbers)
    shares = {
        "vocabulary with a word vector": len(numbers) / len(vocabulary),
        "vocabulary with that of the lower-case form": lowered / len(vocabulary),
    }
    arrays = {"words": np.array(numbers, np.int32), "values": values}
    return CacheEntry(arrays=arrays, words={}, record={**_facts(found, values), **shares})


def _facts(found: Found, values: NDArray[np.float32]) -> dict[str, int | float]:
    """About the file, and about the vectors of shape (found, size) that were taken from it."""
    return {
        "word vectors": found.lines,
        "repeated word vectors": found.repeated,
        "word vectors of undecodable words": found.undecodable,
        "word vector size": found.size,
        "word vectors' mean norm": float(np.linalg.norm(values.astype(np.float64), axis=1).mean()),
    }
