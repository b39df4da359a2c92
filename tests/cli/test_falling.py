"""A choice on the command line takes along what the study's file has set for another one, and says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]


@pytest.fixture
def text(project: Path) -> str:
    """An override for a little corpus of one's own."""
    (project / "mine").mkdir()
    for split in ("train", "valid", "test"):
        (project / "mine" / f"{split}.txt").write_text("a b a b c\nb a b a c\n" * 30, encoding="utf-8")
    return "data.path=mine"


def edit(project: Path, old: str, new: str) -> None:
    """Change the study's file."""
    file = project / "studies" / "tiny" / "study.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_settings_of_the_toy_language_fall_away_with_it(
    unroll: Unroll, runner: FakeRunner, project: Path, text: str
) -> None:
    edit(project, "sentences: 60}", "sentences: 60, seed: 3, minimum_count: 1}")
    told = "data.seed and data.sentences mean nothing with data.corpus=text and fall away"
    said = unroll("plan", "tiny", "data.corpus=text", text)
    assert (said.code, said.err) == (0, "")
    assert told in said.out.splitlines()
    assert json.loads(unroll("plan", "tiny", "data.corpus=text", text, "-f", "json").out)["fallen"] == [told]
    assert told in unroll("run", "tiny", "data.corpus=text", text).out.splitlines()
    plan = Ledger.open(Path("results/tiny")).plan()
    assert plan.fallen == (told,)
    assert plan.declaration["settings"]["data"] == {"corpus": "text", "minimum_count": 1}
    page = Path("results/tiny/report/report.md").read_text(encoding="utf-8")
    assert f"Of what its file sets, {told}." in page


def test_a_path_falls_away_where_the_toy_language_is_chosen(unroll: Unroll, project: Path, text: str) -> None:
    edit(project, "{corpus: toy_language, sentences: 60}", "{corpus: text, path: ../../mine}")
    assert unroll("plan", "tiny").code == 0
    said = unroll("plan", "tiny", "data.corpus=toy_language", "data.sentences=50")
    assert said.code == 0, said.err
    assert "data.path means nothing with data.corpus=toy_language and falls away" in said.out


@pytest.mark.parametrize(
    ("network", "override", "told"),
    [
        ("depth: 2, hidden: 6", "network.kind=window", "network.depth means nothing with network.kind=window"),
        ("kind: ngram, order: 3", "network.kind=recurrent", "network.order means nothing with network.kind=recurrent"),
        ("cell: elman, activation: relu", "network.cell=gru", "network.activation means nothing with network.cell=gru"),
    ],
)
def test_so_it_is_with_kinds_and_cells(unroll: Unroll, project: Path, network: str, override: str, told: str) -> None:
    edit(project, "{embedding: 4, hidden: 6}", f"{{{network}}}")
    edit(project, "network.cell: [elman, lstm]", "training.batch_size: [2, 4]")
    edit(project, "batch_size: 4", "learning_rate: 0.01")
    said = unroll("plan", "tiny", override)
    assert said.code == 0, said.err
    assert f"{told} and falls away" in said.out


def test_what_was_typed_stays(unroll: Unroll, project: Path, text: str) -> None:
    said = unroll("plan", "tiny", "data.corpus=text", text, "data.sentences=70")
    assert said.code == 2
    assert "command line: data: corpus text has no use for sentences: leave it out" in said.err


def test_what_some_arm_uses_stays(unroll: Unroll, project: Path) -> None:
    edit(project, "{embedding: 4, hidden: 6}", "{depth: 2, hidden: 6}")
    edit(project, "network.cell: [elman, lstm]", "training.learning_rate: [0.1, 0.2]")
    said = unroll("plan", "tiny", "network.kind=recurrent,window")
    assert said.code == 2
    assert "kind window has no use for depth: leave it out, or choose recurrent" in said.err


def test_what_no_choice_was_typed_for_stays_a_mistake(unroll: Unroll, project: Path) -> None:
    edit(project, "sentences: 60", "sentences: 60, encoding: latin-1")
    said = unroll("plan", "tiny", "seeds=1")
    assert said.code == 2
    assert "corpus toy_language has no use for encoding" in said.err


def test_a_size_that_the_new_text_is_too_large_for_is_told_with_what_to_do(
    unroll: Unroll, project: Path, text: str
) -> None:
    edit(project, "embedding: 4, hidden: 6", "embedding: 4")
    said = unroll("plan", "tiny", "data.corpus=text", text, "match.parameters=30")
    assert said.code == 2
    assert "parameters already at network.hidden=1 (received 30); ask for more (match.parameters=...), or" in said.err
