"""Column files, the format of the CoNLL shared tasks before CoNLL-U: a word and its tags on a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from tasks.text.doubts import counts_words
from tasks.text.mistakes import Mistakes
from unroll.contract import UserError

DOCUMENT: Final = "-DOCSTART-"
"""First column of a line that begins a document; the whole line is no word."""

_LONGEST: Final = 200
"""Words of a text's only sentence, which no sentence has."""


class Cell(NamedTuple):
    """A word, its tag, and what errors call their line."""

    word: str
    tag: str
    place: str


def parse_columns(lines: Sequence[str], *, word: int, tag: int, where: str) -> list[list[Cell]]:
    """Sentences of a column file.

    A line that holds a tab is cut at tabs alone, so that a word may hold a space; any other at runs of blanks. Lines of
    nothing but white space end a sentence, and so does a line ``-DOCSTART-``. All words of a text have equally many
    columns.

    Args:
        lines: without line ends.
        word: place of the words' column, from 0; negative: from the right, -1 is the last one.
        tag: place of the tags' column, in the same way.
        where: what errors call the text.

    Raises:
        UserError: lines have another number of columns than the first, or lack a column, or words or tags are not
            whole (names the first).
    """
    sentences: list[list[Cell]] = []
    width, mistakes = 0, Mistakes()
    for block in _blocks(lines):
        sentence: list[Cell] = []
        for number, line in block:
            place = f"{where}, line {number}"
            cells = _cut(line)
            width = width or _width(cells, (word, tag), place)
            try:
                _check_width(line, len(cells), width, place)
                sentence.append(Cell(_filled(cells[word], place), _tag(cells[tag], place), place))
            except UserError as error:
                mistakes.add(error)
        sentences.append(sentence)
    mistakes.refuse()
    _refuse_one_sentence(sentences)
    _refuse_counters(sentences)
    return sentences


def _refuse_one_sentence(sentences: Sequence[Sequence[Cell]]) -> None:
    if len(sentences) == 1 and len(sentences[0]) > _LONGEST:
        raise UserError(
            "blank lines must stand between sentences",
            where=sentences[0][0].place,
            received=f"one sentence of {len(sentences[0]):,} words",
            advice="put one behind each sentence",
        )


def _refuse_counters(sentences: Sequence[Sequence[Cell]]) -> None:
    """Many such formats begin with the number of the word."""
    counted = [each for each in sentences if counts_words([cell.word for cell in each])]
    if len(counted) > len(sentences) / 2 and len(counted) > 1:
        raise UserError(
            "words must not be their own numbers",
            where=counted[0][0].place,
            received=f"{' '.join(cell.word for cell in counted[0][:4])}, and so in {len(counted):,} of "
            f"{len(sentences):,} sentences",
            advice="set data.word_column to the column of the words, 1 perhaps",
        )


def _blocks(lines: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines that are words, each line with its number."""
    for between, block in groupby(enumerate(lines, start=1), key=lambda line: _between(line[1])):
        if not between:
            yield list(block)


def _between(line: str) -> bool:
    """Whether a line stands between sentences."""
    first = line.split(maxsplit=1)[:1]
    return not first or first[0] == DOCUMENT


def _cut(line: str) -> list[str]:
    # Not at every white space of Unicode: a word may be a zero-width or no-break space.
    return line.split("\t") if "\t" in line else [cell for cell in line.split(" ") if cell]


def _width(cells: Sequence[str], wanted: Sequence[int], place: str) -> int:
    """How many columns the text has, by its first word."""
    least = max(column + 1 if column >= 0 else -column for column in wanted)
    if len(cells) < max(least, 2):
        raise UserError(
            f"a line must hold at least {max(least, 2)} columns, with a tab or blanks between each two, or nothing",
            where=place,
            received=_shown(cells),
            advice="set data.word_column and data.tag_column",
        )
    return len(cells)


def _check_width(line: str, cells: int, width: int, place: str) -> None:
    if cells != width:
        raise UserError(
            f"all lines of a column file must hold as many columns as its first ({width})",
            where=place,
            received=f"{cells} columns: {line[:40]!r}",
            advice="an empty line ends a sentence",
        )


def _filled(cell: str, place: str) -> str:
    if not cell or cell.isspace():
        raise UserError("a word and its tag must not be empty", where=place, received=repr(cell))
    return cell


def _tag(cell: str, place: str) -> str:
    """A tag with a blank behind it would be another tag, and nobody would see it."""
    if _filled(cell, place) != cell.strip():
        raise UserError("a tag must have no blanks around it", where=place, received=repr(cell[:40]))
    return cell


def _shown(cells: Sequence[str]) -> str:
    return f"{len(cells)} columns: {' '.join(cells)[:40]!r}"
