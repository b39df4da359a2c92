"""What the ``data`` sections of all tasks on text have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from tasks.text.kinds import Kinds, absolute
from tasks.text.lines import DEFAULT_ENCODING, canonical_encoding
from unroll.contract import LOCATION, Settings


class DataSection(Settings):
    """A corpus of some kind, where it lies, how it is cut and which words are kept; abstract.

    A section adds what its readers need and says anew, with another default or description, what is else with it. A
    setting that the chosen kind of corpus never looks at is refused.
    """

    kinds: ClassVar[Kinds[Any]]
    """Kinds of corpora that the section knows."""

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
        return cls.kinds.check(corpus)

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
        self.kinds.refuse_idle(self, self.corpus)
        return self
