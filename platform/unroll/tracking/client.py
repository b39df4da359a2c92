"""``wandb sync`` as a process that never outlives the one that started it: ``python -m unroll.tracking.client LOG...``.

Were it to go on alone, the next ``unroll sync`` would send the same rows beside it.
"""

from __future__ import annotations

import os
import sys
import threading


def _leave_with_parent() -> None:
    """Standard input ends when whoever holds its other end is gone; wandb's own service ends with this process."""
    while os.read(0, 1024):
        pass
    os._exit(1)


def main() -> None:
    """Run wandb's own command line."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    from wandb.cli.cli import cli

    cli(["sync", *sys.argv[1:]], prog_name="wandb")


if __name__ == "__main__":
    main()
