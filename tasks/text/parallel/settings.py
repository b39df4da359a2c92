"""Which sentences and translations a task learns from, as a study declares it."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from tasks.text.parallel import readers
from tasks.text.parallel.corpus import ParallelCorpus
from tasks.text.parallel.prepare import Vocabularies
from tasks.text.parallel.readers.toy_language import Direction
from tasks.text.parallel.tokenization import TokenKind
from tasks.text.section import DataSection, Readers

READERS: Final = Readers[ParallelCorpus](readers)
load: Final = READERS.load


class ParallelData(DataSection):
    """The ``data`` section of a task on sentences and their translations."""

    readers = READERS

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(READERS.names)})
    """Kind of corpus: a module of ``tasks/text/parallel/readers``."""
    tokens: TokenKind = "words"
    """What a token is: words as BLEU's ``13a`` cuts them, subwords (BPE) learned on the training text, characters."""
    vocabularies: Vocabularies = "separate"
    """Whether each language has a vocabulary of its own, or both share one, and its subwords."""
    vocabulary_size: int | None = Field(None, ge=2, lt=2**31)
    """Most tokens of a vocabulary, ``<eos>`` and ``<unk>`` included; subwords need it."""
    direction: Direction = "forward"
    """Of generated sentences: into the second toy language, or back."""
