"""Settings of networks that learn agreement: the one home of every default."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from tasks.agreement.data import AgreementData
from tasks.learning.settings import LearnedSettings, TrainingSettings
from tasks.named import refuse_unused
from tasks.recurrent.settings import WIDEST, RecurrentSettings
from tasks.text.embeddings import WordVectorSettings

Objective = Literal["number", "language_model"]
Kind = Literal["recurrent", "window"]


class Network(WordVectorSettings, RecurrentSettings):
    """The network: word embeddings, recurrent layers or a window, an output layer."""

    kind: Kind = Field(
        "recurrent",
        description="recurrent: reads all words so far; window: the order - 1 last ones alone (Bengio et al. 2003).",
    )
    order: int = Field(5, ge=2, le=1000, description="Words of a window, with the one that comes next.")

    @model_validator(mode="after")
    def _refuse_unused_settings(self) -> Self:
        refuse_unused(self, choice="kind", kinds=get_args(Kind), has=_settings_of)
        return self


def _settings_of(kind: str) -> set[str]:
    shared = {"hidden", "initialization", "initialization_scale", *WordVectorSettings.model_fields}
    return {*shared, "order"} if kind == "window" else {*shared, *RecurrentSettings.model_fields}


class Training(TrainingSettings):
    """Gradient descent on batches of about the same length."""

    objective: Objective = Field(
        "number",
        description="number: from the words before a verb to its number; language_model: every next word, and the "
        "likelier of a verb's two forms gives its number.",
    )
    batch_size: int = Field(32, ge=1, le=WIDEST, description="Verbs, or of a language model sentences, of a batch.")


class AgreementSettings(LearnedSettings):
    """Everything that a study can set about a network that learns agreement."""

    data: AgreementData = Field(default_factory=AgreementData, description="The sentences.")
    network: Network = Field(default_factory=Network, description="The network.")
    training: Training = Field(default_factory=Training, description="How it learns.")

    @model_validator(mode="after")
    def _language_models_read_forward(self) -> Self:
        if self.training.objective == "language_model" and self.network.direction != "forward":
            raise ValueError(
                "objective language_model needs direction forward, for reading ahead would show it what it predicts, "
                f"received {self.network.direction}"
            )
        return self
