"""The real corpora through the plain reader; expected sizes are those of their own documentation."""

from pathlib import Path

import pytest

from tasks.text import TextData, load

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
