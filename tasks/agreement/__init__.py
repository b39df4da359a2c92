"""Agreement of a verb with its subject in number."""
