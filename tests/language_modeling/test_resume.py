"""A run that is interrupted after any step goes on as if it had not been."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger

from tasks.language_modeling.batches import WINDOWS_PER_BATCH
from tasks.language_modeling.module import LanguageModelingModule
from tasks.language_modeling.settings import LanguageModelingSettings, Network, Training
from tasks.language_modeling.task import LanguageModeling
from tasks.text import TokenCorpus
from unroll.contract import derive_seed

SETTINGS = LanguageModelingSettings(
    network=Network(
        cell="lstm", hidden=8, depth=2, dropout=0.4, recurrent_dropout=0.2, zoneout=0.1, zoneout_memory=0.05
    ),
    training=Training(
        epochs=2,
        batch_size=3,
        bptt=4,
        learning_rate=0.02,
        decay_start=1,
        decay_factor=2.0,
        clip_norm=0.3,
        diagnose_every=7,
    ),
)
TOKENS = 3 * 167
STEPS = 42
"""Per epoch: 3 columns of 167 tokens are 41 windows of 4 steps and one of 3."""
LAST = (STEPS, 2 * STEPS)
SPLITS = ("train", "validation", "test")
MIDDLE = [
    f"batch {epoch + step}" for epoch in (0, STEPS) for step in range(WINDOWS_PER_BATCH, STEPS, WINDOWS_PER_BATCH)
]


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
        self.trainer: pl.Trainer | None = None

    name = "history"
    version = ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        assert self.trainer
        assert step == self.trainer.global_step
        self.rows += [(step, name, value) for name, value in metrics.items()]


class Run:
    """One run in fresh objects, from the start or from a checkpoint."""

    def __init__(
        self,
        corpus: TokenCorpus,
        trainer_of: Callable[..., pl.Trainer],
        *,
        callbacks: list[pl.Callback],
        checkpoint: Path | None = None,
    ) -> None:
        task, self.history = LanguageModeling(), History()
        self.module = cast("LanguageModelingModule", task.module(SETTINGS, corpus))
        self.module.initialise(0 if checkpoint is None else 99)
        trainer = trainer_of(epochs=2, logger=self.history, callbacks=callbacks, log_every_n_steps=5)
        self.history.trainer = trainer
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
def corpus(corpus_of: Callable[..., TokenCorpus]) -> TokenCorpus:
    return corpus_of(train=TOKENS + 1)


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {}


@pytest.fixture
def undisturbed(runs: dict[str, Run], corpus: TokenCorpus, trainer_of: Callable[..., pl.Trainer], folder: Path) -> Run:
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


@pytest.fixture
def resumed(
    undisturbed: Run, corpus: TokenCorpus, trainer_of: Callable[..., pl.Trainer], folder: Path, point: str
) -> Run:
    """The run from a checkpoint on, under other global seeds."""
    torch.manual_seed(1000)
    return Run(corpus, trainer_of, callbacks=[Reseed()], checkpoint=folder / f"{point}.ckpt")


def assert_same_end(resumed: Run, undisturbed: Run) -> None:
    assert resumed.steps == undisturbed.steps == 2 * STEPS
    assert_equal(resumed.module.state_dict(), undisturbed.module.state_dict())
    assert_equal(resumed.optimizer, undisturbed.optimizer)
    assert resumed.module.items_seen == undisturbed.module.items_seen == 2 * TOKENS


@pytest.mark.parametrize("point", [*MIDDLE, *(f"epoch {step}" for step in LAST)])
def test_a_resumed_run_is_the_undisturbed_run(resumed: Run, undisturbed: Run, point: str) -> None:
    assert_same_end(resumed, undisturbed)
    assert resumed.rows_after(int(point.split()[1])) == undisturbed.rows_after(int(point.split()[1]))


@pytest.mark.parametrize("point", [f"batch {step}" for step in LAST])
def test_a_checkpoint_before_the_validation_loses_it_but_no_weight(resumed: Run, undisturbed: Run) -> None:
    """Lightning takes up such a checkpoint in the next epoch; so the platform saves after the validation."""
    assert_same_end(resumed, undisturbed)


def test_the_undisturbed_run_logs_what_it_should(undisturbed: Run) -> None:
    steps: dict[str, list[int]] = {}
    for step, name, _ in undisturbed.history.rows:
        steps.setdefault(name, []).append(step)
    inside = {name: steps.pop(name) for name in list(steps) if name.split("/")[0] not in SPLITS}
    assert all(at == [*range(0, 84, 7)] for name, at in inside.items() if not name.endswith("distance_3"))
    assert {name.split("/")[0] for name in inside} == {"gates", "state", "recurrent", "gradient_flow"}
    rates = {value for _, name, value in undisturbed.history.rows if name == "train/clip_rate"}
    assert len(rates) > 1  # clipping was at work, and not always
    assert steps == {
        "train/loss": [*range(5, 84, 5)],
        "train/gradient_norm": [*range(5, 84, 5)],
        "train/clip_rate": [*range(5, 84, 5)],
        "train/learning_rate": [*range(5, 84, 5)],
        "train/perplexity": [42, 84],
        "validation/perplexity": [42, 84],
        "test/perplexity": [84],
    }


def test_dropout_is_at_work(corpus: TokenCorpus, trainer_of: Callable[..., pl.Trainer], undisturbed: Run) -> None:
    class OtherSeeds(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
            torch.manual_seed(derive_seed(4, trainer.global_step))

    other = Run(corpus, trainer_of, callbacks=[OtherSeeds()])
    assert other.history.rows != undisturbed.history.rows
