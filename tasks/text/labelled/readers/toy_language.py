"""The toy language with its sentiment: whether praise or blame prevails, and *not* turns what it stands before."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.text.labelled.cache import cached
from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.prepare import LabelledSentence, prepare_sentences
from tasks.text.splits import SPLITS
from tasks.text.store import Parts
from tasks.text.toy import endless, split_sizes, toy_grammar

if TYPE_CHECKING:
    from tasks.text.labelled.settings import LabelledData, Sentiments

SETTINGS: Final = ("sentiments", "sentences", "training_sentences", "seed")
_VERSION: Final = 1
"""Raised when grammar, lexicon or generator change."""
_LABELS: Final[dict[Sentiments, tuple[str, ...]]] = {
    "three": ("negative", "neutral", "positive"),
    "two": ("negative", "positive"),
}
_BOUNDS: Final = {f"{split}/{metric}": 1.0 for split in SPLITS[1:] for metric in ("accuracy", "macro_f1")}
"""A sentence has one derivation, so whoever reads the whole of it can tell its sentiment."""


def read(settings: LabelledData, cache: Path) -> LabelledCorpus:
    """Generate ``settings.sentences`` training sentences and a fifth of it for validation and test each."""
    sizes = split_sizes(settings.sentences, settings.training_sentences)
    labels = _LABELS[settings.sentiments]

    def build() -> Parts:
        return prepare_sentences(
            {split: _generate(settings.seed, split, size, labels) for split, size in sizes.items()},
            required_words=toy_grammar().words(),
            required_labels=labels,
            bounds=_BOUNDS,
            where=dict.fromkeys(SPLITS, "toy language"),
        )

    content = {"reader": "labelled toy language", "version": _VERSION, "sizes": sizes, "seed": settings.seed}
    return cached(cache, {**content, "labels": labels}, build)


def _generate(seed: int, split: str, sentences: int, labels: tuple[str, ...]) -> list[LabelledSentence]:
    wanted = (each for each in endless(seed, split) if each.sentiment in labels)
    return [LabelledSentence(each.words, each.sentiment, "toy language") for each in islice(wanted, sentences)]
