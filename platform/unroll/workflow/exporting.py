"""Give the weights of a finished trial away: files that plain PyTorch can read, with an example of how."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.contract import PlainTorch, Task, UserError
from unroll.ledger import Ledger, WeightsRecord
from unroll.study import load_task
from unroll.workflow.trained import Chosen, load_trained

if TYPE_CHECKING:
    from collections.abc import Mapping

WEIGHTS, VOCABULARY, SETTINGS, README = "weights.safetensors", "vocabulary.json", "settings.json", "README.md"


def export(ledger: Ledger, chosen: Chosen, to: Path) -> bool:
    """Write weights, vocabulary, settings and a README into a new folder, all or nothing.

    Args:
        ledger: the results folder.
        chosen: a trial that completed.
        to: a folder that is not there, or is empty.

    Returns:
        Whether the weights are those of modules of ``torch.nn``; else they have the names of the task's own module.

    Raises:
        UserError: the weights were not kept or are damaged, or something is there already or cannot be written.
    """
    weights = ledger.trial(chosen.trial.id).weights
    record = weights.describe()
    if to.exists() and not (to.is_dir() and not any(to.iterdir())):
        rule = "weights are exported to a new folder: nothing is overwritten"
        raise UserError(rule, where=str(to), received="something is there", advice="name another folder with --to")
    plain = _in_torch(ledger, chosen)
    files = {
        WEIGHTS: weights.content(record) if plain is None else _packed(plain),
        VOCABULARY: _json(weights.rebuilt_from()),
        SETTINGS: _json(_described(chosen, record)),
        README: _readme(chosen, record, plain).encode(),
    }
    _write(to, files)
    return plain is not None


def _in_torch(ledger: Ledger, chosen: Chosen) -> PlainTorch | None:
    if type(load_task(chosen.trial.task)).in_torch is Task.in_torch:
        return None
    trained = load_trained(ledger, chosen)
    return trained.task.in_torch(trained.settings, trained.dataset, trained.module)


def _packed(plain: PlainTorch) -> bytes:
    from safetensors.torch import save

    tensors = {name: part.detach().contiguous().clone() for name, part in plain.state.items()}
    return save(tensors, metadata={"format": "pt"})


def _described(chosen: Chosen, record: WeightsRecord) -> dict[str, Any]:
    trial, outcome = chosen.trial, chosen.outcome
    return {
        **trial.model_dump(mode="json", include={"study", "arm", "seed", "task", "task_version", "fingerprint"}),
        "trial": trial.id,
        **record.model_dump(mode="json", include={"settings", "which", "selected"}),
        **outcome.model_dump(mode="json", include={"metrics", "environment"}),
    }


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _readme(chosen: Chosen, record: WeightsRecord, plain: PlainTorch | None) -> str:
    trial = chosen.trial
    which = {"last": "that were tested", "best": "of its best validation"}[record.which]
    lines = [
        f"# {trial.study}: {trial.arm}, seed {trial.seed}",
        "",
        f"The weights {which} of trial `{trial.id}` of task `{trial.task}`, version {record.task_version}.",
        "",
        "| file | what |",
        "|---|---|",
        f"| `{WEIGHTS}` | the weights |",
        f"| `{VOCABULARY}` | what the numbers of words and labels stand for: each is its place in the list |",
        f"| `{SETTINGS}` | the settings that it was trained with, and the metrics that it reached |",
        "",
    ]
    if plain is not None:
        lines += ["With PyTorch and safetensors alone, in this folder:", "", "```python", plain.example.rstrip(), "```"]
    else:
        lines += [
            f"PyTorch has no module of its own that computes the same: `{WEIGHTS}` has the weights by the names of the "
            "task's own module. Unroll builds it, beside the results folder:",
            "",
            "```python",
            "import unroll",
            "",
            f'trained = unroll.trained("results/{trial.study}", trial="{trial.id}")',
            "trained.module  # a torch.nn.Module with these weights",
            "```",
        ]
        if record.tied:
            tied = ", ".join(f"`{name}` is `{stored}`" for name, stored in record.tied.items())
            lines += ["", f"Tied weights are there once: {tied}."]
    return "\n".join([*lines, ""])


def _write(to: Path, files: Mapping[str, bytes]) -> None:
    """Whole, beside its place first: a folder that is there is replaced only where it is empty."""
    place = to.absolute()  # "." has no name of its own
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        try:
            beside.mkdir(parents=True)
            for name, content in files.items():
                (beside / name).write_bytes(content)
            os.rename(beside, to)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise UserError(
            "the folder for exported weights must be writable, new, and have space",
            where=str(to),
            received=error.strerror or str(error),
            advice="name another folder with --to",
        ) from None
