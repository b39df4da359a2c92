"""A run that is refused leaves a new results folder as if it had never been asked for."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def nothing_left_on_error(root: Path) -> Iterator[None]:
    """Where the block ends in an error and wrote no record, remove what it made of the results folder ``root``.

    Only empty folders are removed, of the lock only the note that nobody owns the folder, what digests of source files
    stand for, and what was declared of an analysis: whoever takes it meanwhile makes what it needs anew.
    """
    made = [folder for folder in (root, *root.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            if not (root / "plan.json").exists() and not list((root / "lock").glob("*.held")):
                for folder in (root / "trials", root / "runs"):
                    folder.rmdir()
                for records in (root / "sources", root / "analysis"):
                    shutil.rmtree(records, ignore_errors=True)
                for note in (*(root / "lock").glob("*.free"), root / "stop"):
                    note.unlink(missing_ok=True)
                for folder in (root / "lock", *made):
                    folder.rmdir()
        raise
