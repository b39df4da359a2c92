"""Which file is which split, by the same rules in every kind of corpus: one file is one split, or nothing is read."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tasks.agreement.task import Agreement
from tasks.classification.task import Classification
from tasks.language_modeling.task import LanguageModeling
from tasks.tagging.task import Tagging
from tasks.text.library import TextLibrary
from tasks.text.splits import find_files, splits_of_name
from unroll.contract import Settings, Task, UserError

CASES = Path(__file__).with_name("cases")
TASKS: dict[str, type[Task[Any, Any]]] = {
    "language_modeling": LanguageModeling,
    "tagging": Tagging,
    "classification": Classification,
    "agreement": Agreement,
}


def columns(number: int) -> str:
    return f"a{number} X\nb Y\n\nb Y\na X\n"


def conllu(number: int) -> str:
    sentences = (("dog", "Sing", "barks"), ("dogs", "Plur", "bark"))
    rows = [
        f"1\t{noun}\tdog\tNOUN\t_\tNumber={number_of}\t2\tnsubj\t_\t_\n"
        f"2\t{verb}\tbark\tVERB\t_\tNumber={number_of}|VerbForm=Fin\t0\troot\t_\t_\n"
        f"3\tx{number}\tx\tX\t_\t_\t2\tdep\t_\t_\n"
        for noun, number_of, verb in sentences
    ]
    return "\n".join(rows)


KINDS: dict[tuple[str, str], tuple[str, Callable[[int], str]]] = {
    ("language_modeling", "text"): (".txt", lambda number: f"a b c\na a{number}\n"),
    ("tagging", "columns"): (".bio", columns),
    ("tagging", "conllu"): (".conllu", conllu),
    ("agreement", "conllu"): (".conllu", conllu),
    ("classification", "label_text"): (".fmt", lambda number: f"x a {number} b\ny b a\n"),
    ("classification", "csv"): (".csv", lambda number: f"label,text\nx,a {number} b\ny,b a\n"),
    ("classification", "tsv"): (".tsv", lambda number: f"label\ttext\nx\ta {number} b\ny\tb a\n"),
    ("classification", "json_lines"): (
        ".jsonl",
        lambda number: "".join(json.dumps({"label": x, "text": f"{number} b a"}) + "\n" for x in "xy"),
    ),
}
"""Task and kind of corpus -> ending, and the content of its n-th file."""


def settings_of(task: str, corpus: str, folder: Path, **options: Any) -> Settings:
    data = {"corpus": corpus, "path": folder, "minimum_count": 1, **options}
    rest = {"training": {"batch_size": 1}} if task == "language_modeling" else {}
    return TASKS[task].settings.model_validate({"data": data, **rest})


def prepared(task: str, corpus: str, folder: Path, cache: Path | None = None, **options: Any) -> Any:
    return TASKS[task]().prepare(settings_of(task, corpus, folder, **options), cache or folder.parent / "cache")


def written(folder: Path, kind: tuple[str, str], *stems: str) -> Path:
    ending, content = KINDS[kind]
    folder.mkdir()
    for number, stem in enumerate(stems):
        packed = stem.endswith(".gz")
        text = content(number).encode()
        name = f"{stem.removesuffix('.gz')}{ending}{'.gz' if packed else ''}"
        (folder / name).write_bytes(gzip.compress(text) if packed else text)
    return folder


def facts(task: str, corpus: str, folder: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = prepared(task, corpus, folder).facts
    return found


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        ("train.txt", ["train"]),
        ("en_ewt-ud-dev.conllu", ["validation"]),
        ("devel.tsv", ["validation"]),
        ("val.de.gz", ["validation"]),
        ("VALID", ["validation"]),
        ("eng.testa", ["validation"]),
        ("esp.testb.gz", ["test"]),
        ("test_2016_flickr.en.gz", ["test"]),
        ("train_dev.tsv", ["train", "validation"]),
        ("dev-test.csv", ["validation", "test"]),
        ("train+valid+test.txt", ["train", "validation", "test"]),
        ("README.md", []),
        ("trainee.txt", []),
        ("latest.txt", []),
    ],
)
def test_a_part_of_a_name_tells_the_split(name: str, splits: list[str]) -> None:
    assert list(splits_of_name(name)) == splits


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("names", [("train", "devel", "test"), ("x.train", "x.testa", "x.testb.gz")])
def test_known_names_are_read_alike_by_every_kind(
    kind: tuple[str, str], names: tuple[str, ...], tmp_path: Path
) -> None:
    named = written(tmp_path / "named", kind, *names)
    plain = written(tmp_path / "plain", kind, "train", "validation", "test")
    assert prepared(*kind, named).fingerprint == prepared(*kind, plain).fingerprint
    if kind[0] != "agreement":  # its corpora lie in the same form as those of tagging
        inspected = TextLibrary().inspect_settings(settings_of(*kind, named))
        assert inspected is not None
        assert [row["split"] for row in inspected.splits] == ["train", "validation", "test"]


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train_dev", "devel", "test"), "train_dev{e}: train and validation, devel{e}: validation, test{e}: test"),
        (("train_dev", "test"), "train_dev{e}: train and validation, test{e}: test"),
        (("train", "train_dev", "devel", "test"), "train_dev{e}: train and validation, devel{e}: validation, test{e}"),
        (("train", "dev-test"), "dev-test{e}: validation and test, train{e}: train"),
    ],
)
def test_a_name_that_tells_two_splits_is_refused_by_every_kind(
    kind: tuple[str, str], names: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    folder, expected = written(tmp_path / "corpus", kind, *names), message.replace("{e}", KINDS[kind][0])
    for read in (lambda: prepared(*kind, folder), lambda: TextLibrary().inspect_settings(settings_of(*kind, folder))):
        with pytest.raises(UserError) as caught:
            read()
        said = str(caught.value)
        assert said.startswith(f"{folder}: each file of a folder must be one split's by its name (received {expected}")
        assert "to another folder, or give it the name of one split: train: train, training; validation: " in said


@pytest.mark.parametrize("case", ["biobert_layout", "train_dev_as_both"])
def test_train_dev_is_never_training_and_validation_text_at_once(case: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\(received train_dev\.\w+: train and validation, "):
        find_files(CASES / case)
    folder = tmp_path / "named"
    shutil.copytree(CASES / case, folder)
    for file in folder.glob("train_dev.*"):
        file.rename(folder / "train.tsv")
    if case == "biobert_layout":
        assert find_files(folder)["validation"].name == "devel.tsv"
        assert facts("tagging", "columns", folder)["validation sentences also in training"] < 5
    else:
        with pytest.raises(UserError, match=r"exactly one validation file.*\(received none among test.bmes, train.tsv"):
            find_files(folder)


def test_a_link_names_a_file_anew(tmp_path: Path) -> None:
    folder = tmp_path / "named"
    folder.mkdir()
    for name, target in (("train", "train_dev"), ("validation", "devel"), ("test", "test")):
        (folder / f"{name}.tsv").symlink_to(CASES / "biobert_layout" / f"{target}.tsv")
    assert facts("tagging", "columns", folder)["train sentences"] == 60
