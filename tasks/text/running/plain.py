"""Plain text: one file that is split, or a folder with a file for each split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, final

from tasks.text.doubts import tell_doubts
from tasks.text.leaks import tell_leaks
from tasks.text.lines import DEFAULT_ENCODING
from tasks.text.mistakes import tell_places
from tasks.text.running.cache import Prepared, cached
from tasks.text.running.corpus import TokenCorpus
from tasks.text.running.prepare import Level, prepare_streams
from tasks.text.splits import (
    describe_file,
    find_files,
    keep_first,
    name_sources,
    only_line,
    read_each,
    read_unchanged,
    split_items,
    split_line,
)
from tasks.text.vocabulary import EOS
from unroll.contract import UserError

_VERSION: Final = 1
"""Raised when the same files and options give another corpus."""
_ONE_LINE: Final = "one line, cut into splits between its"
"""Fact of a text without line ends."""


def read_plain(
    path: Path,
    *,
    level: Level,
    encoding: str,
    validation_fraction: float,
    test_fraction: float,
    vocabulary_size: int | None,
    minimum_count: int,
    training_sentences: int | None = None,
    cache: Path,
) -> TokenCorpus:
    """A corpus of plain text; tokens are those of :func:`~tasks.text.running.prepare.tokenize`.

    Args:
        path: a file, whose lines are split in their order (training, validation, test), or, of a file of one line,
            its words or characters; or a folder with one file
            for each split, known by a part of its name: ``ptb.train.txt``, ``valid.txt.gz``, ``en.test``.
        level: what a token is.
        encoding: of all files; a name of Python.
        validation_fraction: share of the lines of a single file that is validation text.
        test_fraction: share of the lines of a single file, its last ones, that is test text.
        vocabulary_size: most words to keep, ``<eos>`` and ``<unk>`` included; None keeps all.
        minimum_count: words that the training text has less often become ``<unk>``.
        training_sentences: most lines of training text to learn from, its first ones; None: all.
        cache: folder of prepared texts.

    Raises:
        UserError: a file is missing or malformed (names file, line and byte), or a split has no token.
    """
    files = find_files(path)
    fractions = (validation_fraction, test_fraction) if "all" in files else None
    sources = {split: describe_file(file) for split, file in files.items()}
    options = {"level": level, "vocabulary_size": vocabulary_size, "minimum_count": minimum_count}

    def build() -> Prepared:
        lines = read_each(files, lambda split, file: _read(file, sources[split], encoding, level))
        warnings = tell_doubts({split: _Words(each) for split, each in lines.items()})
        line = None if fractions is None else only_line(lines["all"])
        if line is not None and training_sentences is not None:
            raise UserError(
                "a text of one line has no other lines to leave out",
                where="data.training_sentences",
                received=str(training_sentences),
                advice="leave it out, or cut the text into lines",
            )
        if fractions is not None:
            lines = split_items(lines["all"], *fractions) if line is None else split_line(line, level, *fractions)
        kept = keep_first(lines, training_sentences)
        prepared = prepare_streams(
            kept,
            level=level,
            vocabulary_size=vocabulary_size,
            minimum_count=minimum_count,
            warnings=[
                *tell_leaks({split: [" ".join(line.split()) for line in kept[split]] for split in kept}, "lines"),
                *warnings,
            ],
            where=name_sources(files),
            doubt="" if encoding == DEFAULT_ENCODING else f"is the text really {encoding} (data.encoding)?",
        )
        return prepared if line is None else replace(prepared, facts={**prepared.facts, _ONE_LINE: f"{level}s"})

    content = {"reader": "plain", "version": _VERSION, "encoding": encoding, "files": sources, "fractions": fractions}
    content["training_sentences"] = training_sentences
    return cached(cache, {**content, **options}, build)


@final
class _Words:
    """The words of lines, blank ones aside; never all at once."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[list[str]]:
        return (words for line in self._lines if (words := line.split()))


def _read(file: Path, described: dict[str, Any], encoding: str, level: Level) -> Sequence[str]:
    lines = read_unchanged(file, described, encoding)
    if level == "word":
        _refuse_marks(file, lines)
    return lines


def _refuse_marks(file: Path, lines: Sequence[str]) -> None:
    """Refuse a text that brings its own end marks: every line would end twice."""
    places = [f"{file}, line {n}" for n, line in enumerate(lines, start=1) if EOS in line and EOS in line.split()]
    if places:
        raise UserError(
            f"the text must not hold the word {EOS}, which is added to every line",
            where=tell_places(places, len(places)),
            advice="remove it",
        )
