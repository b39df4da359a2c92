"""Held-out text that stands in the training text is told at the top, and that of real corpora is not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement.data import AgreementData
from tasks.agreement.data import load as load_agreement
from tasks.text.labelled import LabelledData
from tasks.text.labelled import load as load_labelled
from tasks.text.leaks import MOST_REPEATED, leak_warnings
from tasks.text.running import TextData
from tasks.text.running import load as load_text
from tasks.text.tagged import TaggedData
from tasks.text.tagged import load as load_tagged
from tests.text.test_splits import KINDS, TASKS, prepared, settings_of, written

SENTENCES = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), max_size=8)


@settings(deadline=None)
@given(train=SENTENCES, validation=SENTENCES, test=SENTENCES)
def test_warnings_against_a_slow_count(train: list[Any], validation: list[Any], test: list[Any]) -> None:
    expected = []
    for name, text in (("validation", validation), ("test", test)):
        words = [(word, any(each == other for other in train)) for each in text for word in each]
        known = [word for word, repeated in words if repeated]
        if words and len(known) / len(words) > MOST_REPEATED:
            count = len([each for each in text if train.count(each)])
            expected.append(
                f"{count} of {len(text)} {name} sentences ({len(known) / len(words):.0%} of that text) stand"
            )
    found = leak_warnings({"train": train, "validation": validation, "test": test})
    assert [warning.split(" in the training")[0] for warning in found] == expected


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_every_task_warns_of_held_out_text_that_it_learns_from(kind: tuple[str, str], tmp_path: Path) -> None:
    folder, (ending, content) = written(tmp_path / "corpus", kind, "train", "dev", "test"), KINDS[kind]
    (folder / f"dev{ending}").write_text(content(0), encoding="utf-8")
    corpus = prepared(*kind, folder)
    (told, *_) = corpus.warnings
    what = "lines" if kind[1] == "text" else "sentences"
    assert told == (
        f"2 of 2 validation {what} (100% of that text) stand in the training text too: what is measured on them may "
        "have been learned by heart."
    )
    assert TASKS[kind[0]]().warnings(settings_of(*kind, folder), prepared(*kind, folder)) == corpus.warnings


def test_many_short_sentences_that_repeat_are_no_leak() -> None:
    train = [("yes", "."), ("no", "."), *[(str(number), *"abcdefgh") for number in range(90)]]
    test = [("yes", ".")] * 5 + [(str(number), *"abcdefgh") for number in range(100, 105)]
    assert leak_warnings({"train": train, "validation": test, "test": test}) == []


@pytest.mark.corpora
def test_no_real_corpus_is_taken_for_a_leak(corpora: Path, tmp_path: Path) -> None:
    texts: list[Any] = [
        load_text(TextData(corpus="text", path=corpora / "ptb"), tmp_path),
        load_text(TextData(corpus="text", path=corpora / "tinyshakespeare" / "input.txt"), tmp_path),
        load_text(TextData(corpus="text", path=corpora / "tinyshakespeare" / "input.txt", level="character"), tmp_path),
        load_text(TextData(corpus="text", path=_one_side(corpora / "multi30k", tmp_path / "en")), tmp_path),
        load_tagged(TaggedData(corpus="conllu", path=corpora / "ud_en_ewt"), tmp_path),
        load_tagged(TaggedData(corpus="columns", path=_wnut(corpora / "wnut17", tmp_path / "wnut")), tmp_path),
        load_labelled(LabelledData(corpus="label_text", path=corpora / "sst2"), tmp_path),
        load_labelled(LabelledData(corpus="label_text", path=corpora / "trec", encoding="latin-1"), tmp_path),
        load_agreement(AgreementData(corpus="conllu", path=corpora / "ud_en_ewt"), tmp_path),
    ]
    assert [list(text.warnings) for text in texts] == [[]] * len(texts)


def _one_side(folder: Path, side: Path) -> Path:
    side.mkdir()
    for file in folder.glob("*.en.gz"):
        (side / file.name).write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), 1))
    return side


def _wnut(folder: Path, named: Path) -> Path:
    names = {"train": "wnut17train.conll", "dev": "emerging.dev.conll", "test": "emerging.test.annotated"}
    named.mkdir()
    for split, name in names.items():
        (named / f"{split}.tsv").symlink_to(folder / name)
    return named
