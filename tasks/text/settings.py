"""Which text a task learns from, as a study declares it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field

from tasks.text import corpora
from tasks.text.corpus import TokenCorpus
from tasks.text.kinds import Kinds, Reader
from tasks.text.section import DataSection
from tasks.text.streams import Level

KINDS: Final = Kinds[TokenCorpus](corpora)
CORPORA: Final = KINDS.names
"""Kinds of corpora: the modules of ``tasks/text/corpora``."""


class TextData(DataSection):
    """The ``data`` section of a task on text."""

    kinds = KINDS

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(CORPORA)})
    """Kind of corpus: a module of ``tasks/text/corpora``."""
    level: Level = "word"
    """What a token is."""
    validation_fraction: float = Field(0.05, gt=0, lt=1)
    """Share of the lines of a single file that is validation text."""
    test_fraction: float = Field(0.05, gt=0, lt=1)
    """Share of the lines of a single file, its last ones, that is test text."""
    vocabulary_size: int | None = Field(None, ge=2, lt=2**31)
    """Most words to keep, ``<eos>`` and ``<unk>`` included."""
    minimum_count: int = Field(1, ge=1, lt=2**31)
    """Words that the training text has less often become ``<unk>``."""


def load(settings: TextData, cache: Path) -> TokenCorpus:
    """The corpus that the settings name, from ``cache`` where it was prepared before.

    Raises:
        UserError: the data are missing or malformed.
    """
    return KINDS.load(settings, cache)


def reader(corpus: str) -> Reader[TokenCorpus]:
    """The module that reads a kind of corpus."""
    return KINDS.reader(corpus)
