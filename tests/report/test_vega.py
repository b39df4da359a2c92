"""The script of a page's charts is put together once, and kept only as it was written."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import pytest

from unroll.reporting.pages import vega


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Bundles that were put together, which takes a second in earnest."""
    made: list[str] = []

    def bundle() -> str:
        made.append("/* Vega */\r\n")
        return made[-1]

    monkeypatch.setattr(vega, "_bundle", bundle)
    monkeypatch.setattr(vega, "DIGESTS", {version("vl-convert-python"): vega._digest("/* Vega */\r\n")})
    return made


@pytest.mark.slow
def test_the_hash_of_the_installed_version_is_known() -> None:
    """When this fails after an update, put the new version and its hash in the place of the old ones."""
    assert {version("vl-convert-python"): vega._digest(vega._bundle())} == vega.DIGESTS


def test_the_installed_version_is_known() -> None:
    assert list(vega.DIGESTS) == [version("vl-convert-python")]


def test_a_kept_script_is_read_back(made: list[str], tmp_path: Path) -> None:
    first, second = vega.vega_script(tmp_path), vega.vega_script(tmp_path)
    assert [first, second] == [made[0]] * 2
    assert len(made) == 1


@pytest.mark.parametrize("kept", [b"/* Veg", b"/* Vega */\r\nalert(1)", b"\xff"])
def test_another_script_never_reaches_a_page(kept: bytes, made: list[str], tmp_path: Path) -> None:
    """Not with a hash of its own either: the first line of what earlier versions kept was one."""
    vega.vega_script(tmp_path)
    (file,) = tmp_path.glob("vega/*")
    for forged in (kept, f"{hashlib.sha256(kept).hexdigest()}\n".encode() + kept):
        file.write_bytes(forged)
        assert vega.vega_script(tmp_path) == made[0]
        assert file.read_bytes().decode() == made[0]


def test_of_an_unknown_version_nothing_is_kept(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vega, "version", lambda package: "99")
    assert [vega.vega_script(tmp_path), vega.vega_script(tmp_path)] == made
    assert list(tmp_path.iterdir()) == []


def test_where_the_library_makes_another_script_nothing_is_kept(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vega, "DIGESTS", dict.fromkeys(vega.DIGESTS, "0" * 64))
    assert vega.vega_script(tmp_path) == made[0]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_kept_where_others_may_write(made: list[str], tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    assert [vega.vega_script(tmp_path), vega.vega_script(tmp_path)] == made
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cache", ["absent", "a file"])
def test_a_page_needs_no_cache(made: list[str], tmp_path: Path, cache: str) -> None:
    (tmp_path / "a file").touch()
    folder = None if cache == "absent" else tmp_path / cache
    assert [vega.vega_script(folder), vega.vega_script(folder)] == made
