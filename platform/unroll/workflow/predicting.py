"""Ask a finished trial about new text: line by line as lines come, in batches where they lie in a file."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from unroll.contract import Answer, NewText, Task, UserError
from unroll.study.project import AnyTask
from unroll.workflow.trained import Trained, as_tested, list_tasks

STANDARD_INPUT = "-"
CHUNK = 4096
"""Lines of a file that are asked about at once."""


class Predictor:
    """Asks a trained module, and counts what it does not know.

    Args:
        trained: the trial's module.

    Raises:
        UserError: the trial's task answers nothing.
    """

    def __init__(self, trained: Trained) -> None:
        if not _answers(trained.task):
            rule = f"a trial of {trained.trial.task} has no answers to lines of text"
            raise UserError(rule, advice=f"tasks that define predict have{list_tasks(_answers)}")
        self._trained = trained
        self.words = self.unknown = self.right = self.counted = 0
        self.strange = Counter[str]()
        """How often each gold label came that no answer can be."""
        self.scores: Mapping[str, float] = {}
        """Of the answers so far, where their gold is known; by the metrics' names without the split."""

    def answers(self, texts: Iterable[NewText]) -> Iterator[Answer]:
        """Answer as the text comes: for each line, or each example of the format, one.

        Raises:
            UserError: the text is malformed, or without any word.
        """
        trained = self._trained
        for text in texts:
            with as_tested(trained):
                answers = trained.task.predict(trained.settings, trained.dataset, trained.module, text)
            self.words += sum(answer.words for answer in answers)
            self.unknown += sum(answer.unknown for answer in answers)
            self.strange.update(label for answer in answers for label in answer.strange)
            self.right += sum(answer.right for answer in answers)
            self.counted += sum(answer.counted for answer in answers)
            if text.format is not None:  # then it is the whole text
                self.scores = trained.task.score(answers)
            yield from answers
            where = text.where
        if not self.words:
            raise UserError("a text must have at least one word", where=where)


def _answers(task: AnyTask) -> bool:
    return type(task).predict is not Task.predict


def read_texts(file: str, *, format: str | None, encoding: str) -> Iterator[NewText]:  # noqa: A002  (as in NewText)
    """The lines of a file or of standard input (``-``), in the portions in which they are to be asked about.

    A regular file comes in portions of :data:`CHUNK` lines, anything else line by line, as soon as each is there; with
    a format, the whole comes at once.

    Raises:
        UserError: it cannot be read, is empty, or is no text.
    """
    _check_encoding(encoding)
    where = "standard input" if file == STANDARD_INPUT else file
    with _opened(file) as binary:
        lines = _lines(binary, encoding, where)
        if format is not None:
            if not (whole := list(lines)):
                raise UserError("a text must not be empty", where=where)
            yield NewText(lines=whole, where=where, format=format)
            return
        size, first = CHUNK if stat.S_ISREG(os.fstat(binary.fileno()).st_mode) else 1, 1
        while portion := list(islice(lines, size)):
            yield NewText(lines=portion, where=where, first=first)
            first += len(portion)
        if first == 1:
            raise UserError("a text must not be empty", where=where)


def _check_encoding(encoding: str) -> None:
    """Lines are cut before they are decoded: one that is no text is told by its number."""
    try:
        if "\n".encode(encoding) == b"\n":
            return
    except (LookupError, ValueError):
        pass
    advice = "such as utf-8 or latin-1; others can be converted: iconv -f utf-16 -t utf-8 FILE"
    rule = "an encoding must be one that Python knows, in which a line end is one byte"
    raise UserError(rule, where="--encoding", received=repr(encoding), advice=advice)


def _opened(file: str) -> BinaryIO:
    try:
        if file != STANDARD_INPUT:
            return Path(file).open("rb")
        if sys.stdin is None:  # it was closed before the program began
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except OSError as error:
        where = "standard input" if file == STANDARD_INPUT else file
        raise _unreadable(where, error) from None


def _unreadable(where: str, error: OSError) -> UserError:
    rule, received = "the text must be a readable file, or - for standard input", error.strerror or str(error)
    return UserError(rule, where=where, received=received)


def _read(binary: BinaryIO, where: str) -> Iterator[bytes]:
    while True:
        try:
            line = binary.readline()
        except OSError as error:  # a disk that fails, or a terminal that is gone
            raise _unreadable(where, error) from None
        if not line:
            return
        yield line


def _lines(binary: BinaryIO, encoding: str, where: str) -> Iterator[str]:
    for number, line in enumerate(_read(binary, where), start=1):
        place = f"{where}, line {number}"
        try:
            text = line.removesuffix(b"\n").removesuffix(b"\r").decode(encoding)
        except UnicodeDecodeError as error:
            raise UserError(
                f"the text must be {encoding}",
                where=f"{place}, byte {error.start + 1} of the line",
                received=f"byte 0x{error.object[error.start]:02X}",
                advice="name its encoding, for instance --encoding latin-1; is it packed or no text at all?",
            ) from None
        for character, rule in (("\0", "NUL is no text"), ("\r", r"lines must end with \n or \r\n")):
            if character in text:
                raise UserError(rule, where=place, received=repr(character))
        yield text.removeprefix("\ufeff") if number == 1 else text
