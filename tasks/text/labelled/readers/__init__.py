"""Kinds of labelled corpora: one module each, and its name is the kind's name.

A module offers ``SETTINGS``, the names of the settings of :class:`~tasks.text.labelled.settings.LabelledData` that it
looks at, and ``read(settings, cache)``, which gives a :class:`~tasks.text.labelled.corpus.LabelledCorpus` or raises a
:class:`~unroll.contract.UserError`. A new kind is a new file here; nothing else need change unless it needs new
settings.
"""
