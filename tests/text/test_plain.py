import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text.running import TextData, TokenCorpus, load
from unroll.contract import UserError, UserErrors

TWENTY_LINES = "".join(f"line {number} ends\n" for number in range(20)).encode()


def folder_of(parent: Path, **splits: bytes) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    for split, content in splits.items():
        (parent / f"{split}.txt").write_bytes(content)
    return parent


def read(path: Path, **options: Any) -> TokenCorpus:
    return load(TextData(corpus="text", path=path, **options), path.parent / "cache")


def words(corpus: TokenCorpus, split: str) -> str:
    return " ".join(corpus.vocabulary.decode(getattr(corpus, split)))


def test_every_line_ends_and_blank_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path / "text", train=b"\n the  cat\n\nsat\t\n \n", validation=b"the", test=b"cat\n\n"))
    assert words(corpus, "train") == "the cat <eos> sat <eos>"
    assert words(corpus, "validation") == "the <eos>"
    assert words(corpus, "test") == "cat <eos>"
    assert corpus.facts["blank lines skipped"] == 4
    assert corpus.vocabulary.words == ("<eos>", "cat", "sat", "the")
    assert corpus.vocabulary.words[corpus.start] == "<eos>"
    assert not corpus.bounds


def test_characters_are_the_text_as_it_is(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "text", train="\nä b\r\n".encode(), validation=b"b", test=b"b b\n")
    corpus = read(folder, level="character")
    assert corpus.vocabulary.decode(corpus.train) == ("\n", "ä", " ", "b", "\n")
    assert corpus.vocabulary.decode(corpus.validation) == ("b", "\n")
    assert corpus.vocabulary.words[corpus.start] == "\n"
    assert "blank lines skipped" not in corpus.facts


def test_the_vocabulary_never_sees_the_held_out_text(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "text", train=b"a a b", validation=b"a a c", test=b"b b b\nb b b b d")
    corpus = read(folder)
    assert corpus.vocabulary.words == ("a", "<eos>", "b", "<unk>")
    assert words(corpus, "validation") == "a a <unk> <eos>"
    assert corpus.facts["train unknown rate"] == 0
    assert corpus.facts["validation unknown rate"] == 1 / 4
    assert corpus.facts["test unknown rate"] == 1 / 10


def test_rare_words_become_unknown(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "text", train=b"a a a b b c", validation=b"a b", test=b"a c")
    assert words(read(folder, minimum_count=2), "train") == "a a a b b <unk> <eos>"
    assert words(read(folder, vocabulary_size=3), "train") == "a a a <unk> <unk> <unk> <eos>"


def test_lines_that_are_also_in_training_are_counted(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "text", train=b"a b\n\nc\n", validation=b"a  b\n\nb\n", test=b"c\nc\n")
    facts = read(folder).facts
    assert facts["validation lines also in training"] == 1
    assert facts["test lines also in training"] == 2


@pytest.mark.parametrize(
    "names",
    [
        ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"),
        ("train.en.gz", "val.en.gz", "test_2016_flickr.en.gz"),
        ("wiki.Train.tokens", "wiki.dev.tokens", "wiki.TEST.tokens"),
        ("training", "validation", "testing"),
    ],
)
def test_files_of_a_folder_are_known_by_a_part_of_their_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = tmp_path / "text"
    folder.mkdir()
    (folder / "README").write_bytes(b"\xff nothing to read")
    (folder / ".train.txt").write_bytes(b"hidden")
    for name, content in zip(names, (b"a a", b"a a a", b"a a a a"), strict=True):
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    corpus = read(folder)
    assert (corpus.train.size, corpus.validation.size, corpus.test.size) == (3, 4, 5)


@pytest.mark.parametrize(("fractions", "sizes"), [((0.05, 0.05), (18, 1, 1)), ((0.25, 0.1), (13, 5, 2))])
@pytest.mark.parametrize("level", ["word", "character"])
def test_a_single_file_is_split_into_neighbouring_lines(
    tmp_path: Path, level: str, fractions: tuple[float, float], sizes: tuple[int, ...]
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(TWENTY_LINES)
    corpus = read(path, level=level, validation_fraction=fractions[0], test_fraction=fractions[1])
    joint, end = (" ", "<eos>") if level == "word" else ("", "\n")
    texts = [joint.join(corpus.vocabulary.decode(part)) for part in (corpus.train, corpus.validation, corpus.test)]
    assert tuple(text.count(end) for text in texts) == sizes
    if level == "character":
        assert "".join(texts).encode() == TWENTY_LINES


def test_equal_content_has_an_equal_fingerprint_wherever_and_however_it_lies(tmp_path: Path) -> None:
    text = "é a\nb é\n"
    plain = folder_of(tmp_path / "one", train=text.encode(), validation=text.encode(), test=b"a\n")
    wide = folder_of(
        tmp_path / "two" / "far",
        train=text.replace("\n", "\r\n").encode("utf-16"),
        validation=text.encode("utf-16"),
        test="a".encode("utf-16"),
    )
    other = folder_of(tmp_path / "three", train=text.encode(), validation=text.encode(), test=b"b\n")
    first, second, third = read(plain), read(wide, encoding="utf-16"), read(other)
    assert first.fingerprint == second.fingerprint
    assert first.facts == second.facts
    assert first.fingerprint != third.fingerprint
    assert read(plain, level="character").fingerprint != first.fingerprint


def test_words_decide_the_fingerprint_even_where_the_numbers_agree(tmp_path: Path) -> None:
    one = folder_of(tmp_path / "one", train=b"a b", validation=b"a", test=b"b")
    two = folder_of(tmp_path / "two", train=b"a c", validation=b"a", test=b"c")
    assert np.array_equal(read(one).train, read(two).train)
    assert read(one).fingerprint != read(two).fingerprint


def test_this_fingerprint_changes_only_together_with_the_reader_version(tmp_path: Path) -> None:
    """When this fails on purpose, raise the reader's ``version``: caches hold what the old version read."""
    corpus = read(
        folder_of(tmp_path / "text", train=b"the cat sat\n\non the mat\n", validation=b"a cat", test=b"the\n")
    )
    assert corpus.fingerprint.startswith("58d01df41c1d7a04")


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (
            {"train": b"a", "validation": b"a"},
            "exactly one test file, known by a part of its name (received none among train.txt, va",
        ),
        (
            {"train": b"a", "validation": b"a", "test": b"a", "test.old": b"a"},
            "exactly one test file, known by a part of its name (received test.old.txt, test.txt)",
        ),
        ({"train": b"a", "validation": b"", "test": b"a"}, "validation.txt: a text must not be empty"),
        ({"train": b"a", "validation": b"\n \n", "test": b"a"}, "the validation text must hold at least one token"),
        (
            {"train": b"a\nb <eos>\n", "validation": b"a", "test": b"a"},
            "train.txt, line 2: the text must not hold the word <eos>, which is added to every line; remove it",
        ),
        (
            {"train": b"the cat sat", "validation": b"le chat chatte", "test": b"the"},
            "at most half of the validation tokens may be unknown (received 75%); are the splits of one language?",
        ),
    ],
)
def test_a_folder_that_is_no_corpus_is_refused(tmp_path: Path, splits: dict[str, bytes], message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(folder_of(tmp_path / "text", **splits))
    assert message in str(caught.value)
    assert str(tmp_path / "text") in str(caught.value)
    assert not (tmp_path / "cache").exists(), "nothing is half written"


def test_a_name_that_changes_how_bytes_are_read_is_another_text(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(TWENTY_LINES)
    (tmp_path / "text.gz").write_bytes(TWENTY_LINES)
    read(tmp_path / "text")
    for _ in range(2):
        with pytest.raises(UserError, match=r"text\.gz: a file named \.gz must be whole gzip data"):
            read(tmp_path / "text.gz")


@pytest.mark.parametrize("encoding", ["utf-16", "cp037"])
def test_a_text_that_was_misread_leads_to_its_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "text").write_bytes(TWENTY_LINES)
    with pytest.raises(UserError) as caught:
        read(tmp_path / "text", encoding=encoding)
    assert str(caught.value) == (
        f"{tmp_path}/text: the validation text must hold at least one token; is the text really {encoding} "
        "(data.encoding)? else give more lines, or set data.validation_fraction and data.test_fraction"
    )


def test_a_folder_that_was_misread_leads_to_its_encoding(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "text", train=b"the cat sat.", validation=b"a dog!", test=b"it ran")
    with pytest.raises(
        UserError, match=r"unknown \(received \d+%\); is the text really utf-16-le \(data.encoding\)\? are"
    ):
        read(folder, encoding="utf-16-le", level="character")


def test_what_is_not_there_is_named_with_advice(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path / "ptb")
    assert str(caught.value) == f"{tmp_path}/ptb: the corpus must exist; set data.path to a text file or a folder"


def test_what_is_neither_file_nor_folder_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place, kind in ((tmp_path / "pipe", "a named pipe"), (Path("/dev/zero"), "a device")):
        with pytest.raises(UserError) as caught:
            read(place)
        told = f"{place}: the corpus must lie in regular files (received {kind}); write what it gives into a file"
        assert str(caught.value) == told


def test_an_unreadable_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the corpus must be readable"):
        read(tmp_path / ("long" * 100))


def test_a_vocabulary_of_nothing_but_unknown_words_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "text", train=b"the cat sat", validation=b"the", test=b"cat")
    with pytest.raises(UserError, match="at most half of the train tokens may be unknown"):
        read(folder, minimum_count=2)


@settings(deadline=None, max_examples=150)
@given(
    content=st.one_of(
        st.binary(),
        st.lists(st.sampled_from([b"a", b"b c", b"\n", b"\r\n", b"\xff", b"\0", b"\xef\xbb\xbf", b" "])).map(b"".join),
    ),
    packed=st.booleans(),
    level=st.sampled_from(["word", "character"]),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "cp1252", "shift_jis"]),
    fractions=st.tuples(st.floats(0.01, 0.49), st.floats(0.01, 0.49)),
    vocabulary_size=st.none() | st.integers(2, 9),
    minimum_count=st.integers(1, 3),
)
def test_any_bytes_are_a_corpus_or_a_mistake_of_the_user(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    packed: bool,
    fractions: tuple[float, float],
    **options: Any,
) -> None:
    path = tmp_path_factory.mktemp("any") / ("text.gz" if packed else "text")
    path.write_bytes(content)
    try:
        corpus = read(path, validation_fraction=fractions[0], test_fraction=fractions[1], **options)
    except UserErrors:
        pytest.fail("one file has one mistake")
    except UserError as error:
        message = str(error)
    else:
        splits = (corpus.train, corpus.validation, corpus.test)
        assert all(split.size > 0 for split in splits)
        assert all(split.min() >= 0 and split.max() < len(corpus.vocabulary) for split in splits)
        return
    assert str(path) in message
    assert "\n" not in message
