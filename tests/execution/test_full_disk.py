"""No space in the middle of a run, in the results folder or under Ray: one line, exit 74, and nothing is lost."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.execution.test_kills import done, wait_for
from unroll.execution.on_ray.room import NoRoomForRay, refusal
from unroll.ledger import StorageError


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may make a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all the space that is left; gives what to delete for it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 12)):
                pass
        except OSError:
            return ballast
    return ballast


@pytest.mark.parametrize("runner", [pytest.param("ray", marks=pytest.mark.slow), "inline"])
def test_a_full_results_disk(
    runner: str, line: Any, undisturbed: list[dict[str, Any]], small_disk: Path, tmp_path: Path
) -> None:
    results = small_disk / "results"
    words = ("run", str(line.study), "--results", str(results), "--no-report", "--runner", runner)
    run = line.start(*words)
    wait_for(lambda: done(results) >= 2 or run.poll() is not None)
    ballast = fill(small_disk)
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 74, output
    errors = [text for text in output.splitlines() if text.startswith("error:")]
    assert len(errors) == 1, output
    assert "the results folder must be writable and have space" in errors[0]
    assert "No space left on device" in errors[0]
    assert "internal error" not in output
    assert "Traceback" not in output
    kept = [trial for trial in line.results(results) if trial["status"] == "completed"]
    assert len(kept) >= 2
    assert all(trial in undisturbed for trial in kept)
    ballast.unlink()
    line.call(*words)
    assert line.results(results) == undisturbed


def test_ray_without_room_says_which_folder(small_disk: Path, tmp_path: Path) -> None:
    full, free = small_disk / "ray", tmp_path / "results"
    full.mkdir()
    free.mkdir()
    fill(small_disk)
    error = refusal(RuntimeError("Ray's own words"), free, full / "tune")
    assert isinstance(error, NoRoomForRay)
    assert str(error).startswith(f"{full / 'tune'}: Ray's temporary folder must be writable and have space (received ")
    error = refusal(RuntimeError("Ray's own words"), full, free)
    assert isinstance(error, StorageError)
    assert str(error).startswith(f"{full}: the results folder must be writable and have space (received No space left")


def test_ray_is_not_started_where_it_has_no_room(line: Any, small_disk: Path, tmp_path: Path) -> None:
    fill(small_disk)
    results = tmp_path / "results"
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # one that is too long for sockets is passed over
        place = Path(short, "d")
        place.symlink_to(small_disk)
        output = line.run(results, "seeds=1", expect=74, RAY_TMPDIR=str(place))
    (error,) = (text for text in output.splitlines() if text.startswith("error:"))
    assert "Ray's temporary folder must be writable and have space" in error
    assert not results.exists()


@pytest.mark.parametrize("words", ["No space left on device", "Disk quota exceeded", "Read-only file system"])
def test_room_that_was_missing_for_a_moment_is_known_by_what_the_system_said(words: str, tmp_path: Path) -> None:
    error = refusal(RuntimeError(f"Traceback ...\nOSError: [Errno 7] {words}: '/x'"), tmp_path, tmp_path / "ray")
    assert isinstance(error, NoRoomForRay)
    assert words in str(error)


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    assert refusal(RuntimeError("anything else"), tmp_path, tmp_path) is None
