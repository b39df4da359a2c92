"""What a task gives the platform: the one file that both floors read.

The platform knows no recurrent network and no corpus; a task knows no Ray, no W&B and no study. Everything
that passes between the two is named here. A task is a folder ``tasks/<name>/`` whose ``task.py`` holds exactly
one final subclass of :class:`Task`; the platform finds it by looking into the folder.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, Protocol, Self, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core.core_schema import CoreSchema, no_info_before_validator_function

from unroll.ownership import NotOurs as NotOurs
from unroll.ownership import check_ours as check_ours
from unroll.ownership import open_ours as open_ours

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from torch import Tensor

Direction = Literal["minimize", "maximize"]

Scale = Literal["identity", "log", "logit"]
"""On what values of a metric are averaged and compared: as they are, as logarithms (positive values that vary by
factors, such as perplexities), or as log odds (shares)."""

LOCATION = "location"
"""Put into a settings field's ``json_schema_extra={LOCATION: True}``: the field holds *where* something lies, not
*what* it is. It is no part of a trial's identity and is never stored in a record."""

MEASUREMENT = "measurement"
"""Put beside it in the same way: the field decides how a result is measured, not what is learned. All arms of a study
must agree in it, or a difference of measurement would look like a difference of models."""


@dataclass(frozen=True, eq=False, slots=True)
class Renamed:
    """Annotates a settings field some of whose values had other names in earlier versions.

    The former names are still read, and are still what a trial's id hashes: renaming a value orphans no ledger.

    Args:
        former: former name of each renamed value, by its name now.
    """

    former: Mapping[str, str]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Called by pydantic: reads a former name as the one that replaced it."""
        now = {old: new for new, old in self.former.items()}
        return no_info_before_validator_function(
            lambda value: now.get(value, value) if isinstance(value, str) else value, handler(source)
        )


class UserError(Exception):
    """A mistake of the user, reported in one line and never with a traceback.

    Args:
        rule: what must hold, as a full statement ("hidden must be at least 1").
        where: file, row, key or dotted path that the mistake is at.
        received: what was found there, already shortened for reading.
        advice: what to do about it ("did you mean 'lstm'?").
    """

    def __init__(self, rule: str, *, where: str = "", received: str = "", advice: str = "") -> None:
        self.rule, self.where, self.received, self.advice = rule, where, received, advice
        super().__init__(rule)

    def __str__(self) -> str:
        line = f"{self.where}: {self.rule}" if self.where else self.rule
        line += f" (received {self.received})" if self.received else ""
        return f"{line}; {self.advice}" if self.advice else line


class UserErrors(UserError):
    """Several mistakes, reported together: one line each."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} mistakes")

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class UnusedSettings(ValueError):
    """Settings that are set and mean nothing, since another one chose what has no use for them.

    A validator of a task's settings raises it, as it would any ``ValueError``. Where that choice was made on the
    command line, what a study's file has set for another one is dropped with a note; elsewhere it is a mistake.

    Args:
        rule: what must hold.
        unused: the settings, by their dotted paths from what is validated.
        choice: the setting that chose, in the same way: ``kind`` or ``network.kind``.
    """

    def __init__(self, rule: str, *, unused: Sequence[str], choice: str) -> None:
        super().__init__(rule)
        self.unused, self.choice = tuple(unused), choice


class Settings(BaseModel):
    """Base of every task's settings: unknown keys are errors, values are frozen, defaults live only here.

    Numbers are finite; a field that needs infinity declares it: ``Field(allow_inf_nan=True)``.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number means: which way is better, its unit ("" for none), one sentence for the report, and its scale.

    Means and differences over seeds are taken on the scale and told in the metric's own unit. Where a value lies at
    the end of a scale's range (a share of exactly 1), the values are taken as they are.
    """

    direction: Direction
    unit: str
    description: str
    scale: Scale = "identity"


TRAINING = "train/"
"""What the names of metrics begin with that are logged by ``training_step``."""

VALIDATION = "validation/"
"""What the names of metrics begin with that are logged by ``validation_step``."""


def first_validation_metric(metrics: Iterable[str], *, task: str, where: str) -> str:
    """The first metric of validation, which is looked at where nothing names another one.

    Args:
        metrics: all that a task declares, in its order.
        task: which tasks look at it, for the error: ``that selects states``.
        where: what asks for it.

    Raises:
        UserError: there is none.
    """
    for metric in (names := list(metrics)):
        if metric.startswith(VALIDATION):
            return metric
    raise UserError(f"a task {task} must declare a validation metric", where=where, received=", ".join(names))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which state of a trial is tested, and when training ends early; both look at one validation metric.

    Args:
        best: whether the state of the best validation is tested, in place of the last one. Of equal values the earliest
            is the best; NaN and infinities never are.
        patience: validations in a row without a better value after which training ends; None: all epochs are trained.

    Raises:
        UserError: patience is less than 1.
    """

    best: bool = False
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.patience is not None and self.patience < 1:
            raise UserError("patience must be at least 1", received=str(self.patience))

    @property
    def monitors(self) -> bool:
        """Whether anything depends on a validation metric."""
        return self.best or self.patience is not None


class Dataset(Protocol):
    """Prepared data, the same for all trials that share it."""

    @property
    def fingerprint(self) -> str:
        """Hash of the content that a model can see; equal content has an equal fingerprint wherever it lies."""

    @property
    def facts(self) -> Mapping[str, int | float | str]:
        """Sizes and names for the report, e.g. ``{"vocabulary": 10000, "train tokens": 929589}``."""

    @property
    def bounds(self) -> Mapping[str, float]:
        """What the true distribution reaches on these data, per metric name; empty where that is unknown.

        It is the best possible in expectation: on a finite sample a model may be luckier.
        """


class TrainingModule(Protocol):
    """What the platform asks of a task's module beyond being a ``LightningModule``.

    It also defines, as Lightning describes them, ``configure_optimizers``, ``training_step`` (gives the loss; one that
    is no finite number ends the trial as diverged), ``validation_step`` (run after every epoch) and ``test_step`` (run
    once, after training). A plan refuses a module that lacks any of these.

    It logs with ``self.log`` every metric that the task declares, under its full name such as
    ``validation/perplexity`` and as a tensor in float64 (of anything else Lightning keeps 32 bits), and
    everything that a resumed run needs beside weights and optimizers (carried state, ``items_seen``) goes into its
    checkpoint, through ``on_save_checkpoint`` and ``on_load_checkpoint``.

    It may log more, under names of its own, and the report knows two kinds of them. Metrics called
    ``<profile>/distance_<n>`` (:func:`distance_metric`), n a whole number from 0 on, are one profile. Where
    ``<profile>`` is a metric that the task declares, the report draws it against n in its own unit, as it was last
    logged; any other is drawn as it fades with n, relative to its value at 0, as it was first and last logged. A
    profile whose name goes on from that of another one, ``<profile>/<part>``, is kept and not drawn.

    A metric called ``<split>/free_running_<name>`` (:func:`free_running_metric`) is the same number as
    ``<split>/<name>``, of a model that reads its own words where the other one's reads right ones. Where a task
    declares both, the report draws the two together, along training and against distance, as far as both were logged.

    Numbers of examples called ``<split>/confusion/<true label>/<guess>`` (:func:`confusion_metric`), logged at one step
    for every pair of labels that occurs, also of a label with itself, are a confusion matrix, of which the report shows
    the last.

    It may define ``helpers``, parts of it that are used in training alone: a baseline, a discriminator. They are kept
    and resumed like all of it; but nothing that is tested has their weights, so that no comparison of size counts them,
    that of ``match: {parameters: N}`` neither.

    Where :meth:`Task.warm_start` names another trial, it may define ``begin_with(weights)``, called once after
    ``initialise`` with that trial's final weights: name in the ``state_dict`` -> tensor on the processor. Without it,
    every weight and buffer whose name and shape agree is taken over; all others keep what ``initialise`` gave them.
    """

    items_seen: int
    """Training items (tokens, say) consumed so far; kept across resume."""

    def initialise(self, seed: int) -> None:
        """Fill every weight as a function of (seed, parameter name, shape) alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewText:
    """Text that a trained module is asked about: some lines as they came, or the whole of a file of a format.

    Args:
        lines: without line ends; at least one.
        where: what errors call the text.
        first: number of the first line in it, from 1.
        format: name of the file format that the lines are in, gold labels included; None: each line is an input.
    """

    lines: Sequence[str]
    where: str
    first: int = 1
    format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a trained module says of one input.

    Args:
        text: the answer, on one line: a label, tags with a blank between each two, a translation; empty for an input
            without words.
        gold: the right answer in the same form, where the format told it.
        right: how much of the answer is right, in the units of ``counted``.
        counted: how much of it is compared with the gold answer: 1 label, or so many tags; 0 where that is not known.
        words: of the input.
        unknown: how many of them the module reads as ``<unk>``.
        strange: gold labels or tags that are none of the module's, so that no answer can be right, one for each time.
        probabilities: possible answer -> its probability, the likeliest first; empty where the task gives none.
    """

    text: str
    gold: str | None = None
    right: int = 0
    counted: int = 0
    words: int = 0
    unknown: int = 0
    strange: Sequence[str] = ()
    probabilities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """How a trained module goes on with a text.

    Args:
        text: what follows, as it would be printed behind the beginning.
        log_probability: natural logarithm of its probability, given the beginning.
        finished: whether it came to its end, not to the most that was asked for.
    """

    text: str
    log_probability: float
    finished: bool


class Writer(ABC):
    """Goes on with text: a trained module, as :meth:`Task.writer` gives it. Called without gradients."""

    unit: str
    """What it writes one after another: ``word`` or ``character``."""

    @abstractmethod
    def unknown(self, beginning: str) -> Sequence[str]:
        """The units of a beginning that it reads as ``<unk>``, in their order.

        Raises:
            UserError: it cannot read one of them.
        """

    @abstractmethod
    def write(self, beginning: str, options: Settings, *, seed: int) -> Sequence[Continuation]:
        """Go on with a beginning, in one way or in several, the best first; a function of its arguments alone.

        Args:
            beginning: may be empty.
            options: of the class :attr:`Task.writing`.
            seed: what is drawn depends on.

        Raises:
            UserError: it cannot read the beginning.
        """

    @abstractmethod
    def suggest(self, beginning: str, count: int) -> Sequence[tuple[str, float]]:
        """The likeliest next units and their probabilities, the likeliest first, and at most so many.

        Raises:
            UserError: it cannot read the beginning.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTorch:
    """A trained module in modules of ``torch.nn`` alone.

    Args:
        state: weights by the names of those modules.
        example: about ten lines of Python that build them and use them, run in a folder with ``weights.safetensors``,
            which holds the state, and ``vocabulary.json``, what :meth:`Task.kept` gave.
    """

    state: Mapping[str, Tensor]
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What a trained model made of one example of held-out data: texts, and a matrix of shares between words.

    Args:
        title: which example it is, in a few words; the same for all arms.
        texts: what there is to read, by name: ``source``, ``reference``, ``translation``.
        rows: words of the matrix's rows, from top to bottom; empty where there is no matrix.
        columns: words of its columns.
        values: a row for each word of ``rows``, with a number from 0 to 1 for each of ``columns``.
        meaning: what a number is: ``weight of a source word (column) when a word is written (row)``.

    Raises:
        ValueError: the matrix has another shape, or a number is none from 0 to 1.
    """

    title: str
    texts: Mapping[str, str]
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    values: Sequence[Sequence[float]] = ()
    meaning: str = ""

    def __post_init__(self) -> None:
        if [len(row) for row in self.values] != [len(self.columns)] * len(self.rows):
            raise ValueError(f"values of an example must have {len(self.rows)} rows of {len(self.columns)} numbers")
        if not all(0 <= value <= 1 for row in self.values for value in row):
            raise ValueError("values of an example must be from 0 to 1")


EXAMPLES: Final = "examples"
"""The sum to which every example of the test data adds 1: the number of them."""

Form = Literal["ratio", "exponential", "mean", "bleu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """How the value of a metric follows from sums over examples, as data: a report computes it without the task.

    Of places 1, 2 and so on, each has two numbers, ``above`` and ``below``: sums, each times a factor, added up.

    - ``ratio``: above / below, of one place; 0 where both are 0. Accuracy, F1 (twice the right ones over guessed and
      gold), a mean loss.
    - ``exponential``: exp(above / below), of one place. Perplexity.
    - ``mean``: the mean of above / below over the places where below is not 0. Macro-F1.
    - ``bleu``: in points of 100 (Papineni et al. 2002), with places for n-grams of each length (found; written) and a
      last one for the length (written; of the references). Of none found, "exp" smoothing (Chen and Cherry 2014, 3)
      as in sacrebleu.

    Args:
        form: which of these.
        above: for each place, sum -> factor.
        below: the same.

    Raises:
        ValueError: the form has other places.
    """

    form: Form = "ratio"
    above: Sequence[Mapping[str, float]]
    below: Sequence[Mapping[str, float]]

    def __post_init__(self) -> None:
        places = len(self.above)
        fits = places == 1 if self.form in ("ratio", "exponential") else places > (self.form == "bleu")
        if len(self.below) != places or not fits:
            raise ValueError(f"a formula {self.form} has as many sums above as below, and not {places}")

    @classmethod
    def share(cls, above: str, below: str = EXAMPLES) -> Self:
        """One sum over another one, or over the number of examples."""
        return cls(above=({above: 1.0},), below=({below: 1.0},))

    @property
    def sums(self) -> frozenset[str]:
        """Every sum that it names."""
        return frozenset(name for place in (*self.above, *self.below) for name in place)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleScores:
    """What each example of the test data adds to the sums that metrics are functions of.

    Args:
        test_set: digest of what the examples are, in their order, without anything that a model decides: trials with
            the same were tested on the same examples.
        sums: name -> what each example adds, shape (examples,), whole numbers or fractions, all finite.
        metrics: full name of a metric -> how its value follows.

    Raises:
        ValueError: sums differ in length or are not finite, or a formula names others.
    """

    test_set: str
    sums: Mapping[str, Any]
    metrics: Mapping[str, Formula]

    def __post_init__(self) -> None:
        if len({len(column) for column in self.sums.values()}) != 1:
            raise ValueError("every sum must have one number for each example, and there must be one sum at least")
        for name, formula in self.metrics.items():
            if unknown := sorted(formula.sums - self.sums.keys() - {EXAMPLES}):
                raise ValueError(f"the formula of {name} names {', '.join(unknown)}, which is no sum")


SettingsT = TypeVar("SettingsT", bound=Settings)
DatasetT = TypeVar("DatasetT", bound=Dataset)


class Task(ABC, Generic[SettingsT, DatasetT]):
    """What is learned: data, Lightning module and metrics. Final subclasses live in ``tasks/<name>/task.py``.

    The platform calls, for each trial: ``prepare``, ``module``, the module's ``initialise``, ``data``, Lightning's
    ``Trainer.fit`` for ``epochs`` passes with a validation after each, and ``Trainer.test``. Therefore all that
    :class:`TrainingModule` and :meth:`data` name is obligatory; ``docs/add-a-task.md`` shows a whole task.
    """

    version: ClassVar[int]
    """Raised when behaviour changes behind the same settings: part of every trial's identity."""
    settings: ClassVar[type[Settings]]
    """Sections of settings (``data``, ``network``, ``training``, ...), each a :class:`Settings`."""
    metrics: ClassVar[Mapping[str, Metric]]
    """Every final metric by its full name; the first is the default of a study's ``metric``."""
    item: ClassVar[str] = "token"
    """What throughput counts."""
    size_setting: ClassVar[str] = "network.hidden"
    """The integer setting that ``match`` solves, within its field's bounds; more of it never means fewer parameters or
    fewer operations."""

    writing: ClassVar[type[Settings] | None] = None
    """Options of :meth:`Writer.write`, flat; None: the task goes on with no text."""

    def small(self, examples: int) -> Mapping[str, Any]:  # noqa: ARG002
        """Dotted settings of a task so small that a test trains it in a moment; ``tests/tasks`` asks for them.

        With ten examples, ten are learned from; with one, validation and test data are a single example each. Only the
        task knows which of its settings say so: until it does, its tests fail.
        """
        return {}

    @abstractmethod
    def prepare(self, settings: SettingsT, cache: Path) -> DatasetT:
        """Read the data, prepared once per node in ``cache`` and shared by concurrent trials.

        Called for every arm when a study is planned and again by every trial, so a second call must be cheap; what the
        data forbid (a batch larger than the text, say) is refused here.

        Raises:
            UserError: the data are missing or malformed (names file and row or byte).
        """

    @abstractmethod
    def module(self, settings: SettingsT, dataset: DatasetT) -> pl.LightningModule:
        """Build the network and its loss, a :class:`TrainingModule`; must also work under ``torch.device("meta")``."""

    @abstractmethod
    def data(self, settings: SettingsT, dataset: DatasetT, seed: int) -> pl.LightningDataModule:
        """Loaders whose order is a pure function of (seed, epoch).

        The data module defines ``train_dataloader``, ``val_dataloader`` and ``test_dataloader``; a plan builds it and
        refuses one that lacks any, but calls none. The training loader has ``__len__`` and
        ``state_dict``/``load_state_dict`` holding (epoch, position), with position == length normalised to
        (epoch + 1, 0), so that a run resumed anywhere sees the same batches.
        """

    @abstractmethod
    def epochs(self, settings: SettingsT) -> int:
        """Number of passes over the training data; the most, where :meth:`selection` has patience.

        Of a trial with a :meth:`warm_start` these are its own, without those of the other trial. There it may be 0:
        nothing is trained, and the weights of the other trial are tested.
        """

    def warm_start(self, settings: SettingsT) -> SettingsT | None:  # noqa: ARG002
        """Complete settings of the trial whose final weights this one begins with; None, as here: it draws its own.

        The other trial has the same seed and the same data, and may itself begin with another one, in no circle. It is
        an arm of the study where one has these settings, and is else trained beside the arms and not compared. Its id
        is part of this trial's.
        """
        return None

    def control(self, settings: SettingsT) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Dotted settings that turn this arm into the control which it must be compared with; None, as here: none.

        A remedy names the plain training of the same length, say. Where a study varies one of these settings, the arm
        that they make is added to it unless it is there already.
        """
        return None

    def selection(self, settings: SettingsT) -> Selection:  # noqa: ARG002
        """Which state is tested, and when training ends early; here: the last one, after all epochs.

        The platform does the rest. It monitors the metric that decides the study if that is a validation metric, else
        the task's first validation metric, by its declared direction. Restored is what the module's ``state_dict``
        holds: weights and buffers. The monitored metric is then part of a trial's identity.
        """
        return Selection()

    def kept(self, settings: SettingsT, dataset: DatasetT) -> Mapping[str, Any]:  # noqa: ARG002
        """What of the data must be known to build the module again: vocabularies, labels; as plain JSON.

        It stays beside a trial's weights, once for all trials that have the same, and is what :meth:`restored` gets:
        together with the settings it must do for :meth:`module` without the data. No text of it may be longer than a
        million characters. Nothing, as here, where the task does not say.
        """
        return {}

    def restored(self, settings: SettingsT, kept: Mapping[str, Any]) -> DatasetT:  # noqa: ARG002
        """A dataset of which only what :meth:`kept` told is left: enough for :meth:`module`.

        Args:
            settings: the trial's, complete; its locations are the defaults, and nothing lies there.
            kept: what :meth:`kept` gave, read back from JSON.

        Raises:
            UserError: the task does not say how, as here.
        """
        raise _undefined(self, "a task whose trained weights are to be used must define kept and restored")

    def predict(
        self,
        settings: SettingsT,  # noqa: ARG002
        dataset: DatasetT,  # noqa: ARG002
        module: pl.LightningModule,  # noqa: ARG002
        text: NewText,  # noqa: ARG002
    ) -> Sequence[Answer]:
        """What a trained module says of new text: one answer for each line, or for each example of the format.

        Called again and again, with one line at a time where lines come one by one, without gradients and with a module
        that is no longer training. Of test data in a file of the format that the trial read, answers and
        :meth:`score` are those of the trial's test.

        Args:
            settings: the trial's, as :meth:`restored` got them.
            dataset: what :meth:`restored` gave.
            module: with its trained weights.
            text: the lines.

        Raises:
            UserError: the lines break the format, the task knows no such format, or it answers nothing, as here.
        """
        raise _undefined(self, "a task that is to answer new text must define predict")

    def in_torch(
        self,
        settings: SettingsT,  # noqa: ARG002
        dataset: DatasetT,  # noqa: ARG002
        module: pl.LightningModule,  # noqa: ARG002
    ) -> PlainTorch | None:
        """A trained module as torch alone can build it; None, as here, where it cannot.

        Args:
            settings: the trial's, as :meth:`restored` got them.
            dataset: what :meth:`restored` gave.
            module: with its trained weights.
        """
        return None

    def score(self, answers: Iterable[Answer]) -> Mapping[str, float]:
        """How good answers are whose gold is known, by the metrics' names without the split; here their accuracy."""
        sums = [(answer.right, answer.counted) for answer in answers]
        right, counted = sum(right for right, _ in sums), sum(counted for _, counted in sums)
        return {"accuracy": right / counted} if counted else {}

    def writer(
        self,
        settings: SettingsT,  # noqa: ARG002
        dataset: DatasetT,  # noqa: ARG002
        module: pl.LightningModule,  # noqa: ARG002
    ) -> Writer:
        """What goes on with text by a trained module.

        Args:
            settings: the trial's, as :meth:`restored` got them.
            dataset: what :meth:`restored` gave.
            module: with its trained weights, no longer training.

        Raises:
            UserError: the task goes on with no text, as here.
        """
        raise _undefined(self, "a task that is to go on with text must define writing and writer")

    def steps(self, settings: SettingsT, dataset: DatasetT) -> int | None:  # noqa: ARG002
        """Optimizer steps of the whole run, for estimates of time; None where unknown."""
        return None

    def seed_varies(self, settings: SettingsT) -> Sequence[str] | None:  # noqa: ARG002
        """What differs between trials of two seeds, in a few words each; None, as here: the task does not say.

        The words are ``initial weights``, ``order of the data``, ``dropout``, ``generated data``, or others of the
        task's own. Of a task that draws nothing (it counts, say) there are none: then every seed gives the same
        result, a plan has one trial for the arm, with the study's first seed, and its value stands beside every seed of
        other arms.
        """
        return None

    def chance(self, settings: SettingsT, dataset: DatasetT) -> Mapping[str, float]:  # noqa: ARG002
        """What the best answer reaches that ignores the input, per metric name; empty, as here, where it is not known.

        It is exact in expectation, or counted on the data: the share of the most frequent class, say. The report draws
        it beside :attr:`Dataset.bounds`: an arm that does no better has learned nothing from what it read.
        """
        return {}

    def unused(self, settings: SettingsT) -> Iterable[str]:  # noqa: ARG002
        """Dotted paths of settings that change nothing here; none, as here, where a task does not list them.

        Were any of them left at their defaults, the very same would run, bit for bit: a forget gate's bias on a cell
        that has no such gate. A plan compares arms that differ in nothing else once, and reports it.
        """
        return ()

    def warnings(self, settings: SettingsT, dataset: DatasetT) -> Sequence[str]:  # noqa: ARG002
        """What a reader must know of the data before believing a number; empty, as here, where there is nothing.

        One whole sentence each, with its counts: "812 of 872 validation sentences stand in the training text too.".
        Plan and report show them at the top. What is counted and harmless belongs to :attr:`Dataset.facts`.
        """
        return ()

    def absent(self, settings: SettingsT, dataset: DatasetT) -> Mapping[str, str]:  # noqa: ARG002
        """Declared metrics that such a run never logs, each with the reason in a few words; empty, as here, for none.

        "the validation text has no entity", say. It is known before anything is trained: from the settings, and from
        counts of the data that cost next to nothing. A plan refuses a study that such a metric is to decide.
        """
        return {}

    def examples(self, settings: SettingsT, dataset: DatasetT, module: pl.LightningModule) -> Sequence[Example]:  # noqa: ARG002
        """What the trained model makes of a few examples of held-out data, for the report; none, as here.

        Called after the test, with the tested state, in evaluation and without gradients. They are the same examples
        for all arms and seeds, few (a handful) and short: what is given here stays with the trial, as it is.
        """
        return ()

    def example_scores(
        self,
        settings: SettingsT,  # noqa: ARG002
        dataset: DatasetT,  # noqa: ARG002
        module: pl.LightningModule,  # noqa: ARG002
    ) -> ExampleScores | None:
        """What each example of the test data added to the test's metrics; None, as here: it is not kept.

        Called after the test, with the module that was tested. It stays with the trial, and lets the report say how
        much of an interval is the choice of these examples. Values that follow from it are those that were logged.
        """
        return None

    def example_score_bytes(self, settings: SettingsT, dataset: DatasetT) -> int:  # noqa: ARG002
        """Roughly the size of the file with :meth:`example_scores`, for the plan; 0, as here, where none is kept."""
        return 0

    def conditions(self, module: pl.LightningModule) -> Mapping[str, str]:  # noqa: ARG002
        """How a module computed, as far as neither settings nor data decide it: recorded with the trial's outcome.

        Called when the trial has ended. The report knows two names and warns where trials differ in one: ``loop``,
        which code ran, and ``compiler``, what made that code and for which processor. Behind a colon, ``loop`` gives
        the reason why that code stood in for the one that was asked for. Values are for people and hold no path. Empty,
        as here, where a module computes with torch alone.
        """
        return {}

    def flops_per_token(self, settings: SettingsT, dataset: DatasetT) -> int | None:  # noqa: ARG002
        """Floating point operations of one forward pass over one token; None, as here, where the task counts none.

        It is what ``match: {flops_per_token: N}`` makes equal. The network's matrix products alone are counted, a
        multiply and an add as two operations: a matrix of shape (rows, columns) that is used once per token counts
        2 * rows * columns. Products with the input, recurrent products and the output layer belong to it; table
        look-ups (embeddings), biases, activations, gates, softmax, dropout, the backward pass and the optimizer do
        not. A matrix that is used less often than once per token counts by its share, the sum rounded to an integer.

        It is a function of the settings and of the sizes of the data, never a measurement, and cheap: a plan asks
        dozens of times, so a network that is looked at for this is built under ``torch.device("meta")``.
        """
        return None


def _undefined(task: object, rule: str) -> UserError:
    where = f"{type(task).__module__.replace('.', '/')}.py"
    return UserError(rule, where=where, advice="docs/add-a-task.md tells what it gives")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCorpus:
    """A corpus that a library knows by name.

    Args:
        name: one harmless part of a path.
        title: what it is, in a few words.
        task: what it is made for; a task of this name need not be there.
        settings: overrides that make this task read it, ``data.path`` aside.
        licence: what its makers allow, in one line.
        homepage: where to read more.
        languages: which languages it is in, by their English names.
    """

    name: str
    title: str
    task: str
    settings: tuple[str, ...]
    licence: str
    homepage: str
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """How far the download of one file is: bytes that are here, and of the whole where the server gave its size."""

    file: str
    here: int
    whole: int | None


Rows = Sequence[Mapping[str, int | float | str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a corpus looks like, as tables whose columns carry names that people understand.

    Args:
        splits: one row for each split: sizes, lengths, unknown words, repetitions.
        lengths: the histogram of sentence lengths: a row for each range, a column with a count for each split.
        labels: how often each label occurs: a row for each, a column with a count for each split; empty without labels.
        oddities: what is strange about a file: a row for each finding.
    """

    splits: Rows
    lengths: Rows
    labels: Rows
    oddities: Rows


class Library(ABC):
    """Corpora that are known by name. A final subclass lives in ``tasks/<folder>/library.py``, found as tasks are.

    It is the one way in which the platform, which knows no corpus, lists, fetches and inspects them.
    """

    @abstractmethod
    def known(self) -> Sequence[KnownCorpus]:
        """Every corpus that it knows, sorted by name."""

    def recognise(self, places: Sequence[Path]) -> KnownCorpus | None:  # noqa: ARG002
        """The known corpus whose files lie at these places (files, or folders that hold them), unchanged.

        None, as here, where a library does not say. A plan asks it what the data are called, and what their makers
        allow.
        """
        return None

    @abstractmethod
    def locate(self, name: str, root: Path) -> Path | None:
        """Where a known corpus lies if it was fetched to ``root``: its files are there; their content is not read."""

    @abstractmethod
    def fetch(self, name: str, root: Path, watch: Callable[[Fetching], None]) -> Path:
        """Download a known corpus to a folder of its own in ``root``, unless it is there; gives that folder.

        Nothing but whole, verified files ever stands in that folder; what a broken download left is gone on with.

        Raises:
            UserError: it cannot be had, is not what it should be, or cannot be stored.
        """

    @abstractmethod
    def inspect(self, name: str, folder: Path) -> Inspection:
        """Look at the files of a known corpus, wherever they come from.

        Raises:
            UserError: a file is missing or malformed.
        """

    @abstractmethod
    def inspect_settings(self, settings: Settings) -> Inspection | None:
        """Look at the files that a task's settings name; None where they name none that this library can read.

        Raises:
            UserError: a file is missing or malformed.
        """


def check_cache(cache: Path) -> None:
    """Refuse a cache that another account could change: what lies there is believed, and compiled code is run.

    Raises:
        UserError: somebody could, or it cannot be looked at.
    """
    try:
        check_ours(cache)
    except (NotOurs, OSError) as error:
        raise UserError(
            "the cache must lie where no other account can change it",
            where=str(cache),
            received=str(error.strerror or error) if isinstance(error, OSError) else str(error),
            advice="name a folder of your own in UNROLL_CACHE, or take the others' right to write (chmod go-w)",
        ) from None


def derive_seed(*parts: int | str) -> int:
    """Mix parts into one seed below 2**63: a pure function, the same in every process and Python.

    >>> derive_seed(1, "dropout", 7) == derive_seed(1, "dropout", 7)
    True
    """
    digest = hashlib.blake2b("\x1f".join(f"{type(p).__name__}:{p}" for p in parts).encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big") >> 1


def distance_metric(profile: str, n: int) -> str:
    """Name of a profile's value at distance ``n`` (see :class:`TrainingModule`).

    >>> distance_metric("test/accuracy", 3)
    'test/accuracy/distance_3'
    """
    return f"{profile}/distance_{n}"


def parse_distance_metric(metric: str) -> tuple[str, int] | None:
    """(profile, n) of a name that :func:`distance_metric` made; None of any other."""
    match = re.fullmatch(r"(.+)/distance_([0-9]+)", metric)
    return (match[1], int(match[2])) if match else None


FREE_RUNNING: Final = "free_running_"


def free_running_metric(metric: str) -> str:
    """Name of what ``metric`` is where a model reads its own words in place of right ones.

    >>> free_running_metric("test/accuracy")
    'test/free_running_accuracy'
    """
    split, _, name = metric.rpartition("/")
    return f"{split}/{FREE_RUNNING}{name}"


def parse_free_running_metric(metric: str) -> str | None:
    """The metric that :func:`free_running_metric` made this one of; None of any other."""
    split, _, name = metric.rpartition("/")
    return f"{split}/{name.removeprefix(FREE_RUNNING)}" if name.startswith(FREE_RUNNING) else None


def confusion_metric(split: str, true: str, guess: str) -> str:
    """Name of the number of examples of the label ``true`` that were classified as ``guess``.

    Labels may be any text: a slash in them is written ``%2F``, and ``%`` is ``%25``.

    >>> confusion_metric("test", "n/a", "yes")
    'test/confusion/n%2Fa/yes'
    """
    return "/".join((split, "confusion", *(label.replace("%", "%25").replace("/", "%2F") for label in (true, guess))))


def parse_confusion_metric(metric: str) -> tuple[str, str, str] | None:
    """(split, true label, guess) of a name that :func:`confusion_metric` made; None of any other."""
    match = re.fullmatch(r"([^/]+)/confusion/([^/]*)/([^/]*)", metric)
    return (match[1], unquote(match[2]), unquote(match[3])) if match else None


def find_locations(model: type[BaseModel]) -> frozenset[str]:
    """Dotted paths of the fields that are marked with :data:`LOCATION`."""
    return _marked(model, LOCATION)


def find_measurements(model: type[BaseModel]) -> frozenset[str]:
    """Dotted paths of the fields that are marked with :data:`MEASUREMENT`."""
    return _marked(model, MEASUREMENT)


def _marked(model: type[BaseModel], mark: str, prefix: str = "") -> frozenset[str]:
    found: set[str] = set()
    for name, info in model.model_fields.items():
        extra: Any = info.json_schema_extra
        if isinstance(extra, dict) and extra.get(mark):
            found.add(prefix + name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            found |= _marked(info.annotation, mark, f"{prefix}{name}.")
    return frozenset(found)
