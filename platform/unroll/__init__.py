"""Unroll: comparative experiments with recurrent networks, from a question in YAML to a report."""

__version__ = "0.1.0"
