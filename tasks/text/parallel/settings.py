"""Which sentences and translations a task learns from, as a study declares it."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from tasks.text.parallel import readers
from tasks.text.parallel.corpus import ParallelCorpus
from tasks.text.parallel.prepare import Vocabularies
from tasks.text.parallel.readers.parallel_files import Incomplete
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
    source: str | None = Field(None, min_length=1)
    """What the names of the source language's files end in, ``.gz`` aside: de, say."""
    target: str | None = Field(None, min_length=1)
    """What the names of the target language's files end in, ``.gz`` aside."""
    train: str | None = Field(None, min_length=1)
    """Name of the training files without the language's ending; null: known by a part of it, as ``train``."""
    validation: str | None = Field(None, min_length=1)
    """The same of the validation files."""
    test: str | None = Field(None, min_length=1)
    """The same of the test files: test_2016_flickr, say, where there are several."""
    tokens: TokenKind = "words"
    """What a token is: words as BLEU's 13a cuts them; what white space separates; subwords (BPE), learned on the
    training text; characters."""
    lowercase: bool = False
    """Whether text is read without regard to case; references for scores stay as they are."""
    vocabularies: Vocabularies = "separate"
    """Whether each language has a vocabulary of its own, or both share one, and its subwords."""
    vocabulary_size: int | None = Field(None, ge=2, lt=2**31)
    """Most tokens of a vocabulary, ``<eos>`` and ``<unk>`` included; subwords need it."""
    minimum_count: int = Field(2, ge=1, lt=2**31)
    """Tokens that the training text has less often are read as ``<unk>``; with 1 nothing is learned about ``<unk>``."""
    training_sentences: int | None = Field(None, ge=1, lt=2**31)
    """Most pairs of the training text to learn from, drawn once for all; null: all. Held-out text stays whole."""
    longest: int | None = Field(None, ge=1, lt=2**31)
    """Most tokens of either side: longer training pairs of files are left out (null: none); sequences to reverse have
    lengths from data.length to it (null: all have data.length)."""
    incomplete: Incomplete = "drop"
    """Lines that are blank in one language: drop: left out and counted; refuse: reported with their places."""
    direction: Direction = "forward"
    """Of the toy language: into its second language, or back."""
    symbols: int = Field(12, ge=1, le=2**16)
    """Different symbols of sequences to reverse."""
    length: int = Field(12, ge=1, le=2**16)
    """Symbols of a sequence to reverse, or the fewest of it, see data.longest."""
    sentences: int = Field(3000, ge=1, le=10_000_000)
    """Training pairs that are generated; validation and test text get a fifth of it each, sequences to reverse at most
    1,000."""

    @model_validator(mode="after")
    def _tell_languages_apart(self) -> Self:
        if self.source is not None and self.source == self.target:
            raise ValueError(f"source and target must differ, received {self.source!r} for both")
        return self

    @model_validator(mode="after")
    def _longest_is_longer(self) -> Self:
        if self.corpus == "reversal" and self.longest is not None and self.longest < self.length:
            raise ValueError(f"longest must be at least length, received {self.longest} and {self.length}")
        return self
