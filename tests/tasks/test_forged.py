"""Prepared data of another content never go by the fingerprint of what was prepared, whatever checksums say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from unroll.contract import Dataset
from unroll.study import discover_tasks, load_task


def prepare(name: str, cache: Path) -> Dataset:
    """Dataset of a task as its settings are, of a small size."""
    task = load_task(name)
    sections: dict[str, dict[str, object]] = {}
    for path, value in task.small(10).items():
        section, _, key = path.partition(".")
        sections.setdefault(section, {})[key] = value
    prepared: Dataset = task.prepare(task.settings.model_validate(sections), cache)
    return prepared


def forge(file: Path) -> None:
    """Another content, with right checksums."""
    later = np.load(file)
    later[: len(later) // 2] = later[len(later) // 2 :][: len(later) // 2].copy()
    later[-1] = not later[-1] if later.dtype == bool else later[-1] + 1
    file.unlink()  # never change what is mapped
    np.save(file, later)
    record = json.loads((file.parent / "facts.json").read_text())
    record["files"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    del record["checksum"]
    record["checksum"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    (file.parent / "facts.json").write_text(json.dumps(record))


@pytest.mark.parametrize("name", discover_tasks())
def test_forged_data_are_made_again(name: str, tmp_path: Path) -> None:
    true = prepare(name, tmp_path)
    files = sorted(tmp_path.rglob("*.npy"))
    if not files:
        pytest.skip("it keeps nothing: its data are drawn")
    contents = {file: file.read_bytes() for file in files}
    for file in files:
        forge(file)
        assert file.read_bytes() != contents[file]
        assert prepare(name, tmp_path).fingerprint == true.fingerprint
        assert file.read_bytes() == contents[file], f"{file.name} was believed"
