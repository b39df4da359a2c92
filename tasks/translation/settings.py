"""Settings of translators: the one home of every default."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tasks.decoding.settings import DecodingSettings
from tasks.encoder_decoder.settings import EncoderDecoderSettings
from tasks.learning.settings import LearnedSettings
from tasks.recurrent.settings import WIDEST
from tasks.remedies.settings import PLAIN, RemedySettings
from tasks.text.parallel import ParallelData


class Network(EncoderDecoderSettings):
    """Encoder and decoder, each of embeddings and recurrent layers, and how the second looks at the first."""


class Decoding(DecodingSettings):
    """How sentences are translated; where it is not the default, weights are those of the trial where it is."""

    longest_factor: float = Field(
        2.0, ge=0, le=1000, description="Most tokens of a translation: so many times those of the source ..."
    )
    longest_extra: int = Field(10, ge=1, le=WIDEST, description="... and so many more.")


class Training(RemedySettings):
    """Gradient descent on batches of pairs of about the same length."""

    batch_size: int = Field(64, ge=1, le=WIDEST, description="Pairs of a batch.")


class TranslationSettings(LearnedSettings):
    """Everything that a study can set about a translator."""

    data: ParallelData = Field(default_factory=ParallelData, description="Sentences and their translations.")
    network: Network = Field(default_factory=Network, description="The network.")
    training: Training = Field(default_factory=Training, description="How it learns.")
    decoding: Decoding = Field(default_factory=Decoding, description="How it is tested.")

    @model_validator(mode="after")
    def _noise_is_one_for_all_steps(self) -> Self:
        """Where a decoder takes its steps one by one, each of them draws."""
        network = self.network
        steps = "attention that looks before a step or is fed back" if network.decodes_alone else ""
        if self.training.remedy != PLAIN:
            steps = f"remedy {self.training.remedy}"
        given = ["recurrent_dropout"] if network.recurrent_dropout else []
        if network.dropout and network.dropout_kind == "locked":
            given.append("dropout_kind locked")
        if steps and given:
            raise ValueError(
                f"network.{' and network.'.join(given)} would keep one mask for a sentence; with {steps} the "
                "decoder takes them one by one: leave it out, or use dropout and zoneout, which are drawn at each step"
            )
        return self
