"""What people read in a terminal: text that cannot act on it, and how a run goes, for commands and for Python calls."""
