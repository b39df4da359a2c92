"""A task that learns as most do: by gradient descent, with recurrent layers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, final

from tasks.learning.settings import LearnedSettings, OptimizationSettings, ThroughTimeSettings, TrainingSettings
from tasks.recurrent.settings import build_initialization
from tasks.recurrent.unused import unused_settings
from unroll.contract import (
    VALIDATION,
    Dataset,
    ExampleScores,
    Selection,
    Task,
    UserError,
    first_validation_metric,
)

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from torch import Tensor

    from tasks.learning.descent import Learning
    from tasks.learning.loaders import Maker
    from tasks.learning.schedule import Schedule

SettingsT = TypeVar("SettingsT", bound=LearnedSettings)
DatasetT = TypeVar("DatasetT", bound=Dataset)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Data in memory, or drawn as they are needed; see :class:`unroll.contract.Dataset`.

    Args:
        fingerprint: hash of all that a model can see.
        facts: for the plan and the report.
        bounds: what the true distribution reaches, per metric; empty where that is unknown.
        splits: the ``train``, ``validation`` and ``test`` data, if they lie in memory.
    """

    fingerprint: str
    facts: Mapping[str, int | float | str]
    bounds: Mapping[str, float] = field(default_factory=dict)
    splits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def train(self) -> Any:
        """The training data."""
        return self.splits["train"]

    @classmethod
    def in_memory(
        cls, splits: Mapping[str, Tensor], *, facts: Mapping[str, int | float | str], bounds: Mapping[str, float]
    ) -> Self:
        """Tensors of all splits, of which the fingerprint is taken."""
        digest = sha256()
        for name, rows in splits.items():
            # Type and shape too, or other splits of the same bytes would have the same hash.
            digest.update(f"{name} {rows.dtype} {tuple(rows.shape)} ".encode() + rows.numpy().tobytes())
        return cls(fingerprint=digest.hexdigest(), facts=facts, bounds=bounds, splits=splits)


class LearnedTask(Task[SettingsT, DatasetT]):
    """A task with settings of :mod:`tasks.learning.settings`; answers what follows from them.

    A subclass builds its module with :meth:`learning`, and gives the number of its batches.
    """

    @abstractmethod
    def batches(self, settings: SettingsT, dataset: DatasetT) -> int:
        """Batches of an epoch; each is an optimizer step, or with ``accumulate`` a part of one."""

    def epochs(self, settings: SettingsT) -> int:
        """Passes over the training data."""
        return cast("TrainingSettings", settings.training).epochs

    def steps(self, settings: SettingsT, dataset: DatasetT) -> int:
        """Optimizer steps of all epochs."""
        # Rounded up: an epoch's last step takes what batches are left.
        return self.epochs(settings) * -(-self.batches(settings, dataset) // settings.training.accumulate)

    def selection(self, settings: SettingsT) -> Selection:
        """Which state is tested, and when training ends early."""
        return Selection(best=settings.training.select == "best", patience=settings.training.patience)

    def learning(self, settings: SettingsT, dataset: DatasetT) -> Learning:
        """How the settings make a network learn.

        Raises:
            UserError: the schedule takes what is no setting, the warm-up is no shorter than the run, or the schedule
                observes a validation metric and the task has none.
        """
        from tasks.learning.clipping import Clipping
        from tasks.learning.descent import Learning
        from tasks.learning.schedule import LearningRate

        training, steps = settings.training, self.steps(settings, dataset)
        if 0 < steps <= training.warmup:  # without a step nothing is trained: the weights are another trial's, or kept
            received = f"{training.warmup:,} of {steps:,} steps"
            raise UserError("the warm-up must be shorter than the run", where="training.warmup", received=received)
        # Laid out over all epochs, whether or not `patience` ends training before.
        schedule, monitor = _build_schedule(training, max(0, steps - training.warmup)), None
        if schedule.observes:
            which = f"that learns by schedule {training.schedule_name}"
            first = first_validation_metric(self.metrics, task=which, where="training.schedule")
            monitor = (first.removeprefix(VALIDATION), self.metrics[first].direction)
        return Learning(
            initialization=build_initialization(settings.network),
            optimizer=training.optimizer,
            rate=LearningRate(first=training.learning_rate, schedule=schedule, warmup=training.warmup),
            clipping=Clipping(norm=training.clip_norm, value=training.clip_value),
            momentum=training.momentum,
            weight_decay=training.weight_decay,
            accumulate=training.accumulate,
            monitor=monitor,
        )

    def warnings(self, settings: SettingsT, dataset: DatasetT) -> Sequence[str]:
        """What was noticed when the data were prepared, and a schedule that ``patience`` may cut short."""
        training, steps = settings.training, self.steps(settings, dataset)
        found = list(getattr(dataset, "warnings", ()))
        if training.patience is not None and _depends_on_steps(training, steps - training.warmup):
            found.append(
                f"training.patience may end training before schedule {training.schedule_name} has come to its end: "
                f"it is laid out over all {steps:,} steps."
            )
        return found

    def conditions(self, module: pl.LightningModule) -> Mapping[str, str]:
        """Which loops ran the network's cells, and what compiled them."""
        from tasks.recurrent.loop import describe_loops

        return describe_loops(module)

    def example_scores(
        self,
        settings: SettingsT,  # noqa: ARG002
        dataset: DatasetT,  # noqa: ARG002
        module: pl.LightningModule,
    ) -> ExampleScores | None:
        """What a :class:`~tasks.learning.evaluation.ScoredModule` collected."""
        from tasks.learning.evaluation import ScoredModule

        return module.example_scores() if isinstance(module, ScoredModule) else None

    def seed_varies(self, settings: SettingsT) -> Sequence[str] | None:
        """Initial weights, and what is dropped."""
        begins = "initial weights" if self.warm_start(settings) is None else "weights of the trial that it begins with"
        return [begins, *(["dropout"] if _drops(settings) else [])]

    def unused(self, settings: SettingsT) -> Iterator[str]:
        """What the cell does not have, and what equals its default's meaning."""
        training = settings.training
        yield from (f"network.{name}" for name in self.unused_of_network(settings))
        implied = training.model_copy(update={"schedule": None})
        if training.schedule is not None and implied.schedule_name == training.schedule:
            yield "training.schedule"
        if isinstance(training, ThroughTimeSettings) and training.omega is None:
            yield "training.omega_form"

    def unused_of_network(self, settings: Any) -> Iterator[str]:
        """Names of settings of ``network`` that change nothing; by default those of its cell."""
        return unused_settings(settings.network)


def _drops(settings: LearnedSettings) -> bool:
    """Whether a probability of dropout or zoneout is set, of whatever section."""
    sections = (getattr(settings, name) for name in type(settings).model_fields)
    chances = (
        getattr(section, name)
        for section in sections
        for name in getattr(type(section), "model_fields", ())
        if "dropout" in name or "zoneout" in name
    )
    return any(isinstance(chance, float) and chance > 0 for chance in chances)


def _build_schedule(training: OptimizationSettings, steps: int) -> Schedule:
    """The schedule that the settings choose, for a run of so many steps behind the warm-up.

    Raises:
        UserError: it takes what is no setting.
    """
    from tasks.learning.schedules import SCHEDULES

    name = training.schedule_name
    if unknown := [option for option in SCHEDULES.options(name) if option not in type(training).model_fields]:
        raise UserError(
            "what a schedule takes beside steps are settings of training",
            where=f"tasks/learning/schedules/{name}.py",
            received=", ".join(unknown),
            advice="add them to tasks/learning/settings.py",
        )
    build: Callable[..., Schedule] = SCHEDULES.find(name)
    return build(steps=steps, **{option: getattr(training, option) for option in SCHEDULES.options(name)})


def _depends_on_steps(training: OptimizationSettings, steps: int) -> bool:
    """Whether a run of twice as many steps would have another rate in the last step of this one."""
    rates = {_build_schedule(training, run).rate(1.0, step=steps - 1, epoch=0) for run in (steps, 2 * steps)}
    return len(rates) > 1


class SentenceTask(LearnedTask[SettingsT, DatasetT]):
    """A :class:`LearnedTask` whose batches are sentences of about the same length, or whatever has lengths.

    Training sentences come in an order of (seed, epoch), held-out ones once. The length of a dataset's ``train`` is the
    number of training sentences.
    """

    def seed_varies(self, settings: SettingsT) -> Sequence[str] | None:
        """The order of the sentences too."""
        return [*(super().seed_varies(settings) or ()), "order of the data"]

    @abstractmethod
    def maker(self, settings: SettingsT, dataset: DatasetT, split: str) -> Maker[Any]:
        """What makes batches of the ``train``, ``validation`` or ``test`` data."""

    def batches(self, settings: SettingsT, dataset: DatasetT) -> int:
        """Batches of training sentences."""
        return -(-len(cast("Any", dataset).train) // settings.training.batch_size)

    def data(self, settings: SettingsT, dataset: DatasetT, seed: int) -> pl.LightningDataModule:
        """Length buckets, in an order of (seed, epoch)."""
        from tasks.learning.loaders import BucketLoader, Loaders, SortedLoader

        size = settings.training.batch_size
        return Loaders(
            train=lambda: BucketLoader(self.maker(settings, dataset, "train"), size=size, seed=seed),
            held_out=lambda split: SortedLoader(self.maker(settings, dataset, split)),
        )
