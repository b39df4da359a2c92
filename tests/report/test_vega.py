"""The script of a page's charts is put together once, and kept only as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from unroll.report import vega


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Bundles that were put together, which takes a second in earnest."""
    made: list[str] = []

    def bundle() -> str:
        made.append(f"/* {len(made)} */\r\n")
        return made[-1]

    monkeypatch.setattr(vega, "_bundle", bundle)
    return made


def test_a_kept_script_is_read_back(made: list[str], tmp_path: Path) -> None:
    first, second = vega.vega_script(tmp_path), vega.vega_script(tmp_path)
    assert [first, second] == [made[0]] * 2
    assert len(made) == 1


def test_a_damaged_script_never_reaches_a_page(made: list[str], tmp_path: Path) -> None:
    vega.vega_script(tmp_path)
    (file,) = tmp_path.glob("vega/*")
    file.write_bytes(file.read_bytes()[:-3])
    assert vega.vega_script(tmp_path).startswith("/* 1 */")
    assert vega.vega_script(tmp_path).startswith("/* 1 */")


def test_another_version_has_another_script(made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vega.vega_script(tmp_path)
    monkeypatch.setattr(vega, "version", lambda package: "99")
    assert vega.vega_script(tmp_path).startswith("/* 1 */")


@pytest.mark.parametrize("cache", ["absent", "a file"])
def test_a_page_needs_no_cache(made: list[str], tmp_path: Path, cache: str) -> None:
    (tmp_path / "a file").touch()
    folder = None if cache == "absent" else tmp_path / cache
    assert vega.vega_script(folder).startswith("/* 0 */")
    assert vega.vega_script(folder).startswith("/* 1 */")
