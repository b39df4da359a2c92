"""What rebuilds modules around their weights, vocabularies above all: stored once per content, not once per trial."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unroll.ledger.records import (
    DamagedRecord,
    decode_record,
    encode_record,
    read_record,
    write_record,
    write_record_once,
)
from unroll.study.trial import Frozen

_KIND = "kept"


class KeptContent(Frozen):
    """What a task gave (``contract.Task.kept``)."""

    content: dict[str, Any]


class Kept:
    """Records in the folder ``kept`` of a results folder: ``<digest>.json``, each named by a hash of its content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, content: Mapping[str, Any]) -> str:
        """Write down a content unless it is there; gives its digest. A damaged copy is replaced.

        Raises:
            TypeError: it is no JSON.
            DamagedRecord: no record can hold it.
            StorageError: the disk refused.
        """
        digest, record = _digest(content), KeptContent(content=dict(content))
        path = self._path(digest)
        decode_record(path, _KIND, KeptContent, encode_record(_KIND, record))
        try:
            write_record_once(path, _KIND, record)
        except FileExistsError:
            try:
                self.read(digest)
            except DamagedRecord:
                write_record(path, _KIND, record)
        return digest

    def read(self, digest: str) -> dict[str, Any]:
        """The content of a digest.

        Raises:
            DamagedRecord: it is lost, or not what was once written.
            UnknownFormat: a newer Unroll wrote it.
            StorageError: the disk does not answer.
        """
        path = self._path(digest)
        try:
            content = read_record(path, _KIND, KeptContent).content
        except FileNotFoundError:
            raise DamagedRecord(path, "no file") from None
        if _digest(content) != digest:
            raise DamagedRecord(path, "another content than its name stands for")
        return content

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.json"


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]
