"""Records whose checksum is right and whose content is impossible: one line with the file's name, no error of ours."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from unroll.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")

DEEP: Any = 1
for _ in range(200):
    DEEP = [DEEP]
HOSTILE: dict[str, Any] = {
    "beyond 64 bits": 2**64,
    "far below zero": -(2**63),
    "an endless number": 10**400,
    "no number": "NaN",
    "infinite": "-Infinity",
    "a half surrogate": "\ud800",
    "control characters": "\x1b[2J\x00",
    "a name that nothing has": "nobody",
    "no text": "",
    "long": "x" * 2_000_000,
    "nested": DEEP,
    "null": None,
    "a truth value": True,
    "a fraction": 0.5,
    "a list": [],
    "a mapping": {"\udfff": 2**70},
    "a column": {"trial": 1.0},
}
Place = tuple[str | int, ...]


def places(body: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in a record's body, containers before what they hold."""
    if at:
        yield at
    for key, value in body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ():
        yield from places(value, (*at, key))


def changed(body: Any, at: Place, value: Any) -> Any:
    """A copy with another value at a place."""
    found = inner = copy.deepcopy(body)
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return found


def seal(path: Path, kind: str, body: Any) -> None:
    """Write a record with the checksum that it has to have."""
    content = json.dumps([1, kind, body], separators=(",", ":")).encode()
    checksum = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps({"format": 1, "kind": kind, "sha256": checksum, "body": body}), encoding="utf-8")


COMMANDS = (("status", "tiny"), ("status",), ("results", "tiny"), ("results", "tiny", "--all"), ("plan", "tiny"))
"""What reads records; ``report`` takes as long as all of them together."""

QUICK: dict[str, list[tuple[Place, str]]] = {
    "plan": [
        (("metric",), "a name that nothing has"),
        (("arms", 0, "baseline"), "a name that nothing has"),
        (("trials", 1, "arm"), "a name that nothing has"),
        (("trials", 0, "id"), "control characters"),
        (("arms", 1, "parameters"), "beyond 64 bits"),
        (("arms", 1, "levels"), "a mapping"),
        (("arms", 1, "bounds"), "a mapping"),
        (("arms", 1, "facts"), "a mapping"),
        (("arms", 1, "chance", "validation/perplexity"), "no number"),
        (("factors",), "a list"),
        (("question",), "a half surrogate"),
        (("question",), "long"),
        (("declaration", "settings", "data", "sentences"), "a mapping"),
    ],
    "trial": [(("seed",), "beyond 64 bits"), (("parameters",), "an endless number"), (("settings",), "nested")],
    "outcome": [
        (("steps",), "beyond 64 bits"),
        (("steps",), "far below zero"),
        (("seconds",), "no number"),
        (("metrics", "validation/perplexity"), "a mapping"),
        (("environment",), "a mapping"),
        (("metrics",), "a column"),
        (("message",), "a half surrogate"),
    ],
    "history": [(("steps", 0), "no number"), (("step",), "far below zero"), (("metrics", 0), "a half surrogate")],
    "run": [(("counts",), "a mapping"), (("planned",), "no number"), (("hardware", "cores"), "an endless number")],
}
"""Kind of record -> what is changed in one, and to what: one of each kind that once was an error of our own."""


def records() -> dict[str, Path]:
    """Kind -> a record of it, of the first trial where there are many."""
    found: dict[str, Path] = {}
    for path in sorted(Path("results/tiny").rglob("*.json")):
        envelope = json.loads(path.read_bytes())
        if "kind" in envelope:
            found.setdefault(envelope["kind"], path)
    return found


def trouble(unroll: Unroll, *commands: tuple[str, ...]) -> list[str]:
    """What ended otherwise than a command may."""
    ended = [(command, unroll(*command)) for command in commands]
    return [f"{command}: {said.err}" for command, said in ended if said.code not in (0, 1, 2) or "Trace" in said.err]


@pytest.mark.parametrize("kind", QUICK)
def test_impossible_content_is_damage_that_is_told(unroll: Unroll, runner: FakeRunner, kind: str) -> None:
    unroll("run", "tiny", "--no-report")
    path = records()[kind]
    original = path.read_bytes()
    body = json.loads(original)["body"]
    for place, name in QUICK[kind]:
        seal(path, kind, changed(body, place, HOSTILE[name]))
        assert not trouble(unroll, *COMMANDS), (place, name)
        ledger = Ledger.open(Path("results/tiny"))
        if kind == "plan":
            said = unroll("status", "tiny")
            assert said.code == 2, (place, name)
            assert said.err.startswith(
                f"error: {path.resolve()}: a record must be what was once written (received plan with "
            )
            assert len(said.err.splitlines()) == 1
        else:
            ledger.every_trial_frame(), ledger.history_frame(ledger.plan()), ledger.runs()
            assert [damage.path for damage in ledger.damage()] == [path], (place, name)
    path.write_bytes(original)
    assert "damaged" not in unroll("status", "tiny").out


def test_a_report_is_written_of_what_is_left(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    path = records()["outcome"]
    body = json.loads(path.read_bytes())["body"]
    seal(path, "outcome", changed(body, ("items",), 2**70))
    assert unroll("report", "tiny").code == 0
    assert path.name in Path("results/tiny/report/report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_field_of_every_record_may_hold_anything(unroll: Unroll, runner: FakeRunner) -> None:
    """200 of the some thousand pairs of a field and a value, in an order that is always the same."""
    unroll("run", "tiny", "--no-report")
    pairs = [
        (kind, place, name)
        for kind, path in records().items()
        for place in places(json.loads(path.read_bytes())["body"])
        for name in HOSTILE
    ]
    for kind, place, name in random.Random(0).sample(pairs, 200):
        path = records()[kind]
        original = path.read_bytes()
        seal(path, kind, changed(json.loads(original)["body"], place, HOSTILE[name]))
        assert not trouble(unroll, *COMMANDS, ("report", "tiny")), (kind, place, name)
        path.write_bytes(original)
