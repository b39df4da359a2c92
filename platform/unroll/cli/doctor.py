"""``unroll doctor``: whether this machine, and a cluster if one is named, can run studies."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli._options import FormatOption
from unroll.cli._output import Format, error_lines, print_lines, print_rows
from unroll.workflow.places import cache_folder, results_root

if TYPE_CHECKING:
    from unroll.cluster import Finding

TROUBLE = 1


def doctor(
    results: Annotated[
        Path | None,
        typer.Option("--results", metavar="DIR", show_default=False, help="Where results will go.  [default: results]"),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="ADDR", show_default=False, help="Ask every node of this Ray cluster too."),
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Ask also whether W&B answers: the one use of a network.")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Look at Python, packages, disk, clock, accounts and (with --address) at every node of a cluster.

    Exit codes: 0 all is well, 1 something needs attention.
    """
    from unroll.cluster import examine

    folder = results or results_root()
    findings = examine(results=folder, cache=cache_folder(), online=online)
    findings += [_temporary(), *_manifest()]
    findings += _nodes(address, folder) if address else []
    print_rows([asdict(finding) for finding in findings] if format is not Format.TABLE else _rows(findings), format)
    troubles = sum(not finding.ok for finding in findings)
    if troubles:
        print_lines(f"{troubles} of {len(findings)} things need attention", stderr=format is not Format.TABLE)
        raise typer.Exit(TROUBLE)


def _rows(findings: list[Finding]) -> list[dict[str, str]]:
    return [
        {"": "ok" if finding.ok else "!!", "what": finding.name, "found": finding.detail, "advice": finding.advice}
        for finding in findings
    ]


def _temporary() -> Finding:
    """Where the files of a Ray that is started here will lie: its sockets need a short path."""
    from unroll.cluster import Finding
    from unroll.contract import UserError
    from unroll.execution.on_ray.private_folder import find_base

    try:
        return Finding("Ray's temporary files", True, f"in a folder of their own in {find_base()}")
    except UserError as error:
        return Finding("Ray's temporary files", False, error.received, error.advice)


def _manifest() -> list[Finding]:
    """The project's ``cluster.yaml``, if it has one, read offline."""
    from unroll.cluster import Finding, check_manifest
    from unroll.contract import UserError
    from unroll.study import project_root

    file = project_root() / "cluster.yaml"
    if not file.is_file():
        return []
    try:
        check_manifest(file)
    except UserError as error:
        return [Finding(file.name, False, line) for line in error_lines(error)]
    return [Finding(file.name, True, "valid, closed to the world, without secrets")]


def _nodes(address: str, results: Path) -> list[Finding]:
    """Connect as a run does, and ask every node what a run asks before its first trial."""
    from unroll.cluster import Finding
    from unroll.contract import UserError
    from unroll.execution.on_ray.runner import RayRunner
    from unroll.ledger import Ledger

    try:
        RayRunner(address=address).check(Ledger(results))
    except UserError as error:
        return [Finding("cluster", False, line) for line in error_lines(error)]
    return [Finding("cluster", True, f"every node of {address} can run trials")]
