"""What may go wrong on this machine, found before it does: each finding is one line with an advice."""

from __future__ import annotations

from pathlib import Path

from unroll.cluster import _accounts, _machine, _software
from unroll.cluster.finding import Finding


def examine(*, results: Path = Path("results"), cache: Path | None = None, online: bool = False) -> list[Finding]:
    """Look at this machine; nothing is changed and, unless asked for, no network is used.

    Args:
        results: where results are going to be written.
        cache: where prepared data are kept; None where that is not known.
        online: also ask whether W&B answers.
    """
    found = [_software.python(), *_software.packages(), _software.second_lightning(), _software.standard_platform()]
    found += [_software.compiler(), _machine.gpus(), _machine.cores(), _machine.memory(), _machine.shared_memory()]
    found += [_machine.disk(results), _machine.writable("results folder", results), _machine.clock(results)]
    found += [_machine.writable("cache folder", cache), _machine.ours("cache is yours", cache)] if cache else []
    found += [_accounts.home(), _accounts.usage_statistics(), _accounts.ray_token(), _accounts.wandb_key()]
    found += [_accounts.wandb_answers()] if online else []
    return [*found, _software.browser()]
