"""Settings of encoders and decoders, shared by all tasks that have them: the one home of their defaults."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.encoder_decoder.attentions import ATTENTIONS
from tasks.named import refuse_unused
from tasks.recurrent.settings import WIDEST, RecurrentSettings

NONE: Final = "none"
"""An attention that is none."""
_OPTIONS: Final = ("attention_size",)
"""Settings that are options of attentions; null: the attention's own choice."""
_OF_ATTENTION: Final = (*_OPTIONS, "looks", "input_feeding")


class EncoderDecoderSettings(RecurrentSettings):
    """Encoder and decoder, each of embeddings and recurrent layers, and how the second looks at the first."""

    hidden: int = Field(128, ge=1, le=WIDEST, description="Size of each layer of the encoder, in each direction.")
    direction: Literal["forward", "backward", "bidirectional"] = Field(
        "bidirectional", description="Order in which the encoder reads a sentence; bidirectional: both, concatenated."
    )
    decoder_hidden: int | None = Field(
        None,
        ge=1,
        le=WIDEST,
        description="Size of each layer of the decoder; null: that of a layer of the encoder, all directions together.",
    )
    embedding: int = Field(64, ge=1, le=WIDEST, description="Size of a word's embedding, of either language.")
    embedding_initialization: Literal["scaled", "normal"] = Field(
        "scaled", description="What embeddings begin with; scaled: as other weights; normal: N(0, 1), as torch's own."
    )
    attention: str = Field(
        "additive",
        json_schema_extra={"enum": [*ATTENTIONS.names(), NONE]},
        description="How the decoder looks at the source: additive (Bahdanau et al. 2015), dot, general (Luong et al. "
        "2015); none: it knows what its first state holds.",
    )
    attention_size: int | None = Field(
        None, ge=1, le=WIDEST, description="Size of the hidden layer of attention additive; null: 256."
    )
    looks: Literal["before", "after"] = Field(
        "before",
        description="before: a step begins with a look from the last state, and reads what was seen (Bahdanau et al. "
        "2015); after: it ends with a look from the new one (Luong et al. 2015).",
    )
    input_feeding: bool = Field(
        False,
        description="Whether a step reads what the last one's look gave, where it looks after (Luong et al. 2015).",
    )
    bridge: Literal["dense", "copy", "none"] = Field(
        "dense",
        description="From the encoder's last states to the decoder's first: dense: a layer; copy: as they are, of "
        "equal size; none: zeros.",
    )
    reverse_source: bool = Field(
        False, description="Whether source sentences are read from the end (Sutskever et al. 2014)."
    )

    @field_validator("attention")
    @classmethod
    def _is_an_attention(cls, name: str) -> str:
        return name if name == NONE else ATTENTIONS.validate(name)

    @model_validator(mode="after")
    def _refuse_unused_settings(self) -> Self:
        refuse_unused(
            self, choice="attention", kinds=(*ATTENTIONS.names(), NONE), has=_settings_of, among=_OF_ATTENTION
        )
        refuse_unused(
            self,
            choice="looks",
            kinds=("before", "after"),
            has=lambda looks: ("input_feeding",) if looks == "after" else (),
            among=("input_feeding",),
        )
        return self

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        encoder, decoder = self.hidden * self._ways, self.decoder_size
        if self.bridge == "copy" and encoder != decoder:
            raise ValueError(
                f"bridge copy needs states of one size, received {encoder} of the encoder's layers and {decoder} of "
                "the decoder's; leave decoder_hidden out, or take bridge dense"
            )
        if self.attention == "dot" and self.queries != self.features:
            raise ValueError(
                "attention dot compares a state of the decoder and an output of the encoder as they are: they have "
                f"one size, received {self.queries} and {self.features}; attention general compares any two"
            )
        return self

    @model_validator(mode="after")
    def _embeddings_are_drawn_once(self) -> Self:
        if self.embedding_initialization == "normal" and self.initialization != "scaled":
            raise ValueError(
                "embedding_initialization normal goes with initialization scaled, which draws each kind of weight for "
                f"itself, received {self.initialization}"
            )
        return self

    @model_validator(mode="after")
    def _the_source_is_known(self) -> Self:
        if self.attention == NONE and self.bridge == "none":
            raise ValueError(
                "attention none and bridge none leave nothing of the source: choose another of one of them"
            )
        return self

    @property
    def _ways(self) -> int:
        return 2 if self.direction == "bidirectional" else 1

    @property
    def decoder_size(self) -> int:
        """Size of each layer of the decoder."""
        return self.decoder_hidden or self.hidden * self._ways

    @property
    def features(self) -> int:
        """Size of the encoder's outputs."""
        return self.hidden * self._ways * (self.depth if self.connections == "skip" else 1)

    @property
    def outputs(self) -> int:
        """Size of the outputs of the decoder's layers."""
        return self.decoder_size * (self.depth if self.connections == "skip" else 1)

    @property
    def queries(self) -> int:
        """Size of what the decoder looks from."""
        return self.decoder_size if self.looks == "before" else self.outputs

    @property
    def attention_options(self) -> dict[str, Any]:
        """What is passed to the attention's constructor beyond sizes."""
        options = {name: getattr(self, name) for name in _OPTIONS}
        return {name: value for name, value in options.items() if value is not None}

    @property
    def decodes_alone(self) -> bool:
        """Whether each step of the decoder must wait for what the last one looked at, even when all words are known."""
        return self.attention != NONE and (self.looks == "before" or self.input_feeding)


def _settings_of(attention: Any) -> set[str]:
    """What an attention looks at."""
    return set() if attention == NONE else {"looks", "input_feeding", *ATTENTIONS.options(attention)}
