"""Settings of recurrent taggers: the one home of every default."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.recurrent.settings import WIDEST, RecurrentSettings
from tasks.text.tagged import TaggedData
from unroll.contract import Settings


class Network(RecurrentSettings):
    """The network: word embeddings, recurrent layers, an output layer over the tags."""

    embedding: int = Field(64, ge=1, le=WIDEST, description="Size of a word's embedding.")


class Training(Settings):
    """Gradient descent on batches of whole sentences of about the same length."""

    epochs: int = Field(10, ge=1, le=100_000, description="Passes over the training text.")
    batch_size: int = Field(32, ge=1, le=WIDEST, description="Sentences of one optimizer step.")
    optimizer: Literal["sgd", "adam", "rmsprop"] = Field(
        "adam", description="Plain SGD, Adam with torch's betas and epsilon, or RMSProp with alpha 0.9."
    )
    learning_rate: float = Field(2e-3, gt=0, le=1e6, description="Learning rate of all steps.")
    clip_norm: float | None = Field(
        1.0, gt=0, description="Largest L2 norm of the gradient of all weights together; null: no clipping."
    )


class TaggingSettings(Settings):
    """Everything that a study can set about a tagger."""

    data: TaggedData = Field(default_factory=TaggedData, description="The tagged sentences.")
    network: Network = Field(default_factory=Network, description="The network.")
    training: Training = Field(default_factory=Training, description="How it learns.")
