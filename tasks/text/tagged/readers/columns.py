"""A column file from ``data.path``: one column as words, one as tags; entity tags become BIO, however written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.text.doubts import tell_doubts
from tasks.text.formats.columns import Cell, parse_columns
from tasks.text.leaks import tell_leaks
from tasks.text.splits import describe_file, find_files, keep_some, name_sources, read_each, read_unchanged, split_items
from tasks.text.store import Parts
from tasks.text.tagged.cache import cached
from tasks.text.tagged.corpus import TaggedCorpus
from tasks.text.tagged.entity_tags import Rows, choose_reading, refuse_unreadable, tell_tags, to_sentence
from tasks.text.tagged.prepare import TaggedSentence, prepare_sentences, tags_of
from tasks.text.tagged.schemes import OUTSIDE, Reading
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.text.tagged.settings import TaggedData

SETTINGS: Final = (
    "path",
    "word_column",
    "tag_column",
    "scheme",
    "repair",
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
    "repair",
    "encoding",
    "vocabulary_size",
    "minimum_count",
    "training_sentences",
}


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
        reading = _choose_reading(rows.values(), settings)
        tagged = {split: [to_sentence(cells, reading) for cells in sentences] for split, sentences in rows.items()}
        sentences = tagged if fractions is None else split_items(tagged["all"], *fractions)
        kept = keep_some(sentences, settings.training_sentences)
        return prepare_sentences(
            kept,
            vocabulary_size=settings.vocabulary_size,
            minimum_count=settings.minimum_count,
            required_tags=_required_tags(sentences["train"], settings, reading),
            warnings=[
                *tell_leaks({split: [each.words for each in kept[split]] for split in kept}),
                *tell_tags(kept, settings.scheme, reading),
                *tell_doubts({split: [each.words for each in tagged[split]] for split in tagged}),
            ],
            where=name_sources(files),
        )

    options = settings.model_dump(mode="json", include=_OPTIONS)
    content = {"reader": "columns", "version": _VERSION, "files": sources, "fractions": fractions, **options}
    return cached(cache, content, build)


def _rows(file: Path, described: dict[str, Any], settings: TaggedData) -> list[list[Cell]]:
    lines = read_unchanged(file, described, settings.encoding)
    return parse_columns(lines, word=settings.word_column, tag=settings.tag_column, where=str(file))


def _choose_reading(rows: Rows, settings: TaggedData) -> Reading | None:
    """How the tags of all files are read, if they can be; None: as plain tags."""
    texts = [[cell.tag for cell in sentence] for sentences in rows for sentence in sentences]
    reading = choose_reading(texts, settings.scheme)
    if reading is not None:
        refuse_unreadable(rows, reading, settings.repair)
    return reading


def _required_tags(train: Sequence[TaggedSentence], settings: TaggedData, reading: Reading | None) -> tuple[str, ...]:
    """Tags of the whole training text that a part of it may lack.

    Of entities ``O`` and both tags of every type: elsewhere they may be longer.
    """
    if reading:
        kinds = sorted({tag[2:] for tag in tags_of(train) if tag != OUTSIDE})
        return (OUTSIDE, *(f"{letter}-{kind}" for kind in kinds for letter in "BI"))
    return () if settings.training_sentences is None else tuple(sorted(tags_of(train)))
