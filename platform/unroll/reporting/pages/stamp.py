"""Which state of the ledger a report describes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from unroll import __version__

if TYPE_CHECKING:
    from unroll.reporting.findings import Findings

STAMP = "inputs.sha256"
"""Small file beside the page with the digest of its inputs, written last: without it the report is not whole."""


def digest(findings: Findings) -> str:
    """Hash of everything that a report is made from, this version of Unroll included."""
    whole = hashlib.sha256(__version__.encode())
    packs = (record for pack, trials in findings.packs for record in (pack, *trials))
    for text in (findings.plan, *findings.runs, *findings.left_out, *findings.winners, *packs, *findings.analyses):
        whole.update(text.model_dump_json().encode())
    whole.update(findings.trials.write_csv(float_precision=17).encode())
    if findings.tuned is not None:
        whole.update(findings.tuned.write_csv(float_precision=17).encode())
    whole.update(findings.history_digest.encode())
    for trial, scored in sorted(findings.scored.items()):
        whole.update(f"{trial} {scored.test_set} {scored.formula} ".encode())
        for name, column in scored.sums.items():
            whole.update(name.encode() + column.tobytes())
    whole.update("\n".join(findings.damaged).encode())
    whole.update(repr(sorted(findings.changed.items())).encode())
    whole.update(repr(list(findings.seeds_left_out)).encode())
    return whole.hexdigest()


def is_current(folder: Path, inputs: str) -> bool:
    """Whether ``folder`` holds a whole report made from these inputs."""
    stamp = folder / STAMP
    readable = all((folder / name).is_file() for name in ("report.html", "report.md"))
    return readable and stamp.is_file() and stamp.read_text(encoding="ascii", errors="replace").strip() == inputs
