"""One process per trial at a time, on a laptop as on a file system shared by many hosts.

The folder ``claims`` of a trial holds numbered records. An attempt that starts writes the next number, ``<n>.json``,
and fences whoever had the trial: ``<m>.json`` becomes ``<m>.fenced``. That it may do so was decided by the owner of the
results folder, who alone knows that the attempt before was lost. A fenced attempt no longer finds its own record, for
which it looks before each durable write and about once a second (opening it asks the file server, whatever a listing
remembered); it writes nothing any more, and lets go by removing ``<m>.fenced``. The new one begins once that has
happened, once the other's process has ended, or once there was time enough to notice.
"""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from unroll.ledger.files import StorageError, remove
from unroll.ledger.processes import Process, this_process
from unroll.ledger.records import DamagedRecord, UnknownFormat, read_record, write_record_once

PATIENCE = 10.0
"""Seconds that an attempt which lost its trial has to notice it: it looks about once a second, between two batches."""
_KIND = "claim"
_FENCED = ".fenced"
_NAME = re.compile(r"(\d+)\.(json|fenced)")
_POLL = 0.05


class Fenced(Exception):
    """A trial, or the results folder, is somebody else's by now, or has its result: nothing may be written."""


class Holder(Process):
    """Which attempt has a trial."""

    trial: str
    attempt: str
    """Random: never used again."""
    token: str
    """Of the owner of the results folder who started the attempt."""


class Claim:
    """Has a trial from ``with`` to its end.

    Args:
        folder: the folder ``claims`` of the trial.
        trial: its id.
        token: the owner's, who wants the trial to be run.
        patience: seconds to wait for an attempt that does not let go.
    """

    def __init__(self, folder: Path, trial: str, *, token: str, patience: float = PATIENCE) -> None:
        self._folder, self._patience = folder, patience
        self._holder = Holder(
            trial=trial,
            attempt=uuid.uuid4().hex,
            token=token,
            **this_process(),
        )
        self._path = folder / "none"

    def __enter__(self) -> Self:
        """Take the trial, and wait until whoever had it is out of the way.

        Raises:
            Fenced: another attempt came later and has it now.
            StorageError: the disk refused.
        """
        try:
            for path in self._take():
                self._wait_for(path)
                remove(path)
            self.check()
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go; a disk that refuses leaves a claim behind, which holds up nobody once this process has ended."""
        self._let_go()

    @property
    def is_lost(self) -> bool:
        """Whether another attempt has the trial. A record that cannot be read is no reason to leave."""
        try:
            return read_record(self._path, _KIND, Holder) != self._holder
        except FileNotFoundError:
            return True
        except (OSError, DamagedRecord, UnknownFormat):
            return False

    def check(self) -> None:
        """Look before a durable write.

        Raises:
            Fenced: another attempt has the trial, or this one never took it.
        """
        if self.is_lost:
            raise Fenced(f"another attempt has trial {self._holder.trial}")

    def _take(self) -> list[Path]:
        """Claim the next number; gives what those before have to remove.

        Numbers begin anew when nobody has a claim, so that who looked before may come with a higher one, and who looked
        after with a lower one: each looks again once its own stands, and the lower one gives way.
        """
        while True:
            mine = max((number for number, _ in self._claims()), default=0) + 1
            self._path = self._folder / f"{mine:06}.json"
            with contextlib.suppress(FileExistsError):
                write_record_once(self._path, _KIND, self._holder)
                others = [(number, path) for number, path in sorted(self._claims()) if number != mine]
                if all(number < mine for number, _ in others):
                    return [self._fence(path) for _, path in others]
                self._let_go()
            time.sleep(_POLL)

    @staticmethod
    def _fence(path: Path) -> Path:
        fenced = path.with_suffix(_FENCED)
        try:
            path.replace(fenced)
        except FileNotFoundError:  # it let go by itself, or another attempt was quicker
            return fenced
        except OSError as error:
            raise StorageError(path, error) from error
        return fenced

    def _wait_for(self, path: Path) -> None:
        deadline = time.monotonic() + self._patience
        while (holder := self._read(path)) and not holder.is_gone and time.monotonic() < deadline:
            time.sleep(_POLL)

    def _let_go(self) -> None:
        for path in (self._path, self._path.with_suffix(_FENCED)):
            with contextlib.suppress(StorageError):
                if self._read(path) == self._holder:
                    remove(path)

    @staticmethod
    def _read(path: Path) -> Holder | None:
        """Who wrote a claim; nobody if it has gone or cannot be understood."""
        try:
            return read_record(path, _KIND, Holder)
        except (FileNotFoundError, DamagedRecord, UnknownFormat):
            return None

    def _claims(self) -> list[tuple[int, Path]]:
        try:
            matches = [(_NAME.fullmatch(path.name), path) for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(self._folder, error) from error
        return [(int(match[1]), path) for match, path in matches if match]
