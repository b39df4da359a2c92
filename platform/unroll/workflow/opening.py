"""Results to be read, whatever they lie in: a folder, or a pack that is unpacked for as long as it is read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unroll.ledger import Ledger, Pack
from unroll.workflow.packing import find_pack, shipped_packs, unpack_results
from unroll.workflow.places import find_results, results_names


@contextmanager
def opened(target: str) -> Iterator[Ledger]:
    """A results folder, or a pack that is unpacked into a temporary one while the block runs.

    Raises:
        UserError: there is neither.
    """
    name = Path(target).name
    if Path(target).is_file() and not target.endswith("study.yaml"):
        pack = Pack.read(Path(target))
    elif not Path(target).is_dir() and name not in results_names() and target in shipped_packs():
        pack = Pack.read(find_pack(target))
    else:
        yield Ledger.open(find_results(target))
        return
    with tempfile.TemporaryDirectory(prefix="unroll-") as folder:
        yield unpack_results(pack, Path(folder) / "results")
