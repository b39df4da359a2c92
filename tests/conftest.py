"""What every test may ask for: the real corpora, a browser, and quiet libraries."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Folder of the real corpora: ``$UNROLL_CORPORA`` or ``../shared/data`` beside the repository."""
    folder = Path(os.environ.get("UNROLL_CORPORA", ROOT.parent / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"the real corpora are absent: {folder}")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that runs headless."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return path
