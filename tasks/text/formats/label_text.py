"""Lines of a label, white space and a text, as TREC's questions and many a copy of SST-2 come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from tasks.text.format import Format, Sentence
from tasks.text.formats._labelled import labelled_sentences
from tasks.text.formats.columns import looks_like_columns
from unroll.contract import UserError

_RULE = "each line must be a label, white space and a text"


@final
class LabelText(Format):
    """A label and a text on each line."""

    labels = "sentence"

    def parse(self, lines: Sequence[str], where: str) -> list[Sentence]:
        """See :meth:`tasks.text.format.Format.parse`; a column file is refused as a whole."""
        if looks_like_columns(lines):
            raise UserError(
                _RULE,
                where=where,
                received="a word and its tags on each line, and blank lines between sentences",
                advice="it looks like a column file: the task tagging reads it with data.corpus=columns",
            )
        return labelled_sentences(enumerate(lines, start=1), _split, where)


def _split(line: str, place: str) -> Sequence[str]:
    parts = line.split(maxsplit=1)
    if len(parts) != 2:
        raise UserError(_RULE, where=place, received=repr(line[:40]), advice="remove the line, or fill it")
    return parts
