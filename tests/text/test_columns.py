"""Column files: cut into words and tags, entity tags of three schemes made one; every violation has its place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text.columns import parse_columns
from tasks.text.tagged import TaggedCorpus, TaggedData, load
from tasks.text.tagged.schemes import Scheme, convert, recognise
from unroll.contract import UserError

CONLL_2003 = """\
-DOCSTART- -X- -X- O

EU NNP B-NP I-ORG
rejects VBZ B-VP O
German JJ B-NP I-MISC
call NN I-NP O

Peter NNP B-NP I-PER
Blackburn NNP I-NP I-PER
"""


def parse(text: str, *, word: int = 0, tag: int = -1) -> list[list[tuple[str, str]]]:
    rows = parse_columns(text.split("\n"), word=word, tag=tag, where="file")
    return [[cell[:2] for cell in sentence] for sentence in rows]


def test_blanks_cut_columns_and_documents_begin_without_being_words() -> None:
    first, second = parse(CONLL_2003)
    assert first == [("EU", "I-ORG"), ("rejects", "O"), ("German", "I-MISC"), ("call", "O")]
    assert second == [("Peter", "I-PER"), ("Blackburn", "I-PER")]
    assert parse(CONLL_2003, word=-4, tag=1)[1] == [("Peter", "NNP"), ("Blackburn", "NNP")]


def test_tabs_cut_alone_where_there_are_any_and_white_space_ends_a_sentence() -> None:
    assert parse("a b\tO\n\t\nc\tB-x\n  \n\n\td\tO"[:-4]) == [[("a b", "O")], [("c", "B-x")]]
    assert parse("a  b\nc    d") == [[("a", "b"), ("c", "d")]]


def test_quotes_are_words() -> None:
    assert parse('" O\n"" B-x\n"a O') == [[('"', "O"), ('""', "B-x"), ('"a', "O")]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Doctors'I-ORG",
            "file, line 1: a line must hold at least 2 columns, with a tab or blanks between each two, or nothing "
            '(received 1 columns: "Doctors\'I-ORG"); set data.word_column and data.tag_column',
        ),
        (
            "the O\n\nDoctors'I-ORG",
            "file, line 3: all lines of a column file must hold as many columns as its first (2) "
            '(received 1 columns: "Doctors\'I-ORG"); an empty line ends a sentence',
        ),
        ("the O\na b c", "file, line 2: all lines of a column file must hold as many columns as its first (2)"),
        ("the\t", "file, line 1: a word and its tag must not be empty (received '')"),
        ("\tO", "file, line 1: a word and its tag must not be empty (received '')"),
        ("a\tO\nb\tB-x ", "file, line 2: a tag must have no blanks around it (received 'B-x ')"),
    ],
)
def test_a_violation_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert str(caught.value).startswith(message)


def test_a_column_that_is_not_there_is_told() -> None:
    with pytest.raises(UserError, match="file, line 1: a line must hold at least 4 columns"):
        parse("a b c", tag=3)
    with pytest.raises(UserError, match="file, line 1: a line must hold at least 4 columns"):
        parse("a b c", tag=-4)


SAME = [("O", "B-x", "I-x", "O"), ("B-x", "B-x", "I-x", "B-y", "I-y", "I-y"), ("B-y",)]
WRITTEN: dict[Scheme, list[tuple[str, ...]]] = {
    "bio": SAME,
    "iob1": [("O", "I-x", "I-x", "O"), ("I-x", "B-x", "I-x", "I-y", "I-y", "I-y"), ("I-y",)],
    "bioes": [("O", "B-x", "E-x", "O"), ("S-x", "B-x", "E-x", "B-y", "I-y", "E-y"), ("U-y",)],
}


@pytest.mark.parametrize("scheme", WRITTEN)
def test_three_ways_to_write_the_same_entities(scheme: Scheme) -> None:
    assert recognise(WRITTEN[scheme]) == scheme
    assert [convert(tags, scheme, tags) for tags in WRITTEN[scheme]] == SAME


def test_other_tags_are_no_entities() -> None:
    assert recognise([("NOUN", "VERB"), ("O",)]) is None


@pytest.mark.parametrize(
    ("scheme", "tags", "place"),
    [
        ("bio", "O I-x", 1),
        ("bio", "B-x I-y", 1),
        ("bio", "I-x", 0),
        ("bio", "B-x E-x", 1),
        ("bio", "B-x b-x", 1),
        ("bio", "B- O", 0),
        ("bio", "B-x NOUN", 1),
        ("iob1", "B-x", 0),
        ("iob1", "I-x B-y", 1),
        ("bioes", "B-x O", 1),
        ("bioes", "B-x B-x", 1),
        ("bioes", "S-x I-x", 1),
        ("bioes", "B-x E-y", 1),
        ("bioes", "O E-x", 1),
        ("bioes", "O B-x", 1),
    ],
)
def test_what_breaks_a_scheme_is_told_with_its_place(scheme: Scheme, tags: str, place: int) -> None:
    each = tags.split()
    with pytest.raises(UserError) as caught:
        convert(each, scheme, [f"line {i}" for i in range(len(each))])
    assert str(caught.value).startswith(f"line {place}: ")
    assert scheme in caught.value.rule


ENTITIES = st.lists(st.tuples(st.sampled_from(["", "x", "y"]), st.integers(1, 3)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=100)
@given(ENTITIES, st.sampled_from(["iob1", "bioes"]))
def test_any_entities_survive_the_way_through_a_scheme(entities: list[tuple[str, int]], scheme: Scheme) -> None:
    expected: list[str] = []
    written: list[str] = []
    before = ""
    for kind, length in entities:
        expected += [f"{'I' if i else 'B'}-{kind}" if kind else "O" for i in range(length)]
        if scheme == "iob1":
            written += [
                "O" if not kind else f"{'B' if kind == before and not i else 'I'}-{kind}" for i in range(length)
            ]
        else:
            middle = ["B", *"I" * (length - 2), "E"] if length > 1 else ["S"]
            written += [f"{letter}-{kind}" if kind else "O" for letter in middle]
        before = kind
    assert list(convert(written, scheme, written)) == expected


# The corpus


def folder_of(tmp_path: Path, **splits: str) -> Path:
    for split, content in splits.items():
        (tmp_path / f"x.{split}").write_text(content, encoding="utf-8")
    return tmp_path


def read(path: Path, **options: Any) -> TaggedCorpus:
    return load(TaggedData(corpus="columns", path=path, **{"minimum_count": 1, **options}), path / "cache")


def test_a_corpus_is_in_bio_and_has_both_tags_of_every_type(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path, train=CONLL_2003, dev=CONLL_2003, test="EU X X I-ORG\nand X X I-NEW\n"))
    assert set(corpus.tags.words) == {"O", "B-ORG", "I-ORG", "B-MISC", "I-MISC", "B-PER", "I-PER"}
    assert corpus.tags.decode(corpus.train.tags) == ("B-ORG", "O", "B-MISC", "O", "B-PER", "I-PER")
    assert corpus.test.tags.tolist() == [corpus.tags.number("B-ORG"), -1]
    assert corpus.facts["test tags that training lacks"] == 1
    plain = read(tmp_path, scheme="plain")
    assert plain.tags.decode(plain.train.tags) == ("I-ORG", "O", "I-MISC", "O", "I-PER", "I-PER")
    words = read(tmp_path, tag_column=1)
    assert words.tags.words == ("NNP", "JJ", "NN", "VBZ")


def test_a_split_that_breaks_the_scheme_of_the_others_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, train=CONLL_2003, dev="a X X O\n\nb X X B-ORG\n", test=CONLL_2003)
    with pytest.raises(UserError) as caught:
        read(folder)
    assert str(caught.value) == (
        f"{tmp_path}/x.dev, line 3: in scheme iob1 B-x follows an entity of type x, and others begin with I-x "
        "(received B-ORG after O); mend the tag, or set data.scheme"
    )


def test_the_spelling_holds_every_word_and_the_characters_of_the_training_text(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path, train="ab O\nb B-x\n", dev="ab O\n", test="abc O\n"), minimum_count=2)
    spelling = corpus.spelling
    assert spelling.forms.words == ("ab", "b", "abc")
    assert spelling.characters.words == ("b", "a", "<unk>")
    assert [spelling.numbers[split].tolist() for split in ("train", "validation", "test")] == [[0, 1], [0], [2]]
    assert corpus.spelled().fingerprint == corpus.spelled().fingerprint != corpus.fingerprint
    (tmp_path / "x.test").write_text("xyz O\n")
    other = read(tmp_path, minimum_count=2)
    assert other.fingerprint == corpus.fingerprint, "the model sees <unk> alone"
    assert other.spelled().fingerprint != corpus.spelled().fingerprint


LINES = st.lists(
    st.sampled_from(
        ["a O", "a B-x", "a I-x", "a\tE-x", "a\tS-x", "", " ", "\t", "-DOCSTART- O", "a", "a b c", "\x85 O"]
    )
)


@settings(deadline=None, max_examples=150)
@given(
    content=st.binary() | LINES.map(lambda lines: "\n".join(lines).encode()),
    scheme=st.sampled_from(["auto", "plain", "bio", "iob1", "bioes"]),
    tag_column=st.integers(-3, 3),
)
def test_any_bytes_are_a_corpus_or_a_mistake_of_the_user(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, **options: Any
) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(content)
    data = TaggedData(corpus="columns", path=path, validation_fraction=0.3, test_fraction=0.3, **options)
    message = ""
    try:
        corpus = load(data, path.parent / "cache")
    except UserError as error:
        message = str(error)
    else:
        assert len(corpus.train.words) == len(corpus.train.tags) == len(corpus.spelling.numbers["train"])
        return
    assert all(str(path) in line for line in message.split("\n"))


@pytest.mark.corpora
def test_wnut_17(corpora: Path, tmp_path: Path) -> None:
    """Sizes as its authors count them."""
    corpus = load(TaggedData(corpus="columns", path=corpora / "wnut17"), tmp_path)
    texts = (corpus.train, corpus.validation, corpus.test)
    assert [(len(text), len(text.words)) for text in texts] == [(3394, 62_730), (1009, 15_733), (1287, 23_394)]
    assert len(corpus.tags) == 13
