"""Formats of files: found in their folder, and the same for a reader and for an inspection."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tasks.text import formats
from tasks.text.format import Sentence
from tasks.text.formats import FORMATS, build_format
from tasks.text.formats.columns import looks_like_columns
from tasks.text.inspection import inspect_files
from tasks.text.labelled import LabelledData, load
from tasks.text.tagged import TaggedData
from unroll.contract import UserError

ENDINGS = {"csv": ".csv", "json_lines": ".jsonl", "label_text": "", "tsv": ".tsv"}


@pytest.mark.parametrize("name", FORMATS.names())
def test_a_format_keeps_the_interface(name: str) -> None:
    chosen = FORMATS.find(name)
    assert chosen.__doc__
    assert chosen.labels in ("none", "sentence", "word", "entity")
    assert isinstance(chosen.ending, str)
    options = {field.name for field in fields(chosen)}
    section = LabelledData if chosen.labels == "sentence" else TaggedData
    assert set(FORMATS.options(name)) == options <= set(section.model_fields)


def test_options_that_settings_lack_stay_at_their_defaults() -> None:
    assert build_format("tsv", {"label_field": "kind", "encoding": "utf-8"}).parse(
        ["text\tkind", "a b\tx"], "file"
    ) == [Sentence(("a", "b"), ("x",), 2)]


REFUSED = {
    "a field twice": (
        "json_lines",
        '{"text": "a", "label": "x"}\n{"text": "a", "text": "b", "label": "x"}\n',
        "line 2: each line must be a JSON object (received the same field twice)",
    ),
    "a label that is a fraction": (
        "json_lines",
        '{"text": "a", "label": 0.5}\n',
        "line 1: a label must be a JSON string, a whole number or a boolean (received 0.5)",
    ),
    "an empty label in JSON": ("json_lines", '{"text": "a", "label": " "}\n', "line 1: a label must not be empty"),
    "NUL in JSON": ("json_lines", '{"text": "a\\u0000", "label": "x"}\n', "line 1: NUL is no text"),
    "half a character in JSON": (
        "json_lines",
        '{"text": "\\ud800", "label": "x"}\n',
        "line 1: a text must be whole characters",
    ),
    "an empty label in a table": ("tsv", "label\ttext\n\ta\n", "line 2: a label must not be empty"),
    "a label on two lines": ("csv", 'text,label\na,"x\ny"\n', "line 3: a label must stand on one line"),
    "an empty text": ("csv", "text,label\n ,x\n", "line 2: a text must have at least one word; remove the line, or"),
    "several lines": (
        "label_text",
        "x\nx a\ny\n",
        "line 1, and 1 more place (line 3): each line must be a label, white space and a text (received 'x')",
    ),
}


@pytest.mark.parametrize(("name", "text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_reader_and_an_inspection_refuse_the_same_lines(name: str, text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / f"corpus{ENDINGS[name]}"
    file.write_text(text)
    said = []
    for read in (
        lambda: load(LabelledData(corpus=name, path=file), tmp_path / "cache"),
        lambda: inspect_files({"": {"all": file}}, name, {}),
    ):
        with pytest.raises(UserError) as caught:
            read()
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert said[0].startswith(f"{file}, {message}")


COLUMNS = "".join(f"w{i} NN O\nv{i} VB B-x\n.{i} . O\n\n" for i in range(20))


def test_a_column_file_among_labelled_sentences_is_one_error_that_names_its_format(tmp_path: Path) -> None:
    (tmp_path / "all").write_text(COLUMNS)
    with pytest.raises(UserError) as caught:
        load(LabelledData(corpus="label_text", path=tmp_path / "all"), tmp_path / "cache")
    assert str(caught.value) == (
        f"{tmp_path}/all: each line must be a label, white space and a text (received a word and its tags on each "
        "line, and blank lines between sentences); it looks like a column file: the task tagging reads it with "
        "data.corpus=columns"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (COLUMNS, True),
        ("-DOCSTART- O\n\na O\nb O\n\nc O\nd O\ne B-x\n", True),
        ("x a\n\ny b\n\nx c\n\ny d\n\nx e\n", False),  # a blank line behind each
        ("x a b\ny b\n\nx c\ny d\nx e\n", False),
        ("x a\ny b\nx c\ny d\nx e\ny f\n", False),
        ("x a\n\ny b\n", False),
    ],
)
def test_column_files_are_recognised_by_their_width_and_their_blank_lines(text: str, expected: bool) -> None:
    assert looks_like_columns(text.split("\n")) is expected


def test_files_whose_names_say_no_split_are_counted_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text("label\ttext\nx\ta\ny\tb\n")
    data = LabelledData(corpus="tsv", path=folder, minimum_count=1)
    (folder / "README.md").write_text("")
    (folder / "trial").mkdir()
    assert not [text for text in load(data, tmp_path / "cache").warnings if "not read" in text]
    (folder / "part2.tsv.gz").write_bytes(b"")
    assert load(data, tmp_path / "cache").warnings[-1] == (
        "1 file is not read, for no part of the name names a split: part2.tsv.gz"
    )
    for number in range(3, 7):
        (folder / f"part{number}.tsv").write_text("")
    assert load(data, tmp_path / "cache").warnings[-1] == (
        "5 files are not read, for no part of the name names a split: part2.tsv.gz, part3.tsv, part4.tsv, ..."
    )


def test_a_broken_format_is_refused_with_its_line_where_it_is_chosen_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    (tmp_path / "broken.py").write_text("\nimport nothing_of_this_name\n")
    assert "broken" in LabelledData.readers.names
    assert LabelledData(corpus="tsv").corpus == "tsv"
    (tmp_path / "all").write_text("")
    with pytest.raises(UserError, match=r"tasks/text/formats/broken\.py:2: a format's file must be importable"):
        load(LabelledData(corpus="broken", path=tmp_path / "all"), tmp_path / "cache")
