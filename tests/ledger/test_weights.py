"""Weights are read back as they were, or not at all: with ties and types, through damage, full disks and kills."""

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unroll.ledger import DamagedRecord, Fenced, Ledger, Outcome, Selected, StorageError, Weights, WeightsNotKept
from unroll.study.trial import Trial

KEPT = {"vocabulary": ["<unk>", "the", "Infinity", "\N{SNOWMAN}"], "sizes": {"labels": 3}}

MakeTrial = Callable[..., Trial]


class Tied(nn.Module):
    """Two names for one tensor, a tensor that is a view of it, integers, an empty tensor and a number."""

    def __init__(self, begin: float = 0.5) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 3)
        self.output = nn.Linear(3, 4)
        self.output.weight = self.embedding.weight
        nn.init.constant_(self.embedding.weight, begin)
        self.third = nn.Parameter(torch.full((2,), 1 / 3, dtype=torch.float16))
        self.register_buffer("first", self.embedding.weight.detach()[:1])
        self.register_buffer("across", torch.arange(6).reshape(2, 3).T)
        self.register_buffer("none", torch.empty(0))
        self.register_buffer("nothing", torch.empty(0))
        self.register_buffer("exact", torch.tensor(0.1, dtype=torch.float64))


def write(weights: Weights, trial: Trial, state: dict[str, Tensor] | None = None, **changes: Any) -> None:
    chosen: dict[str, Any] = {"trial": trial, "which": "last", "selected": None, "kept": weights.keep(KEPT), **changes}
    weights.write(Tied().state_dict() if state is None else state, **chosen)


@pytest.fixture
def trial(make_trial: MakeTrial) -> Trial:
    return make_trial()


@pytest.fixture
def weights(ledger: Ledger, trial: Trial) -> Weights:
    return ledger.trial(trial.id).weights


def test_the_state_of_a_module_comes_back_bit_for_bit(weights: Weights, trial: Trial) -> None:
    assert not weights.present
    module = Tied()
    write(weights, trial, module.state_dict(), which="best", selected=Selected(epoch=2, step=7))
    found = weights.read()
    assert weights.present
    assert found.keys() == module.state_dict().keys()
    for name, part in module.state_dict().items():
        assert (found[name].dtype, found[name].shape) == (part.dtype, part.shape)
        assert torch.equal(found[name], part)
    other = Tied(begin=0.25)
    other.load_state_dict(found)
    assert torch.equal(other.output.weight, module.embedding.weight)
    record = weights.describe()
    assert record.tied == {"output.weight": "embedding.weight"}, "what is tied is stored once; empty tensors are not"
    assert (record.trial, record.task, record.task_version) == (trial.id, trial.task, trial.task_version)
    assert (record.settings, record.which) == (trial.settings, "best")
    assert record.selected == Selected(epoch=2, step=7)
    assert weights.rebuilt_from() == KEPT


def test_others_read_the_file_with_safetensors_alone(weights: Weights, trial: Trial, ledger: Ledger) -> None:
    from safetensors.torch import load_file

    write(weights, trial)
    assert "embedding.weight" in load_file(ledger.trial(trial.id).folder / "weights.safetensors")


def test_what_many_trials_share_lies_there_once(ledger: Ledger, make_trial: MakeTrial) -> None:
    for number in range(3):
        trial = make_trial(number)
        write(ledger.trial(trial.id).weights, trial)
    (file,) = (ledger.root / "kept").iterdir()
    file.write_bytes(b"half")
    with pytest.raises(DamagedRecord, match=rf"{file.name}"):
        ledger.trial("trial0001").weights.rebuilt_from()
    write(ledger.trial("trial0002").weights, make_trial(2))
    assert ledger.trial("trial0001").weights.rebuilt_from() == KEPT, "whoever needs it next writes it anew"
    file.rename(file.with_name(f"{'0' * 32}.json"))
    with pytest.raises(DamagedRecord, match="no file"):
        ledger.trial("trial0001").weights.rebuilt_from()


def test_what_no_record_can_hold_is_refused_before_anything_is_trained(weights: Weights) -> None:
    with pytest.raises(TypeError):
        weights.keep({"words": {"a", "set"}})
    with pytest.raises(DamagedRecord, match="a text of"):
        weights.keep({"merges": "x" * 2**21})


def test_every_damage_is_found(
    weights: Weights, trial: Trial, ledger: Ledger, damages: Callable[..., Iterator[bytes]]
) -> None:
    write(weights, trial)
    folder = ledger.trial(trial.id).folder
    for name in ("weights.safetensors", "weights.json"):
        file = folder / name
        whole = file.read_bytes()
        for damaged in damages(whole, limit=60):
            file.write_bytes(damaged)
            with pytest.raises(DamagedRecord) as caught:
                weights.read()
            assert caught.value.path == file
            assert "the trial's metrics are whole" in caught.value.advice, "deleting them would bring nothing back"
        file.unlink()
        with pytest.raises(DamagedRecord if name == "weights.safetensors" else WeightsNotKept):
            weights.read()
        file.write_bytes(whole)
    assert weights.read()


def test_a_record_of_another_trial_is_damage(ledger: Ledger, make_trial: MakeTrial) -> None:
    for number in range(2):
        write(ledger.trial(f"trial{number:04}").weights, make_trial(number))
    folder = ledger.trial("trial0000").folder
    shutil.copy(folder / "weights.json", ledger.trial("trial0001").folder / "weights.json")
    with pytest.raises(DamagedRecord, match="a record of trial trial0000"):
        ledger.trial("trial0001").weights.read()


def test_a_stranger_s_file_with_a_right_checksum_runs_no_code(weights: Weights, trial: Trial, ledger: Ledger) -> None:
    import hashlib
    import pickle

    from unroll.ledger.records import write_record
    from unroll.ledger.weights import WeightsRecord

    write(weights, trial)
    data = pickle.dumps(print)
    record = weights.describe().model_copy(update={"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    (ledger.trial(trial.id).folder / "weights.safetensors").write_bytes(data)
    write_record(ledger.trial(trial.id).folder / "weights.json", "weights", WeightsRecord.model_validate(record))
    with pytest.raises(DamagedRecord, match="SafetensorError"):
        weights.read()


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_every_failure_of_the_disk_leaves_whole_weights_or_none(
    weights: Weights, trial: Trial, failing_disk: Any, code: int, lasting: bool
) -> None:
    old, new = Tied(begin=1.0).state_dict(), Tied(begin=2.0).state_dict()
    failures = 0
    for error in failing_disk.fail_everywhere(
        lambda: write(weights, trial, new), prepare=lambda: write(weights, trial, old), code=code, lasting=lasting
    ):
        begins = weights.read()["embedding.weight"][0, 0].item() if weights.present else None
        assert begins in ((None, 1.0, 2.0) if error else (2.0,))
        failures += isinstance(error, StorageError)
    assert failures >= 8


def test_without_their_record_weights_count_as_nothing(weights: Weights, trial: Trial, ledger: Ledger) -> None:
    write(weights, trial)
    (ledger.trial(trial.id).folder / "weights.json").unlink()
    with pytest.raises(WeightsNotKept, match=r"trial0000: the weights of a trial must have been kept"):
        weights.read()
    write(weights, trial)
    assert weights.read()


def test_what_is_final_is_not_changed_but_may_be_removed(
    ledger: Ledger, weights: Weights, trial: Trial, make_outcome: Callable[..., Outcome]
) -> None:
    write(weights, trial)
    ledger.record(make_outcome())
    with pytest.raises(Fenced):
        write(weights, trial)
    assert weights.read()
    weights.remove()
    assert not weights.present
    weights.remove()
    assert ledger.trial(trial.id).result()


def test_a_record_says_no_path(weights: Weights, trial: Trial, ledger: Ledger, tmp_path: Path) -> None:
    write(weights, trial)
    text = (ledger.trial(trial.id).folder / "weights.json").read_text()
    assert json.loads(text)["format"] == 1
    assert str(tmp_path) not in text
