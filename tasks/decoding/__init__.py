"""Decoding: from a model of the next token to whole sequences. One file per decoding, found by looking into the folder.

A model is one function, a :class:`~tasks.decoding.decoding.Step`; decodings know neither networks nor vocabularies.
"""
