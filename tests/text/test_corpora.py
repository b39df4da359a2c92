"""The real corpora through the plain reader; expected sizes are those of their own documentation."""

from pathlib import Path

import numpy as np
import pytest

from tasks.text.running import TextData, load
from unroll.contract import UserError

pytestmark = pytest.mark.corpora


def test_penn_treebank(corpora: Path, tmp_path: Path) -> None:
    corpus = load(TextData(corpus="text", path=corpora / "ptb"), tmp_path)
    assert len(corpus.vocabulary) == 10_000
    assert corpus.train.size == 887_521 + 42_068 == 929_589
    assert corpus.validation.size == 70_390 + 3_370
    assert corpus.test.size == 78_669 + 3_761
    assert corpus.facts["blank lines skipped"] == 0
    assert corpus.facts["test unknown rate"] == 0, "its <unk> is a word of the text"
    assert corpus.vocabulary.decode(corpus.validation[:4]) == ("consumers", "may", "want", "to")


def test_tiny_shakespeare_by_characters(corpora: Path, tmp_path: Path) -> None:
    path = corpora / "tinyshakespeare" / "input.txt"
    corpus = load(TextData(corpus="text", path=path, level="character"), tmp_path)
    text = path.read_text(encoding="utf-8")
    assert len(corpus.vocabulary) == len(set(text)) == 65
    stream = np.concatenate([corpus.train, corpus.validation, corpus.test])
    assert "".join(corpus.vocabulary.decode(stream)) == text
    assert text[: corpus.train.size].count("\n") == 36_000


def test_tiny_shakespeare_by_words_leaves_blank_lines_out(corpora: Path, tmp_path: Path) -> None:
    path = corpora / "tinyshakespeare" / "input.txt"
    corpus = load(TextData(corpus="text", path=path), tmp_path)
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    words = sum(len(line.split()) for line in lines)
    assert corpus.train.size + corpus.validation.size + corpus.test.size == words + len(lines)
    assert corpus.facts["blank lines skipped"] == 40_000 - len(lines)


def test_trec_says_where_it_is_no_utf_8_and_is_read_as_latin_1(corpora: Path, tmp_path: Path) -> None:
    path = corpora / "trec" / "TREC.train.all"
    with pytest.raises(UserError) as caught:
        load(TextData(corpus="text", path=path), tmp_path)
    assert str(caught.value) == (
        f"{path}, line 66, byte 3173: the text must be utf-8 (received byte 0xF0); "
        "set data.encoding to the file's encoding, for instance latin-1"
    )
    corpus = load(TextData(corpus="text", path=path, encoding="latin-1"), tmp_path)
    assert (corpus.train == corpus.start).sum() + (corpus.validation == corpus.start).sum() == round(5452 * 0.95)


def test_multi30k_holds_two_languages_and_is_no_single_text(corpora: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"exactly one train file.*received train\.de\.gz, train\.en\.gz"):
        load(TextData(corpus="text", path=corpora / "multi30k"), tmp_path)
