"""A treebank in CoNLL-U from ``data.path``: subjects and verbs by ``nsubj`` and ``Number``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from tasks.agreement.corpus import AgreementCorpus
from tasks.agreement.forms import VerbForms
from tasks.agreement.prepare import prepare
from tasks.agreement.sentences import Sentence, Split, Verb
from tasks.agreement.treebank import COLUMNS, Word, count_attractors, find_agreements, read_tree
from tasks.text.doubts import doubt_warnings
from tasks.text.formats.conllu import Conllu, parse_conllu
from tasks.text.leaks import leak_warnings
from tasks.text.reading import FileReader, Texts

Tree = Sequence[Word]


@final
@dataclass(frozen=True, kw_only=True)
class Treebank(FileReader[Tree, AgreementCorpus]):
    """Trees of Universal Dependencies; of a folder, the files whose names end in ``.conllu``."""

    version = 2
    kind = AgreementCorpus
    ending = Conllu.ending

    def parse(self, lines: list[str], where: str) -> list[Tree]:
        """See :meth:`FileReader.parse`."""
        return [read_tree(rows) for rows in parse_conllu(lines, columns=COLUMNS, where=where)]

    def prepare(self, texts: Texts[Tree]) -> AgreementCorpus:
        """See :meth:`FileReader.prepare`."""
        kept = find_verbs(texts.kept)
        return prepare(
            kept,
            vocabulary_size=self.vocabulary_size,
            minimum_count=self.minimum_count,
            warnings=[
                *leak_warnings({split: [each.words for each in found.sentences] for split, found in kept.items()}),
                *doubt_warnings(
                    {s: [[word.form for word in tree] for tree in found] for s, found in texts.found.items()}
                ),
            ],
            where=texts.where,
        )


def find_verbs(trees: Mapping[str, Sequence[Tree]]) -> dict[str, Split]:
    """The sentences of each split with the verbs whose two forms the training trees show."""
    forms = VerbForms(trees["train"])
    return {split: _split(each, forms) for split, each in trees.items()}


def _split(trees: Sequence[Tree], forms: VerbForms) -> Split:
    facts = {"subjects with a verb": 0, "verbs that disagree with their subject": 0, "verbs without two known forms": 0}
    sentences = []
    for tree in trees:
        verbs = []
        for agreement in find_agreements(tree):
            subject, verb = (tree[place] for place in agreement)
            facts["subjects with a verb"] += 1
            if subject.number != verb.number:
                facts["verbs that disagree with their subject"] += 1
            elif (pair := forms.find(verb)) is None:
                facts["verbs without two known forms"] += 1
            else:
                between = agreement.verb - agreement.subject - 1
                attractors = count_attractors(tree, agreement)
                verbs.append(Verb(agreement.verb, between, attractors, subject.number == "Plur", pair))
        sentences.append(Sentence(tuple(word.form for word in tree), tuple(verbs)))
    return Split(sentences=sentences, facts=facts)
