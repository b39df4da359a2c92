"""A quiet process, and one cache for the data of all tasks."""

import logging
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> None:
    """For the session, so that it comes before runs that a module's tests share: threads change the last bits."""
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of prepared data."""
    return tmp_path_factory.mktemp("cache")
