"""What the ``data`` sections of all tasks on text have in common: a reader, chosen by name, and its settings."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, cast, final

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

from tasks.named import refuse_unused
from tasks.text.lines import DEFAULT_ENCODING, canonical_encoding
from unroll.contract import LOCATION, Settings, UserError

Corpus = TypeVar("Corpus", covariant=True)


class Reader(Protocol[Corpus]):
    """What a module of such a folder offers."""

    SETTINGS: tuple[str, ...]
    """Names of the settings that it looks at."""

    def read(self, settings: Any, cache: Path) -> Corpus:
        """The corpus that a ``data`` section names, prepared in ``cache``.

        Raises:
            UserError: the data are missing or malformed.
        """


@final
class Readers(Generic[Corpus]):
    """The modules of a package, each a reader of corpora of one form.

    Args:
        package: the folder.
    """

    def __init__(self, package: ModuleType) -> None:
        self._package = package.__name__
        self.names = tuple(sorted(module.name for module in iter_modules(package.__path__)))

    def reader(self, name: str) -> Reader[Corpus]:
        """The module of this name."""
        return cast("Reader[Corpus]", import_module(f"{self._package}.{name}"))

    def load(self, section: DataSection, cache: Path) -> Corpus:
        """The corpus that a ``data`` section names, from ``cache`` where it was prepared before.

        Raises:
            UserError: the data are missing or malformed, or too few of them are to be learned from.
        """
        try:
            return self.reader(section.corpus).read(section, cache)
        except UserError as error:
            if (few := section.training_sentences) is not None and self._is_whole_text_sound(section, cache):
                doubt = f"is data.training_sentences, {few:,}, too small?"
                error.advice = f"{error.advice}; {doubt}" if error.advice else doubt
            raise

    def _is_whole_text_sound(self, section: DataSection, cache: Path) -> bool:
        """Whether the mistake is gone where all sentences are learned from: then their number made it."""
        try:
            self.reader(section.corpus).read(section.model_copy(update={"training_sentences": None}), cache)
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


def absolute(path: Path | None) -> Path | None:
    """A worker's process stands in another folder than the command's; an unknown user's ``~`` stays as it is."""
    return None if path is None else Path(os.path.expanduser(path)).absolute()


class DataSection(Settings):
    """A corpus of some kind, where it lies, how it is cut and which words are kept; abstract.

    A section adds what its readers need and says anew, with another default or description, what is else with it. A
    setting that the chosen kind of corpus never looks at is refused.
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
        readers = self.readers
        refuse_unused(self, choice="corpus", kinds=readers.names, has=lambda kind: readers.reader(kind).SETTINGS)
        return self
