"""Word vectors that were learned elsewhere: read from a file, cached, and what an embedding begins with."""

from tasks.text.embeddings.prepare import with_word_vectors
from tasks.text.embeddings.settings import WordVectorSettings, embedding_size
from tasks.text.embeddings.vectors import WordVectors

__all__ = ["WordVectorSettings", "WordVectors", "embedding_size", "with_word_vectors"]
