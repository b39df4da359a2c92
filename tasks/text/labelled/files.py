"""Labelled sentences in files: what no label can be, and splits in a random order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, final

from tasks.text.doubts import counts, is_tree
from tasks.text.errors import format_places
from tasks.text.format import Sentence
from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.prepare import prepare_sentences
from tasks.text.reading import FormatReader, Texts
from tasks.text.splits import split_items
from unroll.contract import UserError, derive_seed

_MARKER: Final = "__label__"
"""What fastText's labels begin with."""


@final
@dataclass(frozen=True, kw_only=True)
class LabelledFiles(FormatReader[LabelledCorpus]):
    """Sentences with one label each."""

    kind = LabelledCorpus
    optional = ("validation",)
    lowercase: bool

    def parse(self, lines: list[str], where: str) -> Sequence[Sentence]:
        """See :meth:`FileReader.parse`."""
        sentences = super().parse(lines, where)
        _refuse_what_cannot_be_meant(sentences, where)
        return sentences

    def cut(self, found: Mapping[str, Sequence[Sentence]]) -> Mapping[str, Sequence[Sentence]]:
        """Cut what files are lacking from a random order, always the same: many a file is sorted by its labels."""
        shares = {"validation": self.validation_fraction, "test": self.test_fraction}
        validation, test = (0.0 if split in found else share for split, share in shares.items())
        whole = list(found.get("all", found.get("train", ())))  # a folder may lack the validation text alone
        if validation or test:
            # No setting of a study: all trials, and all who read the file, have the same held-out text.
            Random(derive_seed("labelled split")).shuffle(whole)  # noqa: S311 - no secret
        # Nothing was cut for a split that has a file: its empty part is replaced by what the file holds.
        splits = {**split_items(whole, validation, test), **{each: found[each] for each in found if each in shares}}
        return {split: self._lowered(sentences) for split, sentences in splits.items()} if self.lowercase else splits

    def prepare(self, texts: Texts[Sentence]) -> LabelledCorpus:
        """See :meth:`FileReader.prepare`; labels are those of the whole training text."""
        return prepare_sentences(
            texts.kept,
            vocabulary_size=self.vocabulary_size,
            minimum_count=self.minimum_count,
            required_labels=[sentence.labels[0] for sentence in texts.splits["train"]],
            warnings=self.warnings(texts),
            where=texts.where,
        )

    @staticmethod
    def _lowered(sentences: Sequence[Sentence]) -> Sequence[Sentence]:
        return [each._replace(words=tuple(map(str.lower, each.words))) for each in sentences]


def _refuse_what_cannot_be_meant(sentences: Sequence[Sentence], where: str) -> None:
    """Lines that look like a label and a text, and are something else."""
    several = [each for each in sentences if each.labels[0].startswith(_MARKER) and each.words[0].startswith(_MARKER)]
    trees = [each for each in sentences if is_tree(each.labels[0], each.words)]
    for found, rule, advice in (
        (several, "a sentence must have one label", "keep one for each sentence: several at once are not supported"),
        (
            trees,
            "a sentence must be a label and words, and no tree",
            "write each tree as the label of its root and words",
        ),
    ):
        if found:
            raise UserError(
                rule,
                where=format_places([f"{where}, line {each.line}" for each in found], len(found)),
                received=repr(f"{found[0].labels[0]} {' '.join(found[0].words)}"[:60]),
                advice=advice,
            )
    if counts([each.labels[0] for each in sentences]):
        raise UserError(
            "labels must be of few kinds, and not count the sentences",
            where=f"{where}, line {sentences[0].line}",
            received=", ".join(repr(each.labels[0]) for each in sentences[:3]) + ", ...",
            advice="is the first column a number of the line? remove it, or name another column",
        )
