"""What can be set for a task is told whole, for every task that is found."""

import json

import pytest

from tasks.learning.schedules import SCHEDULES
from tasks.long_range.problems import PROBLEMS
from tasks.tagging.decoders import DECODERS
from unroll.contract import UserError
from unroll.study import discover_tasks, load_task
from unroll.study._settings import setting_fields
from unroll.study.settings_notes import settings_notes


@pytest.mark.parametrize("task", discover_tasks())
def test_every_setting_of_every_task_is_told(task: str) -> None:
    notes = {note.setting: note for note in settings_notes(task)}
    fields = setting_fields(load_task(task).settings)
    assert list(notes) == list(fields)
    for path, field in fields.items():
        default = field.get_default(call_default_factory=True)
        told = notes[path].default
        assert told == ("none" if default is None else default if isinstance(default, str) else json.dumps(default))
        assert notes[path].values
        assert notes[path].meaning, f"{path} has no description"


@pytest.mark.parametrize(
    ("task", "setting", "values"),
    [
        ("tagging", "network.decoder", ", ".join(DECODERS.names())),
        ("long_range", "data.problem", ", ".join(PROBLEMS.names())),
        ("language_modeling", "training.schedule", f"{', '.join(SCHEDULES.names())}, none"),
        ("language_modeling", "network.dropout", "number, at least 0, below 1"),
        ("language_modeling", "network.tie_weights", "true, false"),
        ("language_modeling", "network.embedding", "integer, at least 1, at most 65,536 or none"),
        ("classification", "data.vocabulary_size", "integer, at least 1 or none"),
    ],
)
def test_what_a_setting_may_be_is_in_words(task: str, setting: str, values: str) -> None:
    (note,) = [note for note in settings_notes(task) if note.setting == setting]
    assert note.values == values


def test_an_unknown_task_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"there is no such task .*; did you mean 'tagging'\?"):
        settings_notes("taging")
