"""The toy language with its sentiment: whether praise or blame prevails, and *not* turns what it stands before."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal, final

from tasks.text.format import Sentence
from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.prepare import prepare_sentences
from tasks.text.prepared import HELD_OUT, cached
from tasks.text.reading import Reader
from tasks.text.toy import TOY_PLACES, endless, split_sizes, toy_grammar

Sentiments = Literal["three", "two"]
_LABELS: Final[dict[Sentiments, tuple[str, ...]]] = {
    "three": ("negative", "neutral", "positive"),
    "two": ("negative", "positive"),
}
_BOUNDS: Final = {f"{split}/{metric}": 1.0 for split in HELD_OUT for metric in ("accuracy", "macro_f1")}
"""A sentence has one derivation, so its sentiment follows from all of its words."""


@final
@dataclass(frozen=True, kw_only=True)
class ToyLanguage(Reader[LabelledCorpus]):
    """Generates ``sentences`` training sentences and a fifth of it for validation and test each."""

    sentiments: Sentiments
    sentences: int
    training_sentences: int | None
    seed: int

    def read(self, cache: Path) -> LabelledCorpus:
        """See :meth:`Reader.read`."""
        return cached(cache, self.content(), self._build, LabelledCorpus)

    def _build(self) -> LabelledCorpus:
        sizes, labels = split_sizes(self.sentences, self.training_sentences), _LABELS[self.sentiments]
        texts = {}
        for split, size in sizes.items():
            # Drawn until there are enough: with two labels, neutral sentences of the stream fall away.
            wanted = (each for each in endless(self.seed, split) if each.sentiment in labels)
            texts[split] = [Sentence(each.words, (each.sentiment,)) for each in islice(wanted, size)]
        return prepare_sentences(
            texts, required_words=toy_grammar().words(), required_labels=labels, bounds=_BOUNDS, where=TOY_PLACES
        )
