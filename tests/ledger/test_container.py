"""Containers: equal content has equal bytes, any zip program reads them, and what only calls itself one is refused."""

from __future__ import annotations

import dataclasses
import io
import random
import zipfile
from collections.abc import Callable

import pytest

from unroll.ledger import container
from unroll.ledger.container import BadContainer, pack_members, unpack_members

CONTENTS = {"manifest.json": b"{}", "trials.jsonl": b"one\ntwo\n" * 500, "packs.jsonl": b""}


def test_contents_come_back_and_zipfile_reads_the_same() -> None:
    packed = pack_members(CONTENTS)
    assert unpack_members(packed) == CONTENTS
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == CONTENTS
    assert pack_members(dict(CONTENTS)) == packed


def test_a_change_of_any_byte_is_refused() -> None:
    packed = pack_members(CONTENTS)
    for place in range(len(packed)):
        changed = bytearray(packed)
        changed[place] ^= 1 << place % 8
        with pytest.raises(BadContainer):
            unpack_members(bytes(changed))


def test_every_truncation_and_every_appendix_is_refused() -> None:
    packed = pack_members(CONTENTS)
    for length in range(len(packed)):
        with pytest.raises(BadContainer):
            unpack_members(packed[:length])
    for more in (packed + b"\0", b"\0" + packed, packed + packed, packed + b"PK\x03\x04"):
        with pytest.raises(BadContainer):
            unpack_members(more)


def test_noise_is_refused() -> None:
    luck = random.Random(5)
    for _ in range(200):
        with pytest.raises(BadContainer):
            unpack_members(b"PK\x03\x04" + luck.randbytes(luck.randrange(200)))


def written(write: Callable[[zipfile.ZipFile], object]) -> bytes:
    """A zip file as the standard library writes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        write(archive)
    return buffer.getvalue()


def as_link(archive: zipfile.ZipFile) -> None:
    link = zipfile.ZipInfo("plan.json")
    link.external_attr = 0o120777 << 16
    archive.writestr(link, "/etc/passwd")


@pytest.mark.parametrize(
    "hostile",
    [
        written(lambda archive: archive.writestr("../../etc/cron.d/job", "x")),
        written(lambda archive: archive.writestr("/etc/passwd", "x")),
        written(lambda archive: archive.writestr("a/b.json", "x")),
        written(lambda archive: archive.mkdir("trials")),
        written(as_link),
        written(lambda archive: archive.writestr("plan.json", "x")),  # honest, but with a time and other flags
        written(lambda archive: None),
        b"",
        b"\x80\x04\x95",  # a pickle
    ],
    ids=["slip", "absolute", "folder", "directory", "link", "foreign", "empty", "nothing", "pickle"],
)
def test_what_zip_files_can_do_beyond_a_pack_is_refused(hostile: bytes) -> None:
    with pytest.raises(BadContainer):
        unpack_members(hostile)


def test_a_name_that_occurs_twice_is_refused() -> None:
    twice = container._join([container._deflate("a.json", content) for content in (b"1", b"2")])
    with pytest.raises(BadContainer, match="two members"):
        unpack_members(twice)


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = pack_members({"history.jsonl": bytes(10**6)})
    assert len(bomb) < 2000
    monkeypatch.setattr(container, "LARGEST_CONTENT", 10**6 - 1)
    monkeypatch.setattr(container, "_inflate", lambda member: pytest.fail("it was unpacked"))
    with pytest.raises(BadContainer, match="members of more than 999,999 bytes"):
        unpack_members(bomb)


def test_a_member_gives_no_more_bytes_than_it_tells() -> None:
    forged = dataclasses.replace(container._deflate("history.jsonl", bytes(10**6)), size=1000)
    with pytest.raises(BadContainer, match=r"history\.jsonl.*other content than its entry tells"):
        unpack_members(container._join([forged]))


def test_what_would_not_be_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "LARGEST", 300)
    with pytest.raises(BadContainer, match="more than 300 bytes"):
        pack_members({"a.json": random.Random(1).randbytes(400)})
    with pytest.raises(BadContainer, match="more than 300 bytes"):
        unpack_members(bytes(301))
