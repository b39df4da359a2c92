"""Which tagged sentences a task learns from, as a study declares it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from tasks.text.section import DataSection, Reader, Readers
from tasks.text.tagged import readers
from tasks.text.tagged.corpus import TaggedCorpus

TagColumn = Literal["upos", "xpos", "feats", "deprel"]
"""Columns of CoNLL-U that are a tag for each word: they take few values."""

READERS: Final = Readers[TaggedCorpus](readers)
CORPORA: Final = READERS.names
"""Kinds of tagged corpora: the modules of ``tasks/text/tagged/readers``."""


class TaggedData(DataSection):
    """The ``data`` section of a task on tagged sentences."""

    readers = READERS

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(CORPORA)})
    """Kind of corpus: a module of ``tasks/text/tagged/readers``."""
    column: TagColumn = "upos"
    """Column of a treebank that holds the tags."""
    word_column: int = Field(0, ge=-64, lt=64)
    """Column of a column file that holds the words, from 0; negative: from the right."""
    tag_column: int = Field(-1, ge=-64, lt=64)
    """Column of a column file that holds the tags, from 0; -1 is the last one."""
    scheme: Literal["auto", "plain", "bio", "iob1", "bioes"] = "auto"
    """How a column file writes entities; all become BIO. auto: told by the text; plain: tags stay as they are."""
    repair: Literal["conlleval", "refuse"] = "conlleval"
    """Entity tags of a column file that break their scheme: conlleval: read as that scorer reads them, and counted;
    refuse: told with their places, and nothing is read."""
    tags: Literal["parts_of_speech", "entities"] = "parts_of_speech"
    """What the words of the toy language are tagged with."""


def load(settings: TaggedData, cache: Path) -> TaggedCorpus:
    """The corpus that the settings name, from ``cache`` where it was prepared before.

    Raises:
        UserError: the data are missing or malformed.
    """
    return READERS.load(settings, cache)


def reader(corpus: str) -> Reader[TaggedCorpus]:
    """The module that reads a kind of corpus."""
    return READERS.reader(corpus)
