"""What a corpus looks like before anything is learned from it: sizes, lengths, labels, leaks, oddities."""

from tasks.text.inspection.files import FORMS, Sides, inspect_files, load_form

__all__ = ["FORMS", "Sides", "inspect_files", "load_form"]
