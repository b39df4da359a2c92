"""What every task on text stands on: file formats, readers, vocabulary, the prepared cache, the toy language."""

from tasks.text.vocabulary import EOS, UNKNOWN, Vocabulary

__all__ = ["EOS", "UNKNOWN", "Vocabulary"]
