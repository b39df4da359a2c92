"""Corpora that are known by name: one TOML file each, found by being here, and its name is the corpus's.

An entry says where the files lie, what they are known by, what their makers allow and how a task reads them. A hash
that nobody published is not written down: either that of a whole download is known, or that of each file taken from it.
"""

from tasks.text.catalogue.entry import Entry, load_entry, names

__all__ = ["Entry", "load_entry", "names"]
