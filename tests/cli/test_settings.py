"""``unroll settings``: what can be set for a task."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]


@pytest.mark.usefixtures("project")
def test_every_setting_is_a_row(unroll: Unroll) -> None:
    rows = json.loads(unroll("settings", "language_modeling", "--format", "json").out)
    known = {row["setting"]: row for row in rows}
    assert known["training.learning_rate"]["values"].startswith("number, above 0")
    assert known["network.kind"]["default"] == "recurrent"
    assert set(rows[0]) == {"setting", "default", "values", "meaning"}
    table = unroll("settings", "language_modeling").out
    assert "network.forget_bias" in table


@pytest.mark.usefixtures("project")
def test_an_unknown_task_is_one_line(unroll: Unroll) -> None:
    said = unroll("settings", "language_modelling")
    assert said.code == 2
    assert said.err.startswith("error: task: there is no such task (received 'language_modelling')")
    assert len(said.err.splitlines()) == 1
