"""Reach: the ways onto a cluster, checked before anything starts."""
