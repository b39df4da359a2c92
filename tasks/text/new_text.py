"""New text for a model that was trained: lines of words, or a file of a format with its gold labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from tasks.text.format import Labels, Sentence
from tasks.text.formats import FORMATS, build_format
from unroll.contract import NewText, UserError


def read_sentences(text: NewText, *, labels: Sequence[Labels], settings: Mapping[str, Any]) -> list[Sentence]:
    """The sentences of new text: of plain lines one for each, perhaps without words; of a format, with gold labels.

    Args:
        text: what came.
        labels: what must have labels in a format, see :attr:`tasks.text.format.Format.labels`.
        settings: of the trial's ``data`` section: options of the format among them are taken.

    Raises:
        UserError: there is no such format, or the lines break it.
    """
    if text.format is None:
        return [Sentence(tuple(line.split()), line=number) for number, line in enumerate(text.lines, text.first)]
    known = sorted(_formats(labels))
    if text.format not in known:
        rule = f"the format must be one of {', '.join(known)}" if known else "the trial's task reads plain lines alone"
        raise UserError(rule, where="--format", received=repr(text.format))
    return list(build_format(text.format, settings).parse(list(text.lines), text.where))


def _formats(labels: Sequence[Labels]) -> Iterator[str]:
    for name in FORMATS.names():
        with suppress(UserError):  # a broken file is nobody's format
            if FORMATS.find(name).labels in labels:
                yield name
