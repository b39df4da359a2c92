"""Compiling a loop, once per machine: shared objects in a folder that all processes of a user share."""

from __future__ import annotations

import atexit
import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from unroll.contract import NotOurs, check_ours, open_ours

_log = logging.getLogger(__name__)

FLAGS = (
    *("-O3", "-std=gnu11", "-shared", "-fPIC", "-fopenmp-simd"),
    *("-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),
)
"""None of them lets the compiler assume that there is no NaN or infinity, or reorder a sum that is not marked."""
CHECKSUM = hashlib.sha256().digest_size
"""Bytes at the end of a shared object, which the system's loader does not mind."""
VECTORS = ("sse4_2", "avx", "fma", "avx2", "avx512f", "avx512dq", "avx512bw", "avx512vl", "asimd", "sve", "sve2")
"""Extensions of processors, as Linux calls them, that compiled loops make use of."""
SECONDS = 300
"""After which a compiler is given up."""


_loaded: dict[tuple[int, int], tuple[ctypes.CDLL, int]] = {}
"""Libraries of this process by device and inode, with the descriptors that they were loaded by. These stay open: the
system's loader knows a library by the name that it was given, so the number must not be another file's one day."""


class NoCompiler(Exception):
    """There is no C compiler here, or it does not do what it should; the text is the reason.

    Args:
        reason: the text.
        pause: seconds after which it is worth another try: a disk may be full for a while.
    """

    def __init__(self, reason: str, *, pause: float = 60) -> None:
        super().__init__(reason)
        self.pause = pause


def load(source: str) -> ctypes.CDLL:
    """The functions of a C source, compiled unless the folder holds them.

    Where the cache cannot be used they are compiled for this process alone: slower to begin with, and the same numbers
    as everywhere else.

    Raises:
        NoCompiler: they cannot be had.
    """
    compiler, flags = find_compiler(), _flags()
    words = (source, describe(compiler), *flags, processor())
    key = hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]
    reason = ""
    for folder in (_shared_folder, _own_folder):
        try:
            path = folder() / f"{key}.so"
            if (found := _load(path)) is not None:
                return found
            _compile(source, compiler, flags, path)
            if (found := _load(path)) is not None:
                return found
            reason = "it is not what was written"
        except (NotOurs, OSError, RuntimeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        if folder is _shared_folder:
            _warn_unkept(reason)
    raise NoCompiler(f"a compiled loop cannot be kept or loaded: {reason}")


@functools.cache
def _own_folder() -> Path:
    """A folder of this process, which goes when it ends."""
    folder = tempfile.mkdtemp(prefix="unroll-loops-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def _warn_unkept(reason: str) -> None:
    _log.warning("compiled loops are kept for this process alone, and every other one compiles anew: %s", reason)


def _load(path: Path) -> ctypes.CDLL | None:
    """A library that is whole and that this account alone can have written; None where there is none.

    It runs with this account's rights, and a torn one ends the process. It is loaded by the descriptor through which it
    was looked at, where the system has names for descriptors.
    """
    try:
        handle = open_ours(path)
    except (FileNotFoundError, NotOurs):
        return None
    keep = False
    try:
        file = os.fstat(handle)
        identity = (file.st_dev, file.st_ino)
        if identity in _loaded:
            return _loaded[identity][0]
        if not _is_whole(handle):
            return None
        name = Path("/proc/self/fd", str(handle))
        library = ctypes.CDLL(str(name if name.exists() else path))
        _loaded[identity], keep = (library, handle), True
        return library
    finally:
        if not keep:
            os.close(handle)


def _compile(source: str, compiler: str, flags: tuple[str, ...], path: Path) -> None:
    """Beside its place, then renamed: it is there wholly or not at all, whoever else makes it at the same time."""
    with tempfile.TemporaryDirectory(prefix=".making-", dir=path.parent) as folder:
        text, made = Path(folder, "loop.c"), Path(folder, "loop.so")
        text.write_text(source, encoding="utf-8")
        command = [compiler, *flags, str(text), "-o", str(made), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise NoCompiler(f"{compiler} did not end within {SECONDS} s", pause=10 * SECONDS) from error
        if done.returncode:
            lines = done.stderr.splitlines()
            shown = [line for line in lines if "error" in line] or lines[-1:] or ["without a word"]
            raise NoCompiler(f"{compiler} failed: {shown[0].strip()}")
        content = made.read_bytes()
        made.write_bytes(content + hashlib.sha256(content).digest())
        made.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IXUSR)
        os.replace(made, path)


def _is_whole(handle: int) -> bool:
    """Whether a file holds what was written, to its end."""
    with os.fdopen(os.dup(handle), "rb") as file:
        content = file.read()
    return hashlib.sha256(content[:-CHECKSUM]).digest() == content[-CHECKSUM:]


@functools.cache
def find_compiler() -> str:
    """``$CC``, or the system's.

    Raises:
        NoCompiler: there is none.
    """
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise NoCompiler("there is no C compiler (Debian: apt-get install gcc)")


@functools.cache
def describe(compiler: str) -> str:
    """Name and version of a compiler."""
    try:
        done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoCompiler(f"{compiler} does not run: {error}") from error
    return done.stdout


@functools.cache
def _flags() -> tuple[str, ...]:
    """For this very processor, with its widest vectors."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return (*FLAGS, "-mcpu=native")
    # Compilers prefer vectors of 256 bits on many a processor that has 512.
    return (*FLAGS, "-march=native", *(["-mprefer-vector-width=512"] if "avx512f" in processor() else []))


@functools.cache
def processor() -> str:
    """What code for this very processor depends on."""
    known = _cpuinfo()
    if not known:
        return f"{platform.machine()} {platform.processor()}"
    names = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "CPU part", "Features")
    return "\n".join([platform.machine(), *(known.get(name, "") for name in names)])


def describe_target() -> str:
    """Name and version of the compiler, and the vector instructions that it compiles for.

    Raises:
        NoCompiler: there is none, or it does not run.
    """
    return f"{describe(find_compiler()).splitlines()[0]}, {features()}"


def features() -> str:
    """The vector instructions of this processor, which decide in what order a compiled loop adds."""
    known = _cpuinfo()
    here = {*known.get("flags", "").split(), *known.get("Features", "").split()}
    return " ".join([platform.machine(), *(name for name in VECTORS if name in here)])


def _cpuinfo() -> dict[str, str]:
    """What Linux knows of its first processor; nothing elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    fields = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in fields}


def _shared_folder() -> Path:
    """``$UNROLL_CACHE`` or ``~/.cache/unroll``, as for prepared data; a folder of this user's in it.

    Raises:
        NotOurs: another account could put something there.
        OSError: it cannot be made.
        RuntimeError: there is no home folder.
    """
    cache = Path(os.environ.get("UNROLL_CACHE") or "~/.cache/unroll").expanduser()
    folder = cache.absolute() / (f"loops-{os.getuid()}" if hasattr(os, "getuid") else "loops")
    check_ours(cache)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()  # what lies in it is run with this user's rights: nobody else may put something there
    if not stat.S_ISDIR(found.st_mode):
        raise NotOurs(f"{folder} is no folder that this user alone may write in")
    check_ours(folder)
    if hasattr(os, "getuid") and found.st_mode & 0o077:
        folder.chmod(stat.S_IRWXU)
    return folder
