"""The document as HTML, Markdown and LaTeX, and the files that hold it."""
