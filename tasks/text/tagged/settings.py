"""Which tagged sentences a task learns from, as a study declares it."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from tasks.text.formats.conllu import TagColumn
from tasks.text.section import DataSection, Readers
from tasks.text.tagged import readers
from tasks.text.tagged.corpus import TaggedCorpus
from tasks.text.tagged.entity_tags import DeclaredScheme, Repair
from tasks.text.tagged.files import EntityFiles, TaggedFiles
from tasks.text.tagged.readers.toy_language import ToyTags

READERS: Final = Readers[TaggedCorpus](readers, {"word": TaggedFiles, "entity": EntityFiles})
load: Final = READERS.load


class TaggedData(DataSection):
    """The ``data`` section of a task on tagged sentences."""

    readers = READERS

    corpus: str = Field("toy_language", json_schema_extra={"enum": list(READERS.names)})
    """Kind of corpus: a format whose words have labels, or a module of ``tasks/text/tagged/readers``."""
    column: TagColumn = "upos"
    """Column of a treebank that holds the tags."""
    word_column: int = Field(0, ge=-64, lt=64)
    """Column of a column file that holds the words, from 0; negative: from the right."""
    tag_column: int = Field(-1, ge=-64, lt=64)
    """Column of a column file that holds the tags, from 0; -1 is the last one."""
    scheme: DeclaredScheme = "auto"
    """How a column file writes entities; all become BIO. auto: recognised by the text; plain: tags stay as they are."""
    repair: Repair = "conlleval"
    """Entity tags of a column file that break their scheme: conlleval: read as that scorer reads them, and counted;
    refuse: reported with their places, and nothing is read."""
    tags: ToyTags = "parts_of_speech"
    """What the words of the toy language are tagged with."""
