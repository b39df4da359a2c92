"""The log that wandb keeps of a run: read as far as it is whole, and written anew for wandb's own client to send.

A header of seven bytes; then, as in LevelDB's log, blocks of 32 KiB with frames of checksum, length and kind, which
hold messages of wandb's ``Record``. W&B promises nothing about this format: it is that of the pinned wandb, whose own
reader reads in the tests what is written here. Imports wandb: import it late.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

HEADER = b":W&B\xe1\xbe\x00"
"""Name, magic number (little endian) and version of the format."""
_BLOCK = 32768
_FRAME = struct.Struct("<IHB")
"""CRC-32 over kind and content, length of the content, kind."""
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class UnknownLog(ValueError):
    """A file that has another header: no log of a run, or one of another format."""


@dataclass(frozen=True, slots=True)
class Log:
    """What could be read of a log."""

    records: tuple[Any, ...]
    """wandb's ``Record`` messages, in their order."""
    damaged: int
    """Places where bytes were lost: a torn end, or a block that does not fit its checksum."""


def read_log(path: Path) -> Log:
    """Read every record that is whole.

    Raises:
        UnknownLog: the header is another one; a file that ends within its header holds no record.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    if not data.startswith(HEADER):
        if HEADER.startswith(data):
            return Log((), 0)
        raise UnknownLog(f"the header is {data[: len(HEADER)]!r}, not {HEADER!r}")
    records: list[Any] = []
    damaged = 0
    for content in _contents(data):
        record = Record()
        try:
            whole = content is not None and record.ParseFromString(content) > 0
        except Exception:  # protobuf's DecodeError, which has had several homes
            whole = False
        if whole:
            records.append(record)
        else:
            damaged += 1
    return Log(tuple(records), damaged)


def write_log(path: Path, records: Iterable[Any]) -> None:
    """Write a log of these ``Record`` messages, numbered from 1."""
    out = bytearray(HEADER)
    for number, record in enumerate(records, start=1):
        record.num = number
        _append(out, record.SerializeToString())
    path.write_bytes(out)


def _contents(data: bytes) -> Iterator[bytes | None]:
    """Contents of the frames, put together; None for each place where something is lost."""
    at, parts = len(HEADER), None
    while at < len(data):
        left = _BLOCK - at % _BLOCK
        if left < _FRAME.size:  # too small for a frame: filled with zeros
            at += left
            continue
        frame = _frame(data, at, left)
        if frame is None:
            parts = None
            at += left  # frames begin anew in the next block
            yield None
            continue
        kind, content = frame
        at += _FRAME.size + len(content)
        if (kind in (_FULL, _FIRST)) != (parts is None):
            yield None  # the end of a record whose beginning is lost, or the other way round
        if kind in (_FULL, _FIRST):
            parts = content
        elif parts is not None:
            parts += content
        if kind in (_FULL, _LAST):
            if parts is not None:
                yield parts
            parts = None
    if parts is not None:
        yield None


def _frame(data: bytes, at: int, left: int) -> tuple[int, bytes] | None:
    if at + _FRAME.size > len(data):
        return None
    checksum, length, kind = _FRAME.unpack_from(data, at)
    content = data[at + _FRAME.size : at + _FRAME.size + length]
    fits = _FRAME.size + length <= left and len(content) == length and kind in (_FULL, _FIRST, _MIDDLE, _LAST)
    return (kind, content) if fits and zlib.crc32(content, zlib.crc32(bytes([kind]))) == checksum else None


def _append(out: bytearray, content: bytes) -> None:
    begun = False
    while True:
        left = _BLOCK - len(out) % _BLOCK
        if left < _FRAME.size:
            out += bytes(left)
            continue
        part, content = content[: left - _FRAME.size], content[left - _FRAME.size :]
        kind = (_LAST if begun else _FULL) if not content else (_MIDDLE if begun else _FIRST)
        out += _FRAME.pack(zlib.crc32(part, zlib.crc32(bytes([kind]))), len(part), kind) + part
        begun = True
        if not content:
            return
