"""The entries of known corpora, and what the library makes of them."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.text.catalogue import load_entry, names
from tasks.text.formats import FORMATS
from tasks.text.inspection import inspect_files
from tasks.text.inspection.tables import MOST_LABELS
from tasks.text.library import ENTRIES, TextLibrary
from tasks.text.lines import canonical_encoding
from tasks.text.parallel import ParallelData
from unroll.contract import Inspection, Settings, UserError

ENTRY = """\
title = "A tiny corpus"
homepage = "https://example.org/tiny"
task = "language_modeling"
settings = ["data.corpus=text"]
licence = "public domain"
format = "text"
"""
FILE = '[[files]]\nname = "train.txt"\nsplit = "train"\n'
HASH = f'sha256 = "{"0" * 64}"\n'
URLS = 'urls = ["https://example.org/train.txt"]\n'
ARCHIVE = '[[archives]]\nkind = "zip"\nurls = ["https://example.org/a.zip"]\n'
MEMBERS = '[archives.members]\n"train.txt" = "a/train.txt"\n'
JSON_LINES = '{"kind": "x", "said": "A b"}\n{"said": "c", "kind": "y"}\n'
NAMES = names(ENTRIES)


def test_every_file_of_the_folder_is_a_known_corpus() -> None:
    assert [corpus.name for corpus in TextLibrary().known()] == NAMES
    assert {"multi30k", "ptb", "sst2", "tinyshakespeare", "trec", "ud_en_ewt", "wikitext2", "wnut17"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_complete(name: str) -> None:
    entry = load_entry(ENTRIES, name)
    assert entry.format in FORMATS.names()
    assert canonical_encoding(entry.encoding)
    assert entry.note
    assert entry.languages
    assert all(setting.startswith("data.") for setting in entry.settings)
    assert [file.split for file in entry.files].count("train") == (
        0 if len(entry.files) == 1 else len(entry.sides) or 1
    )


def test_a_corpus_is_known_by_its_bytes(tmp_path: Path) -> None:
    content = b"a b c\n"
    hashed = f'bytes = 6\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
    second = hashed.join(['[[files]]\nname = "test.txt"\n', URLS])
    (tmp_path / "entries").mkdir()
    (tmp_path / "entries" / "tiny.toml").write_text(ENTRY + FILE + hashed + URLS + second, encoding="utf-8")
    library, folder = TextLibrary(tmp_path / "entries"), tmp_path / "renamed"
    folder.mkdir()
    (folder / "x").write_bytes(content)
    assert library.recognise([tmp_path / "absent"]) is None
    for places in ([folder], [folder / "x"]):
        assert getattr(library.recognise(places), "name", None) == "tiny"
    (folder / "x").write_bytes(b"a b d\n")
    assert library.recognise([folder]) is None


def test_a_corpus_whose_archive_alone_has_a_hash_is_known_where_it_was_fetched(tmp_path: Path) -> None:
    (tmp_path / "entries").mkdir()
    (tmp_path / "entries" / "tiny.toml").write_text(ENTRY + FILE + ARCHIVE + HASH + MEMBERS, encoding="utf-8")
    library, folder = TextLibrary(tmp_path / "entries"), tmp_path / "data"
    folder.mkdir()
    (folder / "train.txt").write_bytes(b"a\n")
    assert library.recognise([folder]) is None
    record = {"name": "tiny", "sha256": {"train.txt": hashlib.sha256(b"a\n").hexdigest()}}
    (folder / ".fetched.json").write_text(json.dumps(record), encoding="utf-8")
    assert getattr(library.recognise([folder]), "licence", None) == "public domain"
    (folder / "train.txt").write_bytes(b"other\n")
    assert library.recognise([folder]) is None


@pytest.mark.corpora
@pytest.mark.parametrize("name", NAMES)
def test_hashes_are_those_of_the_real_files(name: str, corpora: Path) -> None:
    if not (corpora / name).is_dir():
        pytest.skip(f"this corpus is absent: {name}")
    for file in load_entry(ENTRIES, name).files:
        plain, packed = corpora / name / file.name, corpora / name / f"{file.name}.gz"
        content = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
        assert hashlib.sha256(content).hexdigest() == file.sha256
        assert len(content) == file.bytes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY + FILE + HASH + URLS, ""),
        (ENTRY + FILE + ARCHIVE + HASH + MEMBERS, ""),
        (ENTRY + FILE + HASH + ARCHIVE + MEMBERS, ""),
        ("title = ", "an entry must be TOML"),
        ("name = 'other'\n" + ENTRY + FILE + HASH + URLS, "an entry must be TOML"),
        (ENTRY + FILE + URLS, "train.txt must have a sha256, or its archive"),
        (ENTRY + FILE + ARCHIVE + MEMBERS, "train.txt must have a sha256, or its archive"),
        (ENTRY + FILE + HASH, "each file must have urls or be a member of one archive"),
        (ENTRY + FILE + HASH + URLS + ARCHIVE + MEMBERS, "each file must have urls or be a member of one archive"),
        (ENTRY + FILE + HASH + 'urls = ["file:///etc/passwd"]', "String should match pattern"),
        (ENTRY + FILE.replace("train.txt", "../train.txt") + HASH + URLS, "String should match pattern"),
        (ENTRY + FILE + HASH.replace("0", "g") + URLS, "String should match pattern"),
        (ENTRY + FILE + HASH + URLS + "size = 3", "Extra inputs are not permitted"),
    ],
)
def test_an_entry_is_refused_unless_it_is_right(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(text)
    if not message:
        assert load_entry(tmp_path, "tiny").name == "tiny"
        return
    with pytest.raises(UserError, match=message) as raised:
        load_entry(tmp_path, "tiny")
    assert "tiny.toml" in str(raised.value)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such corpus"):
        TextLibrary().inspect("../ptb", tmp_path)


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ptb", {"train": (42_068, 887_521), "validation": (3_370, 70_390), "test": (3_761, 78_669)}),
        ("sst2", {"train": (6_920, 133_555), "validation": (872, 17_046), "test": (1_821, 35_023)}),
        ("trec", {"train": (5_452, 55_635), "test": (500, 3_758)}),
        ("wnut17", {"train": (3_394, 62_730), "validation": (1_009, 15_733), "test": (1_287, 23_394)}),
        ("tinyshakespeare", {"all": (32_777, 202_651)}),
        (
            "multi30k",
            {
                "train de": (29_000, 322_383),
                "validation de": (1_014, 11_568),
                "test de": (1_000, 10_905),
                "train en": (29_000, 345_020),
                "validation en": (1_014, 12_167),
                "test en": (1_000, 11_877),
            },
        ),
    ],
)
def test_real_corpora_have_their_sizes(name: str, sizes: dict[str, tuple[int, int]], corpora: Path) -> None:
    found = TextLibrary().inspect(name, corpora / name)
    assert {row["split"]: (row["sentences"], row["tokens"]) for row in found.splits} == sizes


def written(folder: Path, **texts: str | bytes) -> dict[str, Path]:
    files = {split: folder / f"{split}.txt" for split in texts}
    for split, text in texts.items():
        files[split].write_bytes(text if isinstance(text, bytes) else text.encode())
    return files


def looked_at(folder: Path, form: str = "text", **texts: str | bytes) -> Inspection:
    return inspect_files({"": written(folder, **texts)}, form, {})


def test_sizes_lengths_unknown_words_and_leaks(tmp_path: Path) -> None:
    found = looked_at(tmp_path, train="a b c\nA B c\nd\n", validation="a b\nd\n", test="D\nd\nx y a b a b\na b\n")
    assert found.splits == [
        {
            "split": "train",
            "sentences": 3,
            "tokens": 7,
            "types": 6,
            "mean length": 7 / 3,
            "median": 3.0,
            "longest": 3,
            "unknown tokens": None,
            "repeated": 1,
        },
        {
            "split": "validation",
            "sentences": 2,
            "tokens": 3,
            "types": 3,
            "mean length": 1.5,
            "median": 1.5,
            "longest": 2,
            "unknown tokens": 0.0,
            "repeated": 0,
            "also in train": 1,
        },
        {
            "split": "test",
            "sentences": 4,
            "tokens": 10,
            "types": 6,
            "mean length": 2.5,
            "median": 1.5,
            "longest": 6,
            "unknown tokens": 3 / 10,
            "repeated": 1,
            "also in train": 2,
            "also in validation": 3,
        },
    ]
    assert found.lengths == [
        {"words": "1-5", "train": 3, "validation": 2, "test": 3},
        {"words": "6-10", "train": 0, "validation": 0, "test": 1},
    ]
    assert not found.labels
    assert not found.oddities


def test_the_histogram_ends_openly(tmp_path: Path) -> None:
    found = looked_at(tmp_path, train=f"{'a ' * 240}\n{'a ' * 241}\n")
    assert found.lengths == [{"words": "121-240", "train": 1}, {"words": "241 and more", "train": 1}]


def test_labels_and_their_shares(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "label_text", train="1 a\n0 b\n0 c\n0 d\n", test="2 e\n1 f\n")
    assert found.labels == [
        {"label": "0", "train": 3, "train share": 0.75, "test": 0, "test share": 0.0},
        {"label": "1", "train": 1, "train share": 0.25, "test": 1, "test share": 0.5},
        {"label": "2", "train": 0, "train share": 0.0, "test": 1, "test share": 0.5},
    ]


def test_rare_labels_are_told_together(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "label_text", train="".join(f"{number} a\n" for number in range(MOST_LABELS + 5)))
    assert found.labels[-1] == {"label": "(5 others)", "train": 5, "train share": 5 / (MOST_LABELS + 5)}


def test_tags_are_labels(tmp_path: Path) -> None:
    row = "{}\t{}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n"
    found = looked_at(tmp_path, "conllu", train=row.format(1, "a") + row.format(2, "b") + "\n" + row.format(1, "c"))
    assert found.splits[0]["tokens"] == 3
    assert found.labels == [{"label": "NOUN", "train": 3, "train share": 1.0}]
    assert not found.oddities  # the blank line ends a sentence


@pytest.mark.parametrize(("repair", "treated"), [("conlleval", "read as conlleval reads them"), ("refuse", "refused")])
def test_tags_that_break_their_scheme_are_told_and_stop_nothing(tmp_path: Path, repair: str, treated: str) -> None:
    """That of all files together: by itself the test file would be of another."""
    texts = {
        "train": "-DOCSTART- O\n\na B-x\nb I-x\nc O\n\nd I-x\ne I-y\n" + 3 * "\ng B-y\n",
        "test": "a I-x\n\nb O\nc E-x\nd NN\n",
    }
    for split, text in texts.items():
        (tmp_path / split).write_text(text)
    files = {"": {split: tmp_path / split for split in texts}}
    whole = inspect_files(files, "columns", {"scheme": "bio", "repair": repair}).oddities
    assert [tuple(row.values()) for row in whole] == [
        ("train", f"entity tags that break scheme bio ({treated})", 2, 7),
        ("test", "tags that scheme bio lacks (refused)", 2, 4),
        ("test", f"entity tags that break scheme bio ({treated})", 1, 1),
    ]
    (tmp_path / "test").write_text("a I-x\n\nb O\n")
    (_, row) = inspect_files(files, "columns", {}).oddities
    assert (row["what"], row["first"]) == ("entity tags that break scheme bio (read as conlleval reads them)", 1)
    assert inspect_files(files, "columns", {"scheme": "plain"}).oddities == []


def test_odd_things_are_told_with_their_first_line(tmp_path: Path) -> None:
    text = "\ufeffa\r\n\n \t\nb\ufffd\ncafe\u0301\nx\u200by\nbell\x07\n"
    found = looked_at(tmp_path, train=text)
    assert [(row["what"], row["lines"], row["first"]) for row in found.oddities] == [
        ("byte-order mark", 1, 1),
        ("Windows line ends (CRLF)", 1, 1),
        ("blank lines", 1, 2),
        ("lines of white space alone", 1, 3),
        ("replacement characters (text was lost before)", 1, 4),
        ("characters not in Unicode's composed form (NFC)", 1, 5),
        ("invisible characters", 1, 6),
        ("control characters", 1, 7),
    ]


def test_a_packed_file_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "train.gz").write_bytes(gzip.compress(b"a\r\nb\r\n"))
    found = inspect_files({"": {"train": tmp_path / "train.gz"}}, "text", {})
    assert [(row["what"], row["lines"]) for row in found.oddities] == [("Windows line ends (CRLF)", 2)]


def test_parallel_files_are_told_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "train.de").write_text("a b\nc\n")
    (tmp_path / "train.en").write_text("x\ny z\n")
    sides = {side: {"train": tmp_path / f"train.{side}"} for side in ("de", "en")}
    assert [row["split"] for row in inspect_files(sides, "text", {}).splits] == ["train de", "train en"]
    (tmp_path / "train.en").write_text("x\n")
    with pytest.raises(
        UserError, match=r"train\.de and .*train\.en: both languages must have equally many lines \(received 2 and 1\)"
    ):
        inspect_files(sides, "text", {})


def test_what_is_odd_about_pairs_is_told_with_its_first_line(tmp_path: Path) -> None:
    long = "w " * 30
    for name, text in {
        "train.de": f"A  b\n\nc\n{long}\na B\nno .\n\n",
        "train.en": "x\ny z\nd\nw w\nX\nby no means .\n\n",
        "test.de": "a b\nc\n\ne f\n",
        "test.en": "x\nC\n\ng\n",
    }.items():
        (tmp_path / name).write_text(text)
    sides = {side: {split: tmp_path / f"{split}.{side}" for split in ("train", "test")} for side in ("de", "en")}
    rows = [tuple(row.values()) for row in inspect_files(sides, "text", {}).oddities if ", " in str(row["file"])]
    train, test = "train.de, train.en", "test.de, test.en"
    assert rows == [
        (train, "lines that are blank on one side", 1, 2),
        (train, "pairs with one side more than 3 times as long", 1, 4),
        (train, "pairs that stood before", 1, 5),
        (test, "pairs with equal sides", 1, 2),
        (test, "pairs that stand in train too", 1, 1),
    ]


def test_lines_that_do_not_belong_together_are_odd(tmp_path: Path) -> None:
    lines = ["w " * (1 + place * 7 % 12) for place in range(60)]
    (tmp_path / "all.de").write_text("\n".join(lines))
    (tmp_path / "all.en").write_text("\n".join([*lines[1:], lines[0]]))
    sides = {side: {"all": tmp_path / f"all.{side}"} for side in ("de", "en")}
    (row,) = (row for row in inspect_files(sides, "text", {}).oddities if "hardly" in str(row["what"]))
    assert (row["file"], row["lines"], row["first"]) == ("all.de, all.en", 60, 1)


class Translation(Settings):
    data: ParallelData


def test_parallel_text_is_looked_at_as_a_study_names_it(tmp_path: Path) -> None:
    for split, text in (("train", "A b\nc\n"), ("dev", "a\n"), ("test_2016", "c\n"), ("test_2017", "d\n")):
        for side in ("de", "en"):
            (tmp_path / f"{split}.{side}").write_text(text)
    chosen = {"corpus": "parallel_files", "source": "en", "target": "de", "test": "test_2016"}
    found = TextLibrary().inspect_settings(Translation(data=ParallelData(path=tmp_path, lowercase=True, **chosen)))
    assert found is not None
    assert [(row["split"], row["types"]) for row in found.splits] == [
        (f"{split} {side}", types)
        for side in ("en", "de")
        for split, types in (("train", 3), ("validation", 1), ("test", 1))
    ]
    assert TextLibrary().inspect_settings(Translation(data=ParallelData())) is None


@given(left=st.binary(max_size=60), right=st.binary(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_parallel_files_give_an_inspection_or_one_error(left: bytes, right: bytes, tmp_path: Path) -> None:
    files = {"de": tmp_path / "train.de", "en": tmp_path / "train.en"}
    for side, content in (("de", left), ("en", right)):
        files[side].write_bytes(content + b"a\n")
    try:
        found = inspect_files({side: {"train": file} for side, file in files.items()}, "text", {})
    except UserError as error:
        place = error.where
    else:
        place = str(tmp_path) if len(found.splits) == 2 else "nowhere"
    assert place.startswith(str(tmp_path))


def test_a_single_file_is_cut_as_a_study_cuts_it(tmp_path: Path) -> None:
    files = {"": {"all": written(tmp_path, all="a\n" * 10)["all"]}}
    options = {"validation_fraction": 0.2, "test_fraction": 0.1}
    assert [row["sentences"] for row in inspect_files(files, "text", options).splits] == [7, 2, 1]
    assert [row["split"] for row in inspect_files(files, "text", {}).splits] == ["all"]


def test_a_single_file_of_labels_stays_whole_for_a_study_would_shuffle_it(tmp_path: Path) -> None:
    files = {"": {"all": written(tmp_path, all="1 a\n" * 10)["all"]}}
    options = {"validation_fraction": 0.2, "test_fraction": 0.1}
    assert [row["split"] for row in inspect_files(files, "label_text", options).splits] == ["all"]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("tsv", "id\tkind\tsaid\n1\tx\tA b\n2\ty\tc\n"),
        ("csv", 'kind,said\nx,"A\n b"\ny,c\n'),
        ("json_lines", JSON_LINES),
    ],
)
def test_tables_are_read_by_the_names_of_their_columns(form: str, text: str, tmp_path: Path) -> None:
    options = {"text_field": "said", "label_field": "kind", "lowercase": True}
    found = inspect_files({"": {"train": written(tmp_path, train=text)["train"]}}, form, options)
    assert [(row["sentences"], row["tokens"]) for row in found.splits] == [(2, 3)]
    assert [row["label"] for row in found.labels] == ["x", "y"]


def test_a_split_without_a_sentence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the validation text must have a sentence"):
        looked_at(tmp_path, train="a\n", validation="\n")


@pytest.mark.parametrize("form", FORMATS.names())
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_bytes_give_an_inspection_or_one_error(form: str, content: bytes, tmp_path: Path) -> None:
    try:
        found = looked_at(tmp_path, form, train=content)
    except UserError as error:
        place = error.where
    else:
        place = str(tmp_path) if found.splits[0]["tokens"] else "nowhere"
    assert place.startswith(str(tmp_path))
