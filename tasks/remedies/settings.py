"""Settings of training by a remedy, and what follows from them: the one home of their defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.learning.settings import MOST_EPOCHS, TrainingSettings
from tasks.named import refuse_unused
from tasks.recurrent.settings import WIDEST
from tasks.remedies.kinds import REMEDIES
from unroll.contract import UnusedSettings

PLAIN: Final = "teacher_forcing"
"""The remedy that is none: what others are compared with, and what they may begin with."""
_MOST_UPDATES: Final = 10**9


class RemedySettings(TrainingSettings):
    """Gradient descent by a remedy for exposure bias; options are null where the remedy's own value is meant."""

    remedy: str = Field(
        PLAIN,
        json_schema_extra={"enum": list(REMEDIES.names())},
        description="What the decoder reads in training and what is minimized: tasks/remedies/kinds.",
    )
    warm_epochs: int | None = Field(
        None,
        ge=0,
        le=MOST_EPOCHS,
        description="Of all epochs, the first: a trial of teacher forcing, with whose weights the remedy begins. null: "
        "half of them for remedies that are meant to begin so, 0 for others.",
    )
    remedy_learning_rate: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Learning rate behind a warm start, in place of learning_rate; null: learning_rate, or a twentieth "
        "of it for policy gradients and minimum risk.",
    )
    own_learning_rate: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Adam's constant learning rate for the weights that a remedy itself has; null: 1e-2 for a "
        "baseline, 1e-4 for a discriminator, as in the program of Lamb et al. 2016.",
    )
    annealing: Literal["linear", "exponential", "inverse_sigmoid", "constant"] | None = Field(
        None, description="How the probability of reading the right token falls; null: inverse_sigmoid."
    )
    annealing_rate: float | None = Field(
        None, gt=0, le=1e9, description="c of linear, k of exponential and inverse_sigmoid; null: fits the run."
    )
    right_tokens: float | None = Field(
        None, ge=0, le=1, description="What that probability never falls below; what it always is with constant."
    )
    own_tokens: Literal["sample", "best"] | None = Field(
        None, description="Which of the model's tokens is read; null: sample."
    )
    prefix_from: int | None = Field(
        None, ge=0, le=_MOST_UPDATES, description="Updates before the prefix of right tokens gets shorter; null: 0."
    )
    prefix_every: int | None = Field(
        None, ge=1, le=_MOST_UPDATES, description="Updates between two of its losses; null: spread over the run."
    )
    prefix_by: int | None = Field(None, ge=1, le=WIDEST, description="Tokens that it loses at each; null: 2.")
    mixture: int | None = Field(
        None, ge=1, le=WIDEST, description="Most probable tokens of which end_to_end reads the mean; null: 10."
    )
    reward: Literal["bleu", "accuracy"] | None = Field(
        None, description="How good a whole sentence is: smoothed BLEU, or the share of right tokens; null: bleu."
    )
    payoff_temperature: float | None = Field(
        None,
        ge=1e-6,
        le=1e6,
        description="tau of reward_augmented: how far targets are from the right ones; null: 0.2.",
    )
    own_at_first: float | None = Field(
        None, ge=0, le=1, description="Share of the model's own tokens at the first update; null: 0.04."
    )
    own_at_last: float | None = Field(None, ge=0, le=1, description="The same at the last update; null: 0.16.")
    reward_at_last: float | None = Field(
        None, ge=0, le=1, description="Share of tokens that the reward chooses at the last update; null: 0.48."
    )
    reward_temperature: float | None = Field(
        None, ge=1e-6, le=1e6, description="Of the reward's choice among tokens; null: 0.05."
    )
    candidates: int | None = Field(
        None, ge=1, le=WIDEST, description="Sequences that minimum_risk draws for each sentence; null: 10."
    )
    right_candidate: bool | None = Field(
        None, description="Whether the right sequence is one more of its candidates; null: true."
    )
    sharpness: float | None = Field(
        None, gt=0, le=1e6, description="Exponent of the probabilities of its candidates; null: 0.5."
    )
    likelihood: float | None = Field(
        None, ge=0, le=1e6, description="Weight of the likelihood that is added to the risk; null: 0."
    )
    discriminator: int | None = Field(
        None, ge=1, le=WIDEST, description="Size of the layers of professor_forcing's discriminator; null: 64."
    )
    adversary: float | None = Field(
        None, ge=0, le=1e6, description="Weight of what the discriminator says of free-running states; null: 1."
    )
    move_both: float | None = Field(
        None, ge=0, le=1e6, description="Weight of what it says of teacher-forced states; null: 0."
    )
    learns_below: float | None = Field(
        None, ge=0, le=1, description="Accuracy above which the discriminator does not learn; null: 0.99."
    )
    heard_above: float | None = Field(
        None, ge=0, le=1, description="Accuracy below which the model does not hear of it; null: 0.75."
    )

    @field_validator("remedy")
    @classmethod
    def _is_a_remedy(cls, name: str) -> str:
        return REMEDIES.validate(name)

    @model_validator(mode="after")
    def _refuse_unused_options(self) -> Self:
        has = REMEDIES.options
        refuse_unused(self, choice="remedy", kinds=REMEDIES.names(), has=has, among=_OPTIONS)
        if self.annealing == "constant" and self.annealing_rate is not None:
            rule = "annealing constant has no use for annealing_rate: leave it out, or choose another"
            raise UnusedSettings(rule, unused=["annealing_rate"], choice="annealing")
        return self

    @model_validator(mode="after")
    def _warm_start_is_whole(self) -> Self:
        warm = json.dumps(self.warm_epochs)
        if self.remedy == PLAIN:
            if given := [name for name in _OF_REMEDIES if getattr(self, name) is not None]:
                rule = f"remedy {PLAIN} has no use for {', '.join(given)}: leave it out, or choose another"
                raise UnusedSettings(rule, unused=given, choice="remedy")
            return self
        if self.warm_epochs is not None and self.warm_epochs >= self.epochs:
            raise ValueError(
                f"warm_epochs are the first of all epochs, behind which the remedy begins: fewer than {self.epochs}, "
                f"received {warm}"
            )
        if self.remedy_learning_rate is not None and not self.first_epochs:
            raise ValueError(
                f"remedy_learning_rate is for training behind a warm start, received warm_epochs {warm}; "
                "set learning_rate, or warm_epochs to 1 at least"
            )
        if self.own_learning_rate is not None and REMEDIES.find(self.remedy).own_rate is None:
            rule = f"remedy {self.remedy} has no weights of its own and no use for own_learning_rate: leave it out"
            raise UnusedSettings(rule, unused=["own_learning_rate"], choice="remedy")
        if self.accumulate > 1 and REMEDIES.find(self.remedy).mean_of is None:
            raise ValueError(
                f"the loss of remedy {self.remedy} is a mean of several things, so that batches do not add up to a "
                f"larger one: accumulate must be 1, received {self.accumulate}; set batch_size"
            )
        return self

    @property
    def remedy_options(self) -> dict[str, Any]:
        """What is passed to the remedy's constructor beyond sizes."""
        options = {name: getattr(self, name) for name in _OPTIONS}
        return {name: value for name, value in options.items() if value is not None}

    @property
    def first_epochs(self) -> int:
        """Epochs of the trial of teacher forcing that this one begins with; 0: there is none."""
        if self.remedy == PLAIN:
            return 0
        if self.warm_epochs is None:
            return self.epochs // 2 if REMEDIES.find(self.remedy).warm_start else 0
        return self.warm_epochs

    @property
    def first_rate(self) -> float:
        """Learning rate with which the schedule begins."""
        if not self.first_epochs:
            return self.learning_rate
        return self.remedy_learning_rate or self.learning_rate * REMEDIES.find(self.remedy).warm_rate

    @property
    def own_rate(self) -> float | None:
        """Learning rate of the remedy's own weights; None: it has none."""
        return self.own_learning_rate or REMEDIES.find(self.remedy).own_rate

    def plain(self) -> dict[str, Any]:
        """What turns this into teacher forcing of as many epochs: settings by name."""
        changed = {name: None for name in (*_OF_REMEDIES, *_OPTIONS) if getattr(self, name) is not None}
        return {"remedy": PLAIN, **changed}

    def unused(self) -> Iterator[str]:
        """Names of settings that say what would hold without them."""
        if self.remedy == PLAIN:
            return
        kind, options = REMEDIES.find(self.remedy), REMEDIES.options(self.remedy)
        yield from (name for name, value in self.remedy_options.items() if value == options[name].default)
        if self.warm_epochs == (self.epochs // 2 if kind.warm_start else 0):
            yield "warm_epochs"
        if self.own_learning_rate is not None and self.own_learning_rate == kind.own_rate:
            yield "own_learning_rate"


_OF_REMEDIES: Final = ("warm_epochs", "remedy_learning_rate", "own_learning_rate")
"""What all remedies have but teacher forcing."""
_OPTIONS: Final = tuple(
    name
    for name in RemedySettings.model_fields
    if name not in TrainingSettings.model_fields and name not in {"remedy", *_OF_REMEDIES}
)
"""Settings that are options of remedies; null: the remedy's own choice."""
