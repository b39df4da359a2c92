"""The toy language, which knows subject, verb and attractors of every sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, final

from tasks.agreement.corpus import AgreementCorpus
from tasks.agreement.prepare import prepare
from tasks.agreement.sentences import MOST_ATTRACTORS, Sentence, Split, Verb
from tasks.text.prepared import HELD_OUT, cached
from tasks.text.reading import Reader
from tasks.text.toy import TOY_PLACES, ToySentence, generate, split_sizes, toy_grammar, verb_forms

AgreementDialect = Literal["chains", "plain"]
_METRICS: Final = ("accuracy", *(f"accuracy/attractors_{n}" for n in range(MOST_ATTRACTORS + 1)))
_BOUNDS: Final = {f"{split}/{metric}": 1.0 for split in HELD_OUT for metric in _METRICS}
"""In the dialect ``chains`` the first noun is the subject, and its form shows its number."""


@final
@dataclass(frozen=True, kw_only=True)
class ToyLanguage(Reader[AgreementCorpus]):
    """Generates ``sentences`` training sentences and a fifth of it for validation and test each."""

    version = 2
    dialect: AgreementDialect
    sentences: int
    training_sentences: int | None
    seed: int

    def read(self, cache: Path) -> AgreementCorpus:
        """See :meth:`Reader.read`."""
        return cached(cache, self.content(), self._build, AgreementCorpus)

    def _build(self) -> AgreementCorpus:
        forms, texts = verb_forms(self.dialect), {}
        for split, size in split_sizes(self.sentences, self.training_sentences).items():
            text = generate(self.seed, split, size, self.dialect)
            # One verb of each sentence, that of the main clause: the annotation knows no other subject.
            texts[split] = Split(sentences=[Sentence(each.words, (_verb(each, forms),)) for each in text], facts={})
        return prepare(
            texts,
            required=toy_grammar(self.dialect).words(),
            bounds=_BOUNDS if self.dialect == "chains" else {},
            where=TOY_PLACES,
        )


def _verb(sentence: ToySentence, forms: dict[str, tuple[str, str]]) -> Verb:
    return Verb(
        place=sentence.verb_index,
        distance=sentence.verb_index - sentence.subject_index - 1,
        attractors=sentence.attractors,
        plural=sentence.subject_number == "plural",
        forms=forms[sentence.words[sentence.verb_index]],
    )
