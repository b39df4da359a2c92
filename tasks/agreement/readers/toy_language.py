"""The toy language, which knows subject, verb and attractors of every sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.agreement.corpus import AgreementCorpus, cached
from tasks.agreement.prepare import prepare
from tasks.agreement.sentences import MOST_ATTRACTORS, Sentence, Split, Verb
from tasks.text.splits import SPLITS
from tasks.text.store import Parts
from tasks.text.toy import ToySentence, generate, split_sizes, toy_grammar, verb_forms

if TYPE_CHECKING:
    from tasks.agreement.data import AgreementData

SETTINGS: Final = ("dialect", "sentences", "training_sentences", "seed")
_VERSION: Final = 2
"""Raised when grammar, lexicon or generator change."""
_METRICS: Final = ("accuracy", *(f"accuracy/attractors_{n}" for n in range(MOST_ATTRACTORS + 1)))
_BOUNDS: Final = {f"{split}/{metric}": 1.0 for split in SPLITS[1:] for metric in _METRICS}
"""In the dialect ``chains`` the first noun is the subject, and its form tells its number."""


def read(settings: AgreementData, cache: Path) -> AgreementCorpus:
    """Generate ``settings.sentences`` training sentences and a fifth of it for validation and test each."""
    sizes = split_sizes(settings.sentences, settings.training_sentences)

    def build() -> Parts:
        return prepare(
            {split: _split(settings, split, size) for split, size in sizes.items()},
            required=toy_grammar(settings.dialect).words(),
            bounds=_BOUNDS if settings.dialect == "chains" else {},
            where=dict.fromkeys(SPLITS, "toy language"),
        )

    content = {"reader": "agreement of the toy language", "version": _VERSION, "sizes": sizes}
    return cached(cache, content | {"seed": settings.seed, "dialect": settings.dialect}, build)


def _split(settings: AgreementData, split: str, size: int) -> Split:
    forms = verb_forms(settings.dialect)
    text = generate(settings.seed, split, size, settings.dialect)
    return Split(sentences=[Sentence(sentence.words, (_verb(sentence, forms),)) for sentence in text], facts={})


def _verb(sentence: ToySentence, forms: dict[str, tuple[str, str]]) -> Verb:
    return Verb(
        place=sentence.verb_index,
        distance=sentence.verb_index - sentence.subject_index - 1,
        attractors=sentence.attractors,
        plural=sentence.subject_number == "plural",
        forms=forms[sentence.words[sentence.verb_index]],
    )
