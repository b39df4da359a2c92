"""Tagged corpora: what every kind promises, the toy language, treebanks."""

import gzip
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.text.formats import FORMATS
from tasks.text.formats.conllu import COLUMNS
from tasks.text.tagged import Group, TaggedCorpus, TaggedData, TaggedText, load
from tasks.text.tagged.corpus import UNSEEN_TAG
from tasks.text.tagged.settings import READERS
from unroll.contract import UserError, find_locations, find_measurements


def treebank(*sentences: str) -> str:
    """Sentences of ``word/TAG word/TAG``."""
    blocks = []
    for sentence in sentences:
        rows = [pair.rsplit("/", 1) for pair in sentence.split()]
        cells = [{"id": str(i), "form": form, "upos": tag} for i, (form, tag) in enumerate(rows, 1)]
        blocks.append("".join("\t".join(cell.get(column, "_") for column in COLUMNS) + "\n" for cell in cells))
    return "\n".join(blocks) + "\n"


def folder_of(parent: Path, **splits: str) -> Path:
    parent.mkdir()
    for split, content in splits.items():
        (parent / f"xx-ud-{split}.conllu").write_text(content, encoding="utf-8")
    return parent


def read(path: Path, **options: Any) -> TaggedCorpus:
    return load(TaggedData(corpus="conllu", path=path, **options), path.parent / "cache")


def sentences_of(corpus: TaggedCorpus, text: TaggedText) -> list[str]:
    pairs = zip(corpus.vocabulary.decode(text.words), text.tags, strict=True)
    shown = [f"{word}/{corpus.tags.words[tag] if tag != UNSEEN_TAG else '?'}" for word, tag in pairs]
    return [" ".join(shown[begin:end]) for begin, end in zip(text.begins[:-1], text.begins[1:], strict=True)]


# Every kind


def test_every_reader_and_every_format_with_such_labels_is_a_kind_of_corpus(root: Path) -> None:
    files = (root / "tasks" / "text" / "tagged" / "readers").glob("[!_]*.py")
    formats = {name for name in FORMATS.names() if FORMATS.find(name).labels in ("word", "entity")}
    assert set(READERS.names) == {file.stem for file in files} | formats
    assert formats >= {"columns", "conllu"}


@pytest.mark.parametrize("corpus", READERS.names)
def test_a_kind_of_corpus_is_built_of_its_settings_and_no_others(corpus: str) -> None:
    options = set(READERS.options(corpus))
    assert options <= set(TaggedData.model_fields) - {"corpus"}
    content = READERS.build(TaggedData(corpus=corpus)).content()
    given = {*content, *content.get("format", {})} - {"reader", "version", "format", "format name", "format version"}
    assert given == options - {"path"}


def test_every_setting_is_looked_at_by_some_corpus() -> None:
    assert {name for each in READERS.names for name in READERS.options(each)} == set(TaggedData.model_fields) - {
        "corpus"
    }


def test_an_editor_can_offer_the_kinds_and_explain_the_fields() -> None:
    properties = TaggedData.model_json_schema()["properties"]
    assert properties["corpus"]["enum"] == list(READERS.names)
    assert all(field["description"] for field in properties.values())
    assert find_locations(TaggedData) == {"path"}
    assert not find_measurements(TaggedData)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"corpus": "conlu"}, f"Input should be {' or '.join(map(repr, READERS.names))}"),
        ({"column": "xpos"}, "corpus toy_language has no use for column: leave it out, or choose conllu"),
        ({"corpus": "conllu", "seed": 2}, "corpus conllu has no use for seed: leave it out, or choose toy_language"),
        ({"corpus": "conllu", "column": "form"}, "Input should be 'upos', 'xpos', 'feats' or 'deprel'"),
        ({"corpus": "conllu", "encoding": "klingon"}, "must be a text encoding that Python knows, such as utf-8"),
        (
            {"corpus": "conllu", "validation_fraction": 0.5, "test_fraction": 0.5},
            "validation_fraction and test_fraction must leave training text: their sum is 1 or more",
        ),
    ],
)
def test_mistakes_are_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TaggedData(**values)
    (error,) = caught.value.errors()
    assert message in error["msg"]


def test_a_corpus_travels(tmp_path: Path) -> None:
    corpus = load(TaggedData(sentences=5), tmp_path)
    copy = pickle.loads(pickle.dumps(corpus))
    assert (copy.fingerprint, copy.tags) == (corpus.fingerprint, corpus.tags)
    assert sentences_of(copy, copy.train) == sentences_of(corpus, corpus.train)


def test_a_corpus_is_mapped_from_the_cache_and_damage_is_repaired(tmp_path: Path) -> None:
    first = load(TaggedData(sentences=5), tmp_path)
    assert isinstance(first.train.words, np.memmap)
    before = sentences_of(first, first.train)
    (entry,) = tmp_path.iterdir()
    (entry / "train-tags.npy").unlink()  # never cut what is mapped
    again = load(TaggedData(sentences=5), tmp_path)
    assert again.fingerprint == first.fingerprint
    assert sentences_of(again, again.train) == before


# The toy language


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> TaggedCorpus:
    return load(TaggedData(), tmp_path_factory.mktemp("cache"))


def test_the_toy_language_is_the_default_and_needs_nothing(toy: TaggedCorpus) -> None:
    assert [len(text) for text in (toy.train, toy.validation, toy.test)] == [3000, 600, 600]
    assert sentences_of(toy, toy.train)[0].split()[-1] in ("./PUNCT", "?/PUNCT")
    assert toy.facts["test unknown rate"] == 0
    assert 0.2 < float(toy.facts["test ambiguous rate"]) < 0.4
    assert set(toy.bounds.values()) == {1.0}


def test_this_fingerprint_changes_only_together_with_the_version(toy: TaggedCorpus) -> None:
    """When this fails on purpose, raise the reader's ``version``."""
    assert toy.fingerprint.startswith("0cff6cad62cef132")


def test_its_entities_are_a_choice_and_nobody_can_tell_them_all(tmp_path: Path) -> None:
    entities = load(TaggedData(tags="entities", sentences=200), tmp_path)
    assert set(entities.tags.words) == {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}
    assert not entities.bounds
    assert 0.02 < (entities.train.tags != entities.tags.number("O")).mean() < 0.3
    found = " ".join(sentences_of(entities, entities.train))
    assert {"florence/B-PER", "florence/B-LOC", "lincoln/I-PER", "lincoln/I-LOC"} <= set(found.split())


def test_words_and_tags_are_the_languages_however_small_the_text(tmp_path: Path, toy: TaggedCorpus) -> None:
    small = load(TaggedData(sentences=1), tmp_path)
    assert set(small.vocabulary.words) == set(toy.vocabulary.words)
    assert set(small.tags.words) == set(toy.tags.words)


def accuracy_of_neighbours(toy: TaggedCorpus, *, before: int, after: int) -> float:
    """Accuracy of the tag that a word has most often, in the training text, between these neighbours."""

    def seen(text: TaggedText) -> list[tuple[tuple[str, ...], int]]:
        found = []
        for sentence in sentences_of(toy, text):
            words, tags = zip(*(pair.rsplit("/", 1) for pair in sentence.split()), strict=True)
            padded = ("",) * before + words + ("",) * after
            found += [(padded[i : i + before + after + 1], toy.tags.number(tag)) for i, tag in enumerate(tags)]
        return found

    counts: dict[tuple[str, ...], Counter[int]] = {}
    for context, tag in seen(toy.train):
        counts.setdefault(context, Counter())[tag] += 1
    known = [(counts[context], tag) for context, tag in seen(toy.test) if context in counts]
    return sum(count.most_common(1)[0][0] == tag for count, tag in known) / len(known)


def test_the_toy_language_needs_the_left_and_sometimes_the_right(toy: TaggedCorpus) -> None:
    alone = accuracy_of_neighbours(toy, before=0, after=0)
    left, right = accuracy_of_neighbours(toy, before=1, after=0), accuracy_of_neighbours(toy, before=0, after=1)
    both = accuracy_of_neighbours(toy, before=1, after=1)
    assert alone == pytest.approx(float(toy.facts["test accuracy of each word's commonest tag"]), abs=1e-12)
    assert alone < 0.92 < right < left < both < 1


# Treebanks

TRAIN = treebank("the/DET walk/NOUN ends/VERB", "dogs/NOUN walk/VERB", "the/DET dogs/NOUN walk/VERB")


def test_a_treebank_is_read_in_numbers_of_the_training_text(tmp_path: Path) -> None:
    dev, test = treebank("the/DET cats/NOUN walk/VERB"), treebank("walk/NOUN ends/X")
    corpus = read(folder_of(tmp_path / "ud", train=TRAIN, dev=dev, test=test), minimum_count=1)
    assert corpus.vocabulary.words == ("walk", "dogs", "the", "ends", "<unk>")
    assert corpus.tags.words == ("NOUN", "VERB", "DET")
    assert sentences_of(corpus, corpus.train)[1] == "dogs/NOUN walk/VERB"
    assert sentences_of(corpus, corpus.validation) == ["the/DET <unk>/NOUN walk/VERB"]
    assert sentences_of(corpus, corpus.test) == ["walk/NOUN ends/?"]
    assert corpus.validation.groups.tolist() == [Group.PLAIN, Group.UNKNOWN, Group.AMBIGUOUS]
    assert not corpus.bounds


def test_rare_words_are_read_as_unknown_but_counted_as_what_they_are(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path / "ud", train=TRAIN, dev=TRAIN, test=treebank("new/ADJ ends/VERB")))
    assert corpus.vocabulary.words == ("walk", "dogs", "the", "<unk>")
    assert corpus.test.groups.tolist() == [Group.UNKNOWN, Group.PLAIN], "the training text has 'ends'"
    facts = corpus.facts
    assert facts["train words read as <unk>"] == 1 / 8
    assert facts["test words read as <unk>"] == 1
    assert facts["test unknown rate"] == 0.5
    assert facts["test tags that training lacks"] == 1
    assert facts["validation sentences also in training"] == 3
    assert facts["validation ambiguous rate"] == 3 / 8
    assert facts["validation accuracy of each word's commonest tag"] == 7 / 8
    assert facts["test accuracy of each word's commonest tag"] == 0.5


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, ("<unk>",)),
        (3, ("walk", "dogs", "<unk>")),
        (4, ("walk", "dogs", "the", "<unk>")),
        (9, ("walk", "dogs", "the", "ends", "<unk>")),
    ],
)
def test_the_size_of_a_vocabulary_includes_unk(tmp_path: Path, size: int, words: tuple[str, ...]) -> None:
    folder = folder_of(tmp_path / "ud", train=TRAIN, dev=TRAIN, test=TRAIN)
    assert read(folder, minimum_count=1, vocabulary_size=size).vocabulary.words == words


def test_the_vocabulary_never_sees_the_held_out_text(tmp_path: Path) -> None:
    first = read(folder_of(tmp_path / "a", train=TRAIN, dev=TRAIN, test=TRAIN))
    other = treebank("whales/NOUN sing/VERB oh/INTJ")
    second = read(folder_of(tmp_path / "b", train=TRAIN, dev=other, test=other))
    assert first.vocabulary == second.vocabulary
    assert first.tags == second.tags
    assert first.fingerprint != second.fingerprint


def test_the_same_treebank_elsewhere_packed_and_with_other_line_ends_is_the_same(tmp_path: Path) -> None:
    plain = folder_of(tmp_path / "plain", train=TRAIN, dev=TRAIN, test=TRAIN)
    packed = tmp_path / "packed"
    packed.mkdir()
    for file in plain.iterdir():
        windows = b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n")
        (packed / f"{file.name}.gz").write_bytes(gzip.compress(windows))
    assert read(plain).fingerprint == read(packed).fingerprint


def test_a_released_folder_also_holds_the_raw_text(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "ud", train=TRAIN, dev=TRAIN, test=TRAIN)
    for name in ("README.md", "xx-ud-train.txt", "xx-ud-dev.txt", "stats.xml"):
        (folder / name).write_text("something else")
    assert len(read(folder).train) == 3


def test_a_single_file_is_cut_into_runs_of_sentences(tmp_path: Path) -> None:
    file = tmp_path / "all.conllu"
    file.write_text(treebank(*(f"word{number}/{'XY'[number % 2]}" for number in range(20))))
    corpus = read(file, validation_fraction=0.1, test_fraction=0.2, minimum_count=1)
    assert [len(text) for text in (corpus.train, corpus.validation, corpus.test)] == [14, 2, 4]
    assert corpus.vocabulary.words[0] == "word0"


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("1\tone\n", "/ud/xx-ud-train.conllu, line 1: a line must hold 10 columns"),
        ("\n\n", "/ud/xx-ud-train.conllu: the train text must hold at least one sentence; give more sentences"),
        ("", "/ud/xx-ud-train.conllu: a text must not be empty"),
        (
            treebank("the/X dogs/X"),
            "/ud/xx-ud-train.conllu: the training text must have at least two tags (received 'X' alone)",
        ),
    ],
)
def test_what_is_no_treebank_is_told_with_its_place(tmp_path: Path, train: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(folder_of(tmp_path / "ud", train=train, dev=TRAIN, test=TRAIN))
    assert message in str(caught.value)


def test_a_treebank_without_its_path_or_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(TaggedData(corpus="conllu"), tmp_path)
    assert str(caught.value) == "data.path: corpus conllu needs a path; add data.path=FOLDER, or a file"
    (tmp_path / "train.txt").write_text(TRAIN)
    with pytest.raises(UserError, match=r"exactly one train file.*received none.*name it train\.conllu"):
        read(tmp_path)


@settings(deadline=None, max_examples=150)
@given(
    content=st.one_of(
        st.binary(),
        st.lists(
            st.sampled_from([b"1", b"2", b"\t", b"_\t" * 8, b"_", b"\n", b"\r\n", b"\xff", b"#", TRAIN.encode()])
        ).map(b"".join),
    ),
    packed=st.booleans(),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "shift_jis"]),
    column=st.sampled_from(["upos", "feats"]),
    minimum_count=st.integers(1, 3),
    vocabulary_size=st.none() | st.integers(1, 4),
)
def test_any_bytes_are_a_corpus_or_a_mistake_of_the_user(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, packed: bool, **options: Any
) -> None:
    path = tmp_path_factory.mktemp("any") / ("tree.gz" if packed else "tree")
    path.write_bytes(content)
    try:
        corpus = read(path, validation_fraction=0.3, test_fraction=0.3, **options)
    except UserError as error:
        message = str(error)
    else:
        for text in (corpus.train, corpus.validation, corpus.test):
            assert text.begins[-1] == len(text.words) == len(text.tags) == len(text.groups)
            assert text.lengths.min() >= 1
            assert text.words.max() < len(corpus.vocabulary)
        return
    assert all(str(path) in line for line in message.split("\n"))


@pytest.mark.corpora
def test_english_web_treebank(corpora: Path, tmp_path: Path) -> None:
    """Sentences as its own documentation counts them."""
    corpus = load(TaggedData(corpus="conllu", path=corpora / "ud_en_ewt"), tmp_path)
    assert [len(text) for text in (corpus.train, corpus.validation, corpus.test)] == [12_544, 2_001, 2_077]
    assert len(corpus.tags) == 17
    assert sentences_of(corpus, corpus.validation)[0].startswith("From/ADP the/DET <unk>/PROPN comes/VERB")
    assert corpus.facts["test tags that training lacks"] == 0
