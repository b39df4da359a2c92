"""No id of a trial, no fingerprint of data and no number of a short run changes by accident.

The record was written before the house was put in order; ``tests/study/unchanged.py`` says how.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.study.unchanged import CORPORA, NEEDS_FILES, RECORD, measure_fingerprint, measure_ids, measure_numbers

RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))

LAST_BITS = 1e-5
"""Relative difference that another processor's sums may make in a few steps of training."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of prepared data."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", sorted(set(RECORDED["ids"]) - set(NEEDS_FILES)))
def test_ids_of_a_study_are_as_recorded(name: str, cache: Path) -> None:
    assert measure_ids(name, cache, None) == RECORDED["ids"][name]


@pytest.mark.corpora
@pytest.mark.parametrize("name", NEEDS_FILES)
def test_ids_of_a_study_on_real_data_are_as_recorded(name: str, corpora: Path, cache: Path) -> None:
    assert measure_ids(name, cache, corpora) == RECORDED["ids"][name]


@pytest.mark.corpora
@pytest.mark.parametrize("name", CORPORA)
def test_fingerprints_of_real_data_are_as_recorded(name: str, corpora: Path, cache: Path) -> None:
    assert measure_fingerprint(name, cache, corpora) == RECORDED["fingerprints"][name]


@pytest.mark.parametrize(
    "run", RECORDED["numbers"], ids=lambda run: "-".join([run["task"], *map(str, run["settings"].values())])
)
def test_numbers_of_a_short_run_are_as_recorded(run: Any, cache: Path) -> None:
    logged = dict(measure_numbers(run["task"], run["settings"], cache))
    assert logged == pytest.approx(dict(run["logged"]), rel=LAST_BITS, abs=LAST_BITS, nan_ok=True)
