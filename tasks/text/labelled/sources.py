"""Labelled sentences in files: found, read with the place of each, split, and prepared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from tasks.text.doubts import counts, is_tree, tell_doubts
from tasks.text.labelled.cache import cached
from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.prepare import LabelledSentence, prepare_sentences
from tasks.text.leaks import tell_leaks
from tasks.text.mistakes import Mistakes, tell_places
from tasks.text.splits import describe_file, find_files, keep_some, name_sources, read_each, read_unchanged, split_items
from tasks.text.store import Parts
from unroll.contract import UserError, derive_seed

if TYPE_CHECKING:
    from tasks.text.labelled.settings import LabelledData

Row = tuple[int, str, str]
"""Line (counted from 1), label and text of a sentence."""
Parse = Callable[[Sequence[str], str], Iterable[Row]]
"""From the lines of a file, and what errors call it, to its sentences; raises a UserError."""

FILE_SETTINGS: Final = (
    "path",
    "encoding",
    "validation_fraction",
    "test_fraction",
    "lowercase",
    "vocabulary_size",
    "minimum_count",
    "training_sentences",
)
"""Settings that every kind of corpus that lies in files looks at."""
FIELD_SETTINGS: Final = ("text_field", "label_field")
"""Settings of kinds whose columns or fields have names."""
_MARKER: Final = "__label__"
"""What fastText's labels begin with."""
_VERSION: Final = 1
"""Raised when the same files and options give another corpus."""


def read_files(
    settings: LabelledData, cache: Path, *, kind: str, ending: str, parse: Parse, fields: Sequence[str] = ()
) -> LabelledCorpus:
    """Read the file or folder at ``settings.path``.

    Args:
        settings: of the corpus.
        cache: folder of prepared corpora.
        kind: name of the kind of corpus.
        ending: what the names of a folder's files end in.
        parse: reads one file.
        fields: settings beyond :data:`FILE_SETTINGS` that ``parse`` looks at.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed (names file and line).
    """
    if settings.path is None:
        raise UserError(f"corpus {kind} needs a path", where="data.path", advice="add data.path=FOLDER, or a file")
    files = find_files(settings.path, ending=ending, optional=("validation",))
    sources = {split: describe_file(file) for split, file in files.items()}
    fractions = _fractions(settings, files)

    def build() -> Parts:
        def sentences_of(split: str, file: Path) -> Sequence[LabelledSentence]:
            lines = read_unchanged(file, sources[split], settings.encoding)
            return _sentences(file, parse(lines, str(file)))

        found = read_each(files, sentences_of)
        sentences = _split(_lowered(found) if settings.lowercase else found, *fractions)
        kept = keep_some(sentences, settings.training_sentences)
        words = {split: [each.words for each in found[split]] for split in found}
        labels = {split: [each.label for each in found[split]] for split in found}
        return prepare_sentences(
            kept,
            vocabulary_size=settings.vocabulary_size,
            minimum_count=settings.minimum_count,
            required_labels=[sentence.label for sentence in sentences["train"]],
            warnings=[
                *tell_leaks({split: [each.words for each in kept[split]] for split in kept}),
                *tell_doubts(words, labels),
            ],
            where=name_sources(files),
        )

    names = {"encoding", "lowercase", "vocabulary_size", "minimum_count", "training_sentences", *fields}
    options = settings.model_dump(mode="json", include=names)
    content = {"reader": f"labelled {kind}", "version": _VERSION, "files": sources, "fractions": fractions, **options}
    return cached(cache, content, build)


def _sentences(file: Path, rows: Iterable[Row]) -> list[LabelledSentence]:
    sentences, mistakes = [], Mistakes()
    with mistakes.gathering():  # behind the last row, what is no row
        for line, label, text in rows:
            try:
                sentences.append(_sentence(label, text, f"{file}, line {line}"))
            except UserError as error:
                mistakes.add(error)
    mistakes.refuse()
    _refuse_what_cannot_be_meant(sentences)
    return sentences


def _refuse_what_cannot_be_meant(sentences: Sequence[LabelledSentence]) -> None:
    """Lines that look like a label and a text, and are something else."""
    several = [each for each in sentences if each.label.startswith(_MARKER) and each.words[0].startswith(_MARKER)]
    trees = [each for each in sentences if is_tree(each.label, each.words)]
    for found, rule, advice in (
        (several, "a sentence must have one label", "keep one for each sentence: several at once are not supported"),
        (
            trees,
            "a sentence must be a label and words, and no tree",
            "write each tree as the label of its root and words",
        ),
    ):
        if found:
            raise UserError(
                rule,
                where=tell_places([each.place for each in found], len(found)),
                received=repr(f"{found[0].label} {' '.join(found[0].words)}"[:60]),
                advice=advice,
            )
    if counts([each.label for each in sentences]):
        raise UserError(
            "labels must be of few kinds, and not count the sentences",
            where=sentences[0].place,
            received=", ".join(repr(each.label) for each in sentences[:3]) + ", ...",
            advice="is the first column a number of the line? remove it, or name another column",
        )


def _sentence(label: str, text: str, place: str) -> LabelledSentence:
    words, name = tuple(text.split()), label.strip()
    if not words:
        raise UserError("a text must have at least one word", where=place, advice="remove the line, or fill it")
    if not name:
        raise UserError("a label must not be empty", where=place, advice="remove the line, or fill it")
    if "\n" in name:
        raise UserError("a label must stand on one line", where=place, received=repr(name[:40]))
    _refuse_what_is_no_text(label + text, place)
    return LabelledSentence(words, name, place)


def _refuse_what_is_no_text(text: str, place: str) -> None:
    """JSON can write NUL, and half of a character, which no file can hold."""
    if "\0" in text:
        raise UserError("NUL is no text", where=place, received=ascii("\0"))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError("a text must be whole characters", where=place, received=ascii(text[error.start])) from error


def _lowered(sentences: Mapping[str, Sequence[LabelledSentence]]) -> dict[str, Sequence[LabelledSentence]]:
    return {
        split: [LabelledSentence(tuple(map(str.lower, each.words)), each.label, each.place) for each in found]
        for split, found in sentences.items()
    }


def _fractions(settings: LabelledData, files: Mapping[str, Path]) -> tuple[float, float]:
    """Shares of what is to be split that become validation and test text."""
    return (
        0.0 if "validation" in files else settings.validation_fraction,
        0.0 if "test" in files else settings.test_fraction,
    )


def _split(
    found: Mapping[str, Sequence[LabelledSentence]], validation: float, test: float
) -> Mapping[str, Sequence[LabelledSentence]]:
    """Cut what files are lacking from a random order, always the same: many a file is sorted by its labels."""
    whole = list(found.get("all", found.get("train", ())))
    if validation or test:
        Random(derive_seed("labelled split")).shuffle(whole)  # noqa: S311 - no secret
    cut = split_items(whole, validation, test)
    return {**cut, **{split: found[split] for split in found if split in ("validation", "test")}}
