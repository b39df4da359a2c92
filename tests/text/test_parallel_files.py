"""Parallel text from files: what is read, what is left out, and what is refused."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.text.catalogue import load_entry
from tasks.text.library import ENTRIES
from tasks.text.parallel import ParallelCorpus, ParallelData, ParallelText, load
from tasks.text.parallel.tokenization import Tokenization
from unroll.contract import UserError, UserErrors

GERMAN = "Ein Hund läuft.\nEine Katze schläft.\nEin Hund schläft.\n"
ENGLISH = "A dog runs.\nA cat sleeps.\nA dog sleeps.\n"


def folder_of(parent: Path, held_out: tuple[str, str] = ("Eine Katze läuft.\n", "A cat runs.\n"), **files: str) -> Path:
    """A folder of files, ``train_de`` for ``train.de``; those that are not given hold the texts above."""
    parent.mkdir()
    texts = {"train_de": GERMAN, "train_en": ENGLISH}
    for split in ("val", "test"):
        texts |= {f"{split}_de": held_out[0], f"{split}_en": held_out[1]}
    for name, text in (texts | files).items():
        (parent / ".".join(name.rsplit("_", 1))).write_text(text, encoding="utf-8")
    return parent


def read(path: Path, **options: Any) -> ParallelCorpus:
    options = {"source": "de", "target": "en", "minimum_count": 1, **options}
    return load(ParallelData(corpus="parallel_files", path=path, **options), path.parent / "cache")


def sentences_of(corpus: ParallelCorpus, text: ParallelText) -> list[tuple[str, str]]:
    found = []
    for place in range(len(text)):
        source, target = (
            words.decode(side.words[slice(*side.begins[place : place + 2])])
            for side, words in ((text.source, corpus.vocabulary), (text.target, corpus.target_vocabulary))
        )
        found.append((" ".join(source), " ".join(target)))
    return found


def refused(read_it: Callable[[], Any]) -> str:
    with pytest.raises(UserError) as caught:
        read_it()
    return str(caught.value)


# What is read


def test_a_folder_is_read_line_by_line(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path / "x"))
    assert sentences_of(corpus, corpus.train) == [
        ("Ein Hund läuft .", "A dog runs ."),
        ("Eine Katze schläft .", "A cat sleeps ."),
        ("Ein Hund schläft .", "A dog sleeps ."),
    ]
    assert list(corpus.train.references) == ENGLISH.splitlines()
    assert corpus.bounds == {}
    assert corpus.facts["train source tokens"] == 12
    assert corpus.facts["test source sentences also in training"] == 0
    assert not corpus.warnings


def test_the_languages_can_be_exchanged(tmp_path: Path) -> None:
    forth = read(folder := folder_of(tmp_path / "x"))
    back = read(folder, source="en", target="de")
    assert (back.vocabulary, back.target_vocabulary) == (forth.target_vocabulary, forth.vocabulary)
    assert list(back.test.references) == ["Eine Katze läuft."]
    assert back.fingerprint != forth.fingerprint


def test_the_fingerprint_depends_on_nothing_but_the_text(tmp_path: Path) -> None:
    corpus = read(folder := folder_of(tmp_path / "x"))
    other = tmp_path / "deeply" / "elsewhere"
    other.mkdir(parents=True)
    for file in folder.iterdir():  # packed, with a mark and Windows line ends, in another encoding, other names
        name = file.name.replace("val.", "Multi.dev.")
        text = "\ufeff" + file.read_text(encoding="utf-8").replace("\n", "\r\n")
        (other / f"{name}.gz").write_bytes(gzip.compress(text.encode("utf-16-le")))
    assert read(other, encoding="utf-16-le").fingerprint == corpus.fingerprint
    (folder / "train.en").write_text(ENGLISH.replace("sleeps", "Sleeps"))
    lowered = read(other, encoding="utf-16-le", lowercase=True)
    assert lowered.fingerprint != read(folder, lowercase=True).fingerprint  # references differ


def test_what_the_cache_holds_equals_what_was_built(tmp_path: Path) -> None:
    folder, options = folder_of(tmp_path / "x"), {"tokens": "subwords", "vocabulary_size": 60}
    built, again = read(folder, **options), read(folder, **options)
    shutil.rmtree(tmp_path / "cache")
    fresh = read(folder, **options)
    for corpus in (again, fresh):
        assert corpus.fingerprint == built.fingerprint
        assert (corpus.tokenization, corpus.target_tokenization) == (built.tokenization, built.target_tokenization)
        assert (corpus.facts, list(corpus.train.references)) == (built.facts, list(built.train.references))
        np.testing.assert_array_equal(corpus.train.target.words, built.train.target.words)


def test_lower_case_leaves_references_alone(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path / "x"), lowercase=True)
    assert sentences_of(corpus, corpus.test) == [("eine katze läuft .", "a cat runs .")]
    assert list(corpus.test.references) == ["A cat runs."]
    assert corpus.detokenize(["a", "cat", "runs", "."]) == "a cat runs ."


def test_words_are_those_of_bleu(tmp_path: Path) -> None:
    lines = "It's 3.5 km (2,000 m).\nA \"dog\" isn't  R&amp;D-ready!\n"
    corpus = read(folder_of(tmp_path / "x", ("eins\n", "dog\n"), train_en=lines * 2, train_de="eins zwei\n" * 4))
    tokenizer = sacrebleu.BLEU(tokenize="13a").tokenizer
    assert [target for _, target in sentences_of(corpus, corpus.train)][:2] == list(map(tokenizer, lines.splitlines()))


def test_shared_subwords_and_vocabulary_are_of_both_languages(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path / "x"), tokens="subwords", vocabulary_size=60, vocabularies="shared")
    assert corpus.vocabulary == corpus.target_vocabulary
    assert corpus.tokenization == corpus.target_tokenization
    assert len(corpus.vocabulary) <= 60
    apart = read(tmp_path / "x", tokens="subwords", vocabulary_size=60)
    assert "ä" in apart.tokenization.model
    assert "ä" not in apart.target_tokenization.model


def test_rare_words_are_read_as_unknown(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path / "x", ("Ein Hund .\n", "A dog .\n")), minimum_count=2)
    assert sentences_of(corpus, corpus.train)[0] == ("Ein Hund <unk> .", "A dog <unk> .")
    assert corpus.facts["train source tokens read as <unk>"] == pytest.approx(3 / 12)
    assert len(read(tmp_path / "x", vocabulary_size=5).vocabulary) == 5


def test_fewer_pairs_are_some_of_more(tmp_path: Path) -> None:
    numbers = "".join(f"w{number}\n" for number in range(40))
    folder = folder_of(tmp_path / "x", ("w1\n", "w1\n"), train_de=numbers, train_en=numbers)
    with pytest.raises(UserError, match="at most half"):
        read(folder, training_sentences=3)
    few, more = (
        sentences_of(corpus, corpus.train)
        for corpus in (
            read(folder, training_sentences=count, tokens="characters", vocabularies="shared") for count in (12, 25)
        )
    )
    assert all(source == target for source, target in more)
    assert (len(few), len(more)) == (12, 25)
    assert set(few) < set(more)


def test_long_pairs_are_left_out_of_training_alone(tmp_path: Path) -> None:
    long = "w " * 50 + "\n"
    folder = folder_of(tmp_path / "x", (long, long), train_de="w w\nw\n", train_en=f"{long}w\n")
    corpus = read(folder, longest=49)
    assert sentences_of(corpus, corpus.train) == [("w", "w")]
    assert [text.target.lengths.tolist() for text in (corpus.validation, corpus.test)] == [[50], [50]]
    assert corpus.facts["train pairs left out, longer than data.longest"] == 1


@pytest.mark.parametrize("blank", ["", "  \t"])
def test_half_a_pair_is_left_out_and_counted_or_refused(tmp_path: Path, blank: str) -> None:
    folder = folder_of(tmp_path / "x", train_en=f"A dog runs.\n{blank}\nA dog sleeps.\n", test_de=f"{blank}\nEin\n")
    (folder / "test.en").write_text("A\nA\n")
    corpus = read(folder)
    assert list(corpus.train.references) == ["A dog runs.", "A dog sleeps."]
    assert {name: fact for name, fact in corpus.facts.items() if "left out" in name} == {
        "train pairs left out, a side is empty": 1,
        "test pairs left out, a side is empty": 1,
    }
    assert list(corpus.warnings)[:2] == [
        "1 of 3 train pairs are left out, for a side is empty.",
        "1 of 2 test pairs are left out, for a side is empty.",
    ]
    told = [str(error) for error in errors_of(lambda: read(folder, incomplete="refuse"))]
    assert told == [
        f"{folder}/{split}.de and {folder}/{split}.en, line {line}: a pair must have both sides; fill or remove the "
        "line in both files, or set data.incomplete=drop"
        for split, line in (("train", 2), ("test", 1))
    ]


def errors_of(read_it: Callable[[], Any]) -> list[UserError]:
    with pytest.raises((UserError, UserErrors)) as caught:
        read_it()
    return list(caught.value.errors) if isinstance(caught.value, UserErrors) else [caught.value]


def test_a_line_that_is_blank_in_both_languages_is_no_pair(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x", train_de=f"{GERMAN}\n", train_en=f"{ENGLISH} \n")
    assert len(read(folder, incomplete="refuse").train) == 3


def test_a_line_that_the_tokenization_empties_is_no_sentence(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path / "x", train_de=f"{GERMAN}<skipped>\n", train_en=f"{ENGLISH}A dog.\n"))
    assert len(corpus.train) == 3


def test_the_only_two_files_of_a_folder_are_cut_into_splits(tmp_path: Path) -> None:
    (folder := tmp_path / "x").mkdir()
    for side in ("de", "en"):
        (folder / f"europarl.{side}").write_text("".join(f"w {number}\n" for number in range(10)))
    corpus = read(folder, validation_fraction=0.2, test_fraction=0.1)
    assert list(corpus.train.references) == [f"w {number}" for number in range(7)]
    assert list(corpus.test.references) == ["w 9"]


def test_one_of_several_test_texts_is_chosen_by_name(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x")
    for side in ("de", "en"):
        (folder / f"test.{side}").rename(folder / f"test_2016_flickr.{side}")
        (folder / f"test_2017_flickr.{side}").write_text("A\n")
        (folder / f"newstest2014.{side}").write_text("A B\n")
    assert refused(lambda: read(folder)) == (
        f"{folder}: a folder must hold one test text for each language, known by a part of its name (received "
        "test_2016_flickr, test_2017_flickr); choose one: data.test=test_2016_flickr"
    )
    corpus = read(folder, test="test_2016_flickr")
    assert list(corpus.test.references) == ["A cat runs."]
    assert list(corpus.warnings) == [
        "2 files are not read, for no part of the name names a split: newstest2014.de, newstest2014.en"
    ]
    with pytest.raises(UserError, match="at most half"):
        read(folder, test="newstest2014")
    assert refused(lambda: read(folder, test="test_2018")) == (
        f"{folder}: the folder must hold test_2018.de, perhaps with .gz behind it (received newstest2014, "
        "test_2016_flickr, test_2017_flickr, train, val); names are given without the language's ending"
    )


# What is refused


def test_the_languages_must_be_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x")
    assert refused(lambda: read(folder, target=None)) == (
        "data.source, data.target: parallel_files needs what the names of each language's files end in (received de, "
        "null); set them, such as data.source=de data.target=en; the folder has de, en"
    )
    assert "corpus parallel_files needs a path" in refused(
        lambda: load(ParallelData(corpus="parallel_files", source="de", target="en"), tmp_path)
    )
    assert refused(lambda: read(folder, target="fr")) == (
        f"{folder}: the folder must hold files of the target language, whose names end in .fr (received test.de, "
        "test.en, train.de, train.en, val.de, val.en); set data.target to what their names end in"
    )


def test_a_missing_side_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x")
    (folder / "val.en").unlink()
    assert refused(lambda: read(folder)) == (
        f"{folder}: a text must be there in both languages (received val.de alone); add val.en, or val.en.gz"
    )
    (folder / "val.de").unlink()
    assert refused(lambda: read(folder)).startswith(
        f"{folder}: a folder must hold one validation text for each language, known by a part of its name (received "
        "none among test, train); set data.validation to a file's name without the language's ending (known are train: "
    )


def test_names_that_cannot_be_understood_are_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x")
    (folder / "train.de.gz").write_bytes(gzip.compress(GERMAN.encode()))
    assert refused(lambda: read(folder)) == (
        f"{folder}: a text must be there once, packed or not (received train.de, train.de.gz); move one of them to "
        "another folder"
    )
    (folder / "train.de.gz").rename(folder / "train_dev.de.gz")
    assert (
        "each file of a folder must be one split's by its name (received train_dev.de.gz: train and valid"
        in refused(lambda: read(folder))
    )
    assert "parallel text must be a folder with two files for each split (received a file)" in refused(
        lambda: read(folder / "train.de")
    )
    assert "two files for each split (received nothing)" in refused(lambda: read(tmp_path / "y"))


def test_unequal_lines_are_told_with_both_counts_and_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x", train_en=ENGLISH + "One more.\n")
    assert refused(lambda: read(folder)) == (
        f"{folder}/train.de and {folder}/train.en: both languages must have equally many lines (received 3 and 4); "
        "each line is a sentence, and the same line of the other file its translation"
    )
    (folder / "test.de").write_text("Ein\nEin\n")
    assert len(errors_of(lambda: read(folder))) == 2


BROKEN = [
    (b"", "train.en: a text must not be empty"),
    ("\ufeff".encode(), "train.en: a text must not be empty"),
    (b"A dog.\nA c\xe9t.\nA dog.\n", "train.en, line 2, byte 10: the text must be utf-8 (received byte 0xE9)"),
    (b"A dog.\rA cat.\nA\nA\n", r"train.en, line 1, character 7: lines must end with \n or \r\n"),
    (b"A\0\nA\nA\n", "train.en, line 1, character 2: NUL is no text"),
    (b"\n\n\n", "the train text must hold at least one pair"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
def test_a_broken_file_is_told_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    folder = folder_of(tmp_path / "x")
    (folder / "train.en").write_bytes(content)
    assert message in refused(lambda: read(folder))


def test_broken_files_are_told_together(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x", train_de="", test_en="")
    assert [error.where for error in errors_of(lambda: read(folder))] == [f"{folder}/train.de", f"{folder}/test.en"]


def test_an_end_mark_in_text_that_was_cut_before_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x", train_en="A cat runs.\nA <eos>\nA <eos>\n")
    assert refused(lambda: read(folder, tokens="white_space")) == (
        f"{folder}/train.en, line 2, and 1 more place (line 3): the text must not hold the word <eos>, which is added "
        "to every sentence; remove it"
    )
    for tokens in ("words", "characters", "subwords"):
        corpus = read(folder, tokens=tokens, vocabulary_size=40)
        assert corpus.target_vocabulary.number("<eos>") not in corpus.train.target.words


def test_subwords_need_a_size(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x")
    assert refused(lambda: read(folder, tokens="subwords")) == (
        "data.vocabulary_size: subwords need the size of their vocabulary (received null); set "
        "data.vocabulary_size=8_000, for instance"
    )


# What can hardly be meant


def pair_doubts(corpus: ParallelCorpus) -> list[str]:
    """Warnings beside those of one word that is most of a text."""
    return [warning for warning in corpus.warnings if "hold 'w'" not in warning and "hold 'v'" not in warning]


def test_lines_that_do_not_belong_together_are_a_warning(tmp_path: Path) -> None:
    lines = ["w " * (1 + place * 7 % 12) for place in range(60)]
    text, late = "\n".join(lines), "\n".join([*lines[1:], lines[0]])
    held_out = ("w\n" + "w " * 50, "v v\n" + "v " * 40)
    other = text.replace("w", "v")
    assert not pair_doubts(read(folder_of(tmp_path / "x", held_out, train_de=text, train_en=other)))
    (warning,) = pair_doubts(read(folder_of(tmp_path / "y", held_out, train_de=late, train_en=other)))
    assert warning.startswith("60 train pairs have lengths that hardly go together (correlation -0.")


def test_the_same_text_twice_and_repeated_sources_are_warnings(tmp_path: Path) -> None:
    corpus = read(folder_of(tmp_path / "x", ("Ein Hund schläft.\n", "Ein Hund.\n"), train_en=GERMAN))
    assert list(corpus.warnings) == [
        "1 of 1 validation source sentences (100% of that text) stand in the training text too: what is measured on "
        "them may have been learned by heart.",
        "1 of 1 test source sentences (100% of that text) stand in the training text too: what is measured on them may "
        "have been learned by heart.",
        "3 train pairs have the same sentence on both sides: is that meant?",
    ]


# Any text


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=st.binary(max_size=40) | st.text(max_size=40).map(str.encode),
    target=st.text(max_size=40).map(lambda text: text.replace("\r", "")),
    tokens=st.sampled_from(("words", "white_space", "subwords", "characters")),
)
def test_arbitrary_bytes_are_read_or_refused(tmp_path: Path, source: bytes, target: str, tokens: str) -> None:
    shutil.rmtree(tmp_path / "x", ignore_errors=True)
    folder = folder_of(tmp_path / "x", ("Ein Hund.\n", "A dog.\n"), train_en=f"{target}\n{ENGLISH}A dog.\n")
    (folder / "train.de").write_bytes(source + f"\n{GERMAN}Ein Hund.\n".encode())
    try:
        corpus = read(folder, tokens=tokens, vocabulary_size=80)
    except (UserError, UserErrors):
        return
    for text in (corpus.train, corpus.validation, corpus.test):
        assert len(text.source) == len(text.target) == len(text.references) >= 1
        assert min(text.source.lengths.min(), text.target.lengths.min()) >= 1
    assert list(corpus.train.references)[-4:] == [*ENGLISH.splitlines(), "A dog."]
    held_out = corpus.validation.source
    np.testing.assert_array_equal(corpus.encode("Ein Hund."), held_out.words[: held_out.begins[1]])


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="▁"), max_size=60)


@settings(deadline=None, max_examples=60)
@given(text=_TEXT, lowercase=st.booleans())
def test_characters_and_subwords_become_the_text_again(text: str, lowercase: bool) -> None:
    from tasks.text.parallel.tokenization import fit_subwords

    plain = " ".join((text.lower() if lowercase else text).split())
    fitted = fit_subwords([text, "a b"], size=200, lowercase=lowercase)
    for tokenization in (Tokenization(kind="characters", lowercase=lowercase), fitted):
        tokens = tokenization.split(text)
        assert tokenization.join(tokens) == plain
        assert Tokenization(**vars(tokenization)).split(text) == tokens


def test_a_huge_line_is_read_whole(tmp_path: Path) -> None:
    huge = "w " * 50_000
    folder = folder_of(tmp_path / "x", train_de=f"{huge}\n{GERMAN}", train_en=f"{huge}\n{ENGLISH}")
    assert read(folder).facts["train longest source sentence"] == 50_000
    assert read(folder, longest=1000).facts["train longest source sentence"] == 4


# Real text


@pytest.mark.corpora
def test_multi30k(corpora: Path, tmp_path: Path) -> None:
    chosen = dict(setting.removeprefix("data.").split("=") for setting in load_entry(ENTRIES, "multi30k").settings)
    corpus = load(ParallelData(path=corpora / "multi30k", lowercase=True, **chosen), tmp_path)
    assert [len(text) for text in (corpus.train, corpus.validation, corpus.test)] == [29_000, 1014, 1000]
    assert (len(corpus.vocabulary), len(corpus.target_vocabulary)) == (7816, 5973)
    assert corpus.facts["test source tokens read as <unk>"] == pytest.approx(0.0376, abs=1e-4)
    assert not corpus.warnings
    tokens = [corpus.target_tokenization.split(reference) for reference in corpus.test.references]
    score = sacrebleu.corpus_bleu(
        [corpus.detokenize(each) for each in tokens], [list(corpus.test.references)], lowercase=True
    )
    assert score.score == pytest.approx(100)
