"""What all prepared corpora have in common: words, facts, a fingerprint of what a model can see, an entry on disk."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

from tasks.text.embeddings.vectors import WordVectors
from tasks.text.splits import SPLITS
from tasks.text.store import CacheEntry, stored
from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError

Facts = dict[str, int | float | str]
HELD_OUT: Final = SPLITS[1:]
FEW_LINES: Final = "give more {}, or set data.validation_fraction and data.test_fraction"
"""Advice where a split is empty."""
_MOST_UNKNOWN: Final = 0.5
"""Share of unknown words in a text from which on nothing that is measured on it is about its language."""
_LAYOUT: Final = 3
"""Raised when the parts of an entry change."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Corpus(ABC):
    """What a task learns from, a :class:`unroll.contract.Dataset`; abstract.

    A corpus adds its splits, ``train``, ``validation`` and ``test``: arrays, or dataclasses of arrays, read-only.

    Args:
        vocabulary: the words.
        facts: sizes and counts for the report.
        bounds: the best that is to be expected of any model, per metric; empty where that is unknown.
        fingerprint: hash of all that a model can see; :func:`cached` adds it.
        vectors: what the embeddings of words begin with; None: as they are drawn.
        warnings: what a reader must know of the text before believing a number.
    """

    vocabulary: Vocabulary
    facts: Mapping[str, int | float | str]
    bounds: Mapping[str, float] = field(default_factory=dict)
    fingerprint: str = ""
    vectors: WordVectors | None = None
    warnings: Sequence[str] = ()

    @abstractmethod
    def seen(self) -> Iterable[int | bytes | memoryview]:
        """All that a model can see, in the order in which :func:`hash_parts` reads it."""

    def sealed(self) -> Self:
        """The same with its fingerprint."""
        return replace(self, fingerprint=hash_parts(self.seen()))

    def kept(self) -> dict[str, Any]:
        """What of it rebuilds a model that was trained, as JSON: words and sizes, and no text.

        A corpus adds what else its models are made for, and how :meth:`restored` reads it.
        """
        vectors = self.vectors and {"size": self.vectors.size, "frozen": self.vectors.frozen}
        return {"vocabulary": list(self.vocabulary.words), "word_vectors": vectors}

    @classmethod
    @abstractmethod
    def restored(cls, kept: Mapping[str, Any]) -> Self:
        """A corpus of what :meth:`kept` gave; its training text has its size and no words."""


def kept_words(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of every corpus, of what :meth:`Corpus.kept` gave; word vectors have their size and no values."""
    vectors = kept["word_vectors"]
    return {
        "vocabulary": Vocabulary(tuple(kept["vocabulary"])),
        "facts": {},
        "vectors": vectors
        and WordVectors(
            words=np.zeros(0, np.int32), values=np.zeros((0, vectors["size"]), np.float32), frozen=vectors["frozen"]
        ),
    }


def no_words(sentences: int) -> dict[str, Any]:
    """Fields of a :class:`SentenceText` of so many sentences without words."""
    return {"words": np.zeros(0, np.int32), "begins": np.zeros(sentences + 1, np.int64)}


CorpusT = TypeVar("CorpusT", bound=Corpus)


@dataclass(frozen=True, eq=False, kw_only=True)
class SentenceText:
    """Sentences one after the other, read-only.

    Args:
        words: numbers of the words, shape (tokens,).
        begins: place of each sentence's first word, and the number of tokens; shape (sentences + 1,).
    """

    words: NDArray[np.int32]
    begins: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.begins) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of words of each sentence, shape (sentences,)."""
        return np.diff(self.begins)


def cached(cache: Path, content: Mapping[str, Any], build: Callable[[], CorpusT], kind: type[CorpusT]) -> CorpusT:
    """The corpus of this content, made by ``build`` unless the cache holds it.

    Args:
        cache: folder of all entries; made if need be.
        content: everything that the corpus depends on, as JSON: reader and its version, options, hashes of sources.
        build: reads the sources; its corpus needs no fingerprint yet.
        kind: what ``build`` makes.

    Raises:
        UserError: the sources are malformed, or the cache cannot be written.
    """

    def is_intact(entry: CacheEntry) -> bool:
        corpus: CorpusT = _put_together(kind, "", entry)
        # A record could claim any fingerprint: it is computed anew from the arrays that would be used.
        return _fingerprints(_entry(corpus.sealed())) == _fingerprints(entry)

    entry = stored(cache, {"corpus": _LAYOUT, **content}, lambda: _entry(build().sealed()), is_intact)
    corpus: CorpusT = _put_together(kind, "", entry)
    return corpus


def hash_parts(parts: Iterable[int | bytes | memoryview]) -> str:
    """SHA-256 in hexadecimal of numbers, as eight bytes each, and of all else behind its length.

    So no two lists of parts look alike, and equal corpora agree wherever and however they are stored.
    """
    digest = hashlib.sha256()
    for part in parts:
        # Big-endian in every case, as the arrays are little-endian in every case: the hash is that of any processor.
        digest.update((part if isinstance(part, int) else memoryview(part).nbytes).to_bytes(8, "big"))
        digest.update(b"" if isinstance(part, int) else part)
    return digest.hexdigest()


def words_seen(vocabulary: Vocabulary) -> Iterator[int | bytes]:
    """A list of words as :meth:`Corpus.seen` gives it where others follow: behind their number."""
    return iter((len(vocabulary), *(word.encode() for word in vocabulary.words)))


def array_seen(array: NDArray[Any], kind: str) -> memoryview:
    """An array as :meth:`Corpus.seen` gives it: its bytes as numbers of this kind, whatever the processor."""
    return np.ascontiguousarray(array, dtype=kind).data


def _entry(corpus: Corpus) -> CacheEntry:
    entry = CacheEntry(arrays={}, words={}, record={})
    _take_apart(corpus, "", entry)
    return entry


def _fingerprints(entry: CacheEntry) -> dict[str, Any]:
    return {name: value for name, value in entry.record.items() if name.endswith("fingerprint")}


def _take_apart(value: Any, name: str, entry: CacheEntry) -> None:
    """Add what a dataclass holds to an entry, by the names of the fields that lead there."""
    for each in fields(value):
        part, path = getattr(value, each.name), f"{name}{each.name}"
        if isinstance(part, np.ndarray):
            # Paths become names of files: `words` of the field `train` is train-words.npy.
            entry.arrays[path] = part
        elif isinstance(part, Vocabulary):
            entry.words[path] = part
        elif is_dataclass(part):
            _take_apart(part, f"{path}-", entry)
        else:
            entry.record[path] = part


def _put_together(kind: type[Any], name: str, entry: CacheEntry) -> Any:
    hints = get_type_hints(kind)  # annotations are texts
    values = {}
    for each in fields(kind):  # a dataclass that is a field lies in the fields that begin with its name
        path = f"{name}{each.name}"
        homes = [home for home in (entry.arrays, entry.words, entry.record) if path in home]
        values[each.name] = homes[0][path] if homes else _put_together(hints[each.name], f"{path}-", entry)
    return kind(**values)


class HasWords(Protocol):
    """A sentence before its words are numbers."""

    @property
    def words(self) -> tuple[str, ...]:
        """At least one."""


def words_of(sentences: Iterable[HasWords]) -> Iterator[str]:
    """All words, one after the other."""
    return (word for sentence in sentences for word in sentence.words)


def begins_of(sentences: Sequence[HasWords]) -> NDArray[np.int64]:
    """See :class:`SentenceText`."""
    return np.fromiter(accumulate((len(each.words) for each in sentences), initial=0), np.int64)


def refuse_empty(sizes: Mapping[str, int], what: str, where: Mapping[str, str], advice: str) -> None:
    """Every split must have something.

    Raises:
        UserError: one has nothing.
    """
    for split, size in sizes.items():
        if not size:
            raise UserError(f"the {split} text must hold at least one {what}", where=where[split], advice=advice)


def refuse_one_label(labels: Vocabulary, what: str, where: Mapping[str, str]) -> None:
    """There must be something to choose from.

    Raises:
        UserError: there is one label.
    """
    if len(labels) < 2:
        raise UserError(
            f"the training text must have at least two {what}s",
            where=where["train"],
            received=f"{labels.words[0]!r} alone",
            advice=f"is the file cut off, or another column the {what}?",
        )


def refuse_unknown(rates: Mapping[str, float], what: str, where: Mapping[str, str], advice: str) -> None:
    """Most of a text must be known.

    Raises:
        UserError: more than half of a text is not.
    """
    for split, rate in rates.items():
        if rate > _MOST_UNKNOWN:
            rule = f"at most half of the {split} {what} may be unknown"
            raise UserError(rule, where=where[split], received=f"{rate:.0%}", advice=advice)
