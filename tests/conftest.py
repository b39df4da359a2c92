"""What every test may ask for: the real corpora, a browser, and quiet libraries."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from unroll.study.project import _ProjectTasks

ROOT = Path(__file__).parents[1]

PROCESSES = (
    "tests/benchmarks",
    "tests/cli/test_going_on.py",
    "tests/cli/test_processes.py",
    "tests/cli/test_signals.py",
    "tests/cluster_files",
    "tests/execution",
    "tests/report/test_browser.py",
    "tests/report/test_screens.py",
    "tests/test_docs.py",
    "tests/tracking",
)
"""Tests that start real processes and wait for them: one after the other, beside all that compute."""

settings.register_profile("same", derandomize=True)
"""The examples of ``make test``: the same on each run, so that red is the change's own; ``make test-all`` draws new."""

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests are spread over workers, a file stays whole, and so do all that start processes."""
    for item in items:
        file = item.path.relative_to(ROOT).as_posix()
        item.add_marker(pytest.mark.xdist_group("processes" if file.startswith(PROCESSES) else file))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where a version of pytest hides the groups from pytest-xdist, tests of one file run in several processes."""
    if getattr(session.config.option, "loadgroup", False) and not all("@" in item.nodeid for item in session.items):
        raise pytest.UsageError("pytest-xdist does not see the groups of tests: another version of pytest is pinned")


@pytest.fixture(autouse=True)
def no_other_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ray that was started in this process left behind for its workers where the project is."""
    monkeypatch.delenv("UNROLL_ROOT", raising=False)


@pytest.fixture
def other_tasks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``tasks`` is yet to be imported, from the test's own project; afterwards it is this repository's again."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if not isinstance(f, _ProjectTasks)])
    real = _take_tasks()
    yield
    _take_tasks()
    sys.modules.update(real)


def _take_tasks() -> dict[str, ModuleType]:
    """Forget that ``tasks`` was imported; gives what was forgotten."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "tasks"}


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
