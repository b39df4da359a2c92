"""A trial is named by its content: nothing else changes the name, and every real change does."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings, strategies
from pydantic import Field, ValidationError

from unroll.contract import LOCATION, Renamed, Settings
from unroll.study.identity import changed_settings, former_values, trial_id
from unroll.study.trial import Phase


class Data(Settings):
    corpus: str
    path: Path | None = Field(default=None, json_schema_extra={LOCATION: True})


class Network(Settings):
    hidden: int = 16
    rate: float = 1  # a default that is not spelled like the values of its type
    sizes: tuple[int, ...] = (1, 2)
    weights: dict[str, float] = Field(default={})
    bias: float | None = Field(default=None, allow_inf_nan=True)


class Everything(Settings):
    data: Data
    network: Network = Network(hidden=32)


BASE: dict[str, Any] = {"data": {"corpus": "toy"}}


def name(
    written: dict[str, Any] | None = None,
    *,
    task: str = "tiny",
    task_version: int = 1,
    seed: int = 0,
    phase: Phase = "confirm",
    fingerprint: str = "f",
) -> str:
    return trial_id(
        task=task,
        task_version=task_version,
        settings=Everything.model_validate(BASE | (written or {})),
        seed=seed,
        phase=phase,
        fingerprint=fingerprint,
    )


def test_the_format_is_frozen() -> None:
    """Recorded when the format was made. Another value here means that every ledger ever written is orphaned."""
    written = {"data": {"corpus": "toy"}, "network": {"hidden": 8, "rate": 0.5, "sizes": [3], "bias": float("inf")}}
    content = (
        '{"fingerprint":"f","phase":"confirm","seed":7,"settings":{"data.corpus":"toy","network.bias":Infinity,'
        '"network.hidden":8,"network.rate":0.5,"network.sizes":[3]},"task":"tiny","task_version":1}'
    )
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == "d6cecf9b51d8059c"
    assert name(written, seed=7) == "d6cecf9b51d8059c"


def test_only_changed_settings_enter() -> None:
    written = {"data": {"corpus": "toy", "path": "/x"}, "network": {"hidden": 16, "rate": 1}}
    assert changed_settings(Everything.model_validate(written)) == {"data.corpus": "toy", "network.hidden": 16}


def test_a_default_written_out_is_a_default_left_out() -> None:
    explicit = {"network": {"hidden": 32, "rate": 1.0, "sizes": [1, 2], "weights": {}, "bias": None}}
    assert name(explicit) == name({"network": {"hidden": 32}}) == name()


def test_a_whole_number_is_the_same_as_a_fraction_where_the_setting_is_a_fraction() -> None:
    assert name({"network": {"rate": 2}}) == name({"network": {"rate": 2.0}})


def test_the_order_of_keys_does_not_matter() -> None:
    forward = {"network": {"hidden": 1, "weights": {"a": 1.0, "b": 2.0}}}
    backward = {"network": {"weights": {"b": 2.0, "a": 1.0}, "hidden": 1}}
    assert name(forward) == name(backward)


def test_data_may_be_moved() -> None:
    assert name({"data": {"corpus": "toy", "path": "/here"}}) == name({"data": {"corpus": "toy", "path": "/there"}})


@pytest.mark.parametrize(
    "other",
    [
        name({"data": {"corpus": "other"}}),
        name({"network": {"hidden": 31}}),
        name({"network": {"hidden": 32, "rate": 1.0000001}}),
        name({"network": {"hidden": 32, "sizes": [2, 1]}}),
        name({"network": {"hidden": 32, "weights": {"a": 0.0}}}),
        name({"network": {"hidden": 32, "bias": 0.0}}),
        name({"network": {"hidden": 32, "bias": float("inf")}}),
        name(task="other"),
        name(task_version=2),
        name(seed=1),
        name(phase="tune"),
        name(fingerprint="g"),
    ],
)
def test_every_real_change_changes_the_name(other: str) -> None:
    assert other != name()


class Spelled(Settings):
    loop: Annotated[Literal["auto", "compiled"], Renamed({"compiled": "common"})] = "auto"


def test_a_renamed_value_is_read_under_both_names_and_hashed_under_the_former() -> None:
    former, now = (Spelled.model_validate_json(f'{{"loop": "{loop}"}}', strict=True) for loop in ("common", "compiled"))
    assert former == now == Spelled(loop="compiled")
    assert now.model_dump() == {"loop": "compiled"}
    assert changed_settings(now) == former_values(now) == {"loop": "common"}
    assert former_values(Spelled()) == {}
    with pytest.raises(ValidationError, match="Input should be 'auto' or 'compiled'"):
        Spelled.model_validate({"loop": 1})


@settings(deadline=None, max_examples=50)
@given(strategies.tuples(*[strategies.tuples(strategies.integers(1, 4), strategies.sampled_from([0.5, 1.0, 2.0]))] * 2))
def test_two_trials_share_a_name_exactly_when_their_values_are_equal(
    pair: tuple[tuple[int, float], tuple[int, float]],
) -> None:
    first, second = ({"network": {"hidden": hidden, "rate": rate}} for hidden, rate in pair)
    assert (name(first) == name(second)) == (pair[0] == pair[1])


def test_a_new_setting_does_not_rename_the_trials_that_leave_it_alone() -> None:
    class Grown(Network):
        dropout: float = 0.0

    class Later(Settings):
        data: Data
        network: Grown = Grown(hidden=32)

    phase: Literal["confirm"] = "confirm"
    grown = trial_id(
        task="tiny",
        task_version=1,
        settings=Later.model_validate(BASE),
        seed=0,
        phase=phase,
        fingerprint="f",
    )
    assert grown == name()


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_other_processes_give_the_same_name(root: Path, hash_seed: str) -> None:
    code = "import test_identity; print(test_identity.name({'network': {'hidden': 8, 'weights': {'b': 1, 'a': 2}}}))"
    paths = os.pathsep.join([str(root / "platform"), str(root / "tests" / "study")])
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == name({"network": {"hidden": 8, "weights": {"a": 2, "b": 1}}})
