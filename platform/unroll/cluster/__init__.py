"""Reach: the ways onto a cluster, checked before anything starts."""

from unroll.cluster.manifest import check_manifest

__all__ = ["check_manifest"]
