"""A checkpoint is gone on from by the source files that captured it, and by no others."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch

from unroll.execution.trial.checkpoint_io import Found, LedgerCheckpointIO
from unroll.ledger import CheckpointStore

OURS, THEIRS = "0123456789abcdef", "fedcba9876543210"
STATE = {"global_step": 7, "weights": torch.arange(3)}


def checkpoint_io(folder: Path, sources: str) -> LedgerCheckpointIO:
    return LedgerCheckpointIO(CheckpointStore(folder), sources=sources, fence=lambda: None)


def captured_by(folder: Path, sources: str) -> None:
    made = checkpoint_io(folder, sources)
    made.save_checkpoint(STATE, "")
    made.commit(place=42)


def same(state: dict[str, Any]) -> bool:
    return state["global_step"] == 7 and torch.equal(state["weights"], torch.arange(3))


@pytest.mark.parametrize(("then", "now"), [(OURS, OURS), ("", OURS), (OURS, "")])
def test_the_same_sources_or_unknown_ones_go_on(tmp_path: Path, then: str, now: str) -> None:
    captured_by(tmp_path, then)
    reader = checkpoint_io(tmp_path, now)
    assert reader.find() == Found(7, 42)
    assert same(reader.load_checkpoint(""))


def test_other_sources_begin_anew_and_leave_it_until_they_have_their_own(tmp_path: Path) -> None:
    captured_by(tmp_path, THEIRS)
    reader = checkpoint_io(tmp_path, OURS)
    assert reader.find() is None
    with pytest.raises(FileNotFoundError):
        reader.load_checkpoint("")
    assert checkpoint_io(tmp_path, THEIRS).find() == Found(7, 42)


def test_a_checkpoint_of_an_older_version_goes_on(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(STATE, buffer)
    CheckpointStore(tmp_path).save(buffer.getvalue(), step=7)
    reader = checkpoint_io(tmp_path, OURS)
    assert reader.find() == Found(7, None)
    assert same(reader.load_checkpoint(""))
