"""Kinds of parallel corpora: one :class:`~tasks.text.reading.Reader` in each file, and its name is the kind's name.

Its fields are the settings of :class:`~tasks.text.parallel.settings.ParallelData` that it looks at.
A new kind is a new file here; nothing else need change unless it needs new settings.
"""
