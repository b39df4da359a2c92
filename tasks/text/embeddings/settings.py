"""Settings of word embeddings, for the ``network`` section of every task that reads words."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.text.embeddings.vectors import WordVectors
from tasks.text.lines import absolute
from unroll.contract import LOCATION, Settings, UserError

_DEFAULT_SIZE: Final = 64
"""Size of an embedding unless a study names another, or word vectors."""
_WIDEST: Final = 65_536
"""Far beyond any real use: what is above it is a slip."""


class WordVectorSettings(Settings):
    """Embeddings: their size, and what they begin with."""

    embedding: int | None = Field(
        None,
        ge=1,
        le=_WIDEST,
        description=f"Size of a word's embedding; null: that of word_vectors, and without them {_DEFAULT_SIZE}.",
    )
    word_vectors: Path | None = Field(
        None,
        json_schema_extra={LOCATION: True},
        description="Text file of word2vec or GloVe with the vectors that words begin with; null: all are drawn.",
    )
    word_vectors_use: Literal["tuned", "frozen"] = Field(
        "tuned",
        description="tuned: embeddings are learned like all other weights; frozen: none of them is, as in the "
        "CNN-static of Kim 2014.",
    )

    @field_validator("word_vectors")
    @classmethod
    def _absolute_vectors(cls, path: Path | None) -> Path | None:
        return absolute(path)

    @model_validator(mode="after")
    def _use_vectors_that_are_there(self) -> Self:
        if self.word_vectors is None and self.word_vectors_use != "tuned":
            raise ValueError(f"word_vectors_use {self.word_vectors_use} needs word_vectors: name a file")
        return self


def embedding_size(settings: WordVectorSettings, vectors: WordVectors | None, *, otherwise: int = _DEFAULT_SIZE) -> int:
    """Size of an embedding: the vectors', or what is asked for, or another.

    Args:
        settings: ask for a size, or for none.
        vectors: of the prepared corpus.
        otherwise: where there are no vectors and no size is asked for.

    Raises:
        UserError: another size is asked for than the vectors have.
    """
    if vectors is None:
        return settings.embedding or otherwise
    if settings.embedding not in (None, vectors.size):
        raise UserError(
            "an embedding must be as large as the word vectors that it begins with",
            where="network.embedding",
            received=f"{settings.embedding}, and vectors of {vectors.size} values",
            advice=f"set network.embedding to {vectors.size}, or leave it out",
        )
    return vectors.size
