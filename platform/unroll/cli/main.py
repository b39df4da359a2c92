"""``unroll``: the command line, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

import unroll
from unroll.cli import doctor, plan, report, results, run, status
from unroll.cli._output import say, visible
from unroll.cli._places import cache_folder
from unroll.contract import UserError

USER_MISTAKE = 2
INTERNAL_ERROR = 70
"""``EX_SOFTWARE`` of sysexits.h: the error is ours, not the user's."""

app = typer.Typer(
    name="unroll",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (plan.plan, run.run, status.status, results.results, report.report, doctor.doctor):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"unroll {unroll.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Comparative experiments with recurrent networks: from a question to a report.

    Exit codes: 0 every trial completed, 1 some did not, 2 a mistake in what was asked, 70 an error of Unroll's own,
    130 interrupted.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run one command and leave through ``SystemExit``.

    Args:
        args: what follows ``unroll`` on the command line; the process's own arguments by default.
    """
    try:
        app(args=args, prog_name="unroll")
    except UserError as error:
        say(*(f"error: {visible(line)}" for line in str(error).splitlines()), stderr=True)
        sys.exit(USER_MISTAKE)
    except Exception as error:  # the last station: nothing above may hide it, nobody below handles it
        say(f"internal error: {type(error).__name__}: {visible(error)}", _keep_traceback(), stderr=True)
        sys.exit(INTERNAL_ERROR)


def _keep_traceback() -> str:
    """Save the traceback (without local variables, which may hold secrets) and say where; print it if that fails."""
    text = traceback.format_exc()
    file = cache_folder() / "errors" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"unroll {unroll.__version__}\n\n{text}", encoding="utf-8")
    except OSError:
        return text
    return f"the traceback is in {file}; please report it"
