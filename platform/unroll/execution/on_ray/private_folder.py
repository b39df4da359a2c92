"""A place of its own for each Ray that is started here: its files, its sockets, and the token that lets one in.

Ray would make one token for all clusters of an account, readable by all (``~/.ray/auth_token``), and keep its files
where others may have been before. Here nothing is shared: a folder that this account alone may enter, for one run.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from unroll.contract import NotOurs, UserError, check_ours
from unroll.execution.on_ray.room import NoRoomForRay, probe
from unroll.ledger.processes import is_alive, machine, start_time
from unroll.ray_internals import reread_authentication

NAME = "unroll-ray-"
"""Beginning of such a folder's name; eight letters follow."""
SOCKET = "/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""The longest of Ray's names of a socket below its temporary folder."""
LONGEST = 107
"""Most bytes in the path of a Unix socket."""
_OWNER, _TOKEN, _FILES = "owner.json", "token", "r"
_GIVE_UP = 3.0
"""Seconds after which what dying processes still write is left to the next run."""


def longest_base() -> int:
    """Most bytes of a folder for temporary files in which Ray's sockets can lie."""
    return LONGEST - len(f"/{NAME}12345678/{_FILES}{SOCKET}")


def find_base() -> Path:
    """The folder for temporary files in which Ray's can lie: the first of the usual ones that is fit.

    Raises:
        UserError: none is.
    """
    faults = []
    for base in _bases():
        fault = _fault(base)
        if not fault:
            return base
        faults.append(f"{base} {fault}")
    raise UserError(
        "Ray needs a short, writable folder for temporary files",
        received="; ".join(faults),
        advice="set TMPDIR to one",
    )


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for one Ray's files, which is removed in the end; while the block runs, Ray uses its token.

    What runs left behind that were killed is removed first.

    Raises:
        UserError: there is no place for it.
        NoRoomForRay: the disk takes nothing more; Ray itself would wait until its parts time out, and not say why.
    """
    sweep_folders()
    base = find_base()
    if full := probe(base):
        raise NoRoomForRay(base, full)
    folder = Path(tempfile.mkdtemp(prefix=NAME, dir=base))  # mode 700
    try:
        owner = {"machine": machine(), "pid": os.getpid(), "started": start_time(os.getpid())}
        _write(folder / _OWNER, json.dumps(owner))
        _write(folder / _TOKEN, secrets.token_hex(32))
        files = folder / _FILES
        files.mkdir()
        with _environment(
            RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(folder / _TOKEN), RAY_AUTH_TOKEN=None, RAY_TMPDIR=str(files)
        ):
            yield files
    finally:
        _remove(folder)


def _bases() -> list[Path]:
    named = [os.environ.get("RAY_TMPDIR"), tempfile.gettempdir(), "/tmp", "/var/tmp"]  # noqa: S108
    return list(dict.fromkeys(Path(name).absolute() for name in named if name))


def _fault(base: Path) -> str:
    if len(os.fsencode(base)) > longest_base():
        return f"is too long for sockets (at most {longest_base()} bytes)"
    if not (base.is_dir() and os.access(base, os.W_OK | os.X_OK)):
        return "cannot be written"
    try:
        check_ours(base / NAME)
    except (NotOurs, OSError) as error:
        return f"is not safe: {error}"
    return ""


def _write(file: Path, text: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(handle, "w", encoding="ascii") as opened:
        opened.write(text)


@contextlib.contextmanager
def _environment(**values: str | None) -> Iterator[None]:
    """Variables for this process and those that it starts, and for the part of Ray that read them long ago."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    reread_authentication()


def sweep_folders() -> None:
    """Remove folders of runs on this machine that are no more; only this account's, and only what has a run's note."""
    for base in _bases():
        with contextlib.suppress(OSError):
            for folder in base.glob(f"{NAME}*"):
                if _is_abandoned(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            return False
        owner = json.loads((folder / _OWNER).read_text(encoding="ascii"))
        return owner["machine"] == machine() and not is_alive(owner["pid"], owner["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + _GIVE_UP
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            time.sleep(0.05)
