"""From the embeddings of a sentence's words to one vector: one file for each kind of network."""
