"""Tell: tables, charts, and the page as HTML and Markdown."""
