"""A prepared corpus: sentences as numbers of words, and for each verb where it stands and what is known about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from tasks.text.prepared import Corpus, array_seen, kept_words, no_words
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import EOS


@final
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


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class AgreementCorpus(Corpus):
    """What agreement is learned from; its vocabulary has an ``<unk>``, and an ``<eos>`` around every sentence.

    Args:
        train: the training text.
        validation: what is looked at while training.
        test: what is looked at once.
    """

    train: AgreementText
    validation: AgreementText
    test: AgreementText

    @property
    def start(self) -> int:
        """Number of the word that precedes every sentence."""
        return self.vocabulary.number(EOS)

    def seen(self) -> Iterator[bytes | memoryview]:
        """See :meth:`tasks.text.prepared.Corpus.seen`."""
        yield from (word.encode() for word in self.vocabulary.words)
        for text in (getattr(self, split) for split in SPLITS):
            yield from (array_seen(array, "<i8") for array in vars(text).values())  # in the order of the fields

    def kept(self) -> dict[str, Any]:
        """See :meth:`tasks.text.prepared.Corpus.kept`."""
        return {**super().kept(), "verbs": len(self.train.lengths), "sentences": len(self.train.begins) - 1}

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Self:
        """See :meth:`tasks.text.prepared.Corpus.restored`."""
        train, none = (_without_words(*sizes) for sizes in ((kept["sentences"], kept["verbs"]), (0, 0)))
        return cls(**kept_words(kept), train=train, validation=none, test=none)


def _without_words(sentences: int, verbs: int) -> AgreementText:
    numbers = np.zeros(verbs, np.int64)
    return AgreementText(
        **no_words(sentences),
        prefixes=numbers,
        lengths=numbers,
        distances=numbers,
        attractors=numbers,
        plural=np.zeros(verbs, np.bool_),
        forms=np.zeros((verbs, 2), np.int64),
    )
