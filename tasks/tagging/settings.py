"""Settings of recurrent taggers: the one home of every default."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.recurrent.settings import WIDEST, RecurrentSettings
from tasks.tagging.decoders import check_decoder, check_options, decoder_names
from tasks.text.embeddings import WordVectorSettings
from tasks.text.tagged import TaggedData
from unroll.contract import IdleSettings, Settings, UserError


class Network(WordVectorSettings, RecurrentSettings):
    """The network: word embeddings, perhaps characters, recurrent layers, and a decoder of tags."""

    decoder: str = Field(
        "softmax", json_schema_extra={"enum": list(decoder_names())}, description="What turns outputs into tags."
    )
    illegal_moves: Literal["allowed", "forbidden"] | None = Field(
        None, description="Moves that BIO does not have, for decoders that can forbid them; null: the decoder's own."
    )
    tag_embedding: int | None = Field(
        None, ge=1, le=WIDEST, description="Size of a last tag's embedding; null: the decoder's own."
    )
    beam: int | None = Field(
        None, ge=1, le=WIDEST, description="Sequences kept while decoding; 1: greedy; null: the decoder's own."
    )
    characters: Literal["lstm", "convolution"] | None = Field(
        None, description="Network over the characters of a word, beside its embedding; null: none."
    )
    character_embedding: int = Field(25, ge=1, le=WIDEST, description="Size of a character's embedding.")
    character_hidden: int = Field(
        25, ge=1, le=WIDEST, description="Size of the character LSTM in each direction; number of filters."
    )
    word_dropout: float = Field(
        0.0, ge=0, lt=1, description="Probability that a training word is read as <unk>; its characters stay."
    )

    @field_validator("decoder")
    @classmethod
    def _is_a_decoder(cls, name: str) -> str:
        try:
            return check_decoder(name)
        except UserError as error:
            raise ValueError(f"{error.rule}; {error.advice}") from None

    @model_validator(mode="after")
    def _the_decoder_takes_its_options(self) -> Self:
        check_options(self.decoder, self.decoder_options)
        return self

    @model_validator(mode="after")
    def _sizes_of_characters_go_with_characters(self) -> Self:
        sizes = ("character_embedding", "character_hidden")
        idle = [name for name in sizes if getattr(self, name) != type(self).model_fields[name].default]
        if idle and self.characters is None:
            rule = f"{', '.join(idle)} without characters: leave it out, or choose characters"
            raise IdleSettings(rule, idle=idle, choice="characters")
        return self

    @property
    def decoder_options(self) -> dict[str, str | int]:
        """What is said to the decoder's constructor beyond sizes."""
        options = {"illegal_moves": self.illegal_moves, "tag_embedding": self.tag_embedding, "beam": self.beam}
        return {name: value for name, value in options.items() if value is not None}


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
