"""Labelled corpora: what every kind promises, the toy language, files of several kinds and what they may not be."""

import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.text.formats import FORMATS
from tasks.text.labelled import LabelledCorpus, LabelledData, LabelledText, load
from tasks.text.labelled.settings import READERS
from tasks.text.toy import generate
from unroll.contract import UserError, UserErrors, find_locations, find_measurements

FILES = ("csv", "json_lines", "label_text", "tsv")
"""Kinds that read files."""
ENDINGS = {"csv": ".csv", "json_lines": ".jsonl", "label_text": ".txt", "tsv": ".tsv"}
TRAIN, DEV, TEST = "+ good film|- bad film|+ good good", "- bad", "+ film"


def written(kind: str, sentences: str) -> str:
    """Sentences ``label words|label words`` as a file of this kind."""
    pairs = [tuple(each.split(" ", 1)) for each in sentences.split("|")]
    match kind:
        case "csv":
            rows = ["text,label", *(f'"{text}",{label}' for label, text in pairs)]
        case "tsv":
            rows = ["label\ttext", *(f"{label}\t{text}" for label, text in pairs)]
        case "json_lines":
            rows = [json.dumps({"text": text, "label": label}) for label, text in pairs]
        case _:
            rows = [f"{label} {text}" for label, text in pairs]
    return "".join(f"{row}\n" for row in rows)


def folder_of(parent: Path, kind: str, **splits: str) -> Path:
    parent.mkdir()
    for split, sentences in splits.items():
        (parent / f"{split}{ENDINGS[kind]}").write_text(written(kind, sentences), encoding="utf-8")
    return parent


def read(kind: str, path: Path, **options: Any) -> LabelledCorpus:
    return load(LabelledData(corpus=kind, path=path, **{"minimum_count": 1, **options}), path.parent / "cache")


def sentences_of(corpus: LabelledCorpus, text: LabelledText) -> list[str]:
    words = corpus.vocabulary.decode(text.words)
    return [
        f"{corpus.labels.words[label]} {' '.join(words[begin:end])}"
        for label, begin, end in zip(text.labels, text.begins[:-1], text.begins[1:], strict=True)
    ]


def refused(read_it: Callable[[], Any]) -> str:
    with pytest.raises(UserError) as caught:
        read_it()
    return str(caught.value)


# Every kind


def test_every_reader_and_every_format_with_such_labels_is_a_kind_of_corpus(root: Path) -> None:
    files = (root / "tasks" / "text" / "labelled" / "readers").glob("[!_]*.py")
    formats = {name for name in FORMATS.names() if FORMATS.find(name).labels == "sentence"}
    assert set(READERS.names) == {file.stem for file in files} | formats
    assert formats >= set(FILES)


@pytest.mark.parametrize("corpus", READERS.names)
def test_a_kind_of_corpus_is_built_of_its_settings_and_no_others(corpus: str) -> None:
    options = set(READERS.options(corpus))
    assert options <= set(LabelledData.model_fields) - {"corpus"}
    content = READERS.build(LabelledData(corpus=corpus)).content()
    given = {*content, *content.get("format", {})} - {"reader", "version", "format", "format name", "format version"}
    assert given == options - {"path"}


def test_every_setting_is_looked_at_by_some_corpus() -> None:
    assert {name for each in READERS.names for name in READERS.options(each)} == set(LabelledData.model_fields) - {
        "corpus"
    }


def test_an_editor_can_offer_the_kinds_and_explain_the_fields() -> None:
    properties = LabelledData.model_json_schema()["properties"]
    assert properties["corpus"]["enum"] == list(READERS.names)
    assert all(field["description"] for field in properties.values())
    assert find_locations(LabelledData) == {"path"}
    assert not find_measurements(LabelledData)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"corpus": "json"}, f"Input should be {' or '.join(map(repr, READERS.names))}"),
        ({"corpus": "label_text", "text_field": "x"}, "corpus label_text has no use for text_field: leave it out"),
        ({"corpus": "tsv", "sentiments": "two"}, "corpus tsv has no use for sentiments: leave it out, or choose toy_"),
        ({"corpus": "tsv", "text_field": "label"}, "text_field and label_field must differ, received 'label' for both"),
        ({"corpus": "tsv", "encoding": "klingon"}, "must be a text encoding that Python knows, such as utf-8"),
        (
            {"corpus": "tsv", "validation_fraction": 0.5, "test_fraction": 0.5},
            "validation_fraction and test_fraction must leave training text: their sum is 1 or more",
        ),
    ],
)
def test_mistakes_are_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LabelledData(**values)
    (error,) = caught.value.errors()
    assert message in error["msg"]


def test_a_corpus_travels_and_is_mapped_from_the_cache(tmp_path: Path) -> None:
    corpus = load(LabelledData(sentences=5), tmp_path)
    assert isinstance(corpus.train.words, np.memmap)
    copy = pickle.loads(pickle.dumps(corpus))
    assert (copy.fingerprint, copy.labels) == (corpus.fingerprint, corpus.labels)
    assert sentences_of(copy, copy.train) == sentences_of(corpus, corpus.train)


# The toy language


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> LabelledCorpus:
    return load(LabelledData(), tmp_path_factory.mktemp("cache"))


def test_the_toy_language_is_the_default_and_needs_nothing(toy: LabelledCorpus) -> None:
    assert [len(text) for text in (toy.train, toy.validation, toy.test)] == [3000, 600, 600]
    assert toy.labels.words == ("negative", "neutral", "positive")
    expected = [f"{each.sentiment} {' '.join(each.words)}" for each in generate(1, "train", 3000)]
    assert sentences_of(toy, toy.train) == expected
    assert set(toy.bounds.values()) == {1.0}


def test_two_sentiments_are_the_same_sentences_without_the_neutral_ones(tmp_path: Path) -> None:
    two = load(LabelledData(sentiments="two", sentences=50), tmp_path)
    assert two.labels.words == ("negative", "positive")
    expected = [f"{each.sentiment} {' '.join(each.words)}" for each in generate(1, "train", 500)]
    assert sentences_of(two, two.train) == [each for each in expected if not each.startswith("neutral")][:50]


def test_this_fingerprint_changes_only_together_with_the_version(toy: LabelledCorpus) -> None:
    """When this fails on purpose, raise the reader's ``version``."""
    assert toy.fingerprint.startswith("65520ad9eaddc01f")


def test_one_sentence_is_enough(tmp_path: Path, toy: LabelledCorpus) -> None:
    small = load(LabelledData(sentences=1), tmp_path)
    assert set(small.vocabulary.words) == set(toy.vocabulary.words)
    assert small.labels == toy.labels


# Files


@pytest.mark.parametrize("kind", FILES)
def test_a_folder_is_read(tmp_path: Path, kind: str) -> None:
    corpus = read(kind, folder_of(tmp_path / kind, kind, train=TRAIN, dev=DEV, test=TEST))
    assert sentences_of(corpus, corpus.train) == TRAIN.split("|")
    assert sentences_of(corpus, corpus.validation) == [DEV]
    assert sentences_of(corpus, corpus.test) == [TEST]
    assert corpus.labels.words == ("+", "-")
    assert corpus.train.lengths.tolist() == [2, 2, 2]
    assert corpus.facts["train accuracy of the commonest label"] == pytest.approx(2 / 3)


def test_equal_sentences_have_equal_fingerprints_in_every_kind(tmp_path: Path) -> None:
    found = {
        read(kind, folder_of(tmp_path / kind, kind, train=TRAIN, dev=DEV, test=TEST)).fingerprint for kind in FILES
    }
    assert len(found) == 1


def test_packed_files_and_other_encodings_are_read(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "plain", "tsv", train="+ bon été|- mal été|+ bon", dev="- mal", test="+ été")
    packed = tmp_path / "packed"
    packed.mkdir()
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        (packed / f"{file.name}.gz").write_bytes(gzip.compress(text.encode("latin-1")))
    assert read("tsv", packed, encoding="latin-1").fingerprint == read("tsv", folder).fingerprint
    assert "the text must be utf-8 (received byte 0xE9)" in refused(lambda: read("tsv", packed))


def test_a_folder_without_validation_file_and_a_single_file_are_cut_in_a_random_order(tmp_path: Path) -> None:
    many = "|".join(f"{'+' if i < 50 else '-'} w{i}" for i in range(100))  # sorted by label
    options = {"vocabulary_size": 200, "test_fraction": 0.2}
    folder = folder_of(tmp_path / "folder", "label_text", train=many, test="+ w1 w2 w3")
    with pytest.raises(UserError, match="at most half of the validation words may be unknown"):
        read("label_text", folder)  # each word is there once
    words = many.replace("w", "word w")
    folder = folder_of(tmp_path / "again", "label_text", train=words, test="+ word")
    corpus = read("label_text", folder)
    assert [len(text) for text in (corpus.train, corpus.validation, corpus.test)] == [90, 10, 1]
    assert 0 < corpus.validation.labels.sum() < 10
    (file := tmp_path / "one.txt").write_text(written("label_text", words))
    corpus = read("label_text", file, **options)
    assert [len(text) for text in (corpus.train, corpus.validation, corpus.test)] == [70, 10, 20]
    assert 0 < corpus.test.labels.sum() < 20


def test_words_can_be_read_without_case(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x", "tsv", train="+ Good FILM|- bad", dev=DEV, test=TEST)
    corpus = read("tsv", folder, lowercase=True)
    assert sentences_of(corpus, corpus.train) == ["+ good film", "- bad"]


def test_csv_is_quoted_and_tsv_is_not(tmp_path: Path) -> None:
    rows = 'id,label,text\n1,+,"good, ""very"" good\nfilm"\n2,-,NA\n'
    folder = folder_of(tmp_path / "csv", "csv", dev="- NA", test=TEST)
    (folder / "train.csv").write_text(rows)
    corpus = read("csv", folder)
    assert sentences_of(corpus, corpus.train) == ['+ good, "very" good film', "- NA"]
    folder = folder_of(tmp_path / "tsv", "tsv", dev=DEV, test="+ bad")
    (folder / "train.tsv").write_text('label\ttext\n+\t"good\n-\tbad film"\n')
    corpus = read("tsv", folder)
    assert sentences_of(corpus, corpus.train) == ['+ "good', '- bad film"']


@pytest.mark.parametrize("kind", FILES)
def test_labels_and_texts_that_look_like_numbers_or_gaps_are_text(tmp_path: Path, kind: str) -> None:
    corpus = read(
        kind, folder_of(tmp_path / "x", kind, train="-100 NA|nan null|0.5 NaN", dev="nan NA", test="0.5 null")
    )
    assert corpus.labels.words == ("-100", "0.5", "nan")
    assert sentences_of(corpus, corpus.train) == ["-100 NA", "nan null", "0.5 NaN"]


@pytest.mark.parametrize("kind", FILES)
def test_a_very_long_sentence_is_read_whole(tmp_path: Path, kind: str) -> None:
    corpus = read(kind, folder_of(tmp_path / "x", kind, train=f"+ {'w ' * 100_000}|- w", dev="- w", test="+ w"))
    assert corpus.train.lengths.tolist() == [100_000, 1]
    assert corpus.facts["train longest sentence"] == 100_000


@pytest.mark.parametrize("kind", FILES)
def test_repeated_sentences_rare_labels_and_unknown_words_are_counted(tmp_path: Path, kind: str) -> None:
    corpus = read(kind, folder_of(tmp_path / "x", kind, train="+ a|+ b c|+ d|- a", dev="- a|+ b  c", test="+ x a|- b"))
    assert corpus.vocabulary.words[-1] == "<unk>"
    assert "x" not in corpus.vocabulary
    found = {name: corpus.facts[name] for name in corpus.facts if "also in" in name or "rarest" in name}
    assert found == {
        "validation sentences also in training": 2,
        "test sentences also in training": 0,
        "train sentences of the rarest label": 1,
        "validation sentences of the rarest label": 1,
        "test sentences of the rarest label": 1,
    }
    assert corpus.facts["test words read as <unk>"] == pytest.approx(1 / 3)
    with pytest.raises(UserError, match=r"train\.\w+: at most half of the train words may be unknown"):
        read(kind, tmp_path / "x", minimum_count=9)


def test_json_labels_may_be_whole_numbers_and_booleans(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x", "json_lines", train="1 a|true b|0 c", dev="1 a", test="0 b")
    (folder / "train.jsonl").write_text(
        '{"text": "a", "label": 1}\n{"text": "b", "label": true}\n{"label": "0", "text": "c"}\n'
    )
    assert read("json_lines", folder).labels.words == ("0", "1", "true")


MISTAKES = {
    "label_text": [
        ("+\n", "line 1: each line must be a label, white space and a text (received '+'); remove the line, or fill"),
        ("+ a\n\n- b\n", "line 2: each line must be a label, white space and a text (received '')"),
        ("+ a\n+ b\n", "the training text must have at least two labels (received '+' alone)"),
        ("", "a text must not be empty"),
        (
            "* a\n? b\n",
            "line 1: at most half of the validation sentences may have a label that the training text lacks",
        ),
    ],
    "tsv": [
        ("label\ttext\n", "the train text must hold at least one sentence"),
        ("label\ttext\n+\ta\tb\n", "line 2: each row must have 2 columns, as the first one has (received 3)"),
        ("label\ttext\n+\n", "line 2: each row must have 2 columns, as the first one has (received 1)"),
        ("label\ttext\n\ta\n", "line 2: a label must not be empty"),
        ("label\ttext\n+\t \n", "line 2: a text must have at least one word"),
        ("label\tsentence\n+\ta\n", "line 1: the first line must name a column 'text' (received 'label', 'sentence');"),
        ("text\tlabel\ttext\na\t+\tb\n", "line 1: the first line must name a column 'text' once"),
    ],
    "csv": [
        ('text,label\na,+\n"b,-\nc,+\n', "line 3: a row must be cells with commas between them"),
        ('text,label\n"b"c,-\n', "line 2: a row must be cells with commas between them"),
        ("text,label\na,+\n\n", "line 3: each row must have 2 columns, as the first one has (received 0)"),
        ('text,label\na,"+\n-"\n', "line 3: a label must stand on one line (received '+\\n-')"),
        ("text,label,text\na,+,b\n", "line 1: the first line must name a column 'text' once"),
    ],
    "json_lines": [
        (
            "{\n",
            "line 1, character 2: each line must be a JSON object (received the end of the line where a name in double",
        ),
        (
            '{"text": "a" "label": 1}\n',
            "line 1, character 14: each line must be a JSON object (received '\"' where a comma or a closing bracket",
        ),
        ('{"text": "a}\n', "line 1, character 10: each line must be a JSON object (received a string without its"),
        ('{"text": a}\n', "character 10: each line must be a JSON object (received 'a' where a value must stand)"),
        ('{"text" 1}\n', "character 9: each line must be a JSON object (received '1' where a colon must stand)"),
        ('{"text": "\\x"}\n', "JSON object (received an escape that JSON does not have)"),
        ('{"text": "\t"}\n', "JSON object (received '\\t', which a string must write as an escape)"),
        ("{} 1\n", "character 4: each line must be a JSON object (received '1' behind the end of the object)"),
        ('{"text": ' + 100_000 * "[" + "\n", "JSON object (received brackets within brackets, too deep)"),
        ('{"text": ' + 5_000 * "1" + "}\n", "JSON object (received a number of too many digits)"),
        ("[1]\n", "line 1: each line must be a JSON object (received '[1]')"),
        ('{"text": "a"}\n', "line 1: each object must have a field 'label' (received 'text')"),
        ('{"text": "a", "label": 0.5}\n', "a label must be a JSON string, a whole number or a boolean (received 0.5)"),
        ('{"text": "a", "label": NaN}\n', "a label must be a JSON string, a whole number or a boolean (received NaN)"),
        ('{"text": "a", "label": null}\n', "a label must be a JSON string, a whole number or a boolean (received null"),
        ('{"text": null, "label": 1}\n', "line 1: a text must be a JSON string (received null)"),
        ('{"text": NaN, "label": 1}\n', "line 1: a text must be a JSON string (received NaN)"),
        ('{"text": "a", "label": 1}\n\n', "line 2: each line must be a JSON object (received an empty line)"),
        ('{"text": "a\\u0000", "label": 1}\n', "line 1: NUL is no text (received '\\x00')"),
        ('{"text": "a", "label": "x\\ny"}\n', "line 1: a label must stand on one line (received 'x\\ny')"),
        (
            '{"text": "a", "text": "b", "label": 1}\n',
            "line 1: each line must be a JSON object (received the same field",
        ),
        ('{"text": "\\ud800", "label": 1}\n', "line 1: a text must be whole characters (received '\\ud800')"),
    ],
}


@pytest.mark.parametrize(("kind", "content", "message"), [(k, *each) for k in MISTAKES for each in MISTAKES[k]])
def test_a_violation_names_file_and_line(tmp_path: Path, kind: str, content: str, message: str) -> None:
    folder = folder_of(tmp_path / "x", kind, train=TRAIN, dev=DEV, test=TEST)
    (folder / f"train{ENDINGS[kind]}").write_text(content)
    told = refused(lambda: read(kind, folder))
    assert message in told
    assert str(folder) in told


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    assert "corpus tsv needs a path" in refused(lambda: load(LabelledData(corpus="tsv"), tmp_path))
    folder = folder_of(tmp_path / "x", "tsv", train=TRAIN, dev=DEV)
    assert "a folder must hold exactly one test file" in refused(lambda: read("tsv", folder))
    (folder / "test.tsv").write_text("label\ttext\n")
    assert "the test text must hold at least one sentence" in refused(lambda: read("tsv", folder))
    (folder / "test.tsv").write_text("label\ttext\n+\tUn film tout à fait ordinaire\n")
    assert "at most half of the test words may be unknown" in refused(lambda: read("tsv", folder))
    (folder / "test.tsv").write_text("label\ttext\n0\tbad\n?\tgood\n+\tgood\n" + "-1\tfilm\n" * 3)
    assert refused(lambda: read("tsv", folder)) == (
        f"{folder}/test.tsv, line 2, and 4 more places (line 3, line 5, ...): at most half of the test sentences may "
        "have a label that the training text lacks (received '-1', '0', '?'); the training text has '+', '-'; is the "
        "test text one without labels?"
    )


@pytest.mark.parametrize("kind", FILES)
def test_labels_that_training_lacks_are_counted_and_told(tmp_path: Path, kind: str) -> None:
    texts = {"train": TRAIN, "dev": "z bad film|- bad|a film", "test": "+ film|- bad|+#- good"}
    corpus = read(
        kind, folder_of(tmp_path / "x", kind, dev=f"{texts['dev']}|+ good", **{k: texts[k] for k in ("train", "test")})
    )
    assert corpus.labels.words == ("+", "-")
    assert corpus.unseen.words == ("+#-", "a", "z")
    assert corpus.train.labels.tolist() == [0, 1, 0]
    assert corpus.validation.labels.tolist() == [4, 1, 3, 0]
    assert corpus.test.labels.tolist() == [0, 1, 2]
    assert corpus.facts["validation sentences with a label that training lacks"] == 2
    assert corpus.facts["test sentences with a label that training lacks"] == 1
    assert corpus.facts["validation sentences of the rarest label"] == 1
    assert list(corpus.warnings)[:2] == [
        "2 of 4 validation sentences have a label that the training text lacks ('a', 'z'): every answer to them counts "
        "as wrong.",
        "1 of 3 test sentences have a label that the training text lacks ('+#-'): every answer to them counts as "
        "wrong.",
    ]
    again = read(kind, tmp_path / "x")
    assert (again.unseen, again.fingerprint) == (corpus.unseen, corpus.fingerprint)


def test_a_corpus_without_such_labels_keeps_its_fingerprint(tmp_path: Path) -> None:
    corpus = read("label_text", folder_of(tmp_path / "x", "label_text", train=TRAIN, dev=DEV, test=TEST))
    assert not len(corpus.unseen)
    assert corpus.fingerprint.startswith("3e75ff3644ce29ac")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(FILES), content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_arbitrary_bytes_are_read_or_refused(tmp_path: Path, kind: str, content: bytes) -> None:
    file = tmp_path / f"x{ENDINGS[kind]}"
    head = {"csv": b"text,label\n", "tsv": b"text\tlabel\n"}.get(kind, b"")
    file.write_bytes(head + content)
    try:
        corpus = read(kind, file)
    except (UserError, UserErrors):
        return
    assert min(len(corpus.train), len(corpus.validation), len(corpus.test)) >= 1


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("name", "options", "sizes", "labels"),
    [("sst2", {}, [6920, 872, 1821], 2), ("trec", {"encoding": "latin-1"}, [4907, 545, 500], 6)],
)
def test_real_corpora(
    corpora: Path, tmp_path: Path, name: str, options: dict[str, str], sizes: list[int], labels: int
) -> None:
    corpus = load(LabelledData(corpus="label_text", path=corpora / name, **options), tmp_path)
    assert [len(text) for text in (corpus.train, corpus.validation, corpus.test)] == sizes
    assert len(corpus.labels) == labels
