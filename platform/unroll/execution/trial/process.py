"""What a trial must find the same in every process: threads, random numbers, arithmetic; and what it depends on."""

from __future__ import annotations

import faulthandler
import logging
import platform
import random
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np
import torch

from unroll.contract import derive_seed

VERBOSE_LOGGERS = ("pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero")
"""Loggers of libraries that are silenced in a trial's process."""


def pin(*, threads: int, seed: int) -> None:
    """Fix thread count, precision and every global generator; call it in the thread that trains.

    The number of OpenMP threads belongs to the calling thread, and cuDNN's recurrent kernels use TF32 unless told not
    to: two things that would make a trial's numbers depend on where it runs.
    """
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def reseed(seed: int, step: int, stage: str) -> None:
    """Make the random numbers of one batch a function of (seed, step, stage) alone."""
    value = derive_seed(seed, stage, step)
    torch.default_generator.manual_seed(value)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(value)


def quieten() -> None:
    """Silence libraries that talk about themselves in a trial's process."""
    for name in VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.raiseExceptions = False  # W&B has a log of its own, whose full disk is told by what writes records
    warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric)\..*")
    warnings.filterwarnings("ignore", message=r".*srun.*")


@contextmanager
def restored() -> Iterator[None]:
    """After the block, what :func:`pin`, :func:`reseed` and :func:`quieten` changed in this process is as before."""
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    generators = random.getstate(), np.random.get_state(), torch.get_rng_state()
    raises = logging.raiseExceptions
    threads, levels = torch.get_num_threads(), {name: logging.getLogger(name).level for name in VERBOSE_LOGGERS}
    try:
        with warnings.catch_warnings():
            yield
    finally:
        random.setstate(generators[0])
        np.random.set_state(generators[1])
        torch.set_rng_state(generators[2])
        torch.set_num_threads(threads)
        logging.raiseExceptions = raises
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = tf32
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@lru_cache(maxsize=1)
def processor() -> str:
    """Name of the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def environment(*, threads: int, gpus: float) -> dict[str, str]:
    """What a trial's numbers and times depend on."""
    device = torch.cuda.get_device_name() if gpus and torch.cuda.is_available() else processor()
    found = {
        "device": device,
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "threads": str(threads),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
    }
    if gpus and torch.cuda.is_available():
        found["cudnn"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
    return found


class Watchdog:
    """Ends a process that makes no progress, from a thread of C code that no Python lock can hold up.

    Before the end the stacks of all threads go into ``path``: a file that is not empty marks the attempt as hung.
    Never armed in the in-process twin, where it would end the user's own program.

    Args:
        path: file for the stacks.
        seconds: longest time without progress.
    """

    def __init__(self, path: Path, *, seconds: float) -> None:
        self._path, self._seconds = path, seconds
        self._file: IO[str] | None = None
        self._armed_at = 0.0

    def feed(self) -> None:
        """Tell that there was progress; cheap enough for every batch."""
        now = time.monotonic()
        if now - self._armed_at < min(1.0, self._seconds / 10):
            return
        self._file = self._file or self._path.open("w", encoding="utf-8")
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=self._file)
        self._armed_at = now

    def close(self) -> None:
        """Disarm."""
        faulthandler.cancel_dump_traceback_later()
        if self._file:
            self._file.close()
            self._file = None
            if not self._path.stat().st_size:
                self._path.unlink()
