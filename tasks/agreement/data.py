"""Which sentences agreement is learned from, as a study declares it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from tasks.agreement import readers
from tasks.agreement.corpus import AgreementCorpus
from tasks.text.section import DataSection, Readers

READERS: Final = Readers[AgreementCorpus](readers)


class AgreementData(DataSection):
    """The ``data`` section: sentences with subjects and verbs."""

    readers = READERS

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(READERS.names)})
    """Kind of corpus: a module of ``tasks/agreement/readers``."""
    dialect: Literal["chains", "plain"] = "chains"
    """Sentences of the toy language. chains: up to four nouns before the verb, of numbers that tell nothing about the
    subject's; plain: all that its grammar can say."""
    vocabulary_size: int | None = Field(None, ge=1, lt=2**31)
    """Most words to keep, ``<unk>`` and ``<eos>`` included."""


def load(settings: AgreementData, cache: Path) -> AgreementCorpus:
    """The corpus that the settings name, from ``cache`` where it was prepared before.

    Raises:
        UserError: the data are missing or malformed.
    """
    return READERS.load(settings, cache)
