"""Settings of remedies: found by name, refused where they mean nothing, and what follows for warm starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import tasks.remedies.kinds
from tasks.remedies.kinds import REMEDIES
from tasks.remedies.settings import PLAIN, RemedySettings


def settings(**values: Any) -> RemedySettings:
    return RemedySettings.model_validate({"epochs": 10, **values})


@pytest.mark.parametrize("name", REMEDIES.names())
def test_every_remedy_is_built_from_settings_of_its_options(name: str) -> None:
    options = REMEDIES.options(name)
    assert options.keys() <= RemedySettings.model_fields.keys()
    given = {option: each.default for option, each in options.items() if each.default is not None}
    chosen = settings(remedy=name, **given)
    assert chosen.remedy_options == given
    build: Any = REMEDIES.find(name)
    remedy = build(features=4, **chosen.remedy_options)
    assert (chosen.own_rate is None) == (not [*remedy.parameters()])
    assert set(chosen.unused()) == set(given)


def test_names_are_those_of_files(root: Path) -> None:
    folder = Path(tasks.remedies.kinds.__path__[0])
    assert set(REMEDIES.names()) == {file.stem for file in folder.glob("[a-z]*.py")}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"remedy": "scheduled_sampleing"}, "did you mean 'scheduled_sampling'?"),
        ({"mixture": 3}, "remedy teacher_forcing has no use for mixture: leave it out, or choose end_to_end"),
        ({"remedy": "reinforce", "annealing": "linear"}, "remedy reinforce has no use for annealing"),
        ({"warm_epochs": 2}, "remedy teacher_forcing has no use for warm_epochs"),
        ({"remedy": "mixer", "warm_epochs": 10}, "fewer than 10, received 10"),
        ({"remedy": "mixer", "warm_epochs": 0, "remedy_learning_rate": 1e-4}, "behind a warm start"),
        ({"remedy": "end_to_end", "own_learning_rate": 1e-4}, "has no weights of its own"),
        ({"remedy": "mixer", "accumulate": 2}, "accumulate must be 1, received 2"),
        (
            {"remedy": "scheduled_sampling", "annealing": "constant", "annealing_rate": 0.5},
            "annealing constant has no use for annealing_rate",
        ),
    ],
)
def test_what_means_nothing_is_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**values)
    assert told in str(caught.value)


def test_a_remedy_that_is_meant_to_begin_warm_does() -> None:
    assert settings(remedy="reinforce").first_epochs == 5
    assert settings(remedy="reinforce", warm_epochs=0).first_epochs == 0
    assert settings(remedy="scheduled_sampling").first_epochs == 0
    assert settings(remedy="scheduled_sampling", warm_epochs=3).first_epochs == 3
    assert settings().first_epochs == 0


def test_behind_a_warm_start_policy_gradients_learn_slowly() -> None:
    rate = {"learning_rate": 2e-3}
    assert settings(**rate, remedy="reinforce").first_rate == pytest.approx(1e-4)
    assert settings(**rate, remedy="reinforce", warm_epochs=0).first_rate == 2e-3
    assert settings(**rate, remedy="reinforce", remedy_learning_rate=5e-5).first_rate == 5e-5
    assert settings(**rate, remedy="scheduled_sampling", warm_epochs=3).first_rate == 2e-3


def test_the_control_has_nothing_of_the_remedy() -> None:
    chosen = settings(remedy="mixer", warm_epochs=3, prefix_by=3, own_learning_rate=1e-3, remedy_learning_rate=1e-4)
    plain = RemedySettings.model_validate({**dict(chosen), **chosen.plain()})
    assert plain == settings()
    assert plain.remedy == PLAIN


def test_what_a_remedy_does_anyhow_is_known() -> None:
    assert set(settings(remedy="mixer", warm_epochs=5, own_learning_rate=1e-2).unused()) == {
        "warm_epochs",
        "own_learning_rate",
    }
