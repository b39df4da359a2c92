"""Settings of long-range problems: the one home of every default."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from tasks.learning.settings import LearnedSettings, OptimizationSettings, ThroughTimeSettings
from tasks.long_range.problems import PROBLEMS
from tasks.recurrent.omega.settings import check_omega
from tasks.recurrent.settings import WIDEST, RecurrentSettings
from unroll.contract import MEASUREMENT, Settings

# Far beyond any real use: what is above it is a slip.
_MOST_UPDATES = 100_000_000


class Data(Settings):
    """Sequences, drawn as they are needed: no two batches of a run are alike."""

    problem: str = Field(
        "adding", json_schema_extra={"enum": list(PROBLEMS.names())}, description="A file of tasks/long_range/problems."
    )
    length: int = Field(100, ge=1, le=WIDEST, description="Length of the sequences, as the problem's paper counts it.")
    longest: int | None = Field(
        None, ge=1, le=WIDEST, description="Each batch has a length of its own from length to longest; null: all equal."
    )
    evaluation_sequences: int = Field(
        2000,
        ge=1,
        le=1_000_000,
        json_schema_extra={MEASUREMENT: True},
        description="Sequences of the validation and of the test set, the same for every seed. The same for all arms.",
    )

    @field_validator("problem")
    @classmethod
    def _is_a_problem(cls, name: str) -> str:
        return PROBLEMS.validate(name)

    @model_validator(mode="after")
    def _longest_is_longer(self) -> Self:
        if self.longest is not None and self.longest < self.length:
            raise ValueError(f"longest must be at least length, received {self.longest} and {self.length}")
        return self

    @property
    def lengths(self) -> range:
        """All lengths that can be drawn."""
        return range(self.length, (self.longest or self.length) + 1)


class Network(RecurrentSettings):
    """The network: recurrent layers and a linear layer that answers."""

    hidden: int = Field(64, ge=1, le=WIDEST, description="Size of each recurrent layer, in each direction.")


class Training(OptimizationSettings, ThroughTimeSettings):
    """Back-propagation through the whole sequence; an epoch is what lies between two validations."""

    updates: int = Field(6000, ge=1, le=_MOST_UPDATES, description="Optimizer steps.")
    validate_every: int = Field(500, ge=1, le=_MOST_UPDATES, description="Optimizer steps between two validations.")
    batch_size: int = Field(50, ge=1, le=WIDEST, description="Sequences of a batch.")
    learning_rate: float = Field(1e-3, gt=0, le=1e6, description="Learning rate, with which the schedule begins.")

    @model_validator(mode="after")
    def _validations_divide_the_updates(self) -> Self:
        if self.updates % self.validate_every:
            raise ValueError(
                f"updates must be a multiple of validate_every, received {self.updates} and {self.validate_every}"
            )
        return self


class LongRangeSettings(LearnedSettings):
    """Everything that a study can set about a long-range problem."""

    data: Data = Field(default_factory=Data, description="The problem.")
    network: Network = Field(default_factory=Network, description="The network.")
    training: Training = Field(default_factory=Training, description="How it learns.")

    @model_validator(mode="after")
    def _omega_has_its_network(self) -> Self:
        if self.training.omega is not None:
            check_omega(self.network)
        return self
