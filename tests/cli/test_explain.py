"""``unroll explain`` on the screen and as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project", "runner")


def test_a_comparison_is_told_trial_by_trial(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    said = unroll("explain", "tiny", "lstm better than elman")
    assert said.out.startswith("lstm against elman on validation/perplexity (lower is better), paired by seed\n")
    assert "planned pairs" in said.out
    told = json.loads(unroll("explain", "tiny", "lstm", "elman", "-f", "json", "--metric", "test/perplexity").out)
    assert (told["metric"], told["decides"], told["test"]["planned pairs"]) == ("test/perplexity", False, 2)
    rows = list(csv.DictReader(io.StringIO(unroll("explain", "tiny", "lstm", "-f", "csv").out)))
    assert [row["seed"] for row in rows] == ["0", "1"]
    assert all(row["trial"] in said.out and row["baseline_trial"] in said.out for row in rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("lstn better than elman",), "did you mean 'lstm'?"),
        (("lstm", "elman", "gru"), "a comparison must be one statement, or one or two arms (received 3 words)"),
    ],
)
def test_mistakes_are_one_line(unroll: Unroll, words: tuple[str, ...], message: str) -> None:
    unroll("run", "tiny", "--no-report")
    said = unroll("explain", "tiny", *words)
    assert said.code == 2
    assert message in said.err
