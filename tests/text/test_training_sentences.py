"""``data.training_sentences``: fewer sentences to learn from, the same held-out text, in every kind of corpus."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.agreement.data import AgreementData
from tasks.text.labelled.settings import LabelledData, load
from tasks.text.parallel import ParallelData, ParallelText
from tasks.text.running.settings import TextData
from tasks.text.section import DataSection
from tasks.text.tagged.settings import TaggedData
from tasks.text.toy import generate
from unroll.contract import UserError

SECTIONS: tuple[type[DataSection], ...] = (TextData, TaggedData, LabelledData, AgreementData, ParallelData)
WRITTEN = frozenset({"toy_language", "text", "conllu", "columns", "label_text", "tsv", "csv", "json_lines"})
"""Kinds that :func:`source` knows."""
EVERY_KIND = [(section, kind) for section in SECTIONS for kind in section.readers.names]
KINDS = [(section, kind) for section, kind in EVERY_KIND if kind in WRITTEN]
NUMBER = ("Sing", "Plur")


def sentences(seed: int, number: int) -> list[tuple[str, ...]]:
    return [each.words for each in generate(seed, "train", number)]


def conllu(words: tuple[str, ...], plural: int) -> str:
    feats = f"Number={NUMBER[plural]}"
    rows = [
        (1, "barks" if plural else "dogs", "bark", "NOUN", "_", feats, 2, "nsubj", "_", "_"),
        (2, "bark" if plural else "barks", "bark", "VERB", "_", f"{feats}|Person=3|Tense=Pres", 0, "root", "_", "_"),
        *((i, word, word, "X", "_", "_", 2, "dep", "_", "_") for i, word in enumerate(words, 3)),
    ]
    return "".join("\t".join(map(str, row)) + "\n" for row in rows) + "\n"


def write(kind: str, file: Path, texts: list[tuple[str, ...]]) -> None:
    """The texts as a file of this kind, two labels in turn."""
    lines = [" ".join(text) for text in texts]
    labels = [("good", "bad")[i % 2] for i in range(len(texts))]
    forms = {
        "text": "".join(f"{line}\n" for line in lines),
        "conllu": "".join(conllu(text, i % 2) for i, text in enumerate(texts)),
        "columns": "".join("".join(f"{word} T{len(word) % 2}\n" for word in text) + "\n" for text in texts),
        "label_text": "".join(f"{label} {line}\n" for label, line in zip(labels, lines, strict=True)),
        "tsv": "label\ttext\n" + "".join(f"{label}\t{line}\n" for label, line in zip(labels, lines, strict=True)),
        "csv": "label,text\n" + "".join(f'{label},"{line}"\n' for label, line in zip(labels, lines, strict=True)),
        "json_lines": "".join(
            f'{{"label": "{label}", "text": "{line}"}}\n' for label, line in zip(labels, lines, strict=True)
        ),
    }
    file.write_text(forms[kind], encoding="utf-8")


ENDINGS = {"conllu": ".conllu", "tsv": ".tsv", "csv": ".csv", "json_lines": ".jsonl"}


def source(kind: str, folder: Path, *, single: bool) -> dict[str, Any]:
    """Settings of a corpus of 40 training sentences."""
    if kind == "toy_language":
        return {"sentences": 40}
    ending = ENDINGS.get(kind, ".txt")
    if single:
        write(kind, folder / f"all{ending}", sentences(0, 60))
        return {"path": folder / f"all{ending}", "validation_fraction": 1 / 6, "test_fraction": 1 / 6}
    for seed, split in enumerate(("train", "valid", "test")):
        write(kind, folder / f"{split}{ending}", sentences(seed, 40 if split == "train" else 10))
    return {"path": folder}


def words_of(corpus: Any, split: str) -> list[str]:
    """The words of one split, one after the other; of parallel text the sources."""
    text = getattr(corpus, split)
    text = text.source if isinstance(text, ParallelText) else text
    numbers = text if isinstance(text, np.ndarray) else text.words
    return [corpus.vocabulary.words[number] for number in numbers]


def is_part(few: list[str], many: list[str]) -> bool:
    """Whether the words stand in the others in this order."""
    rest = iter(many)
    return all(word in rest for word in few)


def read(section: type[DataSection], kind: str, cache: Path, **settings: Any) -> Any:
    given = section.model_validate({"corpus": kind, **settings})
    return section.readers.build(given).read(cache)


@pytest.mark.parametrize("kind", sorted({kind for _, kind in EVERY_KIND}))
def test_a_kind_is_read_here_or_in_a_test_of_its_own(kind: str) -> None:
    assert kind in WRITTEN or list(Path(__file__).parents[1].rglob(f"test_{kind}.py"))


@pytest.mark.parametrize("single", [False, True], ids=["folder", "file"])
@pytest.mark.parametrize(("section", "kind"), KINDS, ids=[f"{s.__name__}-{k}" for s, k in KINDS])
def test_the_first_sentences_are_learned_from_and_held_out_text_stays(
    section: type[DataSection], kind: str, single: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    plain = {**source(kind, folder, single=single), **({} if kind == "toy_language" else {"minimum_count": 1})}
    whole, more, few = (read(section, kind, tmp_path, **plain, training_sentences=most) for most in (None, 1000, 15))
    assert more.fingerprint == whole.fingerprint != few.fingerprint
    assert 0 < len(words_of(few, "train")) < len(words_of(whole, "train")) / 2
    for split in ("validation", "test"):
        assert len(words_of(few, split)) == len(words_of(whole, split))
        known = [(a, b) for a, b in zip(words_of(few, split), words_of(whole, split), strict=True) if a != "<unk>"]
        assert known
        assert all(a == b for a, b in known)
    if kind in ("text", "toy_language"):
        assert words_of(few, "train") == words_of(whole, "train")[: len(words_of(few, "train"))]
    else:
        assert is_part(words_of(few, "train"), words_of(whole, "train"))


def test_of_labelled_files_some_are_drawn_once_for_all_whatever_their_order(tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "valid", "test")):
        lines = [f"{('good', 'bad')[i % 2]} the dog saw it {i}{split}\n" for i, _ in enumerate(sentences(seed, 40))]
        (tmp_path / f"{split}.txt").write_text("".join(sorted(lines)), encoding="utf-8")
    common = {"path": tmp_path, "minimum_count": 1}
    few, again, more = (
        read(LabelledData, "label_text", tmp_path / cache, **common, training_sentences=most)
        for cache, most in (("a", 10), ("b", 10), ("c", 20))
    )
    assert sorted(set(few.train.labels.tolist())) == [0, 1]
    assert again.fingerprint == few.fingerprint
    assert set(words_of(few, "train")) < set(words_of(more, "train"))


def test_what_may_be_said_does_not_depend_on_how_much_is_learned_from(tmp_path: Path) -> None:
    """The label ``rare`` and the tag ``RARE`` stand in one sentence of forty."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "tags").mkdir()
    for split in ("train", "valid", "test"):
        labels = [f"{('good', 'bad')[i % 2] if i != 30 else 'rare'} the dog saw it\n" for i in range(40)]
        tags = [f"the DET\ndog {'NOUN' if i != 30 else 'RARE'}\n\n" for i in range(40)]
        (tmp_path / "labels" / f"{split}.txt").write_text("".join(labels), encoding="utf-8")
        (tmp_path / "tags" / f"{split}.txt").write_text("".join(tags), encoding="utf-8")
    few = {"training_sentences": 4, "minimum_count": 1}
    labelled = read(LabelledData, "label_text", tmp_path / "cache", path=tmp_path / "labels", **few)
    assert labelled.labels.words == ("bad", "good", "rare")
    assert labelled.facts["train sentences of the rarest label"] == 0
    tagged = read(TaggedData, "columns", tmp_path / "cache", path=tmp_path / "tags", **few)
    assert set(tagged.tags.words) == {"DET", "NOUN", "RARE"}


def test_where_too_few_are_learned_from_the_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    source("tsv", tmp_path / "texts", single=False)
    settings = {"corpus": "tsv", "path": tmp_path / "texts", "minimum_count": 3}
    with pytest.raises(UserError, match=r"; is data\.training_sentences, 1, too small\?$"):
        load(LabelledData.model_validate({**settings, "training_sentences": 1}), tmp_path / "cache")


def test_a_mistake_that_more_sentences_would_not_mend_is_told_alone(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    source("tsv", tmp_path / "texts", single=False)
    (tmp_path / "texts" / "test.tsv").write_text("no label\n", encoding="utf-8")
    section = LabelledData.model_validate({"corpus": "tsv", "path": tmp_path / "texts", "training_sentences": 20})
    with pytest.raises(UserError) as raised:
        load(section, tmp_path / "cache")
    assert "too small" not in str(raised.value)


def test_less_is_a_beginning_of_more(tmp_path: Path) -> None:
    ten, twenty = (
        read(LabelledData, "toy_language", tmp_path, sentences=40, training_sentences=most) for most in (10, 20)
    )
    assert words_of(ten, "train") == words_of(twenty, "train")[: len(words_of(ten, "train"))]
    assert words_of(ten, "test") == words_of(twenty, "test")
