"""The command line as a whole, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import unroll
from unroll.cli import (
    compare,
    dashboard,
    data,
    doctor,
    explain,
    export,
    generate,
    logs,
    new,
    pack,
    plan,
    predict,
    report,
    results,
    run,
    settings,
    status,
    stop,
    submit,
    sync,
    verify,
)
from unroll.cli._options import AdvisedCommand
from unroll.cli._output import error_lines, print_lines
from unroll.contract import UserError
from unroll.terminal.text import visible
from unroll.workflow.places import cache_folder, named_refusals, settled_cache

USER_MISTAKE = 2
DISK_REFUSED = 74
"""``EX_IOERR`` of sysexits.h: what was to be kept or printed could not be."""
NO_OUTPUT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
INTERNAL_ERROR = 70
"""``EX_SOFTWARE`` of sysexits.h: the error is ours, not the user's."""

app = typer.Typer(
    name="unroll",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    plan.plan,
    run.run,
    submit.submit,
    status.status,
    logs.logs,
    stop.stop,
    results.results,
    report.report,
    explain.explain,
    predict.predict,
    generate.generate,
    export.export,
    sync.sync,
    dashboard.dashboard,
    pack.pack,
    pack.unpack,
    verify.verify,
    compare.compare,
    settings.settings,
    new.new,
    doctor.doctor,
)
for command in COMMANDS:
    app.command(cls=AdvisedCommand)(command)
app.add_typer(data.app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        print_lines(f"unroll {unroll.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Comparative experiments with recurrent networks: from a question to a report.

    Exit codes: 0 every trial completed, 1 some did not, 2 a mistake in what was asked, 70 an error of Unroll's own,
    74 the disk refused, 130 interrupted.
    """


def run_program(args: Sequence[str] | None) -> None:
    """See :func:`unroll.cli.main.main`.

    Raises:
        Interrupted: somebody asked the process to leave, and the command did not handle it.
    """
    atexit.register(gc.freeze)  # or Python would look through all of torch for garbage once more, for a second
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a text file, unless replaced
    try:
        _check_surroundings(sys.argv[1:] if args is None else args)
        with settled_cache(), named_refusals():
            app(args=args, prog_name="unroll")
    except UserError as error:
        print_lines(*(f"error: {line}" for line in error_lines(error)), stderr=True)
        sys.exit(DISK_REFUSED if isinstance(error, OSError) else USER_MISTAKE)  # the ledger's errors are both
    except OSError as error:
        if not _is_output_broken(error):
            _end_with_bug(error)
        print_lines(f"error: standard output cannot be written: {visible(error.strerror)}", stderr=True)
        sys.exit(DISK_REFUSED)
    except Exception as error:  # the last station: nothing above may hide it, nobody below handles it
        _end_with_bug(error)


def _check_surroundings(args: Sequence[str]) -> None:
    """What every command needs.

    Raises:
        UserError: the working folder is gone, or an argument is no text.
    """
    for word in args:
        if not word.isascii() and any("\ud800" <= c <= "\udfff" for c in word):
            raise UserError("arguments must be valid UTF-8", received=ascii(word))
    try:
        Path.cwd()
    except OSError as error:
        raise UserError(
            "the working folder must exist", received=str(error.strerror), advice="change into one that does"
        ) from None


def _is_output_broken(error: OSError) -> bool:
    """Whether it was standard output that refused: then it refuses a line too, and what it still holds is dropped."""
    if error.errno not in NO_OUTPUT or error.filename is not None:
        return False
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _end_with_bug(error: Exception) -> NoReturn:
    print_lines(f"internal error: {type(error).__name__}: {visible(error)}", *_keep_traceback(), stderr=True)
    sys.exit(INTERNAL_ERROR)


def _keep_traceback() -> list[str]:
    """Save the traceback (without local variables, which may hold secrets) and say where; print it if that fails."""
    text = traceback.format_exc()
    try:
        file = cache_folder() / "errors" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"unroll {unroll.__version__}\n\n{text}", encoding="utf-8")
    except (OSError, UserError):
        return text.splitlines()
    return [f"the traceback is in {file}; please report it"]
