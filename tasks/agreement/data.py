"""Which sentences agreement is learned from, as a study declares it."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from tasks.agreement import readers
from tasks.agreement.corpus import AgreementCorpus
from tasks.agreement.readers.toy_language import AgreementDialect
from tasks.text.section import DataSection, Readers

READERS: Final = Readers[AgreementCorpus](readers)
load: Final = READERS.load


class AgreementData(DataSection):
    """The ``data`` section: sentences with subjects and verbs."""

    readers = READERS

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(READERS.names)})
    """Kind of corpus: a module of ``tasks/agreement/readers``."""
    dialect: AgreementDialect = "chains"
    """Sentences of the toy language. chains: up to four nouns before the verb, of numbers that are independent of the
    subject's; plain: all that its grammar can say."""
    vocabulary_size: int | None = Field(None, ge=1, lt=2**31)
    """Most words to keep, ``<unk>`` and ``<eos>`` included."""
