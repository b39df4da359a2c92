"""Which text a task learns from, as a study declares it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol, Self, cast

from pydantic import Field, field_validator, model_validator

from tasks.text import corpora
from tasks.text.corpus import TokenCorpus
from tasks.text.kinds import Kinds, absolute
from tasks.text.lines import DEFAULT_ENCODING, canonical_encoding
from tasks.text.streams import Level
from unroll.contract import LOCATION, Settings


class Reader(Protocol):
    """What a module of ``tasks/text/corpora`` offers."""

    SETTINGS: tuple[str, ...]
    """Names of the settings that it looks at."""

    def read(self, settings: TextData, cache: Path) -> TokenCorpus:
        """The corpus that the settings name, prepared in ``cache``.

        Raises:
            UserError: the data are missing or malformed.
        """


_KINDS: Final = Kinds(corpora)
CORPORA: Final = _KINDS.names
"""Kinds of corpora: the modules of ``tasks/text/corpora``."""


class TextData(Settings):
    """The ``data`` section of a task on text."""

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(CORPORA)})
    """Kind of corpus: a module of ``tasks/text/corpora``."""
    path: Path | None = Field(None, json_schema_extra={LOCATION: True})
    """File or folder to read; relative to the study's folder in ``study.yaml``, to yours on the command line."""
    level: Level = "word"
    """What a token is."""
    encoding: str = DEFAULT_ENCODING
    """Encoding of the files, a name that Python knows."""
    validation_fraction: float = Field(0.05, gt=0, lt=1)
    """Share of the lines of a single file that is validation text."""
    test_fraction: float = Field(0.05, gt=0, lt=1)
    """Share of the lines of a single file, its last ones, that is test text."""
    vocabulary_size: int | None = Field(None, ge=2, lt=2**31)
    """Most words to keep, ``<eos>`` and ``<unk>`` included."""
    minimum_count: int = Field(1, ge=1, lt=2**31)
    """Words that the training text has less often become ``<unk>``."""
    sentences: int = Field(3000, ge=1, le=10_000_000)
    """Training sentences that are generated; validation and test text get a fifth of it each."""
    seed: int = Field(1, ge=0, lt=2**31)
    """What the sentences are generated from; no trial's seed."""

    @field_validator("corpus")
    @classmethod
    def _known(cls, corpus: str) -> str:
        return _KINDS.check(corpus)

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
    def _refuse_idle_settings(self) -> Self:
        _KINDS.refuse_idle(self, self.corpus)
        return self


def load(settings: TextData, cache: Path) -> TokenCorpus:
    """The corpus that the settings name, from ``cache`` where it was prepared before.

    Raises:
        UserError: the data are missing or malformed.
    """
    return reader(settings.corpus).read(settings, cache)


def reader(corpus: str) -> Reader:
    """The module that reads a kind of corpus."""
    return cast("Reader", _KINDS.module(corpus))
