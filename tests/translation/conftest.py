"""A quiet process, and a handful of pairs of the toy languages."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.text.parallel import ParallelCorpus
from tasks.translation.module import TranslationModule
from tasks.translation.settings import TranslationSettings
from tasks.translation.task import Translation

TASK = Translation()


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> None:
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def settings_of(**sections: Any) -> TranslationSettings:
    """Small ones."""
    small: dict[str, dict[str, Any]] = {
        "data": {"sentences": 24},
        "network": {"hidden": 6, "embedding": 5, "cell": "gru"},
        "training": {"epochs": 2, "batch_size": 7, "learning_rate": 0.02},
        "decoding": {},
    }
    return TranslationSettings.model_validate({name: {**small[name], **sections.get(name, {})} for name in small})


@pytest.fixture(scope="session")
def corpus(cache: Path) -> ParallelCorpus:
    return TASK.prepare(settings_of(), cache)


def module_of(settings: TranslationSettings, corpus: ParallelCorpus, *, seed: int = 0) -> TranslationModule:
    """In float64, with weights large enough to matter."""
    module: Any = TASK.module(settings, corpus)
    module.initialise(seed)
    module.double()
    with torch.no_grad():
        for weight in module.network.parameters():
            weight.mul_(4)
    built: TranslationModule = module.eval()
    return built
