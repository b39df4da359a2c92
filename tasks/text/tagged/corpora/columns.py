"""A column file from ``data.path``: one column as words, one as tags; entity tags become BIO, however written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.text.columns import Cell, parse_columns
from tasks.text.files import describe_file, find_files, keep_some, name_sources, read_each, read_unchanged, split_items
from tasks.text.leaks import tell_leaks
from tasks.text.store import Parts
from tasks.text.tagged.cache import cached
from tasks.text.tagged.corpus import TaggedCorpus
from tasks.text.tagged.prepare import TaggedSentence, prepare_sentences, tags_of
from tasks.text.tagged.schemes import OUTSIDE, Scheme, convert, recognise
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.text.tagged.settings import TaggedData

SETTINGS: Final = (
    "path",
    "word_column",
    "tag_column",
    "scheme",
    "encoding",
    "validation_fraction",
    "test_fraction",
    "vocabulary_size",
    "minimum_count",
    "training_sentences",
)
_VERSION: Final = 1
"""Raised when the same files and options give another corpus."""
_OPTIONS: Final = {
    "word_column",
    "tag_column",
    "scheme",
    "encoding",
    "vocabulary_size",
    "minimum_count",
    "training_sentences",
}

Files = Mapping[str, Sequence[Sequence[Cell]]]


def read(settings: TaggedData, cache: Path) -> TaggedCorpus:
    """Read the file or folder at ``settings.path``; of a folder, one file for each split, whatever their endings.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed (names file and line).
    """
    if settings.path is None:
        raise UserError("corpus columns needs a path", where="data.path", advice="add data.path=FOLDER, or a file")
    files = find_files(settings.path)
    sources = {split: describe_file(file) for split, file in files.items()}
    fractions = (settings.validation_fraction, settings.test_fraction) if "all" in files else None

    def build() -> Parts:
        rows = read_each(files, lambda split, file: _rows(file, sources[split], settings))
        tagged, scheme = _tag(rows, settings)
        sentences = tagged if fractions is None else split_items(tagged["all"], *fractions)
        kept = keep_some(sentences, settings.training_sentences)
        return prepare_sentences(
            kept,
            vocabulary_size=settings.vocabulary_size,
            minimum_count=settings.minimum_count,
            required_tags=_required_tags(sentences["train"], settings, scheme),
            warnings=tell_leaks({split: [each.words for each in kept[split]] for split in kept}),
            where=name_sources(files),
        )

    options = settings.model_dump(mode="json", include=_OPTIONS)
    content = {"reader": "columns", "version": _VERSION, "files": sources, "fractions": fractions, **options}
    return cached(cache, content, build)


def _rows(file: Path, described: dict[str, Any], settings: TaggedData) -> list[list[Cell]]:
    lines = read_unchanged(file, described, settings.encoding)
    return parse_columns(lines, word=settings.word_column, tag=settings.tag_column, where=str(file))


def _tag(files: Files, settings: TaggedData) -> tuple[Mapping[str, Sequence[TaggedSentence]], Scheme | None]:
    """Sentences in BIO, and the scheme that they were written in: that of all files together."""
    texts = ([cell.tag for cell in sentence] for sentences in files.values() for sentence in sentences)
    declared = settings.scheme
    scheme = recognise(texts) if declared == "auto" else None if declared == "plain" else declared
    return {split: [_sentence(rows, scheme) for rows in sentences] for split, sentences in files.items()}, scheme


def _sentence(rows: Sequence[Cell], scheme: Scheme | None) -> TaggedSentence:
    words, tags, places = zip(*rows, strict=True)
    return TaggedSentence(words, convert(tags, scheme, places) if scheme else tags)


def _required_tags(train: Sequence[TaggedSentence], settings: TaggedData, scheme: Scheme | None) -> tuple[str, ...]:
    """Tags of the whole training text that a part of it may lack.

    Of entities ``O`` and both tags of every type: elsewhere they may be longer.
    """
    if scheme:
        kinds = sorted({tag[2:] for tag in tags_of(train) if tag != OUTSIDE})
        return (OUTSIDE, *(f"{letter}-{kind}" for kind in kinds for letter in "BI"))
    return () if settings.training_sentences is None else tuple(sorted(tags_of(train)))
