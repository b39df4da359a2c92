"""Measure what the platform costs beside training; ``README.md`` in this folder states method and goals."""
