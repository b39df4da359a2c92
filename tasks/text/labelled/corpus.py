"""A prepared labelled corpus: for each split the numbers of words, one sentence after the other, and of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from tasks.text.prepared import Corpus, SentenceText, array_seen, kept_words, no_words, words_seen
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import Vocabulary


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledText(SentenceText):
    """Sentences one after the other, read-only.

    Args:
        labels: number of each sentence's label, shape (sentences,); of one that only held-out text has, from the number
            of labels on: nothing that a classifier could answer, so always an error.
    """

    labels: NDArray[np.int32]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledCorpus(Corpus):
    """What a classifier learns from; its vocabulary has an ``<unk>`` for all other words.

    Args:
        labels: the labels of the training text, in the order of their code points.
        unseen: those that only held-out text has, in the same order; their numbers go on from those of ``labels``.
        train: the training text.
        validation: what is looked at while training.
        test: what is looked at once.
    """

    labels: Vocabulary
    unseen: Vocabulary = field(default_factory=lambda: Vocabulary(()))
    train: LabelledText
    validation: LabelledText
    test: LabelledText

    def seen(self) -> Iterator[int | bytes | memoryview]:
        """See :meth:`tasks.text.prepared.Corpus.seen`."""
        for words in (self.vocabulary, self.labels, *([self.unseen] if len(self.unseen) else [])):
            yield from words_seen(words)
        for text in (getattr(self, split) for split in SPLITS):
            yield from (array_seen(text.words, "<i4"), array_seen(text.begins, "<i8"), array_seen(text.labels, "<i4"))

    def kept(self) -> dict[str, Any]:
        """See :meth:`tasks.text.prepared.Corpus.kept`."""
        labels = {"labels": list(self.labels.words), "unseen": list(self.unseen.words)}
        return {**super().kept(), **labels, "sentences": len(self.train)}

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Self:
        """See :meth:`tasks.text.prepared.Corpus.restored`."""
        train, none = (
            LabelledText(**no_words(sentences), labels=np.zeros(sentences, np.int32))
            for sentences in (kept["sentences"], 0)
        )
        labels, unseen = (Vocabulary(tuple(kept[name])) for name in ("labels", "unseen"))
        return cls(**kept_words(kept), labels=labels, unseen=unseen, train=train, validation=none, test=none)
