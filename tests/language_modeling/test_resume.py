"""Exact resume where a language model has more to keep than most: decay, clipping, zoneout, diagnoses."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from tasks.language_modeling.batches import WINDOWS_PER_BATCH
from tasks.language_modeling.settings import LanguageModelingSettings, Network, Training
from tasks.language_modeling.task import LanguageModeling
from tasks.text.running import TokenCorpus
from tests.tasks.run import Run, same

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
MIDDLE = [epoch + step for epoch in (0, STEPS) for step in range(WINDOWS_PER_BATCH, STEPS, WINDOWS_PER_BATCH)]


class SaveBeforeValidation(pl.Callback):
    """A checkpoint after an epoch's last batch, where the platform takes none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            trainer.save_checkpoint(self._folder / f"before validation {trainer.global_step}.ckpt")


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
def run(corpus: TokenCorpus) -> Callable[..., Run]:
    return partial(Run, LanguageModeling(), SETTINGS, corpus, log_every=5)


@pytest.fixture
def undisturbed(runs: dict[str, Run], run: Callable[..., Run], folder: Path) -> Run:
    """The run without interruption; leaves a checkpoint after each batch."""
    if not runs:
        runs["undisturbed"] = run(save=folder, callbacks=[SaveBeforeValidation(folder)])
    return runs["undisturbed"]


@pytest.mark.parametrize("step", [*MIDDLE, *LAST])
def test_a_resumed_run_is_the_undisturbed_run(
    undisturbed: Run, run: Callable[..., Run], folder: Path, step: int
) -> None:
    torch.manual_seed(1000)
    resumed = run(checkpoint=folder / f"{step}.ckpt")
    assert same(resumed.end(), undisturbed.end())
    assert resumed.rows_after(step) == undisturbed.rows_after(step)


@pytest.mark.parametrize("step", LAST)
def test_a_checkpoint_before_the_validation_loses_it_but_no_weight(
    undisturbed: Run, run: Callable[..., Run], folder: Path, step: int
) -> None:
    """Lightning takes up such a checkpoint in the next epoch; so the platform saves after the validation."""
    assert same(run(checkpoint=folder / f"before validation {step}.ckpt").end(), undisturbed.end())


def test_the_undisturbed_run_logs_what_it_should(undisturbed: Run) -> None:
    steps: dict[str, list[int]] = {}
    for step, name, _ in undisturbed.rows:
        steps.setdefault(name, []).append(step)
    inside = {name: steps.pop(name) for name in list(steps) if name.split("/")[0] not in SPLITS}
    assert all(at == [*range(0, 84, 7)] for name, at in inside.items() if not name.endswith("distance_3"))
    assert {name.split("/")[0] for name in inside} == {"gates", "state", "recurrent", "gradient_flow"}
    rates = {value for _, name, value in undisturbed.rows if name == "train/clip_rate"}
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
    assert (undisturbed.steps, undisturbed.module.items_seen) == (2 * STEPS, 2 * TOKENS)
