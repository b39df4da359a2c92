"""Which tagged sentences a task learns from, as a study declares it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Protocol, Self, cast

from pydantic import Field, field_validator, model_validator

from tasks.text.kinds import Kinds, absolute
from tasks.text.lines import DEFAULT_ENCODING, canonical_encoding
from tasks.text.tagged import corpora
from tasks.text.tagged.corpus import TaggedCorpus
from unroll.contract import LOCATION, Settings

TagColumn = Literal["upos", "xpos", "feats", "deprel"]
"""Columns of CoNLL-U that are a tag for each word: they take few values."""


class Reader(Protocol):
    """What a module of ``tasks/text/tagged/corpora`` offers."""

    SETTINGS: tuple[str, ...]
    """Names of the settings that it looks at."""

    def read(self, settings: TaggedData, cache: Path) -> TaggedCorpus:
        """The corpus that the settings name, prepared in ``cache``.

        Raises:
            UserError: the data are missing or malformed.
        """


_KINDS: Final = Kinds(corpora)
CORPORA: Final = _KINDS.names
"""Kinds of tagged corpora: the modules of ``tasks/text/tagged/corpora``."""


class TaggedData(Settings):
    """The ``data`` section of a task on tagged sentences."""

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(CORPORA)})
    """Kind of corpus: a module of ``tasks/text/tagged/corpora``."""
    path: Path | None = Field(None, json_schema_extra={LOCATION: True})
    """File or folder to read; relative to the study's folder in ``study.yaml``, to yours on the command line."""
    column: TagColumn = "upos"
    """Column of a treebank that holds the tags."""
    word_column: int = Field(0, ge=-64, lt=64)
    """Column of a column file that holds the words, from 0; negative: from the right."""
    tag_column: int = Field(-1, ge=-64, lt=64)
    """Column of a column file that holds the tags, from 0; -1 is the last one."""
    scheme: Literal["auto", "plain", "bio", "iob1", "bioes"] = "auto"
    """How a column file writes entities; all become BIO. auto: told by the text; plain: tags stay as they are."""
    tags: Literal["parts_of_speech", "entities"] = "parts_of_speech"
    """What the words of the toy language are tagged with."""
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


def load(settings: TaggedData, cache: Path) -> TaggedCorpus:
    """The corpus that the settings name, from ``cache`` where it was prepared before.

    Raises:
        UserError: the data are missing or malformed.
    """
    return reader(settings.corpus).read(settings, cache)


def reader(corpus: str) -> Reader:
    """The module that reads a kind of corpus."""
    return cast("Reader", _KINDS.module(corpus))
