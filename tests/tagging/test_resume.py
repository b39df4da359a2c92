"""A run that is interrupted within an epoch goes on as if it had not been; between two, see ``tests/execution``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger

from tasks.tagging.module import TaggingModule
from tasks.tagging.settings import Network, TaggingSettings, Training
from tasks.tagging.task import Tagging
from tasks.text.tagged import TaggedCorpus
from unroll.contract import derive_seed

SETTINGS = TaggingSettings(
    network=Network(
        hidden=6,
        embedding=5,
        depth=2,
        direction="bidirectional",
        dropout=0.4,
        word_dropout=0.3,
        characters="lstm",
        character_hidden=3,
        decoder="crf",
    ),
    training=Training(epochs=2, batch_size=3, learning_rate=0.02),
)
LENGTHS = [3, 1, 5, 2, 2, 7, 1, 4, 6, 3, 3, 9, 2]
STEPS = 5
"""Per epoch: 13 sentences are four batches of three and one of one."""


class Reseed(pl.Callback):
    """Dropout as a function of the step."""

    def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        torch.manual_seed(derive_seed(3, trainer.global_step))


class SaveEverywhere(pl.Callback):
    """A checkpoint after each batch, and one after each epoch's validation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        trainer.save_checkpoint(self._folder / f"batch {trainer.global_step}.ckpt")

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        trainer.save_checkpoint(self._folder / f"epoch {trainer.global_step}.ckpt")


class History(Logger):
    """Everything that was logged, as (optimizer step, metric, value)."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, str, float]] = []

    name = "history"
    version = ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        assert step is not None
        self.rows += [(step, name, value) for name, value in metrics.items()]


class Run:
    """One run in fresh objects, from the start or from a checkpoint."""

    def __init__(
        self,
        corpus: TaggedCorpus,
        trainer_of: Callable[..., pl.Trainer],
        *,
        callbacks: list[pl.Callback],
        checkpoint: Path | None = None,
    ) -> None:
        task, self.history = Tagging(), History()
        self.module = cast("TaggingModule", task.module(SETTINGS, corpus))
        self.module.initialise(0 if checkpoint is None else 99)
        trainer = trainer_of(epochs=2, logger=self.history, callbacks=callbacks, log_every_n_steps=2)
        trainer.fit(self.module, datamodule=task.data(SETTINGS, corpus, 0), ckpt_path=checkpoint, weights_only=True)
        self.optimizer = trainer.optimizers[0].state_dict()
        self.steps = trainer.global_step
        trainer.test(self.module, datamodule=task.data(SETTINGS, corpus, 0), verbose=False)

    def rows_after(self, step: int) -> list[tuple[int, str, float]]:
        return [row for row in self.history.rows if row[0] > step]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture
def corpus(corpus_of: Callable[..., TaggedCorpus]) -> TaggedCorpus:
    return corpus_of(LENGTHS)


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {}


@pytest.fixture
def undisturbed(runs: dict[str, Run], corpus: TaggedCorpus, trainer_of: Callable[..., pl.Trainer], folder: Path) -> Run:
    """The run without interruption; leaves a checkpoint after each step."""
    if not runs:
        runs["undisturbed"] = Run(corpus, trainer_of, callbacks=[Reseed(), SaveEverywhere(folder)])
    return runs["undisturbed"]


def assert_equal(left: Any, right: Any) -> None:
    """Bitwise, through nested containers."""
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    elif isinstance(left, Mapping):
        assert left.keys() == right.keys()
        for key in left:
            assert_equal(left[key], right[key])
    else:
        assert left == right


@pytest.mark.parametrize(
    "point",
    [*(f"batch {step}" for step in range(1, 2 * STEPS) if step % STEPS), f"epoch {2 * STEPS}"],
)
def test_a_resumed_run_is_the_undisturbed_run(
    undisturbed: Run, corpus: TaggedCorpus, trainer_of: Callable[..., pl.Trainer], folder: Path, point: str
) -> None:
    torch.manual_seed(1000)
    resumed = Run(corpus, trainer_of, callbacks=[Reseed()], checkpoint=folder / f"{point}.ckpt")
    assert resumed.steps == undisturbed.steps == 2 * STEPS
    assert_equal(resumed.module.state_dict(), undisturbed.module.state_dict())
    assert_equal(resumed.optimizer, undisturbed.optimizer)
    assert resumed.module.items_seen == undisturbed.module.items_seen == 2 * sum(LENGTHS)
    step = int(point.split()[1])
    assert resumed.rows_after(step) == undisturbed.rows_after(step)


def test_the_undisturbed_run_logs_what_it_should(undisturbed: Run) -> None:
    steps: dict[str, list[int]] = {}
    for step, name, _ in undisturbed.history.rows:
        steps.setdefault(name, []).append(step)
    accuracies = ("accuracy", "unknown_word_accuracy", "ambiguous_word_accuracy")
    assert steps == {
        "train/loss": [2, 4, 6, 8, 10],
        "train/gradient_norm": [2, 4, 6, 8, 10],
        **{f"validation/{name}": [STEPS, 2 * STEPS] for name in accuracies},
        **{f"test/{name}": [2 * STEPS] for name in accuracies},
    }


def test_dropout_is_at_work(corpus: TaggedCorpus, trainer_of: Callable[..., pl.Trainer], undisturbed: Run) -> None:
    class OtherSeeds(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
            torch.manual_seed(derive_seed(4, trainer.global_step))

    other = Run(corpus, trainer_of, callbacks=[OtherSeeds()])
    assert other.history.rows != undisturbed.history.rows
