"""How a decoder looks at the source sentence: one score per file, found by looking into the folder."""
