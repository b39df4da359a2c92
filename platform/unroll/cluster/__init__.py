"""Reach: whether this machine and a cluster can run studies, and the ways to send them there."""

from unroll.cluster.doctor import examine
from unroll.cluster.finding import Finding
from unroll.cluster.manifest import check_manifest
from unroll.cluster.submission import Submission
from unroll.cluster.target import Target
from unroll.cluster.ways import load_way, way_names

__all__ = ["Finding", "Submission", "Target", "check_manifest", "examine", "load_way", "way_names"]
