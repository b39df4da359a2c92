"""A quiet trainer, and a module built from nested settings."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from tasks.long_range.settings import LongRangeSettings
from tasks.long_range.task import LongRange
from tests.tasks.run import quiet_trainer

Built = tuple[Any, pl.LightningDataModule]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


@pytest.fixture
def trainer_of() -> Callable[..., pl.Trainer]:
    """Builds a trainer on the CPU that writes nothing by itself."""

    def build(*, epochs: int = 1, **more: Any) -> pl.Trainer:
        return quiet_trainer(max_epochs=epochs, **more)

    return build


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """A module with its first weights, and its data: ``build({"data": {"length": 9}}, seed=1)``."""

    def made(nested: dict[str, Any], *, seed: int = 1) -> Built:
        task, settings = LongRange(), LongRangeSettings.model_validate(nested)
        dataset = task.prepare(settings, tmp_path)
        module: Any = task.module(settings, dataset)
        module.initialise(seed)
        return module, task.data(settings, dataset, seed)

    return made
