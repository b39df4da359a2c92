"""Exposure bias, measured: a language model behind words of the data against the same behind words of its own."""
