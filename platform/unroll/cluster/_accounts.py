"""Keys, tokens and telemetry: present or absent, never their values."""

from __future__ import annotations

import os
from pathlib import Path

from unroll.cluster.finding import Finding


def usage_statistics() -> Finding:
    """Ray's telemetry, which the command line switches off unless it is told otherwise."""
    ok = os.environ.get("RAY_USAGE_STATS_ENABLED") != "1"
    detail = "off while Unroll runs" if ok else "on, by RAY_USAGE_STATS_ENABLED=1"
    return Finding("Ray's usage statistics", ok, detail, "" if ok else "set it to 0")


def home() -> Finding:
    """The home folder, where the cache and W&B's settings lie unless they are put elsewhere."""
    folder = _home()
    if folder is None:
        return Finding("home folder", False, "there is none: HOME is not set", "set HOME, or UNROLL_CACHE to a folder")
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding("home folder", True, f"{folder} can be written")
    there = "cannot be written" if folder.is_dir() else "is no folder"
    ok = bool(os.environ.get("UNROLL_CACHE"))
    detail = f"{folder} {there}" + ("; the cache lies elsewhere, as UNROLL_CACHE says" if ok else "")
    return Finding("home folder", ok, detail, "" if ok else "set UNROLL_CACHE to a folder for prepared data")


def ray_token() -> Finding:
    """The token of Ray's clusters: whoever reads it may run code there. Ray itself writes it with mode 644."""
    folder = _home()
    token = folder / ".ray" / "auth_token" if folder else None
    if token is None or not token.is_file():
        return Finding("Ray's token", True, "absent; a run on this machine makes its own, a cluster's would lie there")
    ok = not _others_may_read(token)
    detail = f"{token} can be read by {'you alone' if ok else 'every user of this machine'}"
    return Finding("Ray's token", ok, detail, "" if ok else f"chmod 600 {token}")


def wandb_key() -> Finding:
    """Whether a W&B key is configured; none is needed as long as runs stay offline."""
    from unroll.tracking import has_credentials

    return Finding("W&B key", True, "configured" if has_credentials() else "none: runs stay on disk, as by default")


def wandb_answers() -> Finding:
    """Whether W&B can be reached from here."""
    from unroll.tracking import is_reachable

    ok = is_reachable()
    return Finding("W&B answers", ok, "yes" if ok else "no", "" if ok else "runs stay on disk, to be synced later")


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _others_may_read(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o004) and all(folder.stat().st_mode & 0o001 for folder in file.parents)
