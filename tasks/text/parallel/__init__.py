"""Sentences and their translations: readers, and the prepared corpus."""

from tasks.text.parallel.corpus import ParallelCorpus, ParallelText, RawLines
from tasks.text.parallel.settings import ParallelData, load

__all__ = ["ParallelCorpus", "ParallelData", "ParallelText", "RawLines", "load"]
