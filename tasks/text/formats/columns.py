"""Column files, the format of the CoNLL shared tasks before CoNLL-U: a word and its tags on a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, final

from tasks.text.doubts import counts_words
from tasks.text.errors import ErrorCollector
from tasks.text.format import Format, Sentence
from unroll.contract import UserError

DOCUMENT: Final = "-DOCSTART-"
"""First column of a line that begins a document; the whole line is no word."""

_LONGEST: Final = 200
"""Words of a text's only sentence, which no sentence has."""
_FEWEST: Final = 5
"""Words below which equally many columns could be chance."""


@final
@dataclass(frozen=True, kw_only=True)
class Columns(Format):
    """A word and its tags on a line; one column is the words, one the labels.

    A line that holds a tab is cut at tabs alone, so that a word may hold a space; any other at runs of blanks. Lines of
    nothing but white space end a sentence, and so does a line ``-DOCSTART-``. All words of a text have equally many
    columns.

    Args:
        word_column: place of the words' column, from 0; negative: from the right, -1 is the last one.
        tag_column: place of the tags' column, in the same way.
    """

    labels = "entity"
    word_column: int = 0
    tag_column: int = -1

    def parse(self, lines: Sequence[str], where: str) -> list[Sentence]:
        """See :meth:`tasks.text.format.Format.parse`; the first line determines the number of columns."""
        sentences: list[Sentence] = []
        columns, width, errors = (self.word_column, self.tag_column), 0, ErrorCollector()
        for block in _blocks(lines):
            pairs = []
            for number, line in block:
                place = f"{where}, line {number}"
                cells = _cut(line)
                # The first word decides for the whole text. Outside of `with errors`: without it no line can be read.
                width = width or _width(cells, columns, place)
                with errors:
                    pairs.append(_word_and_tag(cells, columns, width, line, place))
            sentences.append(Sentence(tuple(word for word, _ in pairs), tuple(tag for _, tag in pairs), block[0][0]))
        errors.refuse()
        _refuse_one_sentence(sentences, where)
        _refuse_counters(sentences, where)
        return sentences


def looks_like_columns(lines: Sequence[str]) -> bool:
    """Whether lines are words with their tags: equally many columns on each, and blank lines between sentences."""
    # Without a blank line there is one sentence at most, which is no sign of anything.
    if all(map(str.strip, lines)):  # the usual case, and quicker than cutting every line
        return False
    blocks = list(_blocks(lines))
    widths = {len(_cut(line)) for block in blocks for _, line in block}
    words = sum(map(len, blocks))
    return len(blocks) > 1 and words >= max(_FEWEST, 2 * len(blocks)) and len(widths) == 1 and widths.pop() > 1


def _refuse_one_sentence(sentences: Sequence[Sentence], where: str) -> None:
    if len(sentences) == 1 and len(sentences[0].words) > _LONGEST:
        raise UserError(
            "blank lines must stand between sentences",
            where=f"{where}, line {sentences[0].line}",
            received=f"one sentence of {len(sentences[0].words):,} words",
            advice="put one behind each sentence",
        )


def _refuse_counters(sentences: Sequence[Sentence], where: str) -> None:
    """Many such formats begin with the number of the word."""
    counted = [each for each in sentences if counts_words(each.words)]
    if len(counted) > len(sentences) / 2 and len(counted) > 1:
        raise UserError(
            "words must not be their own numbers",
            where=f"{where}, line {counted[0].line}",
            received=f"{' '.join(counted[0].words[:4])}, and so in {len(counted):,} of {len(sentences):,} sentences",
            advice="set data.word_column to the column of the words, 1 perhaps",
        )


def _blocks(lines: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines that are words, each line with its number."""
    for between, block in groupby(
        enumerate(lines, start=1), key=lambda line: line[1].split(maxsplit=1)[:1] in ([], [DOCUMENT])
    ):
        if not between:
            yield list(block)


def _cut(line: str) -> list[str]:
    # Not at every white space of Unicode: a word may be a zero-width or no-break space.
    return line.split("\t") if "\t" in line else [cell for cell in line.split(" ") if cell]


def _width(cells: Sequence[str], wanted: Sequence[int], place: str) -> int:
    """How many columns the text has, by its first word."""
    least = max(column + 1 if column >= 0 else -column for column in wanted)  # -1 needs one column
    if len(cells) < max(least, 2):
        raise UserError(
            f"a line must hold at least {max(least, 2)} columns, with a tab or blanks between each two, or nothing",
            where=place,
            received=f"{len(cells)} columns: {' '.join(cells)[:40]!r}",
            advice="set data.word_column and data.tag_column",
        )
    return len(cells)


def _word_and_tag(cells: Sequence[str], columns: Sequence[int], width: int, line: str, place: str) -> Sequence[str]:
    if len(cells) != width:
        raise UserError(
            f"all lines of a column file must hold as many columns as its first ({width})",
            where=place,
            received=f"{len(cells)} columns: {line[:40]!r}",
            advice="an empty line ends a sentence",
        )
    found = [cells[column] for column in columns]
    for cell in found:
        if not cell or cell.isspace():
            raise UserError("a word and its tag must not be empty", where=place, received=repr(cell))
    if (tag := found[1]) != tag.strip():  # another tag that looks the same
        raise UserError("a tag must have no blanks around it", where=place, received=repr(tag[:40]))
    return found
