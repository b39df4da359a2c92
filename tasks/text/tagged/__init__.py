"""Sentences with a tag for each word: readers, and the prepared corpus."""

from tasks.text.tagged.corpus import Group, Spelling, TaggedCorpus, TaggedText
from tasks.text.tagged.settings import TaggedData, load

__all__ = ["Group", "Spelling", "TaggedCorpus", "TaggedData", "TaggedText", "load"]
