"""Reach: the ways onto a cluster, checked before anything starts."""

from unroll.cluster.doctor import examine
from unroll.cluster.finding import Finding
from unroll.cluster.manifest import check_manifest

__all__ = ["Finding", "check_manifest", "examine"]
