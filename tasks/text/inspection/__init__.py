"""What a corpus looks like before anything is learned from it: sizes, lengths, labels, leaks, oddities."""

from tasks.text.inspection.files import Sides, inspect_files

__all__ = ["Sides", "inspect_files"]
