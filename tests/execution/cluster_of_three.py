"""Three Ray nodes on separate network addresses of this machine, each in a network namespace of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

TOKEN = "a" * 64
NETWORK = "10.213.77"
NODES = ("unroll-1", "unroll-2", "unroll-3")


def cannot_be() -> str:
    """Why there can be no such cluster here; empty where there can."""
    if shutil.which("ip") is None:
        return "no program ip"
    made = subprocess.run(["ip", "netns", "add", "unroll-try"], capture_output=True, text=True, check=False)
    if made.returncode:
        return made.stderr.strip()
    subprocess.run(["ip", "netns", "delete", "unroll-try"], check=True)
    return ""


class ClusterOfThree:
    """The namespaces from ``with`` to its end; Ray in them from :meth:`start` on."""

    def __init__(self) -> None:
        self._files = Path("/tmp", f"u{os.getpid()}")  # sockets need a short path
        self._program = str(Path(sys.executable).with_name("ray"))

    def __enter__(self) -> Self:
        bridge = "unroll-br"
        self._remove()
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", f"{NETWORK}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number, node in enumerate(NODES):
            _ip("netns", "add", node)
            _ip("link", "add", f"unroll-v{number}", "type", "veth", "peer", "name", "eth0", "netns", node)
            _ip("link", "set", f"unroll-v{number}", "master", bridge, "up")
            _ip("-n", node, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
            _ip("-n", node, "link", "set", "eth0", "up")
            _ip("-n", node, "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._remove()
        shutil.rmtree(self._files, ignore_errors=True)

    @staticmethod
    def address(number: int) -> str:
        return f"{NETWORK}.{11 + number}"

    @property
    def nodes(self) -> str:
        """As the stand-in for SLURM reads them."""
        return ",".join(f"{node}={self.address(number)}" for number, node in enumerate(NODES))

    @property
    def dashboard(self) -> str:
        return f"http://{self.address(0)}:8265"

    def start(self) -> None:
        """Start Ray: a head and two workers, one core each."""
        head = f"{self.address(0)}:6379"
        self._ray(0, "--head", "--port", "6379", "--dashboard-host", self.address(0))
        for number in (1, 2):
            self._ray(number, "--address", head)

    def _ray(self, number: int, *words: str) -> None:
        secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
        files = self._files / str(number)
        shutil.rmtree(files, ignore_errors=True)
        where = ["--node-ip-address", self.address(number), "--num-cpus", "1", "--temp-dir", str(files)]
        command = ["ip", "netns", "exec", NODES[number], self._program, "start", *words, *where]
        # Ray's parts inherit the standard streams and would hold a pipe open for as long as they live.
        subprocess.run(
            command, env=os.environ | secret, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self, number: int) -> None:
        """End every process of a node at once, as a power cut does."""
        found = subprocess.run(["ip", "netns", "pids", NODES[number]], capture_output=True, text=True, check=False)
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def _remove(self) -> None:
        for number, node in enumerate(NODES):
            self.kill(number)
            subprocess.run(["ip", "netns", "delete", node], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", "unroll-br"], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
