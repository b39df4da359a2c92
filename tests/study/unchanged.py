"""Measures what must stay as it is: ids of trials, fingerprints of data, numbers of short runs.

``python -m tests.study.unchanged`` writes ``unchanged.json`` anew. That is right only where behaviour is meant to
change, and then the version of the task is raised with it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tests.tasks.run import Run
from tests.tasks.variants import variants
from unroll.contract import Settings
from unroll.study import discover_studies, load_study, load_task, make_plan
from unroll.study._settings import put, validated

RECORD = Path(__file__).with_suffix(".json")

NEEDS_FILES = {"cells": "ptb", "zaremba_small": "ptb"}
"""Studies without data of their own, each with the folder of real data that it reads."""

CORPORA: dict[str, tuple[str, dict[str, Any]]] = {
    "ptb": ("language_modeling", {"data.corpus": "text"}),
    "tinyshakespeare/input.txt": ("language_modeling", {"data.corpus": "text", "data.level": "character"}),
    "sst2": ("classification", {"data.corpus": "label_text"}),
    "trec": ("classification", {"data.corpus": "label_text", "data.encoding": "latin-1"}),
    "ud_en_ewt": ("tagging", {"data.corpus": "conllu"}),
    "wnut17": ("tagging", {"data.corpus": "columns"}),
    "ud_en_ewt/en_ewt-ud-dev.conllu.gz": ("agreement", {"data.corpus": "conllu"}),
}
"""Files of real data, each with a task that reads them and the settings to do so."""


def measure_ids(name: str, cache: Path, data: Path | None) -> str:
    """Digest of the ids of all trials of a study, in order: seed by seed, so that an arm that draws nothing has all."""
    path = [f"data.path={data / NEEDS_FILES[name]}"] if data and name in NEEDS_FILES else []
    study = load_study(name, path)
    plan = make_plan(study, cache=cache)
    trials = plan.trials
    if len(trials) < len(plan.arms) * len(study.seeds):
        alone = [make_plan(load_study(name, [*path, f"seeds=[{seed}]"]), cache=cache) for seed in study.seeds]
        trials = [trial for each in alone for trial in each.trials]
    return hashlib.sha256("\n".join(trial.id for trial in trials).encode()).hexdigest()[:16]


def measure_fingerprint(name: str, cache: Path, data: Path) -> str:
    """Fingerprint of a real corpus as a task reads it."""
    task, chosen = CORPORA[name]
    found = load_task(task)
    return str(found.prepare(_settings(found.settings, {**chosen, "data.path": str(data / name)}), cache).fingerprint)


def measure_numbers(task: str, chosen: Mapping[str, Any], cache: Path) -> list[tuple[str, float]]:
    """What one short run logs at its last step and in its test."""
    found = load_task(task)
    settings = _settings(found.settings, chosen)
    run = Run(found, settings, found.prepare(settings, cache))
    last = max((step for step, *_ in run.rows), default=0)
    logged = [(name, float(value)) for step, name, value in run.rows if step == last and "second" not in name]
    return sorted({*logged, *((name, float(value)) for name, value in run.tested.items())})


def _settings(model: type[Settings], chosen: Mapping[str, Any]) -> Settings:
    nested: dict[str, Any] = {}
    for path, value in chosen.items():
        put(nested, path, value)
    return validated(model, nested)


def _flat(settings: Settings) -> dict[str, Any]:
    sections = settings.model_dump(mode="json", exclude_defaults=True)
    return {f"{section}.{name}": value for section, fields in sections.items() for name, value in fields.items()}


def main(data: Path) -> None:
    """Write the record."""
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        runs = [(variant.name, _flat(variant.settings(10, batch=4, dropout=0.2))) for variant in variants()]
        record = {
            "ids": {name: measure_ids(name, cache, data) for name in discover_studies()},
            "fingerprints": {name: measure_fingerprint(name, cache, data) for name in CORPORA},
            "numbers": [
                {"task": task, "settings": chosen, "logged": measure_numbers(task, chosen, cache)}
                for task, chosen in runs
            ],
        }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[3] / "shared" / "data")
