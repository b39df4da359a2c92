"""All places of a kind are told together, the first three by name, in every kind of file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tasks.text.errors import ErrorCollector, format_places
from tests.text.test_splits import prepared
from unroll.contract import UserError, UserErrors

SENTENCES = {
    "columns": ("a X", "b Y", ""),
    "conllu": ("1\ta\ta\tX\t_\t_\t0\troot\t_\t_", "2\tb\tb\tY\t_\t_\t1\tdep\t_\t_", ""),
    "label_text": ("x a b", "y b a", "x b"),
    "csv": ("x,a b", "y,b a", "x,b"),
    "tsv": ("x\ta b", "y\tb a", "x\tb"),
    "json_lines": ('{"label": "x", "text": "a b"}', '{"label": "y", "text": "b a"}', '{"label": "x", "text": "b"}'),
    "text": ("a b", "b a", "b"),
}
HEADS = {"csv": ["label,text"], "tsv": ["label\ttext"]}
TASKS = {"columns": "tagging", "conllu": "tagging", "text": "language_modeling"}
WRONG = {
    "columns": ("a", "all lines of a column file must hold as many columns as its first (2)"),
    "conllu": ("1\tb", "a line must hold 10 columns with a tab between each two, or nothing"),
    "label_text": ("x", "each line must be a label, white space and a text"),
    "csv": ("x,a,b", "each row must have 2 columns, as the first one has"),
    "tsv": ("x\ta\tb", "each row must have 2 columns, as the first one has"),
    "json_lines": ("[]", "each line must be a JSON object"),
    "text": ("a <eos>", "the text must not hold the word <eos>, which is added to every line"),
}


def written(folder: Path, kind: str, *, wrong: Sequence[str], times: int) -> Path:
    """A folder whose training file has each wrong line so often, in sentences of their own."""
    folder.mkdir()
    good = [*HEADS.get(kind, []), *SENTENCES[kind]]
    bad = [line for _ in range(times) for each in wrong for line in (each, "")[: 2 if kind in TASKS else 1]]
    for split, lines in (("train", good + bad), ("dev", good), ("test", good)):
        (folder / f"{split}{ENDINGS.get(kind, '.txt')}").write_text("".join(f"{line}\n" for line in lines))
    return folder


ENDINGS = {"csv": ".csv", "tsv": ".tsv", "json_lines": ".jsonl", "conllu": ".conllu"}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize(
    ("times", "more"), [(1, ""), (2, ", and 1 more place ({})"), (9, ", and 8 more places ({}, {}, ...)")]
)
def test_places_of_a_kind_are_told_together(kind: str, times: int, more: str, tmp_path: Path) -> None:
    line, rule = WRONG[kind]
    folder = written(tmp_path / "corpus", kind, wrong=[line], times=times)
    with pytest.raises(UserError) as caught:
        prepared(TASKS.get(kind, "classification"), kind, folder)
    first, step = 1 + len(HEADS.get(kind, [])) + len(SENTENCES[kind]), 2 if kind in TASKS else 1
    others = [f"line {first + step * number}" for number in (1, 2)]
    file = folder / f"train{ENDINGS.get(kind, '.txt')}"
    assert str(caught.value).startswith(f"{file}, line {first}{more.format(*others)}: {rule}")
    assert "\n" not in str(caught.value)


def test_kinds_and_files_have_a_line_each(tmp_path: Path) -> None:
    folder = written(tmp_path / "corpus", "tsv", wrong=["x\ta\tb", "x\t ", "\ta"], times=2)
    with (folder / "dev.tsv").open("a") as file:
        file.write("x\n")
    with pytest.raises(UserErrors) as caught:
        prepared("classification", "tsv", folder)
    assert str(caught.value).replace(f"{folder}/", "").split("\n") == [
        "train.tsv, line 5, and 1 more place (line 8): each row must have 2 columns, as the first one has (received 3)",
        "train.tsv, line 6, and 1 more place (line 9): a text must have at least one word; remove the line, or fill it",
        "train.tsv, line 7, and 1 more place (line 10): a label must not be empty; remove the line, or fill it",
        "dev.tsv, line 5: each row must have 2 columns, as the first one has (received 1)",
    ]


def test_places_of_characters_are_told_together(tmp_path: Path) -> None:
    folder = written(tmp_path / "corpus", "text", wrong=["a\rb\rc", "c\rd"], times=1)
    with pytest.raises(UserError) as caught:
        prepared("language_modeling", "text", folder)
    where = "train.txt, line 4, character 2, and 2 more places (line 4, character 4, line 6, character 2)"
    assert str(caught.value).startswith(f"{folder}/{where}: lines must end")


def test_the_rest_is_counted() -> None:
    places = [f"a, b.txt, line {number}" for number in range(1, 10)]
    assert format_places(places[:1], 1) == "a, b.txt, line 1"
    assert format_places(places[:3], 3) == "a, b.txt, line 1, and 2 more places (line 2, line 3)"
    assert format_places(places, 1000) == "a, b.txt, line 1, and 999 more places (line 2, line 3, ...)"


def test_nothing_wrong_is_no_mistake() -> None:
    errors = ErrorCollector()
    with errors:
        pass
    errors.refuse()
