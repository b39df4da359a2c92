"""CoNLL-U, the format of Universal Dependencies (https://universaldependencies.org/format.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile, groupby
from typing import Final, Literal, TypeAlias, final, get_args

from tasks.text.errors import ErrorCollector
from tasks.text.format import Format, Sentence
from unroll.contract import UserError

Column = Literal["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
TagColumn = Literal["upos", "xpos", "feats", "deprel"]
"""Columns that are a tag for each word: they take few values."""
Row: TypeAlias = tuple[str, ...]
"""The chosen columns of one word."""

_NEVER_EMPTY: Final[frozenset[Column]] = frozenset({"upos", "xpos", "head", "deprel"})
"""Columns in which ``_`` can only mean that they were not filled; elsewhere it may be a form, or "no features"."""
_MAY_HOLD_BLANKS: Final[frozenset[Column]] = frozenset({"form", "lemma", "misc"})
_SHAPES: Final[dict[Column, tuple[re.Pattern[str], str]]] = {
    "head": (re.compile("0|[1-9][0-9]{0,8}"), "a word's number, or 0"),
    "feats": (re.compile(r"_|[^|=]+=[^|]+(\|[^|=]+=[^|]+)*"), "Name=Value with a | between each two, or _"),
}
"""What a cell of these columns must look like."""
_FEWEST: Final = 10
"""Words below which chance could be at work."""
_IDENTIFIER: Final = re.compile(
    r"(?P<word>[1-9][0-9]{0,8})|(?P<first>[1-9][0-9]{0,8})-[1-9][0-9]{0,8}|(?P<before>0|[1-9][0-9]{0,8})\.[1-9][0-9]{0,8}"
)


@final
@dataclass(frozen=True, kw_only=True)
class Conllu(Format):
    """A treebank: the forms of its words, and one column as their labels."""

    labels = "word"
    ending = ".conllu"
    column: TagColumn = "upos"

    def parse(self, lines: Sequence[str], where: str) -> list[Sentence]:
        """See :func:`parse_conllu`; the line of a sentence is its first, a comment perhaps."""
        rows = parse_conllu(lines, columns=("form", self.column), where=where)
        begins = (block[0][0] for block in _blocks(lines))
        return [
            Sentence(tuple(form for form, _ in words), tuple(label for _, label in words), line)
            for words, line in zip(rows, begins, strict=True)
        ]


def parse_conllu(lines: Sequence[str], *, columns: Sequence[Column], where: str) -> list[tuple[Row, ...]]:
    """Sentences of a treebank, each a row for every word.

    Multiword tokens (``3-4``) are skipped, for their words follow; so are empty nodes (``8.1``), which are no part of
    the text.

    Args:
        lines: without line ends; several empty lines between sentences, or none after the last, do no harm.
        columns: what to take of each word, in this order.
        where: what errors call the text.

    Raises:
        UserError: lines break the format, or lack what a chosen column must hold (names the first, at most one of each
            sentence), or most words are hidden.
    """
    sentences, errors = [], ErrorCollector()
    for block in _blocks(lines):
        with errors:
            # At most one error of a sentence: what follows a broken line is often broken by it.
            sentences.append(_words(block, columns, where))
    errors.refuse()
    if "form" in columns:
        _refuse_masked(sentences, columns.index("form"), where)
    return sentences


def _refuse_masked(sentences: Sequence[Sequence[Row]], form: int, where: str) -> None:
    """Some treebanks are passed on without their words, which only the owner of the text may give."""
    forms = [row[form] for sentence in sentences for row in sentence]
    masked = forms.count("_")
    if len(forms) >= _FEWEST and masked > len(forms) / 2:
        raise UserError(
            "a treebank must have its words in column form",
            where=where,
            received=f"_ for {masked:,} of {len(forms):,}",
            advice="it was released without its text: its documentation explains how to restore the words",
        )


def parse_features(cell: str) -> dict[str, str]:
    """Name -> value, of a cell of column ``feats`` that :func:`parse_conllu` gave."""
    return {} if cell == "_" else dict(pair.split("=", 1) for pair in cell.split("|"))


def _blocks(lines: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    """Runs of lines that are not empty, each line with its number."""
    for empty, block in groupby(enumerate(lines, start=1), key=lambda line: not line[1]):
        if not empty:
            yield list(block)


def _words(block: Sequence[tuple[int, str]], columns: Sequence[Column], where: str) -> tuple[Row, ...]:
    words: dict[str, Row] = {}  # by place, for errors that need the whole sentence
    for number, line in dropwhile(lambda line: line[1].startswith("#"), block):
        place = f"{where}, line {number}"
        # Every line is checked, also those of tokens and empty nodes, which are then left out.
        cells = _cells(line, place)
        if _is_word(cells[0], len(words), place):
            words[place] = tuple(_chosen(cells, column, place) for column in columns)
    if not words:
        raise UserError(
            "a sentence must have a word",
            where=f"{where}, line {block[-1][0]}",
            advice="remove comments that no words follow",
        )
    if "head" in columns:
        _check_heads({place: word[columns.index("head")] for place, word in words.items()})
    return tuple(words.values())


def _check_heads(heads: Mapping[str, str]) -> None:
    """A head is a word of the same sentence."""
    for place, head in heads.items():
        if int(head) > len(heads):
            raise UserError(
                "column head must name a word of its sentence, or be 0",
                where=place,
                received=f"{head} in a sentence of {len(heads)} words",
            )


def _cells(line: str, place: str) -> list[str]:
    cells = line.split("\t")
    if len(cells) != len(COLUMNS):
        comment = line.startswith("#")
        raise UserError(
            f"a line must hold {len(COLUMNS)} columns with a tab between each two, or nothing",
            where=place,
            received="a comment inside a sentence" if comment else f"{len(cells)} columns",
            advice="comments stand before a sentence's words" if comment else "is it CoNLL-U?",
        )
    for column, cell in zip(COLUMNS, cells, strict=True):
        if not cell.strip(" "):  # a no-break space may be a form
            raise UserError(f"column {column} must not be empty", where=place, advice="write _ for what is not known")
    return cells


def _is_word(identifier: str, words: int, place: str) -> bool:
    """Whether a line with this identifier, after so many words of its sentence, is a word."""
    found = _IDENTIFIER.fullmatch(identifier)
    if found is None:
        raise UserError(
            "column id must be a word's number (3), a range of them (3-4) or an empty node's (8.1)",
            where=place,
            received=repr(identifier[:20]),
        )
    # A range stands before the first of its words, an empty node behind the word whose number it begins with.
    number = found["word"] or found["first"]
    expected = words + 1 if number else words  # an empty node 3.1 stands behind word 3
    if int(number or found["before"]) != expected:
        raise UserError(
            "the words of a sentence must be numbered 1, 2, 3, ... without a gap",
            where=place,
            received=f"{identifier} after {words} words",
            advice="an empty line ends a sentence",
        )
    return found["word"] is not None


def _chosen(cells: Sequence[str], column: Column, place: str) -> str:
    cell = cells[COLUMNS.index(column)]
    if cell == "_" and column in _NEVER_EMPTY:
        raise UserError(
            f"column {column} must be filled for every word",
            where=place,
            received="_",
            advice="choose a column that this treebank has",
        )
    if column not in _MAY_HOLD_BLANKS and any(map(str.isspace, cell)):
        raise UserError(f"column {column} must not hold blanks", where=place, received=repr(cell[:20]))
    shape, allowed = _SHAPES.get(column, (None, ""))
    if shape and not shape.fullmatch(cell):
        raise UserError(f"column {column} must be {allowed}", where=place, received=repr(cell[:20]))
    return cell
