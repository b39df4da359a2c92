"""Where results may lie: not where every account could change them, and nothing of them behind a link."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from unroll.contract import NotOurs, UserError, check_ours

INSIDE = (
    *("trials", "runs", "analysis", "packs", "lock", "sources", "kept", "set_aside", "tuning", "submissions"),
    *("report", "report/tables", "report/charts", "wandb", "wandb/sync", "wandb/set_aside", ".ray"),
)
"""Folders of a results folder that are written to."""
OF_A_TRIAL = ("attempts", "history", "checkpoint", "claims")
"""Those of a trial."""


def check_owners(root: Path) -> None:
    """Refuse results that every account of this machine could change; a working group may share a folder.

    Raises:
        UserError: everybody could, or it cannot be looked at.
    """
    try:
        check_ours(root, shared=True)
    except (NotOurs, OSError) as error:
        raise UserError(
            "results must lie where not every account can change them",
            where=str(root),
            received=str(error.strerror or error) if isinstance(error, OSError) else str(error),
            advice="name another folder with --results, or take the others' right to write (chmod o-w)",
        ) from None


def check_links(root: Path) -> None:
    """Refuse results of which a folder is a symbolic link, as only somebody's hand can have made it.

    Writing through it would change what lies elsewhere. The results folder itself, and those above it, may be links.

    Raises:
        UserError: one is a link.
        OSError: it cannot be looked into.
    """
    for name in INSIDE:
        refuse_link(root / name)
    trials = root / "trials"
    with os.scandir(trials) if trials.is_dir() else contextlib.nullcontext(()) as entries:
        for entry in entries:
            refuse_link(Path(entry.path))
            for name in OF_A_TRIAL:
                refuse_link(Path(entry.path, name))


def refuse_link(folder: Path) -> None:
    """Refuse a folder to write to that is a symbolic link.

    Raises:
        UserError: it is one.
    """
    if folder.is_symlink():
        raise UserError(
            "a folder of results must be no symbolic link: what it leads to would be written over",
            where=str(folder),
            received=f"a link to {os.readlink(folder)}",
            advice="remove the link; only the results folder itself may be one",
        )
