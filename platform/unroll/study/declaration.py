"""A study as its author writes it: the keys of ``study.yaml``, their types, defaults and meanings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from unroll.study.trial import Frozen, Seed

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""Names of studies: one harmless part of a path, whatever the file system."""

TASK = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
"""Names of tasks: packages of Python."""

LEVEL = r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,63}"
"""Names of levels and of named factors; a sign may lead, so that numbers are names too."""

MOST_SEEDS = 10_000

MOST_CLAIMS = 100

MOST = 10**15
"""More than anybody counts to."""

_RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?", re.IGNORECASE)  # devices, not files, on Windows


def is_safe(pattern: str, name: str) -> bool:
    """Whether a name matches one of this file's patterns and is no reserved device name."""
    return re.fullmatch(pattern, name) is not None and not _RESERVED.fullmatch(name)


def _listed(seeds: Any) -> Any:
    """Let ``8`` mean the eight seeds 0 to 7."""
    if isinstance(seeds, list):
        return seeds
    if type(seeds) is not int or not 0 < seeds <= MOST_SEEDS:
        raise ValueError(f"must be a number of seeds from 1 to {MOST_SEEDS}, or a list of seeds")
    return list(range(seeds))


Spending = Literal["pocock", "obrien_fleming"]
"""How early the chance of a wrong verdict is spent (``evidence.sequential.spend``)."""


class Looks(Frozen):
    """Seeds that are added as far as they are needed: results are looked at, and what is decided gets no more."""

    start: int = Field(gt=0, le=MOST_SEEDS, description="Seeds of every arm at the first look, counted from 0.")
    up_to: int = Field(gt=0, le=MOST_SEEDS, description="Seeds at the last look, which no arm exceeds.")
    step: int = Field(default=4, gt=0, le=MOST_SEEDS, description="Seeds that are added from one look to the next.")
    spending: Spending = Field(
        default="pocock",
        description="How the 5 % chance of a wrong verdict is divided among the looks. pocock: early looks can decide "
        "much, for which a large effect pays with few seeds; obrien_fleming: they hardly can, and the last look is "
        "nearly as powerful as without the others.",
    )

    @field_validator("up_to")
    @classmethod
    def _grows(cls, up_to: int, info: ValidationInfo) -> int:
        if up_to <= info.data.get("start", 0):
            raise ValueError(f"must be more than start, which is {info.data['start']}")
        return up_to

    @property
    def at(self) -> list[int]:
        """Seeds at each look, rising."""
        return [*range(self.start, self.up_to, self.step), self.up_to]

    @property
    def seeds(self) -> list[int]:
        """Those of the last look."""
        return list(range(self.up_to))


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) != len(seeds):
        raise ValueError("must be distinct seeds")
    return seeds


_ListedSeeds = Annotated[
    list[Seed],
    Field(min_length=1, max_length=MOST_SEEDS),
    AfterValidator(_distinct),
    BeforeValidator(_listed, json_schema_input_type=PositiveInt | list[Seed]),
]

Seeds = Annotated[
    Annotated[_ListedSeeds, Tag("list")] | Annotated[Looks, Tag("looks")],
    Discriminator(lambda seeds: "looks" if isinstance(seeds, dict | Looks) else "list"),
]


def every_seed(seeds: list[int] | Looks) -> list[int]:
    """The seeds in the order in which they are run, those that may not be needed too."""
    return seeds.seeds if isinstance(seeds, Looks) else seeds


def _named_or_levels(baseline: Any) -> Any:
    """Name both shapes in one error, where pydantic would give one for each."""
    if baseline is not None and not isinstance(baseline, str | dict):
        raise ValueError("must be the name of an arm, or a mapping of factors to one of their levels")
    return baseline


Baseline = Annotated[str | dict[str, Any], BeforeValidator(_named_or_levels)]
"""The arm that all others are compared to; or levels: each arm is compared to the one that differs in these alone."""


Measure = Literal["parameters", "flops_per_token"]
"""What the size of a network is counted in."""


class Match(Frozen):
    """What every arm has in common although its settings differ: one measure of size."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    parameters: int | None = Field(
        default=None, gt=0, le=MOST, description="Number of weights: the task's size setting is solved for each arm."
    )
    flops_per_token: int | None = Field(
        default=None,
        gt=0,
        le=MOST,
        description="Operations of the matrix products in one forward pass over one token: the task's size setting is "
        "solved for each arm.",
    )

    @property
    def measure(self) -> Measure:
        """Which of the two is asked for."""
        return "parameters" if self.flops_per_token is None else "flops_per_token"

    @property
    def target(self) -> int:
        """How much of it."""
        return self.parameters or self.flops_per_token or 0

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.parameters is None) == (self.flops_per_token is None):
            raise ValueError("must name one of parameters and flops_per_token (null leaves the other out)")
        return self


LEAST_SHARE = 0.001
"""Ray counts no finer than tenths of this."""

LONGEST = 1e9
"""Seconds: thirty years, which clocks can still wait for."""

Wait = Annotated[float, Field(gt=0, le=LONGEST)]


def _no_dust(share: float) -> float:
    if 0 < share < LEAST_SHARE:
        raise ValueError(f"must be 0, or at least {LEAST_SHARE}")
    return share


class Resources(Frozen):
    """What one trial occupies; fractions share a device."""

    cpus: float = Field(default=1.0, ge=LEAST_SHARE, le=100_000, description="CPU cores of one trial.")
    gpus: Annotated[float, AfterValidator(_no_dust)] = Field(
        default=0.0, ge=0, le=1, description="Part of one GPU that a trial occupies, 0 to 1."
    )


class Wandb(Frozen):
    """Where Weights & Biases mirrors the study."""

    mode: Literal["offline", "online", "disabled"] = Field(
        default="offline", description="offline: files to sync later; online: live; disabled: nothing."
    )
    project: str = Field(
        default="unroll", pattern=r"^[^/\\#?%:]{1,128}$", description="Project that the runs appear in."
    )
    entity: str | None = Field(default=None, description="User or team; the account's default when left out.")


class Limits(Frozen):
    """When a trial is given up, retried, and saved."""

    no_progress_seconds: Wait = Field(
        default=600.0, description="A trial without a finished step for so long is ended as timeout."
    )
    retries: int = Field(
        default=3, ge=0, le=MOST, description="Attempts after an infrastructure failure; user errors get none."
    )
    checkpoint_seconds: Wait = Field(default=30.0, description="Longest work that a killed trial may lose.")


MOST_DRAWS = 10_000

FIRST_TUNING_SEED = 1_000_000
"""Seeds of tuning count from here: a study's own, counted from 0, never come so far."""


def _tuning_seeds(seeds: Any) -> Any:
    """Let ``1`` mean the tuning seed 1000000."""
    listed = _listed(seeds)
    return listed if isinstance(seeds, list) else [FIRST_TUNING_SEED + seed for seed in listed]


TuningSeeds = Annotated[
    list[Seed],
    Field(min_length=1, max_length=MOST_SEEDS),
    AfterValidator(_distinct),
    BeforeValidator(_tuning_seeds, json_schema_input_type=PositiveInt | list[Seed]),
]


class Distribution(Frozen):
    """Where a searched setting is drawn from: exactly one of these."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    uniform: tuple[float, float] | None = Field(default=None, description="[lowest, highest], all equally likely.")
    log_uniform: tuple[float, float] | None = Field(
        default=None, description="[lowest, highest], all magnitudes equally likely; both above 0."
    )
    integer: tuple[int, int] | None = Field(
        default=None, description="[lowest, highest], all whole numbers from one to the other equally likely."
    )
    choice: list[Any] | None = Field(default=None, min_length=1, description="Values, all equally likely.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(value is not None for _, value in self) != 1:
            raise ValueError("must name one of uniform, log_uniform, integer and choice")
        for name in ("uniform", "log_uniform", "integer"):
            bounds = getattr(self, name)
            if bounds is not None and not (-MOST <= bounds[0] < bounds[1] <= MOST):
                raise ValueError(f"{name} must be [lowest, highest], the second larger than the first")
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise ValueError("log_uniform must begin above 0")
        return self

    @property
    def kind(self) -> str:
        """Which of them."""
        return next(name for name, value in self if value is not None)

    @property
    def bounds(self) -> list[Any]:
        """What it was given: lowest and highest value, or all values of a choice."""
        return list(getattr(self, self.kind))


class Tune(Frozen):
    """How settings are searched, for every arm alike, before the arms are compared."""

    draws: int = Field(
        gt=0,
        le=MOST_DRAWS,
        description="Draws of each arm. The first is the study's own settings, so that no arm is worse tuned than not.",
    )
    search: dict[str, Distribution] = Field(
        min_length=1,
        description="Setting -> where it is drawn from, e.g. {training.learning_rate: {log_uniform: [1e-4, 1e-1]}}.",
    )
    seeds: TuningSeeds = Field(
        default=[FIRST_TUNING_SEED],
        description="Number of seeds that each draw is trained with (1 means 1000000), or a list of them; none of the "
        "study's own.",
    )
    metric: str | None = Field(
        default=None, description="The validation metric that chooses; the twin of the study's metric when left out."
    )
    scheduler: Literal["none", "asha"] = Field(
        default="none", description="asha: draws that are behind the others of their arm are ended early."
    )


Keep = Literal["none", "last", "best"]
"""Which trained weights a results folder keeps of each completed trial."""


class Declaration(Frozen):
    """One question and how it is to be answered."""

    question: str = Field(min_length=1, description="The question that the report answers.")
    task: str = Field(description="A folder of tasks/.")
    settings: dict[str, Any] = Field(default={}, description="What all arms share; the rest keeps the task's defaults.")
    compare: dict[str, list[Any] | dict[str, dict[str, Any]]] = Field(
        min_length=1,
        description="Factors and their levels: a setting's path with a list of values, or a name of your own with "
        "levels that each set several paths.",
    )
    exclude: list[dict[str, Any]] = Field(default=[], description="Combinations of levels to leave out.")
    match: Match | None = Field(default=None, description="Make the arms equal in size.")
    tune: Tune | None = Field(
        default=None,
        exclude_if=lambda tune: tune is None,
        description="Search settings before the arms are compared, with the same number of draws for each.",
    )
    seeds: Seeds = Field(
        default=list(range(8)),
        description="Number of seeds (8 means 0 to 7), or a list of them. Or looks that are declared in advance, e.g. "
        "{start: 8, up_to: 24}: seeds are added to what is undecided, at an unchanged chance of a wrong verdict.",
    )
    metric: str | None = Field(default=None, description="The metric that decides; the task's first when left out.")
    baseline: Baseline | None = Field(
        default=None,
        description="Arm that the others are compared to; the first one if left out. Or factors with one level each, "
        "e.g. {network.cell: gru}: each arm is compared to the one that has these levels and agrees in all others.",
    )
    claims: list[str] = Field(
        default=[],
        max_length=MOST_CLAIMS,
        description="Hypotheses, each a sentence: 'A better than B [by X|by X%] [on METRIC]', 'A within X|X% of B [on "
        "METRIC]', 'A diverges less than B', 'A flatter than B in [log] FACTOR [on METRIC]'; A and B are arms, or "
        "levels of one factor. The report gives each its verdict, in the place of the comparisons with the baseline.",
    )
    resources: Resources = Field(default=Resources(), description="What one trial occupies.")
    wandb: Wandb = Field(default=Wandb(), description="Weights & Biases.")
    limits: Limits = Field(default=Limits(), description="Timeouts, retries, checkpoints.")
    keep: Keep = Field(
        default="last",
        description="Trained weights of each completed trial that stay in the results folder. last: those that were "
        "tested; best: those of the best validation, also where the last ones are tested; none: none.",
    )
    log_every_steps: int = Field(
        default=50, gt=0, le=MOST, description="Optimizer steps between two logged training values."
    )


class Study(Declaration):
    """A declaration that was checked: its task exists, its settings fit, its arms are distinct.

    Locations in ``settings`` and ``compare`` are absolute, so a study may run from any folder.
    """

    name: str
    file: Path
    metric: str
    baseline: Baseline
    seeds: list[Seed]
    """In the order in which they are run; with looks, those that may not be needed too."""
    looks: Looks | None = Field(default=None, exclude_if=lambda looks: looks is None)
    """When seeds are added to what is undecided; None where their number is fixed."""
    overrides: tuple[str, ...] = ()
    """Overrides of the command line."""
    fallen: tuple[str, ...] = ()
    """What the file sets and a choice of the command line left without a use, in sentences."""
    locations: dict[str, str] = Field(default={})
    """Absolute location -> place in the file that it was written at, for what is found wrong there later."""
