"""Parallel text from a folder with two files for each split: line by line a sentence and its translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from tasks.text.doubts import doubt_warnings
from tasks.text.errors import format_places
from tasks.text.leaks import leak_warnings
from tasks.text.parallel.corpus import ParallelCorpus
from tasks.text.parallel.doubts import find_pair_doubts, uneven
from tasks.text.parallel.folder import endings, find_pairs
from tasks.text.parallel.prepare import SIDES, Pair, Vocabularies, prepare_pairs
from tasks.text.parallel.tokenization import TokenKind, made_by
from tasks.text.reading import FileReader, Texts
from tasks.text.splits import SPLITS
from tasks.text.vocabulary import EOS
from unroll.contract import UserError, UserErrors

Incomplete = Literal["drop", "refuse"]
Lines = tuple[str, ...]
"""A line of a file, or a line of each side."""


@final
@dataclass(frozen=True, kw_only=True)
class ParallelFiles(FileReader[Lines, ParallelCorpus]):
    """Reads ``train.de`` and ``train.en``, ``val.de`` and ``val.en``, and so on; knows them as ``train source``, ..."""

    kind = ParallelCorpus
    source: str | None
    target: str | None
    train: str | None
    validation: str | None
    test: str | None
    tokens: TokenKind
    lowercase: bool
    vocabularies: Vocabularies
    longest: int | None
    incomplete: Incomplete

    def content(self) -> dict[str, Any]:
        """See :meth:`Reader.content`; with what makes the tokens."""
        return {**super().content(), **made_by(self.tokens)}

    def find(self, path: Path) -> dict[str, Path]:
        """See :func:`~tasks.text.parallel.folder.find_pairs`.

        Raises:
            UserError: see there; or the languages are not named.
        """
        if self.source is None or self.target is None:
            there = endings(path)
            raise UserError(
                "parallel_files needs what the names of each language's files end in",
                where="data.source, data.target",
                received=f"{self.source or 'null'}, {self.target or 'null'}",
                advice="set them, such as data.source=de data.target=en"
                + (f"; the folder has {', '.join(there)}" if there else ""),
            )
        chosen = {split: getattr(self, split) for split in SPLITS}
        return find_pairs(path, dict(zip(SIDES, (self.source, self.target), strict=True)), chosen)

    def languages(self, path: Path) -> dict[str, dict[str, Path]]:
        """For each language, by the ending of its files, the file of each split, which may be ``all``.

        Raises:
            UserError: see :meth:`find`.
        """
        files = self.find(path)
        return {str(getattr(self, side)): {text: files[f"{text} {side}"] for text in _texts(files)} for side in SIDES}

    def sources(self, files: Mapping[str, Path]) -> dict[str, str]:
        """See :meth:`FileReader.sources`."""
        places = {text: " and ".join(str(files[f"{text} {side}"]) for side in SIDES) for text in _texts(files)}
        return {split: places.get(split) or places["all"] for split in SPLITS}

    def parse(self, lines: list[str], where: str) -> list[Lines]:
        """The lines, unless one brings its own end mark: its sentence would end twice."""
        if self.tokens == "white_space":
            marked = [number for number, line in enumerate(lines, start=1) if EOS in line and EOS in line.split()]
            if marked:
                rule = f"the text must not hold the word {EOS}, which is added to every sentence"
                places = [f"{where}, line {number}" for number in marked]
                raise UserError(rule, where=format_places(places, len(places)), advice="remove it")
        return [(line,) for line in lines]

    def cut(self, found: Mapping[str, Sequence[Lines]]) -> Mapping[str, Sequence[Lines]]:
        """The pairs of each split; whether sides have equally many lines is for :meth:`prepare` to see."""
        return super().cut(
            {
                text: [a + b for a, b in zip(*(found[f"{text} {side}"] for side in SIDES), strict=False)]
                for text in _texts(found)
            }
        )

    def prepare(self, texts: Texts[Lines]) -> ParallelCorpus:
        """See :meth:`FileReader.prepare`."""
        self._refuse_what_is_no_pair(texts)
        return prepare_pairs(
            {split: [Pair(*lines) for lines in text] for split, text in texts.kept.items()},
            tokens=self.tokens,
            lowercase=self.lowercase,
            vocabularies=self.vocabularies,
            vocabulary_size=self.vocabulary_size,
            minimum_count=self.minimum_count,
            longest=self.longest,
            warnings=self._warnings(texts),
            where=texts.where,
        )

    def _refuse_what_is_no_pair(self, texts: Texts[Lines]) -> None:
        errors = []
        for text in _texts(texts.found):
            where = texts.where["train" if text == "all" else text]
            source, target = (texts.found[f"{text} {side}"] for side in SIDES)
            if error := uneven(source, target, where):
                errors.append(error)
            elif self.incomplete == "refuse":
                blank = [n for n, (a, b) in enumerate(zip(source, target, strict=True), start=1) if _is_half(a + b)]
                if blank:
                    place = format_places([f"{where}, line {number}" for number in blank], len(blank))
                    advice = "fill or remove the line in both files, or set data.incomplete=drop"
                    errors.append(UserError("a pair must have both sides", where=place, advice=advice))
        if errors:
            raise errors[0] if len(errors) == 1 else UserErrors(errors)

    @staticmethod
    def _warnings(texts: Texts[Lines]) -> list[str]:
        """Of sources that stand in the training text, and of what can hardly be meant."""
        words = {
            name: [words for (line,) in lines if (words := tuple(line.split()))] for name, lines in texts.found.items()
        }
        return [
            *leak_warnings(
                {split: [tuple(source.split()) for source, _ in text] for split, text in texts.kept.items()},
                "source sentences",
            ),
            *doubt_warnings(words),
            *(
                f"{doubt.times:,} {split} pairs {doubt.what}: is that meant?"
                for split, text in texts.splits.items()
                for doubt in find_pair_doubts(text)
            ),
        ]


def _is_half(pair: Lines) -> bool:
    """Whether one side is blank."""
    return len({not line.strip() for line in pair}) > 1


def _texts(files: Mapping[str, object]) -> Iterator[str]:
    """Splits, or ``all``."""
    return (text for text in (*SPLITS, "all") if f"{text} {SIDES[0]}" in files)
