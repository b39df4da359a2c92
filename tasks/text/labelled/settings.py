"""Which labelled sentences a task learns from, as a study declares it."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from tasks.text.labelled import readers
from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.files import LabelledFiles
from tasks.text.labelled.readers.toy_language import Sentiments
from tasks.text.section import DataSection, Readers

READERS: Final = Readers[LabelledCorpus](readers, {"sentence": LabelledFiles})
load: Final = READERS.load


class LabelledData(DataSection):
    """The ``data`` section of a task on labelled sentences."""

    readers = READERS

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(READERS.names)})
    """Kind of corpus: a format whose sentences have labels, or a module of ``tasks/text/labelled/readers``."""
    text_field: str = Field("text", min_length=1)
    """Name of the column or field that holds the text."""
    label_field: str = Field("label", min_length=1)
    """Name of the column or field that holds the label."""
    validation_fraction: float = Field(0.1, gt=0, lt=1)
    """Share of the sentences of a single file, or of the training file of a folder that has none for validation, that
    is validation text."""
    test_fraction: float = Field(0.1, gt=0, lt=1)
    """Share of the sentences of a single file that is test text."""
    lowercase: bool = False
    """Whether words are read without regard to case."""
    sentiments: Sentiments = "three"
    """Labels of generated sentences: negative, neutral and positive; or two, without the neutral sentences."""

    @model_validator(mode="after")
    def _tell_text_from_label(self) -> Self:
        if self.text_field == self.label_field:
            raise ValueError(f"text_field and label_field must differ, received {self.text_field!r} for both")
        return self
