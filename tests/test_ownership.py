"""What another account could change is refused, wherever on the way to it that account could."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from unroll import ownership
from unroll.contract import NotOurs, check_ours, open_ours

STRANGER = 54_321

Stats = Callable[..., os.stat_result]


@pytest.fixture
def owned_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], None]:
    """Lets a file seem to belong to another account, which only root could give it to."""
    owners: dict[int, int] = {}

    def pretend(real: Stats) -> Stats:
        def changed(*words: object, **options: object) -> os.stat_result:
            found = real(*words, **options)
            values = list(found)
            values[stat.ST_UID] = owners.get(found.st_ino, found.st_uid)
            return os.stat_result(values)

        return changed

    monkeypatch.setattr(Path, "lstat", pretend(Path.lstat))
    monkeypatch.setattr(os, "fstat", pretend(os.fstat))
    return lambda path, uid: owners.__setitem__(os.lstat(path).st_ino, uid)


def reason(path: Path, *, shared: bool = False) -> str:
    with pytest.raises(NotOurs) as caught:
        check_ours(path, shared=shared)
    return str(caught.value)


def test_what_is_ours_alone_is_ours(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "new", tmp_path / "new" / "too"):
        check_ours(folder)


@pytest.mark.parametrize("place", [".", "a", "a/b"])
@pytest.mark.parametrize(("mode", "who"), [(0o777, "every account"), (0o775, "its group"), (0o722, "every account")])
def test_a_folder_on_the_way_that_others_may_write_is_refused(
    place: str, mode: int, who: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_is_private", lambda group: False)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / place).chmod(mode)
    assert reason(tmp_path / "a" / "b") == f"{tmp_path / place} can be written by {who}"


def test_a_sticky_folder_keeps_what_is_ours_and_gives_what_is_not(
    tmp_path: Path, owned_by: Callable[[Path, int], None]
) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    owned_by(tmp_path / "theirs", STRANGER)
    check_ours(tmp_path / "ours" / "new")
    for shared in (False, True):
        assert reason(tmp_path / "theirs" / "new", shared=shared) == f"{tmp_path}/theirs belongs to the account 54321"
        assert reason(tmp_path, shared=shared) == f"{tmp_path} can be written by every account"


def test_links_are_judged_by_their_owner_and_by_where_they_lead(
    tmp_path: Path, owned_by: Callable[[Path, int], None]
) -> None:
    for name in ("safe", "open"):
        (tmp_path / name).mkdir()
        (tmp_path / f"to {name}").symlink_to(name)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "up").symlink_to(Path("safe", "..", "open"))
    (tmp_path / "round").symlink_to(tmp_path / "round")
    check_ours(tmp_path / "to safe")
    for name in ("to open", "up"):
        assert reason(tmp_path / name / "x") == f"{tmp_path}/open can be written by every account"
    with pytest.raises(OSError, match="symbolic links"):
        check_ours(tmp_path / "round")
    owned_by(tmp_path / "to safe", STRANGER)
    assert reason(tmp_path / "to safe") == f"{tmp_path}/to safe belongs to the account 54321"


def test_a_working_group_may_share_and_everybody_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owned_by: Callable[[Path, int], None]
) -> None:
    monkeypatch.setattr(ownership, "_is_private", lambda group: False)
    (tmp_path / "lab" / "mine").mkdir(parents=True)
    (tmp_path / "lab").chmod(0o2775)
    owned_by(tmp_path / "lab", STRANGER)
    check_ours(tmp_path / "lab" / "mine", shared=True)
    assert reason(tmp_path / "lab" / "mine") == f"{tmp_path}/lab belongs to the account 54321"
    (tmp_path / "lab" / "mine").chmod(0o777)
    assert reason(tmp_path / "lab" / "mine", shared=True) == f"{tmp_path}/lab/mine can be written by every account"


def test_a_group_of_ones_own_is_nobody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    assert ownership._is_private(os.getgid()), "tests run as root, or where each account has a group of its own"
    check_ours(tmp_path)


def test_who_owns_this_code_is_trusted(tmp_path: Path, owned_by: Callable[[Path, int], None]) -> None:
    """As root in a container over somebody's checkout: that account could change the code itself."""
    owned_by(tmp_path, STRANGER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ownership, "_trusted", lambda: frozenset({0, os.geteuid(), STRANGER}))
        check_ours(tmp_path)
    assert Path(ownership.__file__).stat().st_uid in ownership._trusted()
    assert STRANGER not in ownership._trusted()


def test_a_file_that_is_ours_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("ours")
    with os.fdopen(open_ours(tmp_path / "file")) as file:
        assert file.read() == "ours"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("link", "is a link or no file"),
        ("pipe", "is no file"),
        ("folder", "is no file"),
        ("open to all", "can be written by others"),
        ("theirs", "belongs to the account 54321"),
        ("in an open folder", "can be written by every account"),
    ],
)
def test_another_file_is_not_opened(
    kind: str, words: str, tmp_path: Path, owned_by: Callable[[Path, int], None]
) -> None:
    file, real = tmp_path / "file", tmp_path / "real"
    real.write_text("theirs")
    if kind == "link":
        file.symlink_to(real)
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.write_text("something")
        file.chmod(0o666 if kind == "open to all" else 0o600)
    if kind == "theirs":
        owned_by(file, STRANGER)
    if kind == "in an open folder":
        tmp_path.chmod(0o1777)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NotOurs, match=words):
        open_ours(file)
    assert len(os.listdir("/proc/self/fd")) == before, "no descriptor is left open"


def test_what_is_not_there_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_ours(tmp_path / "absent")
