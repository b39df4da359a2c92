"""Settings of recurrent taggers: the one home of every default."""

from __future__ import annotations

from typing import Final, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from tasks.learning.settings import LearnedSettings, TrainingSettings
from tasks.named import refuse_unused
from tasks.recurrent.settings import WIDEST, RecurrentSettings
from tasks.tagging.decoders import DECODERS
from tasks.text.embeddings import WordVectorSettings
from tasks.text.tagged import TaggedData

CharactersName = Literal["lstm", "convolution"]
_OPTIONS: Final = ("illegal_moves", "tag_embedding", "beam")
"""Settings that are options of decoders; null: the decoder's own choice."""
_SIZES: Final = ("character_embedding", "character_hidden")


class Network(WordVectorSettings, RecurrentSettings):
    """The network: word embeddings, perhaps characters, recurrent layers, and a decoder of tags."""

    decoder: str = Field(
        "softmax", json_schema_extra={"enum": list(DECODERS.names())}, description="What turns outputs into tags."
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
    characters: CharactersName | None = Field(
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
        return DECODERS.validate(name)

    @model_validator(mode="after")
    def _refuse_unused_settings(self) -> Self:
        refuse_unused(self, choice="decoder", kinds=DECODERS.names(), has=DECODERS.options, among=_OPTIONS)
        refuse_unused(
            self,
            choice="characters",
            kinds=get_args(CharactersName),
            has=lambda name: _SIZES if name else (),
            among=_SIZES,
        )
        return self

    @property
    def decoder_options(self) -> dict[str, str | int]:
        """What is passed to the decoder's constructor beyond sizes."""
        options = {name: getattr(self, name) for name in _OPTIONS}
        return {name: value for name, value in options.items() if value is not None}


class Training(TrainingSettings):
    """Gradient descent on batches of whole sentences of about the same length."""

    batch_size: int = Field(32, ge=1, le=WIDEST, description="Sentences of a batch.")


class TaggingSettings(LearnedSettings):
    """Everything that a study can set about a tagger."""

    data: TaggedData = Field(default_factory=TaggedData, description="The tagged sentences.")
    network: Network = Field(default_factory=Network, description="The network.")
    training: Training = Field(default_factory=Training, description="How it learns.")
