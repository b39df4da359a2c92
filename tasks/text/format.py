"""How sentences are written in a file: what every format of ``formats/`` is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

Labels = Literal["none", "sentence", "word", "entity"]


class Sentence(NamedTuple):
    """A sentence of a file.

    Args:
        words: at least one.
        labels: none, one for the sentence, or one for each word, see :attr:`Format.labels`.
        line: of the first word, from 1; where labels may be the tags of entities, each word has a line of its own.
    """

    words: tuple[str, ...]
    labels: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Format(ABC):
    """A file format; abstract.

    A format is a frozen dataclass whose fields are settings of the same names in a ``data`` section. Readers and
    ``unroll data inspect`` read files through it, so that both refuse the same ones.
    """

    labels: ClassVar[Labels]
    """What has a label: nothing; each sentence; each word; each word, and labels may be the tags of entities."""
    ending: ClassVar[str] = ""
    """What the names of a folder's files end in, ``.gz`` aside."""
    version: ClassVar[int] = 1
    """Raised when the same lines give other sentences."""

    @abstractmethod
    def parse(self, lines: Sequence[str], where: str) -> Sequence[Sentence]:
        """The sentences of a file.

        Args:
            lines: without line ends.
            where: what errors call the file.

        Raises:
            UserError: lines break the format; names them all by ``where`` and their numbers.
        """
