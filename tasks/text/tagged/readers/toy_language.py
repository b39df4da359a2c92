"""The toy language with its parts of speech or its entities, each in the dialect whose words may be several things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, final

from tasks.text.format import Sentence
from tasks.text.prepared import HELD_OUT, cached
from tasks.text.reading import Reader
from tasks.text.tagged.corpus import TaggedCorpus
from tasks.text.tagged.prepare import prepare_sentences
from tasks.text.toy import TOY_PLACES, Dialect, generate, split_sizes, toy_grammar

ToyTags = Literal["parts_of_speech", "entities"]
_BOUNDS: Final = {f"{split}/{metric}": 1.0 for split in HELD_OUT for metric in ("accuracy", "ambiguous_word_accuracy")}
"""Of parts of speech: a sentence has one derivation, so every tag follows from all of its words."""
_ENTITY_TAGS: Final = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


@final
@dataclass(frozen=True, kw_only=True)
class ToyLanguage(Reader[TaggedCorpus]):
    """Generates ``sentences`` training sentences and a fifth of it for validation and test each."""

    tags: ToyTags
    sentences: int
    training_sentences: int | None
    seed: int

    def read(self, cache: Path) -> TaggedCorpus:
        """See :meth:`Reader.read`."""
        return cached(cache, self.content(), self._build, TaggedCorpus)

    def _build(self) -> TaggedCorpus:
        entities = self.tags == "entities"
        dialect: Dialect = "namesakes" if entities else "homographs"
        grammar = toy_grammar(dialect)
        texts = {
            split: [
                Sentence(each.words, each.entity_tags if entities else each.parts_of_speech)
                for each in generate(self.seed, split, size, dialect)
            ]
            for split, size in split_sizes(self.sentences, self.training_sentences).items()
        }
        return prepare_sentences(
            texts,
            required_words=grammar.words(),
            required_tags=_ENTITY_TAGS if entities else grammar.parts_of_speech(),
            bounds={} if entities else _BOUNDS,
            where=TOY_PLACES,
        )
