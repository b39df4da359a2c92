"""Files out of archives that nobody trusts."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text.fetching import archive
from tasks.text.fetching.archive import extract
from tasks.text.fetching.shipment import Kind
from unroll.contract import UserError

KINDS: tuple[Kind, ...] = ("zip", "tar.gz")
MEMBERS = {"train.txt": "inside/train.txt"}
Member = tuple[str, bytes]


def zipped(*members: Member) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return memory.getvalue()


def tarred(*members: Member | tarfile.TarInfo) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as file:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                file.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                file.addfile(info, io.BytesIO(member[1]))
    return memory.getvalue()


PACK: dict[Kind, Callable[..., bytes]] = {"zip": zipped, "tar.gz": tarred}
GOOD = ("inside/train.txt", b"a b\n")


def unpack(folder: Path, kind: Kind, content: bytes) -> dict[str, bytes]:
    (folder / "archive").write_bytes(content)
    (folder / "ready").mkdir(exist_ok=True)
    extract(folder / "archive", kind, MEMBERS, folder / "ready", where="the archive")
    return {file.name: file.read_bytes() for file in (folder / "ready").iterdir()}


def unpacked_or_refused(folder: Path, kind: Kind, content: bytes) -> str:
    """What was unpacked, or where the mistake is."""
    try:
        return "".join(unpack(folder, kind, content))
    except UserError as error:
        return error.where


def refused(folder: Path, kind: Kind, content: bytes) -> str:
    with pytest.raises(UserError) as raised:
        unpack(folder, kind, content)
    assert {path.name for path in folder.iterdir()} <= {"archive", "ready"}
    assert {path.name for path in (folder / "ready").iterdir()} <= {"train.txt"}
    return str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_was_asked_for_is_taken(kind: Kind, tmp_path: Path) -> None:
    assert unpack(tmp_path, kind, PACK[kind](("README", b"no"), GOOD)) == {"train.txt": b"a b\n"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["../evil", "inside/../../evil", "/nowhere/evil", "..\\evil", "C:/evil", "C:evil"])
def test_paths_that_escape_are_refused(kind: Kind, name: str, tmp_path: Path) -> None:
    assert "must hold plain files and folders inside itself" in refused(tmp_path, kind, PACK[kind](GOOD, (name, b"x")))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("name", ["other", "inside/train.txt"])
def test_links_and_devices_in_tars_are_refused(kind: bytes, name: str, tmp_path: Path) -> None:
    outside = tmp_path / "archive"  # of the test's own: a library that was tried here wrote through such a link
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, str(outside)
    content = tarred(info, GOOD)
    assert "must hold plain files" in refused(tmp_path, "tar.gz", content)
    assert outside.read_bytes() == content


def test_the_filter_of_the_standard_library_would_not_do(tmp_path: Path) -> None:
    """Each is let pass by ``tarfile.data_filter`` and refused here: why what an archive holds is checked by hand."""
    link = tarfile.TarInfo("inside/link")
    link.type, link.linkname = tarfile.SYMTYPE, "train.txt"
    for member in (link, *map(tarfile.TarInfo, ("/nowhere/evil", "..\\evil", "C:/evil"))):
        assert isinstance(tarfile.data_filter(member, str(tmp_path)), tarfile.TarInfo)
        assert "must hold plain files" in refused(tmp_path, "tar.gz", tarred(member))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_data_of_any_method_is_a_broken_archive(method: int, tmp_path: Path) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as file:
        file.writestr(GOOD[0], bytes(range(256)) * 40)
    content = memory.getvalue()
    begin = content.index(GOOD[0].encode()) + len(GOOD[0]) + 12
    damaged = content[:begin] + b"\xff" * 60 + content[begin + 60 :]
    assert "the archive must be whole" in refused(tmp_path, "zip", damaged)


def test_links_and_passwords_in_zips_are_refused(tmp_path: Path) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, str(tmp_path / "archive"))
    assert "must hold plain files" in refused(tmp_path, "zip", memory.getvalue())
    locked = bytearray(zipped(GOOD))
    locked[locked.rfind(b"PK\x01\x02") + 8] |= 1
    assert "must hold plain files" in refused(tmp_path, "zip", bytes(locked))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["other", "inside/train.txt"])
def test_bombs_are_refused_before_they_are_unpacked(
    kind: Kind, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.text.unpacking.SMALL", 2**16)
    message = refused(tmp_path, kind, PACK[kind]((name, bytes(2**23))))
    assert "an archive must unpack to at most" in message
    written = tmp_path / "ready" / "train.txt"
    assert not written.exists() or written.stat().st_size < 2**22


def test_a_header_that_is_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.text.unpacking.SMALL", 2**16)
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**32
    content = gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(2**23))
    assert "an archive must unpack to at most" in refused(tmp_path, "tar.gz", content)


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_members_are_refused(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_MEMBERS", 20)
    many = [(str(number), b"") for number in range(30)]
    assert "at most 20 members" in refused(tmp_path, kind, PACK[kind](*many, GOOD))


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_must_be_there_once(kind: Kind, tmp_path: Path) -> None:
    message = "the archive: the archive must hold what is taken from it (received no inside/train.txt)"
    assert refused(tmp_path, kind, PACK[kind](("other", b"x"))) == message


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", KINDS)
def test_a_member_twice_is_refused(kind: Kind, tmp_path: Path) -> None:
    assert "once" in refused(tmp_path, kind, PACK[kind](GOOD, ("inside/train.txt", b"c d\n")))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    info = tarfile.TarInfo("inside/train.txt")
    info.type = tarfile.DIRTYPE
    assert "must hold what is taken" in refused(tmp_path, "tar.gz", tarred(info))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_archive_is_refused_wherever_it_was_cut(kind: Kind, tmp_path: Path) -> None:
    content = PACK[kind](("first", bytes(range(256)) * 8), GOOD)
    for end in range(0, len(content) - 40, 7):
        assert unpacked_or_refused(tmp_path, kind, content[:end]) in ("train.txt", "the archive")
        (tmp_path / "ready" / "train.txt").unlink(missing_ok=True)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=120, deadline=None)
def test_arbitrary_bytes_give_the_file_or_one_error(kind: Kind, data: st.DataObject) -> None:
    content = bytearray(PACK[kind](("first", b"x" * 50), GOOD))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    raw = data.draw(st.one_of(st.just(bytes(content)), st.binary(max_size=400), st.just(gzip.compress(bytes(content)))))
    with tempfile.TemporaryDirectory() as folder:
        assert unpacked_or_refused(Path(folder), kind, raw) in ("train.txt", "the archive")
