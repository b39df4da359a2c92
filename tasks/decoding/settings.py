"""Settings of decoding, a section that every task which writes sequences can have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.decoding.decodings import DECODINGS
from tasks.named import refuse_unused
from unroll.contract import Settings, UserError

if TYPE_CHECKING:
    from tasks.decoding.decoding import Decoding

# Far beyond any real use: what is above it is a slip.
WIDEST: Final = 65_536


class DecodingSettings(Settings):
    """How sequences are chosen: a method, and its options. An option that is null is as the method has it."""

    method: str = Field(
        "greedy",
        json_schema_extra={"enum": list(DECODINGS.names())},
        description="greedy: the most probable token at each step; sampling: drawn tokens; beam: the best few "
        "beginnings; variable_beam: those of them that are good enough.",
    )
    width: int | None = Field(None, ge=1, le=WIDEST, description="Most beginnings that a beam keeps of a sentence.")
    length_normalization: Literal["none", "mean", "gnmt"] | None = Field(
        None,
        description="How a beam compares hypotheses in the end: none: by log-probability; mean: per token; gnmt: "
        "divided by ((5 + length) / 6)^alpha (Wu et al. 2016).",
    )
    alpha: float | None = Field(None, ge=0, le=10, description="Exponent of gnmt.")
    relative: float | None = Field(
        None, ge=0, le=1, description="Least share of the best candidate's probability in a variable beam; 0: any."
    )
    absolute: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=True,
        description="Most that a candidate's log-probability may be below the best one's in a variable beam, in nats; "
        ".inf: any distance.",
    )
    relative_local: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Least share of the probability of the best token after the same beginning; 0: any.",
    )
    per_parent: int | None = Field(
        None, ge=1, le=WIDEST, description="Most candidates that extend one beginning of a variable beam."
    )
    samples: int | None = Field(None, ge=1, le=WIDEST, description="Sequences that are drawn for a sentence.")
    temperature: float | None = Field(
        None,
        ge=1e-6,
        le=1000,
        description="What logits are divided by before drawing; 1: the model, towards 0: greedy.",
    )
    top_k: int | None = Field(
        None, ge=1, le=WIDEST, description="Draw among so many most probable tokens (Fan et al. 2018)."
    )
    top_p: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Draw among the fewest most probable tokens with this probability together: nucleus sampling "
        "(Holtzman et al. 2020).",
    )

    @field_validator("method")
    @classmethod
    def _is_a_decoding(cls, name: str) -> str:
        return DECODINGS.validate(name)

    @model_validator(mode="after")
    def _refuse_unused_settings(self) -> Self:
        among = DecodingSettings.model_fields.keys() - {"method"}  # a task may add settings of its own
        refuse_unused(self, choice="method", kinds=DECODINGS.names(), has=DECODINGS.options, among=among)
        return self


def build_decoding(settings: DecodingSettings) -> Decoding:
    """The decoding that the settings describe.

    Raises:
        UserError: the decoding's file is broken, or it takes what is no setting.
    """
    name = settings.method
    options = DECODINGS.options(name)
    if unknown := [option for option in options if option not in type(settings).model_fields]:
        raise UserError(
            "what a decoding takes are settings of decoding",
            where=f"tasks/decoding/decodings/{name}.py",
            received=", ".join(unknown),
            advice="add them to tasks/decoding/settings.py",
        )
    given = {option: value for option in options if (value := getattr(settings, option)) is not None}
    build: Callable[..., Decoding] = DECODINGS.find(name)
    return build(**given)
