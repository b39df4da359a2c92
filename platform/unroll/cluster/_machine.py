"""Processors, memory, disk and clock: is there enough, and can it be used?"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from unroll.cluster.finding import Finding
from unroll.contract import UserError, check_cache

GIB = 2**30
LOW_MEMORY, LOW_DISK, LOW_SHARED = 2 * GIB, 5 * GIB, GIB // 4
"""Bytes below which a study of a laptop's size gets into trouble."""
APART = 5.0
"""Seconds between two clocks from which on a lock's age cannot be believed."""


def gpus() -> Finding:
    """CUDA devices that torch sees."""
    import torch

    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return Finding("GPUs", True, ", ".join(names) or "none: trials run on the CPU")


def cores() -> Finding:
    """Processors that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding("cores", True, str(usable))


def memory(meminfo: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> Finding:
    """Memory that is still to be had, within the limit of a container."""
    try:
        available = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return Finding("free memory", True, "unknown on this system")
    free = min(int(available.split()[1]) * 1024, _left_in_container(group))
    return _amount("free memory", free, LOW_MEMORY, "close something, or run fewer trials at once")


def shared_memory(place: Path = Path("/dev/shm")) -> Finding:  # noqa: S108 (no temporary files go there)
    """Ray keeps its objects in shared memory; a container often has 64 MiB of it."""
    if not place.is_dir():
        return Finding("shared memory", True, "this system has no /dev/shm")
    return _amount("shared memory", shutil.disk_usage(place).free, LOW_SHARED, "start the container with --shm-size=2g")


def disk(folder: Path) -> Finding:
    """Space where results are going to be written."""
    place = _existing(folder)
    return _amount("disk for results", shutil.disk_usage(place).free, LOW_DISK, f"free some space at {place}")


def writable(name: str, folder: Path) -> Finding:
    """Whether a file can be made there, or where the folder will be made."""
    place = _existing(folder)
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".unroll-doctor-"):
            return Finding(name, True, f"{folder} can be written")
    except OSError as error:
        return Finding(name, False, f"{place}: {error.strerror}", "choose another place or mend its rights")


def ours(name: str, folder: Path) -> Finding:
    """Whether another account could change what lies there: a run refuses what one could."""
    try:
        check_cache(folder)
    except UserError as error:
        return Finding(name, False, error.received, error.advice)
    return Finding(name, True, "no other account can change it")


def clock(folder: Path) -> Finding:
    """A file server with another clock makes locks look older or younger than they are."""
    try:
        with tempfile.NamedTemporaryFile(dir=_existing(folder), prefix=".unroll-doctor-") as file:
            apart = abs(Path(file.name).stat().st_mtime - time.time())
    except OSError:
        return Finding("clock", True, "not compared: the results folder cannot be written")
    detail = f"{apart:.1f} s apart from that of the results folder's file system"
    return Finding("clock", apart < APART, detail, "" if apart < APART else "synchronise the clocks (NTP)")


def _amount(name: str, found: int, needed: int, advice: str) -> Finding:
    ok = found >= needed
    return Finding(name, ok, f"{found / GIB:.1f} GiB free", "" if ok else advice)


def _left_in_container(group: Path) -> int:
    """Bytes below the control group's limit; very many without a limit."""
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return int(limit) - int(used)
    except (OSError, ValueError):  # no control groups, or a limit of "max"
        return 2**63


def _existing(folder: Path) -> Path:
    """The folder itself or the nearest one above it that exists."""
    folder = folder.resolve()
    return next(place for place in (folder, *folder.parents) if place.is_dir())
