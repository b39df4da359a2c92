"""Decoding: from a model of the next token to whole sequences.

A model is one function, a :class:`~tasks.decoding.decoding.Step`; decodings know neither networks nor vocabularies.
"""
