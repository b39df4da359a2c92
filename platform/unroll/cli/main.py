"""``unroll``: where the program begins; from here on Ctrl-C and SIGTERM are answered, also while it is imported."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from unroll.interruption import SIGNALS, Interrupted, ignore_at_exit, listening

_STDERR = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells count; the same for SIGTERM, since the same follows."""


def main(args: Sequence[str] | None = None) -> None:
    """Run one command and leave through ``SystemExit``.

    Args:
        args: what follows ``unroll`` on the command line; the process's own arguments by default.
    """
    _replace_closed()
    with listening():
        try:
            from unroll.cli.program import run_program

            run_program(args)
        except Interrupted:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            _report_interruption(sys.argv[1:] if args is None else args)
            sys.exit(INTERRUPTED)
        finally:
            ignore_at_exit()


def _replace_closed() -> None:
    """Where a standard stream was closed (``>&-``) is the null device: else the next file would take its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(number, True)
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def _report_interruption(words: Sequence[str]) -> None:
    """Only ``unroll run`` leaves something to go on with; what it has begun, it reports by itself."""
    from unroll.cli._output import print_lines, shell_line

    if words and words[0] == "run":
        print_lines("interrupted: nothing was started", f"continue  {shell_line(['unroll', *words])}", stderr=True)
    else:
        print_lines("interrupted", stderr=True)
