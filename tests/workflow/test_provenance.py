"""What counts as code that was not committed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from unroll.workflow.provenance import git_state

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project in a folder of a larger repository, all of it committed."""
    project = tmp_path / "project"
    for name in ("platform/a.py", "tasks/b.py", "studies/cells/study.yaml", "docs/page.md"):
        write(project / name, "first")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    return project


@pytest.mark.parametrize(
    ("file", "dirty"),
    [
        ("platform/a.py", True),
        ("tasks/b.py", True),
        ("studies/cells/study.yaml", True),
        ("platform/new.py", True),
        ("tasks/new/task.py", True),
        ("studies/mine/study.yaml", False),
        ("docs/page.md", False),
        ("notes.txt", False),
    ],
)
def test_only_code_and_committed_studies_can_be_dirty(repository: Path, file: str, dirty: bool) -> None:
    assert git_state(repository)[1] is False
    write(repository / file, "second")
    assert git_state(repository)[1] is dirty


def test_outside_a_repository_nothing_is_known(tmp_path: Path) -> None:
    assert git_state(tmp_path) == ("", None)
