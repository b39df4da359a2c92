"""Plain text from ``data.path``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

from tasks.text.doubts import doubt_warnings
from tasks.text.errors import format_places
from tasks.text.leaks import leak_warnings
from tasks.text.lines import DEFAULT_ENCODING
from tasks.text.reading import FileReader, Texts
from tasks.text.running.corpus import TokenCorpus
from tasks.text.running.prepare import Level, prepare_streams
from tasks.text.splits import only_line, split_line
from tasks.text.vocabulary import EOS
from unroll.contract import UserError

_ONE_LINE: Final = "one line, cut into splits between its"
"""Fact of a text without line ends."""


@final
@dataclass(frozen=True, kw_only=True)
class PlainText(FileReader[str, TokenCorpus]):
    """Lines of text; tokens are those of :func:`~tasks.text.running.prepare.tokenize`.

    A single file is split between its lines, or, of a file of one line, between its words or characters.
    """

    kind = TokenCorpus
    level: Level

    def parse(self, lines: list[str], where: str) -> list[str]:
        """The lines, unless they bring their own end marks: every line would end twice."""
        marked = (n for n, line in enumerate(lines, start=1) if EOS in line and EOS in line.split())
        places = [f"{where}, line {n}" for n in marked] if self.level == "word" else []
        if places:
            raise UserError(
                f"the text must not hold the word {EOS}, which is added to every line",
                where=format_places(places, len(places)),
                advice="remove it",
            )
        return lines

    def cut(self, found: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
        """See :meth:`FileReader.cut`."""
        line = self._line(found)
        if line is None:
            return super().cut(found)
        if self.training_sentences is not None:
            raise UserError(
                "a text of one line has no other lines to leave out",
                where="data.training_sentences",
                received=str(self.training_sentences),
                advice="leave it out, or cut the text into lines",
            )
        return split_line(line, self.level, self.validation_fraction, self.test_fraction)

    def keep(self, splits: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
        """The first lines of the training text: they go on from each other."""
        return {**splits, "train": splits["train"][: self.training_sentences]}

    def prepare(self, texts: Texts[str]) -> TokenCorpus:
        """See :meth:`FileReader.prepare`."""
        corpus = prepare_streams(
            texts.kept,
            level=self.level,
            vocabulary_size=self.vocabulary_size,
            minimum_count=self.minimum_count,
            warnings=[
                *leak_warnings(
                    {s: [" ".join(each.split()) for each in kept] for s, kept in texts.kept.items()}, "lines"
                ),
                # Of what stands in the files; leaks, above, of what is learned from: fewer training lines leak less.
                *doubt_warnings({split: _Words(lines) for split, lines in texts.found.items()}),
            ],
            where=texts.where,
            doubt="" if self.encoding == DEFAULT_ENCODING else f"is the text really {self.encoding} (data.encoding)?",
        )
        return (
            replace(corpus, facts={**corpus.facts, _ONE_LINE: f"{self.level}s"}) if self._line(texts.found) else corpus
        )

    def _line(self, found: Mapping[str, Sequence[str]]) -> str | None:
        """The only line of a single file that is not blank; None where there are more, or none."""
        return only_line(found["all"]) if "all" in found else None


@final
class _Words:
    """The words of lines, blank ones aside; never all at once."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[list[str]]:
        return (words for line in self._lines if (words := line.split()))
