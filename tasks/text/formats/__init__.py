"""How sentences are written in a file: one module for each format."""
