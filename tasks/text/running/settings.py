"""Which text a task learns from, as a study declares it."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from tasks.text.running import readers
from tasks.text.running.corpus import TokenCorpus
from tasks.text.running.prepare import Level
from tasks.text.section import DataSection, Readers

READERS: Final = Readers[TokenCorpus](readers)
load: Final = READERS.load


class TextData(DataSection):
    """The ``data`` section of a task on text."""

    readers = READERS

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(READERS.names)})
    """Kind of corpus: a module of ``tasks/text/running/readers``."""
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
