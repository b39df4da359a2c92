"""Looks that are declared in advance: which seeds a run adds by itself, and that it comes to the same after a stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from unroll.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.cli.conftest import FakeRunner, Said
    from unroll.ledger import Status
    from unroll.study import Job

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")

FOLDER = "results/tiny"
LOOKS = ("seeds={start: 6, up_to: 10, step: 2}", "network.cell=elman,lstm,gru")
CLEAR = {"elman": 20.0, "lstm": 10.0, "gru": 20.0}
"""Perplexity of each arm: lstm is better on every seed, gru as often worse as better."""


def measure(runner: FakeRunner, levels: Mapping[str, float]) -> None:
    """Let trials end with the value of their arm, and what their seed and arm alone add."""

    def end(job: Job) -> Status:
        arm, seed = job.trial.arm, job.trial.seed
        turn = (-1) ** seed if arm == "gru" else 0
        value = levels[arm] + turn + 0.01 * seed
        runner.metrics = {"validation/perplexity": value, "test/perplexity": value, "train/perplexity": value}
        return "completed"

    runner.status = end


def stop_in_look(runner: FakeRunner, look: int, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop after so many trials of a look; each look is a call of the runner."""
    run, calls = runner.run, [0]

    def counted(*args: Any, **options: Any) -> None:
        calls[0] += 1
        runner.stop_after = after if calls[0] == look else None
        run(*args, **options)

    monkeypatch.setattr(runner, "run", counted)


def ran(runner: FakeRunner) -> dict[str, list[int]]:
    """Arm -> its seeds, in the order in which they were run."""
    found: dict[str, list[int]] = {}
    for job in runner.ran:
        found.setdefault(job.trial.arm, []).append(job.trial.seed)
    return found


def test_seeds_are_added_to_what_is_undecided_and_to_its_baseline(unroll: Unroll, runner: FakeRunner) -> None:
    measure(runner, CLEAR)
    said = unroll("run", "tiny", *LOOKS)
    assert said.code == 0
    assert ran(runner) == {"elman": [*range(10)], "lstm": [*range(6)], "gru": [*range(10)]}
    assert "looks: nothing is decided before the first; look 1 of 3 is at 6 seeds" in said.out
    assert "looks: 1 of 2 comparisons decided; look 3 of 3 is at 10 seeds" in said.out
    page = Path(FOLDER, "report", "report.md").read_text(encoding="utf-8")
    assert (
        "Looks at 6, 8 and 10 seeds were declared before the first result: decided were lstm at look 1 (6 seeds). 26 "
        "trials were planned so far, of 30 with 10 seeds for every arm."
    ) in page
    assert "decided after looking" not in page.lower().split("## ")[0]
    runner.ran.clear()
    assert unroll("run", "tiny", *LOOKS).code == 0
    assert not runner.ran
    (record,) = Ledger(Path(FOLDER)).analyses()
    assert record.declared.seeds == [*range(10)]
    assert record.declared.looks is not None


@pytest.mark.parametrize(("look", "after"), [(1, 4), (2, 1), (3, 2)])
def test_a_run_that_is_stopped_goes_on_to_the_same_seeds(
    unroll: Unroll, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch, look: int, after: int
) -> None:
    measure(runner, CLEAR)
    stop_in_look(runner, look, after, monkeypatch)
    assert unroll("run", "tiny", *LOOKS, "--no-report").code == 130
    assert unroll("run", "tiny", *LOOKS, "--no-report").code == 0
    assert ran(runner) == {"elman": [*range(10)], "lstm": [*range(6)], "gru": [*range(10)]}


def test_a_plan_tells_the_looks_and_their_price(
    unroll: Unroll, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = unroll("plan", "tiny", *LOOKS)
    assert "looks at 6, 8, 10 seeds, up to which a wrong verdict has a chance of 0.031, 0.039, 0.05" in said.out
    assert "18 trials at least, 30 at most" in said.out
    measure(runner, CLEAR)
    stop_in_look(runner, 2, 1, monkeypatch)
    unroll("run", "tiny", *LOOKS, "--no-report")
    looks = json.loads(unroll("plan", "tiny", *LOOKS, "--format", "json").out)["looks"]
    assert (looks["made"], looks["decided"], looks["of"]) == (1, 1, 2)
    assert (looks["trials_at_least"], looks["trials_at_most"]) == (22, 26)


def test_a_plan_warns_of_a_look_that_can_decide_nothing(unroll: Unroll) -> None:
    said = unroll("plan", "tiny", "seeds={start: 8, up_to: 24, step: 8, spending: obrien_fleming}")
    assert (
        "The look at 8 seeds can decide nothing: what obrien_fleming may spend there is below the smallest p within "
        "reach, 0.00781; seeds.start: 10 is the least that a first look of 24 can decide with."
    ) in " ".join(said.out.split())
    assert "can decide nothing" not in unroll("plan", "tiny", "seeds={start: 8, up_to: 24}").out
    assert "can decide nothing" not in unroll("plan", "tiny", "seeds={start: 2, up_to: 4}").out


def test_claims_ask_for_the_seeds_of_their_arms(unroll: Unroll, runner: FakeRunner) -> None:
    measure(runner, CLEAR)
    said = unroll("run", "tiny", *LOOKS, "claims=[lstm better than elman, gru better than lstm]", "--no-report")
    assert ran(runner) == {"elman": [*range(6)], "lstm": [*range(6)], "gru": [*range(6)]}
    assert said.code == 0


def test_looks_that_change_after_results_are_told(unroll: Unroll, runner: FakeRunner) -> None:
    measure(runner, CLEAR)
    unroll("run", "tiny", "seeds=6", LOOKS[1], "--no-report")
    said = unroll("plan", "tiny", *LOOKS)
    assert "Seeds 6–9 were added; The looks that were declared were changed from none to 6, 8, 10 seeds" in said.out
