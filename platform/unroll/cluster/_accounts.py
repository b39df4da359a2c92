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


def ray_token() -> Finding:
    """The token of Ray's clusters: whoever reads it may run code there. Ray itself writes it with mode 644."""
    token = Path.home() / ".ray" / "auth_token"
    if not token.is_file():
        return Finding("Ray's token", True, "absent; Ray makes one for a cluster on this machine")
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


def _others_may_read(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o004) and all(folder.stat().st_mode & 0o001 for folder in file.parents)
