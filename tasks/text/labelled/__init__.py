"""Sentences with one label each: readers, and the prepared corpus."""

from tasks.text.labelled.corpus import LabelledCorpus, LabelledText
from tasks.text.labelled.settings import LabelledData, load

__all__ = ["LabelledCorpus", "LabelledData", "LabelledText", "load"]
