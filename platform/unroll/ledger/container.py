"""A container: a zip file of few named members of which each has one spelling, so that equal content has equal bytes.

Any program that opens zip files opens it; its comment is the SHA-256 of all bytes before the end record. It is read
strictly: what :func:`pack_members` would not have written byte for byte is refused, so nothing can hide between, before
or behind the members, and no member is a link, is encrypted, lies in a folder or is there twice. Nothing is ever
extracted to a place that a name tells.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LARGEST = 2**26
"""Bytes of a container; a pack of five hundred trials has a twentieth of it."""
LARGEST_CONTENT = 2**28
"""Bytes of all members together, unpacked: what a small file could otherwise grow to has no bound."""
_MOST_MEMBERS = 64
_LONGEST_NAME = 64
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _FLAGS, _DEFLATED = 20, 0, 8
_TIME, _DATE = 0, (1 << 5) | 1
"""Midnight of 1 January 1980: a file's own time is no content."""
_MODE = (0o100644 << 16) | 0
"""A regular file, in the upper half as Unix has it."""
_UNIX = 3 << 8


class BadContainer(ValueError):
    """Bytes that :func:`pack_members` never wrote; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A member as it lies in the file."""

    name: bytes
    crc: int
    size: int
    """Bytes when unpacked."""
    packed: bytes


def pack_members(contents: Mapping[str, bytes]) -> bytes:
    """The container of these members, in this order.

    The same zlib always gives the same bytes; that of another release may give others with the same content.

    Args:
        contents: name -> content; names are short ASCII without folders.

    Raises:
        BadContainer: there is more than :func:`unpack_members` reads.
    """
    if sum(map(len, contents.values())) > LARGEST_CONTENT:
        raise BadContainer(f"more than {LARGEST_CONTENT:,} bytes of content")
    container = _join([_deflate(name, content) for name, content in contents.items()])
    if len(container) > LARGEST:
        raise BadContainer(f"more than {LARGEST:,} bytes")
    return container


def unpack_members(container: bytes) -> dict[str, bytes]:
    """The members of a container, each checked against its size and its CRC.

    Raises:
        BadContainer: the bytes are not those of a container, or of one that is too large.
    """
    if len(container) > LARGEST:
        raise BadContainer(f"more than {LARGEST:,} bytes")
    members = _split(container)
    if _join(members) != container:
        raise BadContainer("bytes that belong to none of its members, or a changed entry")
    if len({member.name for member in members}) < len(members):
        raise BadContainer("two members of one name")
    if sum(member.size for member in members) > LARGEST_CONTENT:
        raise BadContainer(f"members of more than {LARGEST_CONTENT:,} bytes")
    return {member.name.decode("ascii"): _inflate(member) for member in members}


def _deflate(name: str, content: bytes) -> _Member:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return _Member(name.encode("ascii"), zlib.crc32(content), len(content), packer.compress(content) + packer.flush())


def _inflate(member: _Member) -> bytes:
    """Content of a member; never more bytes than it tells."""
    unpacker = zlib.decompressobj(-15)
    try:
        content = unpacker.decompress(member.packed, member.size + 1)
    except zlib.error:
        raise BadContainer(f"{_shown(member.name)} that cannot be unpacked") from None
    whole = unpacker.eof and not unpacker.unused_data and len(content) == member.size
    if not whole or zlib.crc32(content) != member.crc:
        raise BadContainer(f"{_shown(member.name)} with other content than its entry tells")
    return content


def _split(container: bytes) -> list[_Member]:
    """Members as far as they follow each other from the first byte on; what comes then is left to the caller."""
    members: list[_Member] = []
    place = 0
    while container.startswith(b"PK\x03\x04", place) and len(container) >= place + _LOCAL.size:
        _, _, _, _, _, _, crc, packed, size, named, extra = _LOCAL.unpack_from(container, place)
        begin = place + _LOCAL.size + named + extra
        name = container[place + _LOCAL.size :][:named]
        if len(members) == _MOST_MEMBERS or named > _LONGEST_NAME or begin + packed > len(container):
            raise BadContainer("an end before its members end, or too many of them")
        if not _is_plain(name):
            raise BadContainer(f"a member that is called {_shown(name)}")
        members.append(_Member(name, crc, size, container[begin : begin + packed]))
        place = begin + packed
    if not members:
        raise BadContainer("no member at its beginning")
    return members


def _join(members: Sequence[_Member]) -> bytes:
    parts: list[bytes] = []
    entries: list[bytes] = []
    place = 0
    for member in members:
        sizes = member.crc, len(member.packed), member.size, len(member.name)
        head = _LOCAL.pack(b"PK\x03\x04", _VERSION, _FLAGS, _DEFLATED, _TIME, _DATE, *sizes, 0) + member.name
        made = _UNIX | _VERSION
        about = (made, _VERSION, _FLAGS, _DEFLATED, _TIME, _DATE, *sizes, 0, 0, 0, 0, _MODE, place)
        entries.append(_CENTRAL.pack(b"PK\x01\x02", *about) + member.name)
        parts += [head, member.packed]
        place += len(head) + len(member.packed)
    directory = b"".join(entries)
    before = b"".join([*parts, directory])
    comment = hashlib.sha256(before).hexdigest().encode()
    end = _END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(directory), place, len(comment))
    return before + end + comment


def _is_plain(name: bytes) -> bool:
    """Whether a name is that of a file beside others and nothing else."""
    return name.isascii() and name.replace(b".", b"").replace(b"_", b"").isalnum() and not name.startswith(b".")


def _shown(name: bytes) -> str:
    return repr(name.decode("ascii", "replace"))
