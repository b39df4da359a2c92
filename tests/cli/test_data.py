"""``unroll data``: list, fetch and inspect corpora that are known by name."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from tasks.text.library import TextLibrary
from tests.text.fetching.shelf import Shelf, serving
from unroll.cli._fetching import watching
from unroll.contract import Fetching
from unroll.study import discover_tasks

if TYPE_CHECKING:
    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]

TEXTS = {"train": "a b c\nd\n", "validation": "a b\n", "test": "a x\nd\n"}
ENTRY = """\
title = "A tiny corpus"
homepage = "https://example.org/tiny"
task = "language_modeling"
settings = ["data.corpus=text"]
licence = "public \\u001b[31mdomain"
format = "text"
"""
FILE = """
[[files]]
name = "{split}.txt"
split = "{split}"
sha256 = "{sha}"
urls = ["{address}/{split}.txt"]
"""


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr("tasks.text.fetching.download._PAUSES", (0.0,))
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as shelf:
        yield shelf


@pytest.fixture
def tiny(project: Path, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that knows one corpus, which is on a server on loopback; its task is one of the project's."""
    (project / "tasks" / "language_modeling").mkdir()
    (project / "tasks" / "language_modeling" / "task.py").touch()
    entry = ENTRY
    for split, text in TEXTS.items():
        shelf.put(f"/{split}.txt", text.encode())
        sha = hashlib.sha256(text.encode()).hexdigest()
        entry += FILE.format(split=split, sha=sha, address=shelf.address)
    (tmp_path / "entries").mkdir()
    (tmp_path / "entries" / "tiny.toml").write_text(entry, encoding="utf-8")
    monkeypatch.setattr("unroll.study.load_libraries", lambda: [TextLibrary(tmp_path / "entries")])


def test_known_corpora_are_listed(project: Path, unroll: Unroll) -> None:
    said = unroll("data", "list")
    assert said.code == 0
    assert "ptb" in said.out
    assert "LDC" in said.out
    rows = json.loads(unroll("data", "list", "--format", "json").out)
    assert {"name", "title", "task", "settings", "licence", "folder", "homepage"} == rows[0].keys()
    assert not any(row["folder"] for row in rows)
    assert said.out.count("(not yet)") == sum(row["task"] not in discover_tasks() for row in rows)


@pytest.mark.usefixtures("tiny")
def test_a_corpus_is_fetched_listed_and_inspected(project: Path, unroll: Unroll, tmp_path: Path, shelf: Shelf) -> None:
    said = unroll("data", "fetch", "tiny")
    assert said.code == 0, said.err
    place = tmp_path / "cache" / "corpora" / "tiny"
    assert said.out.splitlines() == [
        "tiny is in ../cache/corpora/tiny; licence: public \ufffd[31mdomain",
        "settings  data.corpus=text data.path=../cache/corpora/tiny   (task language_modeling)",
    ]
    assert said.err.splitlines() == ["fetching train.txt", "fetching validation.txt", "fetching test.txt"]
    assert (place / "train.txt").read_text() == TEXTS["train"]
    shelf.asked.clear()
    again = unroll("data", "fetch", "tiny")
    assert (again.code, again.out, again.err) == (0, said.out, "")
    assert not shelf.asked
    (row,) = json.loads(unroll("data", "list", "--format", "json").out)
    assert row["folder"] == "../cache/corpora/tiny"
    told = unroll("data", "inspect", "tiny")
    assert told.code == 0
    assert "validation" in told.out
    assert "25.0%" not in told.out
    assert "nothing odd about the files" in told.out


@pytest.mark.usefixtures("tiny")
def test_a_corpus_of_a_task_that_does_not_exist_is_fetched_all_the_same(
    project: Path, unroll: Unroll, tmp_path: Path
) -> None:
    entry = tmp_path / "entries" / "tiny.toml"
    entry.write_text(entry.read_text(encoding="utf-8").replace("language_modeling", "summarization"), encoding="utf-8")
    said = unroll("data", "fetch", "tiny")
    assert said.code == 0
    assert said.out.splitlines()[1:] == ["no task reads it yet: summarization does not exist"]
    assert "summarization (not yet)" in unroll("data", "list").out


@pytest.mark.usefixtures("tiny")
def test_another_folder_is_named_with_to_and_in(project: Path, unroll: Unroll, tmp_path: Path) -> None:
    assert unroll("data", "fetch", "tiny", "--to", "there").code == 0
    assert (project / "there" / "tiny" / "test.txt").read_text() == TEXTS["test"]
    assert "there/tiny" in unroll("data", "list", "--in", "there").out
    found = json.loads(unroll("data", "inspect", "tiny", "--in", "there", "-f", "json").out)
    assert found.keys() == {"facts", "warnings", "splits", "lengths", "labels", "oddities"}
    assert [row["unknown tokens"] for row in found["splits"]] == [None, 0.0, 1 / 3]
    rows = list(csv.DictReader(io.StringIO(unroll("data", "inspect", "tiny", "--in", "there", "-f", "csv").out)))
    assert [(row["split"], row["also in train"]) for row in rows] == [("train", ""), ("validation", "0"), ("test", "1")]


@pytest.mark.usefixtures("tiny")
def test_what_goes_wrong_is_lines_and_a_mistake(project: Path, unroll: Unroll, shelf: Shelf) -> None:
    shelf.put("/test.txt", b"other")
    said = unroll("data", "fetch", "tiny")
    wrong, right = (hashlib.sha256(text).hexdigest() for text in (b"other", TEXTS["test"].encode()))
    assert said.code == 2
    assert said.err.splitlines()[-1] == (
        f"error: {shelf.address}/test.txt: the file must have the sha256 {right} (received {wrong})"
    )
    del shelf.pages["/test.txt"]
    said = unroll("data", "fetch", "tiny")
    assert said.code == 2
    assert said.err.splitlines()[-1].endswith("the server must give the file (received 404 Not Found)")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fetch", "ptbb"], "there is no such corpus (received 'ptbb'); did you mean 'ptb'?"),
        (["inspect", "../ptb"], "there is no such corpus (received '../ptb')"),
        (
            ["inspect", "."],
            "(received '.'); to inspect a file or folder: unroll data inspect --task TASK data.corpus=KIND data.path=.",
        ),
        (["inspect", "ptb"], "the corpus must have been fetched; unroll data fetch ptb"),
        (["inspect"], "inspect needs the name of a corpus, or --task TASK with its settings"),
        (["inspect", "data.path=x"], "inspect needs the name of a corpus"),
        (["inspect", "--task", "tagging", "seeds=2"], "command line: seeds: must be a setting with one value"),
        (
            ["inspect", "--task", "tagging", "data.seed=1,2"],
            "command line: data.seed: must be a setting with one value",
        ),
        (["inspect", "--task", "taging"], "there is no such task"),
        (["inspect", "--task", "tagging", "tiny"], "an override must be written key=value"),
        (["inspect", "--task", "tagging", "data.colum=x"], "unknown key; did you mean 'data.column'?"),
        (["inspect", "--task", "tagging", "data.corpus=conllu"], "corpus conllu needs a path"),
        (["inspect", "--task", "tagging", "data.seed=x"], "command line: data.seed: "),
    ],
)
def test_mistakes_are_told(project: Path, unroll: Unroll, words: list[str], message: str) -> None:
    said = unroll("data", *words)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err


def test_what_a_task_reads_is_inspected(project: Path, unroll: Unroll) -> None:
    (project / "text.txt").write_text("a b c d\n" * 10 + "e f\n" * 10)
    words = ["data", "inspect", "--task", "language_modeling", "data.corpus=text", "data.path=text.txt"]
    said = unroll(*words, "data.test_fraction=0.1")
    assert said.code == 0, said.err
    assert "data: vocabulary 7, train tokens " in said.out
    assert "sentence lengths" in said.out
    assert "of train" in said.out
    assert unroll(*words, "data.encoding=utf-16").code == 2


def test_an_inspection_warns_as_a_plan_does(project: Path, unroll: Unroll) -> None:
    for split in ("train", "devel", "test"):
        (project / f"{split}.txt").write_text("a b c d\ne f\n" if split != "test" else "a b\n")
    words = ["data", "inspect", "--task", "language_modeling", "data.corpus=text", "data.path=."]
    said = unroll(*words, "training.batch_size=1")
    assert said.code == 0, said.err
    warning = "2 of 2 validation lines (100% of that text) stand in the training text too"
    assert said.out.startswith(f"warning: {warning}")
    (told,) = json.loads(unroll(*words, "training.batch_size=1", "-f", "json").out)["warnings"]
    assert told.startswith(warning)


def test_generated_text_has_facts_alone(project: Path, unroll: Unroll) -> None:
    said = unroll("data", "inspect", "--task", "language_modeling", "data.sentences=60")
    assert said.code == 0
    assert "vocabulary" in said.out
    assert "there are no files to look at" in said.out
    found = json.loads(unroll("data", "inspect", "--task", "language_modeling", "data.sentences=60", "-f", "json").out)
    assert found["facts"]["vocabulary"]
    assert found["splits"] == []


@pytest.mark.corpora
def test_a_corpus_that_was_packed_by_hand_is_inspected(project: Path, unroll: Unroll, corpora: Path) -> None:
    (project / "mine" / "trec").mkdir(parents=True)
    for name in ("TREC.train.all", "TREC.test.all"):
        content = (corpora / "trec" / name).read_bytes()
        (project / "mine" / "trec" / f"{name}.gz").write_bytes(gzip.compress(content))
    found = json.loads(unroll("data", "inspect", "trec", "--in", "mine", "-f", "json").out)
    assert [row["sentences"] for row in found["splits"]] == [5452, 500]
    assert sum(row["train"] for row in found["labels"]) == 5452


def test_what_is_damaged_is_one_error(project: Path, unroll: Unroll) -> None:
    (project / "mine" / "trec").mkdir(parents=True)
    (project / "mine" / "trec" / "TREC.train.all").write_bytes(b"1 what ?\nlonely\n")
    (project / "mine" / "trec" / "TREC.test.all").write_bytes(b"1 what ?\n")
    said = unroll("data", "inspect", "trec", "--in", "mine")
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert "TREC.train.all, line 2: each line must be a label, white space and a text" in line
    (project / "mine" / "trec" / "TREC.test.all").unlink()
    assert "TREC.test.all: the corpus must be readable" in unroll("data", "inspect", "trec", "--in", "mine").err


def test_a_terminal_shows_how_far_each_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100, legacy_windows=False)
    monkeypatch.setattr("unroll.cli._fetching.console", lambda *, stderr: terminal)
    with watching() as watch:
        watch(Fetching(file="[red]a\x1b[2Jb", here=10, whole=None))
        watch(Fetching(file="[red]a\x1b[2Jb", here=2_000_000, whole=4_000_000))
    assert isinstance(terminal.file, io.StringIO)
    shown = terminal.file.getvalue()
    assert "2.0/4.0 MB" in shown
    assert "[red]a\ufffd[2Jb" in shown
    assert "\x1b[2J" not in shown
