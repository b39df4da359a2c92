"""Corpora: readers, vocabulary, batching, the toy language."""
