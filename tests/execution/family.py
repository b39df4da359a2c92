"""Processes below a process, and whether one answers signals, as the system tells."""

import signal
from pathlib import Path


def descendants(ancestor: int) -> dict[int, str]:
    """Process number -> name of all that ``ancestor`` started, and what those started."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().partition(" (")[2].rpartition(") ")
        except OSError:
            continue
        names[int(folder.name)], parents[int(folder.name)] = name, int(rest.split()[1])
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: names[pid] for pid in found - {ancestor}}


def find(ancestor: int, name: str) -> int | None:
    """The process of this name (its first 15 characters) below ``ancestor``."""
    return next((pid for pid, found in descendants(ancestor).items() if found == name), None)


def listens(pid: int) -> bool:
    """Whether the process answers SIGTERM by itself."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & 1 << (signal.SIGTERM - 1))
