"""Compiling a loop, once per machine: shared objects in a folder that all processes of a user share."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

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


class NoCompiler(Exception):
    """There is no C compiler here, or it does not do what it should; the text says why.

    Args:
        reason: the text.
        pause: seconds after which it is worth another try: a disk may be full for a while.
    """

    def __init__(self, reason: str, *, pause: float = 60) -> None:
        super().__init__(reason)
        self.pause = pause


def load(source: str) -> ctypes.CDLL:
    """The functions of a C source, compiled unless the folder holds them.

    Raises:
        NoCompiler: they cannot be had.
    """
    compiler, flags = find_compiler(), _flags()
    words = (source, describe(compiler), *flags, processor())
    key = hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]
    try:
        path = _folder() / f"{key}.so"
        if not _is_whole(path):
            _compile(source, compiler, flags, path)
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise NoCompiler(f"a compiled loop cannot be kept or loaded: {error.strerror or error}") from error


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
            raise NoCompiler(f"{compiler} failed: {_complaint(done.stderr)}")
        content = made.read_bytes()
        made.write_bytes(content + hashlib.sha256(content).digest())
        made.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IXUSR)
        os.replace(made, path)


def _complaint(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line] or text.splitlines()[-1:] or ["without a word"]
    return lines[0].strip()


def _is_whole(path: Path) -> bool:
    """Whether there is a file, as this user wrote it: it runs with his rights, and a torn one ends the process."""
    try:
        content, found = path.read_bytes(), path.stat()
    except FileNotFoundError:
        return False
    ours = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
    return ours and hashlib.sha256(content[:-CHECKSUM]).digest() == content[-CHECKSUM:]


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
    return (*FLAGS, "-march=native", *(["-mprefer-vector-width=512"] if "avx512f" in processor() else []))


@functools.cache
def processor() -> str:
    """What code for this very processor depends on."""
    known = _cpuinfo()
    if not known:
        return f"{platform.machine()} {platform.processor()}"
    names = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "CPU part", "Features")
    return "\n".join([platform.machine(), *(known.get(name, "") for name in names)])


def features() -> str:
    """The vector instructions of this processor, which decide in what order a compiled loop adds."""
    known = _cpuinfo()
    here = {*known.get("flags", "").split(), *known.get("Features", "").split()}
    return " ".join([platform.machine(), *(name for name in VECTORS if name in here)])


def _cpuinfo() -> dict[str, str]:
    """What Linux says of its first processor; nothing elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    fields = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in fields}


def _folder() -> Path:
    """``$UNROLL_CACHE`` or ``~/.cache/unroll``, as for prepared data; a folder of this user's in it."""
    try:
        cache = Path(os.environ.get("UNROLL_CACHE") or "~/.cache/unroll").expanduser()
    except RuntimeError as error:
        raise NoCompiler("there is no home folder to keep a compiled loop in; set UNROLL_CACHE") from error
    folder = cache / f"loops-{os.getuid()}" if hasattr(os, "getuid") else cache / "loops"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(folder)
    return folder


def _check_owner(folder: Path) -> None:
    """What lies in it is run with this user's rights: nobody else may put something there."""
    found = folder.lstat()
    ours = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
    if not (stat.S_ISDIR(found.st_mode) and ours):
        raise NoCompiler(f"{folder} is no folder that this user alone may write in")
    if hasattr(os, "getuid") and found.st_mode & 0o077:
        folder.chmod(stat.S_IRWXU)
