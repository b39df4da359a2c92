"""Settings of classifiers of sentences: the one home of every default."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.classification.encoders import ENCODERS
from tasks.learning.settings import LearnedSettings, TrainingSettings
from tasks.named import refuse_unused
from tasks.recurrent.settings import WIDEST, RecurrentSettings
from tasks.text.embeddings import WordVectorSettings
from tasks.text.labelled import LabelledData

SummaryName = Literal["last", "ends", "mean", "max", "attention"]
_OF_ALL: Final = {
    *("kind", "output_dropout", "row_norm", "initialization", "initialization_scale"),
    *WordVectorSettings.model_fields,
}
"""Settings that every kind of network looks at."""


def settings_of(kind: str) -> set[str]:
    """Settings of ``network`` that a kind looks at, beyond those that all do. Loads torch."""
    options = set(ENCODERS.options(kind))
    return options | (RecurrentSettings.model_fields.keys() if "recurrent" in options else set())


class Network(WordVectorSettings, RecurrentSettings):
    """The network: word embeddings, what makes one vector of a sentence, an output layer over the labels."""

    kind: str = Field(
        "recurrent",
        json_schema_extra={"enum": list(ENCODERS.names())},
        description="recurrent: layers and a summary; hierarchical: one such network reads the words of each sentence "
        "of a document, another one its sentences (Li et al. 2015, Yang et al. 2016); convolution: Kim 2014; "
        "bag_of_embeddings: the mean of the embeddings and a hidden layer (Iyyer et al. 2015).",
    )
    hidden: int = Field(
        100,
        ge=1,
        le=WIDEST,
        description="Size of each recurrent layer, in each direction; of a convolution: maps of each window; of a bag "
        "of embeddings: its hidden layer.",
    )
    summary: SummaryName = Field(
        "ends",
        description="How the outputs of a recurrent network become one vector: ends: of each direction that where "
        "it has read everything; last, mean, max: over the words; attention: a learned average (Yang et al. 2016).",
    )
    sentence_ends: tuple[str, ...] = Field(
        (".", "!", "?"), min_length=1, description="Words that end a sentence of a document, for hierarchical."
    )
    windows: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field(
        (3, 4, 5), min_length=1, description="Words that each map of a convolution sees, one number for each group."
    )
    output_dropout: float = Field(0.5, ge=0, lt=1, description="Dropout of what the output layer reads.")
    row_norm: float | None = Field(
        3.0,
        gt=0,
        description="Largest L2 norm of the output layer's weights of one label, which are scaled down to it after "
        "each step (Kim 2014); null: none.",
    )

    @field_validator("kind")
    @classmethod
    def _is_an_encoder(cls, name: str) -> str:
        return ENCODERS.validate(name)

    @model_validator(mode="after")
    def _refuse_unused_settings(self) -> Self:
        among = type(self).model_fields.keys() - _OF_ALL
        refuse_unused(self, choice="kind", kinds=ENCODERS.names(), has=settings_of, among=among)
        return self

    @model_validator(mode="after")
    def _windows_differ(self) -> Self:
        if len(set(self.windows)) != len(self.windows):
            raise ValueError(f"windows must differ from each other, received {list(self.windows)}")
        return self


class Training(TrainingSettings):
    """Gradient descent on batches of sentences of about the same length."""

    batch_size: int = Field(50, ge=1, le=WIDEST, description="Sentences of a batch.")


class ClassificationSettings(LearnedSettings):
    """Everything that a study can set about a classifier."""

    data: LabelledData = Field(default_factory=LabelledData, description="The labelled sentences.")
    network: Network = Field(default_factory=Network, description="The network.")
    training: Training = Field(default_factory=Training, description="How it learns.")
