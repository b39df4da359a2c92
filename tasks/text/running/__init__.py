"""Running text, word after word or character after character: readers, and the prepared corpus."""

from tasks.text.running.corpus import TokenCorpus
from tasks.text.running.settings import TextData, load

__all__ = ["TextData", "TokenCorpus", "load"]
