"""What the ``data`` sections of all tasks on text have in common: a reader, chosen by name, and its settings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Generic, Self, TypeVar, final

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

from tasks.named import NamedClasses, refuse_unused
from tasks.text.format import Labels
from tasks.text.formats import FORMATS, build_format
from tasks.text.lines import DEFAULT_ENCODING, absolute, canonical_encoding
from tasks.text.prepared import Corpus
from tasks.text.reading import FormatReader, Reader
from unroll.contract import LOCATION, Settings, UserError

CorpusT = TypeVar("CorpusT", bound=Corpus)


@functools.cache
def _labels(format_name: str) -> Labels:
    """Kept, as the module is: the names of all kinds are asked for with every validation of a study's settings."""
    return FORMATS.find(format_name).labels


@final
class Readers(Generic[CorpusT]):
    """The kinds of corpora that a section can name: readers of a folder, and formats whose labels it can use.

    Args:
        package: folder of readers; a new kind is a new file there, or a new format.
        formats: what reads the files of a format, by what has a label in it.
    """

    def __init__(
        self, package: ModuleType, formats: Mapping[Labels, type[FormatReader[CorpusT]]] | None = None
    ) -> None:
        self._readers = NamedClasses[Reader[CorpusT]](package, what="kind of corpus", base="tasks.text.reading:Reader")
        self._formats = formats or {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        formats = filter(self._reads, FORMATS.names()) if self._formats else ()
        return tuple(sorted({*self._readers.names(), *formats}))

    def _reads(self, format_name: str) -> bool:
        try:
            # Which of the formats have labels that a task can use is known by their classes alone.
            return _labels(format_name) in self._formats
        except UserError:  # a broken file is a kind whose choice gives the reason
            return True

    def options(self, name: str) -> Collection[str]:
        """Settings that a kind looks at."""
        if name in self._readers.names():
            return self._readers.options(name)
        # Of a format: what its reader takes, and what the format itself takes.
        taken = inspect.signature(self._formats[FORMATS.find(name).labels]).parameters
        return {*taken, *FORMATS.options(name)} - {"format"}

    def build(self, section: DataSection) -> Reader[CorpusT]:
        """The reader that a section names, with its settings.

        Raises:
            UserError: its file is broken.
        """
        name, settings = section.corpus, dict(section)
        if name in self._readers.names():
            return self._readers.find(name)(**{option: settings[option] for option in self.options(name)})
        read = self._formats[FORMATS.find(name).labels]
        taken = {option: settings[option] for option in inspect.signature(read).parameters if option in settings}
        return read(format=build_format(name, settings), **taken)

    def load(self, section: DataSection, cache: Path) -> CorpusT:
        """The corpus that a section names, from ``cache`` where it was prepared before.

        Raises:
            UserError: the data are missing or malformed, or too few of them are to be learned from.
        """
        try:
            return self.build(section).read(cache)
        except UserError as error:
            if (few := section.training_sentences) is not None and self._is_whole_text_sound(section, cache):
                doubt = f"is data.training_sentences, {few:,}, too small?"
                # The same error, not another one: its place and rule are right, only its cause is elsewhere.
                error.advice = f"{error.advice}; {doubt}" if error.advice else doubt
            raise

    def _is_whole_text_sound(self, section: DataSection, cache: Path) -> bool:
        """Whether there is no error where all sentences are learned from: then their number caused it."""
        try:
            self.build(section.model_copy(update={"training_sentences": None})).read(cache)
        except UserError:
            return False
        return True

    def check(self, name: str) -> str:
        """Give the name back if there is such a kind.

        Raises:
            PydanticKnownError: there is none; lists those that there are.
        """
        if name not in self.names:
            raise PydanticKnownError("literal_error", {"expected": " or ".join(f"'{name}'" for name in self.names)})
        return name


class DataSection(Settings):
    """The kind and the place of a corpus, how it is split, and which words are kept; abstract.

    A section adds the settings of its readers, and declares anew those with another default or description. A setting
    that the chosen kind of corpus never looks at is refused.
    """

    readers: ClassVar[Readers[Any]]
    """The kinds of corpora that the section knows."""

    corpus: str = "toy_language"
    """Kind of corpus."""
    path: Path | None = Field(None, json_schema_extra={LOCATION: True})
    """File or folder to read; relative to the study's folder in ``study.yaml``, to yours on the command line."""
    encoding: str = DEFAULT_ENCODING
    """Encoding of the files, a name that Python knows."""
    validation_fraction: float = Field(0.05, gt=0, lt=1)
    """Share of the sentences of a single file that is validation text."""
    test_fraction: float = Field(0.05, gt=0, lt=1)
    """Share of the sentences of a single file, its last ones, that is test text."""
    vocabulary_size: int | None = Field(None, ge=1, lt=2**31)
    """Most words to keep, ``<unk>`` included."""
    minimum_count: int = Field(2, ge=1, lt=2**31)
    """Words that the training text has less often are read as ``<unk>``; with 1 nothing is learned about ``<unk>``."""
    training_sentences: int | None = Field(None, ge=1, lt=2**31)
    """Most sentences (lines of plain text) of the training text to learn from, drawn once for all, of plain text the
    first ones; null: all. Held-out text stays whole."""
    sentences: int = Field(3000, ge=1, le=10_000_000)
    """Training sentences that are generated; validation and test text get a fifth of it each."""
    seed: int = Field(1, ge=0, lt=2**31)
    """What the sentences are generated from; no trial's seed."""

    @field_validator("corpus")
    @classmethod
    def _known(cls, corpus: str) -> str:
        return cls.readers.check(corpus)

    @field_validator("encoding")
    @classmethod
    def _canonical(cls, encoding: str) -> str:
        return canonical_encoding(encoding)

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return absolute(path)

    @model_validator(mode="after")
    def _leave_training_text(self) -> Self:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction and test_fraction must leave training text: their sum is 1 or more")
        return self

    @model_validator(mode="after")
    def _refuse_unused_settings(self) -> Self:
        refuse_unused(self, choice="corpus", kinds=self.readers.names, has=self.readers.options)
        return self
