"""Start a Ray cluster of a head without cores and two nodes with one each; on a line of input, drop a node at once.

Run by test_cluster.py in a process of its own, because a process can hold only one Ray.
"""

import sys

from ray.cluster_utils import Cluster


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    sys.stdout.write(f"{cluster.address}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() == "drop":
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            sys.stdout.write("dropped\n")
            sys.stdout.flush()
    cluster.shutdown()


if __name__ == "__main__":
    main()
