"""Prepare, launch, record: what a study's commands and its Python functions have in common; prints nothing."""
