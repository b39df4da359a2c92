"""Settings of training that all tasks share: the one home of their defaults."""

from __future__ import annotations

import json
from typing import Any, Final, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from tasks.learning.schedules import SCHEDULES
from tasks.named import refuse_unused
from tasks.recurrent.settings import WIDEST, RecurrentSettings
from unroll.contract import Settings

# Far beyond any real use: what is above it is a slip.
MOST_EPOCHS: Final = 100_000

OptimizerName = Literal["sgd", "adam", "rmsprop"]
_OF_SCHEDULES: Final = ("decay_start", "decay_factor", "plateau_factor", "plateau_patience")


class OptimizationSettings(Settings):
    """Gradient descent on batches, however they are counted."""

    batch_size: int = Field(32, ge=1, le=WIDEST, description="Sequences of a batch.")
    accumulate: int = Field(
        1,
        ge=1,
        le=WIDEST,
        description="Batches of an optimizer step, whose gradient is the mean over all that their losses are means of, "
        "as of one larger batch; the last step of an epoch may have fewer.",
    )
    optimizer: OptimizerName = Field(
        "adam", description="Plain SGD, Adam with torch's betas and epsilon, or RMSProp with alpha 0.9."
    )
    momentum: float = Field(0.0, ge=0, lt=1, description="Momentum of sgd (Sutskever et al. 2013, not Nesterov's).")
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Share of each weight, times the learning rate, that is taken off it before a step, apart from the "
        "gradient (Loshchilov and Hutter 2019); with adam that is AdamW.",
    )
    learning_rate: float = Field(2e-3, gt=0, le=1e6, description="Learning rate, with which the schedule begins.")
    schedule: str | None = Field(
        None,
        json_schema_extra={"enum": [*SCHEDULES.names(), None]},
        description="How the learning rate goes on: constant; decay: falls each epoch after decay_start; plateau: "
        "falls where validations bring no new best; linear, cosine: to 0 at the end; null: decay with decay_start, "
        "constant without.",
    )
    warmup: int = Field(
        0,
        ge=0,
        le=10**9,
        description="First optimizer steps, in which the rate rises to the schedule's in equal steps.",
    )
    decay_start: int | None = Field(
        None,
        ge=1,
        le=MOST_EPOCHS,
        description="Epochs at the first learning rate, after which it falls each epoch; null: never.",
    )
    decay_factor: float | None = Field(
        None, ge=1, description="What the learning rate is divided by, each epoch after decay_start."
    )
    plateau_factor: float = Field(2.0, ge=1, description="What schedule plateau divides the learning rate by.")
    plateau_patience: int = Field(
        1, ge=1, le=MOST_EPOCHS, description="Validations in a row without a new best after which plateau divides."
    )
    clip_norm: float | None = Field(
        1.0, gt=0, description="Largest L2 norm of the gradient of all weights together; null: no clipping by norm."
    )
    clip_value: float | None = Field(
        None,
        gt=0,
        description="Largest absolute value of each single derivative, in place of clip_norm; null: no bound.",
    )
    select: Literal["last", "best"] = Field(
        "last", description="State that is tested: after the last epoch, or after that with the best validation."
    )
    patience: int | None = Field(
        None,
        ge=1,
        le=MOST_EPOCHS,
        description="Validations in a row without a new best after which training ends; null: all epochs are trained.",
    )

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, name: str | None) -> str | None:
        return name if name is None else SCHEDULES.validate(name)

    @model_validator(mode="after")
    def _refuse_unused_settings(self) -> Self:
        refuse_unused(self, choice="schedule", kinds=SCHEDULES.names(), has=_options_of_schedule, among=_OF_SCHEDULES)
        refuse_unused(
            self,
            choice="optimizer",
            kinds=get_args(OptimizerName),
            has=lambda name: ("momentum",) if name == "sgd" else (),
            among=("momentum",),
        )
        return self

    @model_validator(mode="after")
    def _decay_is_whole(self) -> Self:
        start, factor = json.dumps(self.decay_start), json.dumps(self.decay_factor)
        if (self.decay_start is None) != (self.decay_factor is None):
            raise ValueError(
                f"decay_start and decay_factor are set together or not at all, received {start} and {factor}"
            )
        if self.schedule == "decay" and self.decay_start is None:
            raise ValueError(f"schedule decay needs decay_start and decay_factor, received {start} and {factor}")
        return self

    @model_validator(mode="after")
    def _one_way_to_clip(self) -> Self:
        if self.clip_norm is not None and self.clip_value is not None:
            raise ValueError(
                "clip_norm and clip_value exclude each other, "
                f"received {json.dumps(self.clip_norm)} and {json.dumps(self.clip_value)}; set one of them to null"
            )
        return self

    @property
    def schedule_name(self) -> str:
        """The schedule, chosen or implied."""
        return self.schedule or ("constant" if self.decay_start is None else "decay")


class TrainingSettings(OptimizationSettings):
    """Gradient descent on batches of sequences of about the same length."""

    epochs: int = Field(10, ge=1, le=MOST_EPOCHS, description="Passes over the training data.")


class ThroughTimeSettings(Settings):
    """What back-propagation through time can have besides."""

    omega: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Strength of the regularizer Omega (Pascanu et al. 2013), for Elman networks; null: none.",
    )
    omega_form: Literal["paper", "code"] = Field(
        "code", description="Omega summed over steps as in the paper, or averaged and of squares as in its program."
    )
    diagnose_every: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="Optimizer steps between two looks into the network, the first before the first step; null: none.",
    )


class LearnedSettings(Settings):
    """Sections of a :class:`~tasks.learning.learned_task.LearnedTask`; a subclass gives each a class of its own."""

    data: Settings
    network: RecurrentSettings
    training: OptimizationSettings


def _options_of_schedule(name: Any) -> set[str]:
    """Settings of a schedule; without one, those that imply it."""
    # Without a schedule, decay_start chooses decay, so its options are of use.
    return set(SCHEDULES.options(name or "decay"))
