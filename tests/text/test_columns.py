"""Column files: cut into words and tags, entity tags of three schemes made one; every violation has its place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from tasks.text.formats.columns import Columns
from tasks.text.lines import read_lines
from tasks.text.splits import find_files
from tasks.text.tagged import TaggedCorpus, TaggedData, load
from tasks.text.tagged.schemes import Reading, Scheme, looks_like, read_as, recognise
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
    sentences = Columns(word_column=word, tag_column=tag).parse(text.split("\n"), "file")
    return [list(zip(each.words, each.labels, strict=True)) for each in sentences]


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
    reading = recognise(WRITTEN[scheme])
    assert reading == Reading(scheme)
    assert [reading.convert(tags) for tags in WRITTEN[scheme]] == [(tags, ()) for tags in SAME]


def test_letters_of_other_families_say_the_same() -> None:
    """BILOU, BMES, BMEWO."""
    for letters in ("BILU", "BMES", "BMEW"):
        written = [tag.translate(str.maketrans("BIES", letters)) for tag in ("B-x", "I-x", "E-x", "S-y")]
        reading = recognise([written])
        assert reading == Reading("bioes")
        assert reading.convert(written) == (("B-x", "I-x", "I-x", "B-y"), ())


def test_other_tags_are_no_entities() -> None:
    assert recognise([("NOUN", "VERB"), ("O",)]) is None
    assert recognise([("M-x", "W-y")]) is None


def test_a_text_that_begins_with_a_cut_entity_keeps_its_scheme() -> None:
    """I-x first, as in iob1, of which all that follows would be a breach."""
    reading = recognise([("I-x", "O"), ("B-x", "I-x", "O"), ("B-y",)])
    assert reading == Reading("bio")
    assert recognise([("I-x", "O"), ("I-y", "B-y")]) == Reading("iob1")


BREACHES = [
    ("bio", "O I-x", 1, "I-x after O"),
    ("bio", "B-x I-y", 1, "I-y after B-x"),
    ("bio", "I-x", 0, "I-x at the start of a sentence"),
    ("iob1", "B-x", 0, "B-x at the start of a sentence"),
    ("iob1", "I-x B-y", 1, "B-y after I-x"),
    ("bioes", "B-x O", 1, "O after B-x"),
    ("bioes", "B-x B-x", 1, "B-x after B-x"),
    ("bioes", "S-x M-x", 1, "M-x after S-x"),
    ("bioes", "B-x E-y", 1, "E-y after B-x"),
    ("bioes", "O E-x", 1, "E-x after O"),
    ("bioes", "O B-x", 1, "B-x at the end of a sentence"),
]


@pytest.mark.parametrize(("scheme", "tags", "place", "found"), BREACHES)
def test_what_breaks_a_scheme_is_found(scheme: Scheme, tags: str, place: int, found: str) -> None:
    assert Reading(scheme).convert(tags.split()).breaches[0] == (place, found)


@pytest.mark.parametrize(
    ("scheme", "tag"),
    [("bio", "E-x"), ("bio", "b-x"), ("bio", "B-"), ("bio", "NOUN"), ("iob1", "M-x"), ("bioes", "X-x"), ("bioes", "o")],
)
def test_what_a_scheme_lacks_is_known(scheme: Scheme, tag: str) -> None:
    assert not Reading(scheme).knows(tag)
    assert Reading(scheme).knows("O")


LETTERS: dict[Scheme, str] = {"bio": "BI", "iob1": "BI", "bioes": "BIES"}


@st.composite
def any_tags(draw: st.DrawFn) -> tuple[Scheme, list[str]]:
    scheme = draw(st.sampled_from(list(LETTERS)))
    tags = ["O", *(f"{letter}-{kind}" for letter in LETTERS[scheme] for kind in ("x", "y", "x-z"))]
    return scheme, draw(st.lists(st.sampled_from(tags), min_size=1, max_size=9))


@settings(deadline=None, max_examples=300)
@given(any_tags())
def test_any_sequence_of_tags_has_the_entities_that_seqeval_sees(written: tuple[Scheme, list[str]]) -> None:
    scheme, tags = written
    converted = Reading(scheme).convert(tags)
    assert get_entities(list(converted.tags)) == get_entities(tags)
    assert Reading("bio").convert(converted.tags) == (converted.tags, ()), "what was repaired is whole"


def conlleval(tags: list[str]) -> list[tuple[str, int, int]]:
    """Type, first and last place of each chunk, by the two conditions of conlleval.pl.

    S is none of its letters, and its E is that of another scheme: a B behind it goes on.
    """
    chunks, begin = [], 0
    padded = ["O", *tags, "O"]
    for place in range(1, len(padded)):
        (before, _, old), (kind, _, new) = padded[place - 1].partition("-"), padded[place].partition("-")
        ends = before + kind in ("BB", "BO", "IB", "IO") or (before != "O" and old != new)
        begins = before + kind in ("BB", "IB", "OB", "OI") or (kind != "O" and old != new)
        if ends:
            chunks.append((old, begin - 1, place - 2))
        if begins:
            begin = place
    return chunks


@settings(deadline=None, max_examples=300)
@given(any_tags())
def test_any_sequence_of_tags_has_the_entities_that_conlleval_sees(written: tuple[Scheme, list[str]]) -> None:
    scheme, tags = written
    if scheme != "bioes":
        assert get_entities(list(Reading(scheme).convert(tags).tags)) == conlleval(tags)


@pytest.mark.parametrize("written", ["b-x i-x o b-y", "B_x I_x O B_y", "x-B x-I O y-B", "x_b x_i o y_b"])
def test_entities_may_be_written_otherwise_where_the_scheme_is_declared(written: str) -> None:
    tags = written.split()
    assert recognise([tags]) is None, "it was read as plain tags before, and nothing else says what is meant"
    assert looks_like(set(tags)) == "bio"
    assert read_as("bio", set(tags)).convert(tags) == (("B-x", "I-x", "O", "B-y"), ())


def test_tags_without_a_type_are_of_one_type() -> None:
    assert looks_like({"B", "I", "O"}) == "bio"
    assert looks_like({"B", "M", "E", "S"}) == "bioes"
    assert read_as("bio", {"B", "I", "O"}).convert(["B", "I", "O", "B"]) == (("B-_", "I-_", "O", "B-_"), ())
    assert read_as("bioes", set("BMES")).convert(list("BMESS")) == (("B-_", "I-_", "I-_", "B-_", "B-_"), ())


@pytest.mark.parametrize("tags", [("NN", "VB"), ("O",), ("O", "NN"), ("NN-S", "VB-S"), ("O", "PER")])
def test_plain_tags_look_like_nothing_else(tags: tuple[str, ...]) -> None:
    assert looks_like(tags) is None


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
    assert Reading(scheme).convert(written) == (tuple(expected), ())


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
    folder = folder_of(tmp_path, train=CONLL_2003, dev="a X X O\n\nb X X B-ORG\n\nc X X B-ORG\n", test=CONLL_2003)
    with pytest.raises(UserError) as caught:
        read(folder, repair="refuse")
    assert str(caught.value) == (
        f"{tmp_path}/x.dev, line 3, and 1 more place (line 5): in scheme iob1 B-x follows an entity of type x, and "
        "others begin with I-x (received B-ORG at the start of a sentence); "
        "correct the tag, or set data.scheme, or data.repair=conlleval"
    )


def test_tags_that_a_scheme_lacks_are_told_together(tmp_path: Path) -> None:
    lines = "".join(f"w{i} N{i}\n" for i in range(8))
    with pytest.raises(UserError) as caught:
        read(folder_of(tmp_path, train=f"a B-x\n{lines}", dev="a O\n", test="a O\nb NOUN\n"))
    assert str(caught.value) == (
        f"{tmp_path}/x.train, line 2, and 8 more places (line 3, line 4, ...): a tag of scheme bio must be O or a "
        "letter, a hyphen and a type, such as B-PER (received 'N0'); "
        "correct the tag, or set data.scheme (plain: the tags are no entity tags)"
    )


CASES = Path(__file__).with_name("cases")
WEIBO = "a B-PER.NOM\nb I-PER.NAM\nc O\n\nd B-PER.NAM\n"
"""I-x after I-y or B-y, as in the corpus of that name."""


@pytest.mark.parametrize(
    ("name", "scheme", "places"),
    [("entities_cut_by_sentence", "bio", 2), ("tags_bmesM", "bioes", 0), ("weibo", "bio", 1), ("whole", "bio", 0)],
)
def test_entities_are_read_as_the_scorer_reads_them(tmp_path: Path, name: str, scheme: Scheme, places: int) -> None:
    """Each in its own scheme, which every file keeps to but in a few places."""
    content = {"weibo": WEIBO, "whole": "a B-x\nb I-x\nc O\n"}.get(name)
    folder = CASES / name if content is None else folder_of(tmp_path, train=content, dev=content, test=content)
    corpus = load(TaggedData(corpus="columns", path=folder), tmp_path / "cache")
    for split, file in find_files(folder).items():
        raw = [each.labels for each in Columns().parse(read_lines(file, "utf-8"), "")]
        assert corpus.facts.get(f"{split} entity tags repaired", 0) == places
        text = getattr(corpus, split)
        spans = zip(text.begins[:-1], text.begins[1:], strict=True)
        ours = [list(corpus.tags.decode(text.tags[begin:end])) for begin, end in spans]
        mended = [[tag.replace("M-", "I-") for tag in tags] for tags in raw]  # a letter that seqeval does not know
        assert list(map(get_entities, ours)) == list(map(get_entities, mended))
    assert len([text for text in corpus.warnings if "conlleval" in text]) == (3 if name == "weibo" else places)


def test_much_that_is_repaired_is_told(tmp_path: Path) -> None:
    whole = "a B-x\nb I-x\n\n" * 150
    corpus = read(folder_of(tmp_path, train=whole, dev=f"{whole}c I-x\n", test=f"c I-x\n\nb I-x\nd I-y\n\n{whole}"))
    repaired = {name: count for name, count in corpus.facts.items() if name.endswith("repaired")}
    assert repaired == {"validation entity tags repaired": 1, "test entity tags repaired": 3}
    assert [text for text in corpus.warnings if "conlleval" in text] == []
    more = read(folder_of(tmp_path, test=f"c I-x\n\nb I-x\nd I-y\n\n{whole[:1_300]}"))
    assert [text for text in more.warnings if "conlleval" in text] == [
        "3 of 203 entity tags of the test text (1.5%) break scheme bio and are read as conlleval reads them "
        "(data.repair)."
    ]


@pytest.mark.parametrize(
    ("written", "alike"), [("b-x i-x o", "bio"), ("B I O", "bio"), ("x_B x_E O x_S", "bioes"), ("N V O", "")]
)
def test_tags_that_look_like_entities_and_are_read_as_plain_are_told(tmp_path: Path, written: str, alike: str) -> None:
    text = "".join(f"w {tag}\n" for tag in written.split())
    folder = folder_of(tmp_path, train=text, dev=text, test=text)
    tags = ", ".join(sorted(written.split())[:3]) + (", ..." if len(written.split()) > 3 else "")
    told = (
        f"The tags ({tags}) look like entities and are read as plain tags, so there is no entity_f1; "
        f"data.scheme={alike} reads them as entities."
    )
    assert [line for line in read(folder).warnings if "plain" in line] == ([told] if alike else [])
    assert not [line for line in read(folder, scheme="plain").warnings if "plain" in line], "it was asked for"
    if alike:
        declared = read(folder, scheme=alike)
        assert not [line for line in declared.warnings if "plain" in line]
        assert {tag[0] for tag in declared.tags.words} == {"B", "I", "O"}


@pytest.mark.parametrize(
    ("text", "fingerprint"),
    [
        (CONLL_2003, "034604f4cea29945"),
        ("a O\nb B-x\nc I-x\n\nd B-y\n", "0545731db076f415"),
        ("a S-x\nb B-y\nc I-y\nd L-y\n\ne O\n", "c0ad6ebd9bfc0ca0"),
        ("a O\nb B\nc I\n", "45324c8e0f188095"),
        ("a o\nb b-x\nc i-x\n", "979abe5bc4c9cc18"),
        ("a O\nb B_x\nc I_x\n", "14f82dd4709422a7"),
        ("a O\nb x-B\nc x-I\n", "6be4090be74750a8"),
        ("a N\nb V\n", "e600c96139e08a5f"),
    ],
)
def test_what_was_read_before_entities_could_be_repaired_is_read_alike(
    tmp_path: Path, text: str, fingerprint: str
) -> None:
    assert read(folder_of(tmp_path, train=text, dev=text, test=text)).fingerprint.startswith(fingerprint)


def test_the_spelling_holds_every_word_and_the_characters_of_the_training_text(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path, train="ab O\nb B-x\n", dev="ab O\n", test="abc O\n"), minimum_count=2)
    spelling = corpus.spelling
    assert spelling.forms.words == ("ab", "b", "abc")
    assert spelling.characters.words == ("b", "a", "<unk>")
    assert [getattr(spelling, split).tolist() for split in ("train", "validation", "test")] == [[0, 1], [0], [2]]
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
    repair=st.sampled_from(["conlleval", "refuse"]),
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
        assert len(corpus.train.words) == len(corpus.train.tags) == len(corpus.spelling.train)
        return
    assert all(str(path) in line for line in message.split("\n"))


@pytest.mark.corpora
def test_wnut_17(corpora: Path, tmp_path: Path) -> None:
    """Sizes as its authors count them."""
    corpus = load(TaggedData(corpus="columns", path=corpora / "wnut17"), tmp_path)
    texts = (corpus.train, corpus.validation, corpus.test)
    assert [(len(text), len(text.words)) for text in texts] == [(3394, 62_730), (1009, 15_733), (1287, 23_394)]
    assert len(corpus.tags) == 13
