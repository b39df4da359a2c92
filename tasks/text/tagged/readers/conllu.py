"""A treebank in CoNLL-U from ``data.path``: the forms of its words, and one column as their tags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.text.doubts import tell_doubts
from tasks.text.formats.conllu import parse_conllu
from tasks.text.leaks import tell_leaks
from tasks.text.splits import describe_file, find_files, keep_some, name_sources, read_each, read_unchanged, split_items
from tasks.text.store import Parts
from tasks.text.tagged.cache import cached
from tasks.text.tagged.corpus import TaggedCorpus
from tasks.text.tagged.prepare import TaggedSentence, prepare_sentences, tags_of
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.text.tagged.settings import TagColumn, TaggedData

SETTINGS: Final = (
    "path",
    "column",
    "encoding",
    "validation_fraction",
    "test_fraction",
    "vocabulary_size",
    "minimum_count",
    "training_sentences",
)
_VERSION: Final = 1
"""Raised when the same files and options give another corpus."""
_OPTIONS: Final = {"column", "encoding", "vocabulary_size", "minimum_count", "training_sentences"}


def read(settings: TaggedData, cache: Path) -> TaggedCorpus:
    """Read the file or folder at ``settings.path``; of a folder, the files whose names end in ``.conllu``.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed (names file and line).
    """
    if settings.path is None:
        raise UserError("corpus conllu needs a path", where="data.path", advice="add data.path=FOLDER, or a file")
    files = find_files(settings.path, ending=".conllu")
    sources = {split: describe_file(file) for split, file in files.items()}
    fractions = (settings.validation_fraction, settings.test_fraction) if "all" in files else None

    def build() -> Parts:
        found = read_each(files, lambda split, file: _read(file, sources[split], settings))
        sentences = found if fractions is None else split_items(found["all"], *fractions)
        kept = keep_some(sentences, settings.training_sentences)
        return prepare_sentences(
            kept,
            vocabulary_size=settings.vocabulary_size,
            minimum_count=settings.minimum_count,
            required_tags=() if settings.training_sentences is None else sorted(tags_of(sentences["train"])),
            warnings=[
                *tell_leaks({split: [each.words for each in kept[split]] for split in kept}),
                *tell_doubts({split: [each.words for each in found[split]] for split in found}),
            ],
            where=name_sources(files),
        )

    options = settings.model_dump(mode="json", include=_OPTIONS)
    content = {"reader": "conllu", "version": _VERSION, "files": sources, "fractions": fractions, **options}
    return cached(cache, content, build)


def _read(file: Path, described: dict[str, Any], settings: TaggedData) -> Sequence[TaggedSentence]:
    column: TagColumn = settings.column
    lines = read_unchanged(file, described, settings.encoding)
    rows = parse_conllu(lines, columns=("form", column), where=str(file))
    return [TaggedSentence(words, tags) for words, tags in (zip(*sentence, strict=True) for sentence in rows)]
