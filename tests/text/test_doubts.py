"""What can hardly be meant is told by plan and inspection, what cannot be is refused, usual text is left alone."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tasks.text.doubts import counts, counts_words, find_doubts, is_tree
from tasks.text.library import TextLibrary
from tests.text.test_splits import CASES, prepared, settings_of
from unroll.contract import UserError

WORDS = [f"{a}{b}" for a in "bdfgk" for b in "aeiou"]
TREES = [f"({i % 5} (2 {WORDS[i]}) ({i % 3} (2 {WORDS[i + 1]}) (2 .)))" for i in range(20)]


def sentence(number: int) -> str:
    return f"{WORDS[number % 25]} {WORDS[number * 7 % 25]} {WORDS[number * 3 % 25]}"


def conllu(form: str, sentences: int) -> str:
    """Sentences of four words, whose first word is another one."""
    rows = [(WORDS[i % 25], form, form, WORDS[i % 5]) for i in range(sentences)]
    lines = [
        "".join(f"{n}\t{w}\t{w}\t{'NV'[n % 2]}\t_\t_\t{n - 1}\tdep\t_\t_\n" for n, w in enumerate(row, start=1))
        for row in rows
    ]
    return "\n".join(lines)


def counted(begin: int) -> str:
    """Columns that begin with the number of the word."""
    return "\n".join(f"{begin}\t{WORDS[i]}\tX\n{begin + 1}\t{WORDS[i + 1]}\tY\n" for i in range(12))


LINES = [f"{number}. {sentence(number)}" for number in range(1, 41)]
LABELLED = [f"{'xy'[number % 2]} {sentence(number)}" for number in range(40)]
REFUSED: dict[str, tuple[str, str, str, str]] = {
    "columns that begin with 1": (
        "tagging",
        "columns",
        counted(1),
        "line 1: words must not be their own numbers (received 1 2, and so in 12 of 12 sentences); set data",
    ),
    "columns that begin with 0": (
        "tagging",
        "columns",
        "a\tb\tX\n\n" + counted(0),
        "line 3: words must not be their own numbers (received 0 1, and so in 12 of 13 sentences)",
    ),
    "columns that begin with the number in the file": (
        "tagging",
        "columns",
        "\n".join(f"{2 * i} {WORDS[i]} X\n{2 * i + 1} {WORDS[i]} Y\n" for i in range(12)),
        "line 1: words must not be their own numbers (received 0 1, and so in 12 of 12 sentences)",
    ),
    "columns without blank lines": (
        "tagging",
        "columns",
        "a X\nb Y\n" * 600,
        "line 1: blank lines must stand between sentences (received one sentence of 1,200 words)",
    ),
    "labels that count the lines": (
        "classification",
        "label_text",
        "".join(f"{number} {line}\n" for number, line in enumerate(LABELLED)),
        "line 1: labels must be of few kinds, and not count the sentences (received '0', '1', '2', ...); is the first",
    ),
    "labels that count the rows": (
        "classification",
        "csv",
        "label,text\n" + "".join(f"{number},{line}\n" for number, line in enumerate(LABELLED, start=7)),
        "line 2: labels must be of few kinds, and not count the sentences (received '7', '8', '9', ...)",
    ),
    "trees": (
        "classification",
        "label_text",
        "".join(f"{tree}\n" for tree in TREES),
        "line 1, and 19 more places (line 2, line 3, ...): a sentence must be a label and words, and no tree (received",
    ),
    "one tree": (
        "classification",
        "label_text",
        "".join(f"{line}\n" for line in [*LABELLED, TREES[0]]),
        "line 41: a sentence must be a label and words, and no tree (received '(0 (2 ba)",
    ),
    "two labels here and there": (
        "classification",
        "label_text",
        "".join(f"__label__{line}\n" for line in [*LABELLED, "x __label__y a", "y __label__x b"]),
        "line 41, and 1 more place (line 42): a sentence must have one label (received '__label__x __label__y a')",
    ),
    "two labels in a table": (
        "classification",
        "tsv",
        "label\ttext\n__label__x\t__label__y b a\n__label__y\ta b\n",
        "line 2: a sentence must have one label (received '__label__x __label__y b a'); keep one for each sentence",
    ),
}
REFUSED["a hidden treebank"] = (
    "tagging",
    "conllu",
    conllu("_", 24) + "\n1\t_\t_\tN\t_\t_\t0\troot\t_\t_\n",
    "corpus.conllu: a treebank must have its words in column form (received _ for 49 of 97); it was released",
)
WARNED: dict[str, tuple[str, str, str, str, int, int]] = {
    "numbered lines": ("language_modeling", "text", "\n".join(LINES), "begin with a number that counts them", 40, 1),
    "trees as text": ("language_modeling", "text", "\n\n".join(TREES), "are trees in brackets", 20, 1),
    "one word": ("language_modeling", "text", "a b\n" + "z z z\n" * 30, "hold 'z', 90 of all 92 words", 30, 2),
    "trees as cells": (
        "classification",
        "csv",
        "text,label\n" + "".join(f"{tree},{'xy'[i % 2]}\n" for i, tree in enumerate(TREES)),
        "are trees in brackets",
        20,
        2,
    ),
    "the label in its text": (
        "classification",
        "csv",
        "label,text\n" + "".join(f"{'xy'[i % 2]},{sentence(i)} {'XY'[i % 2]} {WORDS[i % 25]}\n" for i in range(40)),
        "have their own label among their words",
        40,
        2,
    ),
    "numbered texts": (
        "classification",
        "label_text",
        "".join(f"{'xy'[i % 2]} {i} {sentence(i)} {sentence(i)}\n" for i in range(40)),
        "begin with a number that counts them",
        40,
        1,
    ),
    "masked columns": (
        "tagging",
        "columns",
        "\n".join(f"{WORDS[i % 25]} X\n_ Y\n_ X\n" for i in range(30)),
        "hold '_', 60 of all 90 words",
        30,
        1,
    ),
    "a treebank with some hidden words": (
        "tagging",
        "conllu",
        conllu("ba", 24) + "\n" + conllu("_", 6),
        "hold '_', 12 of all 120 words",
        6,
        121,
    ),
}


def written(folder: Path, corpus: str, text: str) -> Path:
    file = folder / f"corpus.{corpus}"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused(name: str, tmp_path: Path) -> None:
    task, corpus, text, message = REFUSED[name]
    file = written(tmp_path, corpus, text)
    with pytest.raises(UserError) as caught:
        prepared(task, corpus, file)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize("name", WARNED)
def test_what_can_hardly_be_meant_is_a_warning_and_an_oddity(name: str, tmp_path: Path) -> None:
    task, corpus, text, what, times, first = WARNED[name]
    file = written(tmp_path, corpus, text)
    assert f"{times} sentences {what}: is that meant?" in prepared(task, corpus, file).warnings
    found = TextLibrary().inspect_settings(settings_of(task, corpus, file))
    assert found is not None
    row = {"file": file.name, "what": f"sentences that {what}", "lines": times, "first": first}
    assert row in found.oddities


def test_several_labels_of_fast_text_are_refused_with_their_number(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        prepared("classification", "label_text", CASES / "fasttext_two_labels" / "fasttext.txt", tmp_path)
    assert "fasttext.txt, line 1, and 59 more places (line 2, line 3, ...): a sentence must have one label" in str(
        caught.value
    )


@pytest.mark.parametrize("task", ["tagging", "agreement"])
def test_a_treebank_without_its_words_is_refused(task: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        prepared(task, "conllu", CASES / "masked_treebank", tmp_path)
    assert str(caught.value).count("a treebank must have its words in column form") == 3
    assert "ar_x-ud-train.conllu: " in str(caught.value)


# A text without line ends


def streams(corpus: Any, joint: str) -> dict[str, str]:
    return {
        split: joint.join(corpus.vocabulary.decode(getattr(corpus, split))) for split in ("train", "validation", "test")
    }


def read_line(file: Path, **options: Any) -> Any:
    return prepared("language_modeling", "text", file, **options)


@pytest.mark.parametrize("packed", [False, True])
def test_one_line_is_cut_between_words(packed: bool, tmp_path: Path) -> None:
    text = (CASES / "text8_single_line" / "text8").read_text()
    file = tmp_path / ("text8.gz" if packed else "text8")
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    corpus = read_line(file)
    words = text.split()
    held_out = round(0.05 * len(words))
    assert [corpus.train.size, corpus.validation.size, corpus.test.size] == [
        len(words) - 2 * held_out + 1,
        held_out + 1,
        held_out + 1,
    ]
    assert " ".join(streams(corpus, " ").values()).replace(" <eos>", "").split() == words
    assert corpus.facts["one line, cut into splits between its"] == "words"
    assert not corpus.warnings
    found = TextLibrary().inspect_settings(settings_of("language_modeling", "text", file))
    assert found is not None
    assert [row["tokens"] for row in found.splits] == [len(words) - 2 * held_out, held_out, held_out]
    assert found.oddities == [{"file": file.name, "what": "one line, which holds all", "lines": 1, "first": 1}]


def test_one_line_is_cut_between_characters(tmp_path: Path) -> None:
    text = "abcde" * 10
    (tmp_path / "one").write_text(f"\n{text}\n\n")
    corpus = read_line(tmp_path / "one", level="character", validation_fraction=0.2, test_fraction=0.1)
    found = streams(corpus, "")
    assert "".join(found.values()).replace("\n", "") == text
    assert [len(each) for each in found.values()] == [36, 11, 6]
    assert corpus.facts["one line, cut into splits between its"] == "characters"
    chosen = settings_of("language_modeling", "text", tmp_path / "one", level="character")
    inspected = TextLibrary().inspect_settings(chosen)
    assert inspected is not None
    assert [(row["sentences"], row["tokens"]) for row in inspected.splits] == [(1, 1)] * 3


def test_a_split_of_blanks_alone_is_inspected_too(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("ab abaab b")
    fractions = {"level": "character", "validation_fraction": 0.1, "test_fraction": 0.1}
    read_line(tmp_path / "one", **fractions)
    found = TextLibrary().inspect_settings(settings_of("language_modeling", "text", tmp_path / "one", **fractions))
    assert found is not None
    assert [row["tokens"] for row in found.splits] == [2, 0, 1]


def test_two_lines_are_cut_between_lines(tmp_path: Path) -> None:
    (tmp_path / "two").write_text("a b c\n" * 2)
    with pytest.raises(UserError, match="the validation text must hold at least one token"):
        read_line(tmp_path / "two")


def test_a_part_of_one_line_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a b " * 100)
    with pytest.raises(
        UserError, match=r"data\.training_sentences: a text of one line has no other lines to leave out"
    ):
        read_line(tmp_path / "one", training_sentences=1)


# One by one


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("1 2 3", True),
        ("0 1", True),
        ("1", False),
        ("1 3", False),
        ("2 3", True),
        ("٣ ٤", False),
        ("10 9", False),
        ("1 2 x", False),
        ("01 2", False),
    ],
)
def test_words_that_are_their_own_numbers(words: str, expected: bool) -> None:
    assert counts_words(words.split()) is expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["3", "4", "5", "6", "7"], True),
        (["3", "4", "5", "6"], False),
        (["0", "1", "0", "1", "0", "1"], False),
        (["5", "4", "3", "2", "1"], False),
        ([*map(str, range(20)), "x"], True),
        (["1", "2", "x", "4", "5", "6"], False),
    ],
)
def test_texts_that_count(texts: list[str], expected: bool) -> None:
    assert counts(texts) is expected


@pytest.mark.parametrize(
    ("label", "text", "expected"),
    [
        ("(3", "(2 It) (4 works))", True),
        ("(none)", "it (works)", False),
        ("(3", "works", False),
        ("3", "(2 It) (4 works)", False),
        ("(sic", "a) b)", False),
    ],
)
def test_trees_that_are_cut_at_their_first_blank(label: str, text: str, expected: bool) -> None:
    assert is_tree(label, text.split()) is expected


@pytest.mark.parametrize(
    "sentences",
    [
        ["a b c"] * 40,
        [f"{number} a b" for number in (3, 1, 4, 1, 5, 9, 2, 6)] * 5,
        [f"( {word} )" for word in WORDS],
        [f"1 {word} 3" for word in WORDS],
        ["z"] * 49,
    ],
)
def test_usual_text_is_not_doubted(sentences: list[str]) -> None:
    assert find_doubts([each.split() for each in sentences], ["x", "y"] * (len(sentences) // 2)) == []


def test_a_label_of_a_few_sentences_may_stand_in_them() -> None:
    sentences, labels = [["good", "film"], ["bad", "film"]] * 20, ["good", "good"] * 20
    assert find_doubts(sentences, labels) == []
    assert [doubt.times for doubt in find_doubts(sentences, ["GOOD", "bad"] * 20)] == [40]


def test_facts_of_a_text_of_lines_stay(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a b c\n" * 40)
    facts: Mapping[str, Any] = read_line(tmp_path / "text").facts
    assert not [name for name in facts if "one line" in name]
