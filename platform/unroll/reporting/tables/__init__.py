"""The report's tables: typed rows for files, and the same rows as text for pages."""
