"""The report's sentences: the answer, and what a reader must know before believing it."""
