"""Python, packages and programs: are they those that this package was tested with?"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from unroll.cluster.finding import Finding

PACKAGES = ("ray", "torch", "pytorch-lightning", "wandb", "polars", "pydantic")
MALICIOUS = frozenset({"2.6.2", "2.6.3"})
"""Releases of ``lightning`` that stole credentials at import (April 2026)."""


def python() -> Finding:
    """The interpreter's version."""
    ok, found = sys.version_info >= (3, 11), ".".join(map(str, sys.version_info[:3]))
    return Finding("python", ok, found, "" if ok else "use 3.11 or newer")


def packages() -> Iterator[Finding]:
    """Installed versions against those that this package asks for."""
    from packaging.requirements import Requirement

    wanted = {one.name: one.specifier for one in map(Requirement, metadata.requires("unroll") or ())}
    for name in PACKAGES:
        found = _version(name)
        ok = found is not None and (name not in wanted or wanted[name].contains(found, prereleases=True))
        advice = f"run `make install` (asked for: {name}{wanted.get(name, '')})"
        yield Finding(name, ok, found or "not installed", "" if ok else advice)


def second_lightning() -> Finding:
    """``lightning`` beside ``pytorch_lightning`` breaks Ray's integration, and two of its releases were malware."""
    name, found = "no second Lightning", _version("lightning")
    if found is None:
        return Finding(name, True, "`lightning` is absent, `pytorch-lightning` alone is used")
    if found in MALICIOUS:
        advice = "uninstall it and replace every key that this machine could read"
        return Finding(name, False, f"lightning {found} steals credentials at import", advice)
    return Finding(name, False, f"lightning {found} beside pytorch-lightning", "pip uninstall lightning")


def standard_platform() -> Finding:
    """A module named ``platform`` in front of the standard library's kills torch and Ray at import."""
    import platform

    ok = hasattr(platform, "system")
    detail = "the standard library's" if ok else str(platform.__spec__.origin if platform.__spec__ else platform)
    return Finding("module `platform`", ok, detail, "" if ok else "remove platform/__init__.py or mend PYTHONPATH")


def compiler() -> Finding:
    """The C compiler of recurrent loops: without one they run in Python, which is slower and adds in another order."""
    names = (os.environ.get("CC"), "cc", "gcc", "clang")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        detail = "none: recurrent loops would run in Python"
        return Finding("C compiler", False, detail, "apt-get install gcc, or set CC")
    try:
        works = _compiles(found)
    except (OSError, subprocess.SubprocessError):
        works = False
    detail = found if works else f"{found} does not make a library that runs"
    return Finding("C compiler", works, detail, "" if works else "mend it, or set CC")


def _compiles(compiler: str) -> bool:
    """Whether a function that was compiled here can be called."""
    with tempfile.TemporaryDirectory(prefix="unroll-doctor-") as folder:
        made = Path(folder, "one.so")
        command = [compiler, "-x", "c", "-shared", "-fPIC", "-", "-o", str(made)]
        source = b"int one(void) { return 1; }"
        subprocess.run(command, input=source, check=True, capture_output=True, timeout=60)  # noqa: S603
        return bool(ctypes.CDLL(str(made)).one() == 1)


def browser() -> Finding:
    """Chromium, which only the tests of the report's page want."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return Finding("browser", True, found or "none: only the tests of the report's page want one")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
