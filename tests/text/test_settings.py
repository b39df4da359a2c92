import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.text.running import TextData, load
from tasks.text.running.settings import READERS
from unroll.contract import UserError, find_locations, find_measurements


def test_every_reader_and_every_format_with_such_labels_is_a_kind_of_corpus(root: Path) -> None:
    files = (root / "tasks" / "text" / "running" / "readers").glob("[!_]*.py")
    assert set(READERS.names) == {file.stem for file in files} >= {"text", "toy_language"}


@pytest.mark.parametrize("corpus", READERS.names)
def test_a_kind_of_corpus_is_built_of_its_settings_and_no_others(corpus: str) -> None:
    options = set(READERS.options(corpus))
    assert options <= set(TextData.model_fields) - {"corpus"}
    content = READERS.build(TextData(corpus=corpus)).content()
    given = {*content, *content.get("format", {})} - {"reader", "version", "format", "format name", "format version"}
    assert given == options - {"path"}


def test_every_setting_is_looked_at_by_some_corpus() -> None:
    looked_at = {name for each in READERS.names for name in READERS.options(each)}
    assert looked_at == set(TextData.model_fields) - {"corpus"}


def test_only_the_path_is_a_location() -> None:
    assert find_locations(TextData) == {"path"}
    assert not find_measurements(TextData)


def test_an_editor_can_offer_the_kinds_and_explain_the_fields() -> None:
    properties = TextData.model_json_schema()["properties"]
    assert properties["corpus"]["enum"] == list(READERS.names)
    assert all(field["description"] for field in properties.values())


def test_a_path_is_absolute_because_workers_stand_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert TextData(corpus="text", path=Path("ptb")).path == tmp_path / "ptb"
    assert TextData(corpus="text", path=Path("~/ptb")).path == tmp_path / "home" / "ptb"


def test_the_home_of_an_unknown_user_is_a_path_that_does_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = TextData(corpus="text", path=Path("~no-such-user/ptb"))
    with pytest.raises(UserError, match=r"/~no-such-user/ptb: the corpus must exist; set data.path to"):
        load(settings, tmp_path)


def test_other_spellings_of_an_encoding_are_the_same_settings() -> None:
    assert TextData(corpus="text", encoding="UTF8") == TextData(corpus="text")
    assert TextData(corpus="text", encoding="latin_1") == TextData(corpus="text", encoding="ISO-8859-1")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"corpus": "toy_langauge"}, f"Input should be {' or '.join(map(repr, READERS.names))}"),
        ({"path": "ptb"}, "corpus toy_language has no use for path: leave it out, or choose "),
        ({"corpus": "text", "seed": 2}, "corpus text has no use for seed: leave it out, or choose toy_language"),
        ({"seed": 2, "minimum_count": 2, "path": "a"}, "has no use for path, minimum_count: leave it out"),
        ({"corpus": "text", "encoding": "klingon"}, "must be a text encoding that Python knows, such as utf-8"),
        (
            {"corpus": "text", "validation_fraction": 0.5, "test_fraction": 0.5},
            "validation_fraction and test_fraction must leave training text: their sum is 1 or more",
        ),
        ({"corpus": "text", "test_fraction": float("nan")}, "Input should be a finite number"),
        ({"corpus": "text", "vocabulary_size": 1}, "Input should be greater than or equal to 2"),
        ({"corpus": "text", "minimum_count": 10**20}, "Input should be less than 2147483648"),
        ({"sentences": 10**20}, "Input should be less than or equal to 10000000"),
        ({"seed": 10**20}, "Input should be less than 2147483648"),
        ({"sentences": 0}, "Input should be greater than or equal to 1"),
        ({"level": "byte"}, "Input should be 'word' or 'character'"),
    ],
)
def test_mistakes_are_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TextData(**values)
    (error,) = caught.value.errors()
    assert message in error["msg"]


def test_a_study_without_its_path_is_valid_until_the_text_is_needed(tmp_path: Path) -> None:
    """A study file is shared between machines; where the text lies is said on each."""
    settings = TextData(corpus="text")
    with pytest.raises(UserError) as caught:
        load(settings, tmp_path)
    assert str(caught.value) == "data.path: corpus text needs a path; add data.path=FOLDER, or a file"


def test_settings_and_corpus_travel(tmp_path: Path) -> None:
    settings = TextData(sentences=5)
    assert pickle.loads(pickle.dumps(settings)) == settings
    corpus = load(settings, tmp_path)
    copy = pickle.loads(pickle.dumps(corpus))
    assert copy.fingerprint == corpus.fingerprint
    assert copy.train.tolist() == corpus.train.tolist()
    assert copy.vocabulary == corpus.vocabulary
