"""The one way from settings to a prepared corpus: find the splits, check, hash, parse, cut, prepare, cache."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, TypeVar

from tasks.text.doubts import doubt_warnings
from tasks.text.format import Format, Sentence
from tasks.text.leaks import leak_warnings
from tasks.text.lines import read_lines
from tasks.text.prepared import Corpus, cached
from tasks.text.splits import describe_file, find_files, keep_some, name_sources, skipped_files, split_items
from unroll.contract import UserError, UserErrors

CorpusT = TypeVar("CorpusT", bound=Corpus)
ItemT = TypeVar("ItemT")
_SHOWN: Final = 3
"""Files that a warning names."""


@dataclass(frozen=True, kw_only=True)
class Reader(ABC, Generic[CorpusT]):
    """Makes a corpus; abstract.

    A reader is a frozen dataclass whose fields are settings of the same names in a ``data`` section. A setting that is
    none of them is refused where a study chooses the reader.
    """

    version: ClassVar[int] = 1
    """Raised when the same settings and files give another corpus."""

    @abstractmethod
    def read(self, cache: Path) -> CorpusT:
        """The corpus, from ``cache`` where it was prepared before.

        Raises:
            UserError: the data are missing or malformed.
        """

    def content(self) -> dict[str, Any]:
        """All that the corpus depends on beside files, as JSON."""
        # The path decides nothing: the same files elsewhere are the same corpus.
        settings = {name: value for name, value in asdict(self).items() if name != "path"}
        return {"reader": type(self).__module__, "version": self.version, **settings}


@dataclass(frozen=True)
class Texts(Generic[ItemT]):
    """What was read from files.

    Args:
        found: what stands in each file, by split; a single file is ``all``.
        splits: the same, cut into splits.
        kept: the same without the training sentences that nothing is learned from.
        where: what errors call the text of each split.
    """

    found: Mapping[str, Sequence[ItemT]]
    splits: Mapping[str, Sequence[ItemT]]
    kept: Mapping[str, Sequence[ItemT]]
    where: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class FileReader(Reader[CorpusT], Generic[ItemT, CorpusT]):
    """Reads a file, or a folder with a file for each split, known by a part of its name; abstract.

    A subclass parses a file and prepares the corpus, and may find, cut and keep in another way. Where a split has
    several files, all but :meth:`prepare` knows them by names of its own, such as ``train source``.
    """

    path: Path | None
    encoding: str
    validation_fraction: float
    test_fraction: float
    vocabulary_size: int | None
    minimum_count: int
    training_sentences: int | None

    kind: ClassVar[type[Any]]
    """What it makes."""
    ending: ClassVar[str] = ""
    """What the names of a folder's files end in, ``.gz`` aside; others are left alone."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Splits that a folder may lack; :meth:`cut` makes them of the others."""

    @property
    def name(self) -> str:
        """What ``data.corpus`` calls it."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def parse(self, lines: list[str], where: str) -> Sequence[ItemT]:
        """What stands in a file.

        Args:
            lines: without line ends.
            where: what errors call the file.

        Raises:
            UserError: lines are malformed.
        """

    @abstractmethod
    def prepare(self, texts: Texts[ItemT]) -> CorpusT:
        """The corpus of what was read; it needs no fingerprint yet.

        Raises:
            UserError: nothing can be learned from it.
        """

    def find(self, path: Path) -> dict[str, Path]:
        """The files by split, see :func:`~tasks.text.splits.find_files`."""
        return find_files(path, ending=self.ending, optional=self.optional)

    def sources(self, files: Mapping[str, Path]) -> dict[str, str]:
        """What errors call the text of each split, of which these are the files."""
        return name_sources(files)

    def cut(self, found: Mapping[str, Sequence[ItemT]]) -> Mapping[str, Sequence[ItemT]]:
        """The splits: a single file in runs of neighbours."""
        whole = found.get("all")
        return found if whole is None else split_items(whole, self.validation_fraction, self.test_fraction)

    def keep(self, splits: Mapping[str, Sequence[ItemT]]) -> Mapping[str, Sequence[ItemT]]:
        """The splits with the training sentences to learn from."""
        return keep_some(splits, self.training_sentences)

    def read(self, cache: Path) -> CorpusT:
        """See :meth:`Reader.read`; what is wrong with several files is reported together.

        Raises:
            UserError: there is no path, or a file is missing or malformed (names file and line).
        """
        if self.path is None:
            rule, advice = f"corpus {self.name} needs a path", "add data.path=FOLDER, or a file"
            raise UserError(rule, where="data.path", advice=advice)
        files = self.find(self.path)
        # Hashed before and after it is read: the key of the cache must be that of what was parsed.
        sources = {split: describe_file(file) for split, file in files.items()}

        def build() -> CorpusT:
            found, errors = {}, list[UserError]()
            for split, file in files.items():
                try:
                    lines = read_lines(file, self.encoding)
                    if describe_file(file) != sources[split]:
                        rule, advice = "a file must not change while it is read", "run the command again"
                        raise UserError(rule, where=str(file), advice=advice)
                    found[split] = self.parse(lines, str(file))
                except UserErrors as error:
                    errors.extend(error.errors)
                except UserError as error:
                    errors.append(error)
            # Of all files together: who corrects one should not have to run again to hear of the next.
            if errors:
                raise errors[0] if len(errors) == 1 else UserErrors(errors)
            # Cut before sentences are left out: the held-out text must not depend on how much is learned from.
            splits = self.cut(found)
            return self.prepare(Texts(found, splits, self.keep(splits), self.sources(files)))

        corpus: CorpusT = cached(cache, {**self.content(), "files": sources}, build, self.kind)
        if skipped := skipped_files(self.path, files):
            named = ", ".join(skipped[:_SHOWN]) + (", ..." if len(skipped) > _SHOWN else "")
            files_are = "1 file is" if len(skipped) == 1 else f"{len(skipped):,} files are"
            text = f"{files_are} not read, for no part of the name names a split: {named}"
            corpus = replace(corpus, warnings=[*corpus.warnings, text])
        return corpus


@dataclass(frozen=True, kw_only=True)
class FormatReader(FileReader[Sentence, CorpusT]):
    """Reads files of a format of ``formats/``; abstract.

    Args:
        format: of all files; its options are settings, too.
    """

    format: Format

    @property
    def name(self) -> str:
        """Its format's."""
        return type(self.format).__module__.rpartition(".")[2]

    def find(self, path: Path) -> dict[str, Path]:
        """See :meth:`FileReader.find`; the ending is the format's."""
        return find_files(path, ending=self.format.ending, optional=self.optional)

    def content(self) -> dict[str, Any]:
        """See :meth:`Reader.content`."""
        return {**super().content(), "format name": self.name, "format version": self.format.version}

    def parse(self, lines: list[str], where: str) -> Sequence[Sentence]:
        """See :meth:`tasks.text.format.Format.parse`."""
        return self.format.parse(lines, where)

    def warnings(self, texts: Texts[Sentence]) -> list[str]:
        """Of held-out text that stands in the training text, and of what can hardly be meant."""
        words = {split: [each.words for each in found] for split, found in texts.found.items()}
        labels = {split: [each.labels[0] for each in found] for split, found in texts.found.items()}
        return [
            *leak_warnings({split: [each.words for each in kept] for split, kept in texts.kept.items()}),
            *doubt_warnings(words, labels if self.format.labels == "sentence" else None),
        ]
