"""Corpora: readers, vocabulary, the prepared cache, the toy language."""

from tasks.text.corpus import TokenCorpus
from tasks.text.settings import TextData, load
from tasks.text.vocabulary import EOS, UNKNOWN, Vocabulary

__all__ = ["EOS", "UNKNOWN", "TextData", "TokenCorpus", "Vocabulary", "load"]
