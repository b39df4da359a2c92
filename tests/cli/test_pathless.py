"""No file of a results folder names a place of the machine, whatever was typed and whatever went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.contract import UserError
from unroll.ledger import Ledger, Outcome
from unroll.ledger.pathless import LONGEST, without_paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]


def named_in(folder: Path, places: list[str]) -> list[str]:
    """Files that hold one of these places, in any byte of them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [f"{path}: {place}" for path in files for place in places if place.encode() in path.read_bytes()]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A corpus of one's own."""
    folder = tmp_path / "my corpora" / "mine"
    folder.mkdir(parents=True)
    for split in ("train", "valid", "test"):
        (folder / f"{split}.txt").write_text("a b a b c\nb a b a c\n" * 30, encoding="utf-8")
    return folder


def test_no_byte_of_a_results_folder_names_a_place(unroll: Unroll, project: Path, text: Path, tmp_path: Path) -> None:
    results = tmp_path / "elsewhere" / "results"
    study = project / "studies" / "tiny" / "study.yaml"
    words = [str(study), "data.corpus=text", f"data.path={text}", "seeds=1", "network.cell=lstm"]
    said = unroll("run", *words, "--results", str(results), "--runner", "inline")
    assert said.code == 0, said.err
    assert not named_in(results, [str(tmp_path), str(Path.home()) + "/", str(Path(__file__).parents[2])])
    (run,) = Ledger.open(results).runs()
    assert run.command == [
        "unroll",
        "run",
        ".../study.yaml",
        "data.corpus=text",
        "data.path=.../mine",
        "seeds=1",
        "network.cell=lstm",
        "--results",
        ".../results",
        "--runner",
        "inline",
    ]


def test_what_a_failed_trial_says_names_no_place(tmp_path: Path) -> None:
    ledger, trial = Ledger.create(tmp_path / "results"), "one"
    error = FileNotFoundError(2, "No such file or directory", str(tmp_path / "my data" / "train.txt"))
    ledger.record(Outcome(trial=trial, status="failed_user", message=f"FileNotFoundError: {error}"))
    told = UserError("must be UTF-8 text", where=f"{tmp_path}/x/train.txt:3", received="byte 0xff")
    ledger.record(Outcome(trial=trial, status="failed_user", message=str(told)))
    assert not named_in(tmp_path / "results", [str(tmp_path)])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/home/me/x", ".../x"),
        ("/home/me/my corpora/", ".../my corpora"),
        ("--results=/home/me/x", "--results=.../x"),
        ("data.path=/a/b,/c/d", "data.path=.../b,.../d"),
        ("data.path=[/a/b, '/c d/e']", "data.path=[.../b, '.../e']"),
        ("/a/b/c.py:3: must be so (received '/d/e')", ".../c.py:3: must be so (received '.../e')"),
        ("see https://example.org/a/b or validation/perplexity, a/b, 3 / 4", None),
        ("data.path=~/corpora/ptb", None),
        ("wandb.project=a", None),
        ("", None),
    ],
)
def test_of_absolute_paths_the_last_part_is_kept(text: str, told: str | None) -> None:
    assert without_paths(text) == (text if told is None else told)
    assert without_paths(without_paths(text)) == without_paths(text)


def test_what_an_exception_says_can_always_be_written_down(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "results")
    ledger.record(Outcome(trial="one", status="failed_user", message="\udcff" + "x" * 2_000_000))
    outcome = ledger.trial("one").outcome()
    assert outcome is not None
    assert outcome.message == "\N{REPLACEMENT CHARACTER}" + "x" * (LONGEST - 1) + "..."
