"""The toy language with its parts of speech or its entities, each in the dialect whose words may be several things."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.text.splits import SPLITS
from tasks.text.store import Parts
from tasks.text.tagged.cache import cached
from tasks.text.tagged.corpus import TaggedCorpus
from tasks.text.tagged.prepare import TaggedSentence, prepare_sentences
from tasks.text.toy import generate, split_sizes, toy_grammar

if TYPE_CHECKING:
    from tasks.text.tagged.settings import TaggedData

SETTINGS: Final = ("tags", "sentences", "training_sentences", "seed")
_VERSION: Final = 1
"""Raised when grammar, lexicon or generator change."""
_BOUNDS: Final = {
    f"{split}/{metric}": 1.0 for split in SPLITS[1:] for metric in ("accuracy", "ambiguous_word_accuracy")
}
"""Of parts of speech: a sentence has one derivation, so whoever reads the whole of it can tell every tag."""
_ENTITY_TAGS: Final = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def read(settings: TaggedData, cache: Path) -> TaggedCorpus:
    """Generate ``settings.sentences`` training sentences and a fifth of it for validation and test each."""
    sizes = split_sizes(settings.sentences, settings.training_sentences)
    entities = settings.tags == "entities"
    grammar = toy_grammar("namesakes" if entities else "homographs")

    def build() -> Parts:
        generate_split = _entities if entities else _parts_of_speech
        return prepare_sentences(
            {split: generate_split(settings.seed, split, size) for split, size in sizes.items()},
            required_words=grammar.words(),
            required_tags=_ENTITY_TAGS if entities else grammar.parts_of_speech(),
            bounds={} if entities else _BOUNDS,
            where=dict.fromkeys(SPLITS, "toy language"),
        )

    content = {"reader": f"toy language: {settings.tags}", "version": _VERSION, "sizes": sizes, "seed": settings.seed}
    return cached(cache, content, build)


def _parts_of_speech(seed: int, split: str, sentences: int) -> list[TaggedSentence]:
    text = generate(seed, split, sentences, "homographs")
    return [TaggedSentence(sentence.words, sentence.parts_of_speech) for sentence in text]


def _entities(seed: int, split: str, sentences: int) -> list[TaggedSentence]:
    text = generate(seed, split, sentences, "namesakes")
    return [TaggedSentence(sentence.words, sentence.entity_tags) for sentence in text]
