"""A treebank in CoNLL-U from ``data.path``: subjects and verbs by ``nsubj`` and ``Number``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.agreement.corpus import AgreementCorpus, cached
from tasks.agreement.forms import VerbForms
from tasks.agreement.prepare import prepare
from tasks.agreement.sentences import Sentence, Split, Verb
from tasks.agreement.treebank import COLUMNS, Word, count_attractors, find_agreements, read_tree
from tasks.text.doubts import tell_doubts
from tasks.text.formats.conllu import parse_conllu
from tasks.text.leaks import tell_leaks
from tasks.text.splits import describe_file, find_files, keep_some, name_sources, read_each, read_unchanged, split_items
from tasks.text.store import Parts
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.agreement.data import AgreementData

SETTINGS: Final = (
    "path",
    "encoding",
    "validation_fraction",
    "test_fraction",
    "vocabulary_size",
    "minimum_count",
    "training_sentences",
)
_OPTIONS: Final = {"encoding", "vocabulary_size", "minimum_count", "training_sentences"}
_VERSION: Final = 2
"""Raised when the same files and options give another corpus."""

Tree = Sequence[Word]


def read(settings: AgreementData, cache: Path) -> AgreementCorpus:
    """Read the file or folder at ``settings.path``; of a folder, the files whose names end in ``.conllu``.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed (names file and line).
    """
    if settings.path is None:
        raise UserError("corpus conllu needs a path", where="data.path", advice="add data.path=FOLDER, or a file")
    files = find_files(settings.path, ending=".conllu")
    sources = {split: describe_file(file) for split, file in files.items()}
    fractions = (settings.validation_fraction, settings.test_fraction) if "all" in files else None

    def build() -> Parts:
        found = read_each(files, lambda split, file: _read(file, sources[split], settings))
        trees = found if fractions is None else split_items(found["all"], *fractions)
        kept = find_verbs(keep_some(trees, settings.training_sentences))
        return prepare(
            kept,
            vocabulary_size=settings.vocabulary_size,
            minimum_count=settings.minimum_count,
            warnings=[
                *tell_leaks({split: [each.words for each in kept[split].sentences] for split in kept}),
                *tell_doubts({split: [[word.form for word in tree] for tree in found[split]] for split in found}),
            ],
            where=name_sources(files),
        )

    options = settings.model_dump(mode="json", include=_OPTIONS)
    content = {"reader": "agreement of conllu", "version": _VERSION, "files": sources, "fractions": fractions}
    return cached(cache, content | options, build)


def _read(file: Path, described: dict[str, Any], settings: AgreementData) -> Sequence[Tree]:
    lines = read_unchanged(file, described, settings.encoding)
    return [read_tree(rows) for rows in parse_conllu(lines, columns=COLUMNS, where=str(file))]


def find_verbs(trees: dict[str, Sequence[Tree]]) -> dict[str, Split]:
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
