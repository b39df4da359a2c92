"""Folders on this machine: a study's results, and the cache of prepared data."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unroll.contract import UserError, check_cache

REFUSED = frozenset({errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENOTDIR})
"""A place that was named, or the rights to it, are the user's matter, not ours."""


@contextmanager
def settled_cache() -> Iterator[None]:
    """While the block runs, a relative ``$UNROLL_CACHE`` is absolute: trials read it too, and run in other folders."""
    named = os.environ.get("UNROLL_CACHE")
    if not named or named.startswith("~"):
        yield
        return
    os.environ["UNROLL_CACHE"] = str(Path(named).absolute())
    try:
        yield
    finally:
        os.environ["UNROLL_CACHE"] = named


@contextmanager
def named_refusals() -> Iterator[None]:
    """A file system that refuses access to a file is no error of ours.

    Raises:
        UserError: it did, and named the file.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, UserError) or error.errno not in REFUSED or error.filename is None:  # StorageError is both
            raise
        rule = "the file system must give access"
        raise UserError(rule, where=str(error.filename), received=str(error.strerror)) from error


def trusted_cache() -> Path:
    """The cache, from which data and code are read without further checks.

    Raises:
        UserError: it is not known, or another account could change it.
    """
    cache = cache_folder()
    check_cache(cache)
    return cache


def cache_folder() -> Path:
    """Prepared data and the like, shared by all studies of this user: ``$UNROLL_CACHE`` or ``~/.cache/unroll``.

    Raises:
        UserError: neither is known.
    """
    named = os.environ.get("UNROLL_CACHE") or "~/.cache/unroll"
    try:
        if named.startswith("~") and os.environ.get("HOME") == "":
            raise RuntimeError("HOME is empty")  # Python would take it for the root of the file system
        return Path(named).expanduser()
    except RuntimeError as error:
        advice = "set UNROLL_CACHE to a folder for prepared data"
        raise UserError("a home folder or UNROLL_CACHE must be set", received=str(error), advice=advice) from None


def results_root() -> Path:
    """``results/`` in the project: one folder for each study."""
    from unroll.study import project_root

    return project_root() / "results"


def results_folder(study: str, chosen: Path | None) -> Path:
    """``--results`` as given, else ``results/<study>/`` in the project."""
    return chosen if chosen is not None else results_root() / study


def find_results(target: str) -> Path:
    """A results folder, given as itself or by its study (name, folder or file).

    Raises:
        UserError: nothing is there.
    """
    if Path(target).is_dir() and not (Path(target) / "study.yaml").is_file():
        return Path(target)
    known = results_names()
    name = Path(target).parent.name if target.endswith("study.yaml") else Path(target).name
    if name in known:
        return results_folder(name, None)
    raise _no_results(target, name, known)


def results_names() -> list[str]:
    """Studies of this project that have results in the usual place."""
    return sorted(folder.name for folder in results_root().glob("*") if folder.is_dir())


def _no_results(target: str, name: str, known: list[str]) -> UserError:
    from unroll.study import discover_studies, suggestion

    studies = discover_studies()
    if name in studies:
        return UserError("there are no results yet", where=name, advice=f"unroll run {name}")
    advice = suggestion(name, [*known, *studies])
    return UserError("there is no such results folder or study", received=repr(target), advice=advice)
