"""Tagged sentences in files; what may be the tags of entities becomes BIO, however it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from tasks.text.format import Sentence
from tasks.text.reading import FormatReader, Texts
from tasks.text.tagged.corpus import TaggedCorpus
from tasks.text.tagged.entity_tags import (
    DeclaredScheme,
    Repair,
    choose_reading,
    refuse_unreadable,
    tag_warnings,
    to_bio,
)
from tasks.text.tagged.prepare import prepare_sentences
from tasks.text.tagged.schemes import OUTSIDE


@final
@dataclass(frozen=True, kw_only=True)
class TaggedFiles(FormatReader[TaggedCorpus]):
    """Sentences with a tag for each word, which stays as it is."""

    kind = TaggedCorpus

    def prepare(self, texts: Texts[Sentence]) -> TaggedCorpus:
        """See :meth:`FileReader.prepare`."""
        return _number(self, texts, texts.kept)


@final
@dataclass(frozen=True, kw_only=True)
class EntityFiles(FormatReader[TaggedCorpus]):
    """Sentences whose tags may be those of entities: they become BIO, however they are written."""

    kind = TaggedCorpus
    scheme: DeclaredScheme
    repair: Repair

    def prepare(self, texts: Texts[Sentence]) -> TaggedCorpus:
        """See :meth:`FileReader.prepare`; one reading is chosen for the tags of all files together."""
        reading = choose_reading([each.labels for found in texts.found.values() for each in found], self.scheme)
        if reading is None:
            return _number(self, texts, texts.kept, warnings=tag_warnings(texts.kept, {}, self.scheme, None))
        places = {texts.where.get(split, texts.where["train"]): found for split, found in texts.found.items()}
        refuse_unreadable(places, reading, self.repair)
        kept, repairs = to_bio(texts.kept, reading)
        # Both tags of every type, which may be longer elsewhere.
        # PER of B-PER; of O nothing is left.
        types = sorted({reading.convert([tag]).tags[0][2:] for tag in _tags(texts)} - {""})
        required = (OUTSIDE, *(f"{letter}-{name}" for name in types for letter in "BI"))
        return _number(self, texts, kept, required, repairs, tag_warnings(kept, repairs, self.scheme, reading))


def _tags(texts: Texts[Sentence]) -> set[str]:
    """Those of the whole training text."""
    return {tag for sentence in texts.splits["train"] for tag in sentence.labels}


def _number(
    reader: FormatReader[TaggedCorpus],
    texts: Texts[Sentence],
    kept: Mapping[str, Sequence[Sentence]],
    required: Sequence[str] | None = None,
    repairs: Mapping[str, int] | None = None,
    warnings: Sequence[str] = (),
) -> TaggedCorpus:
    """The corpus of what is kept of texts, with the tags that are required: by default of the whole training text."""
    return prepare_sentences(
        kept,
        vocabulary_size=reader.vocabulary_size,
        minimum_count=reader.minimum_count,
        required_tags=sorted(_tags(texts)) if required is None else required,
        repairs=repairs,
        warnings=[*reader.warnings(texts), *warnings],
        where=texts.where,
    )
