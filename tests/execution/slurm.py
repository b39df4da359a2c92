"""A stand-in for SLURM: ``sbatch``, ``srun``, ``scontrol`` and ``scancel`` that start real processes on this machine.

Its first argument is one of these names. ``$STAND_IN`` is a folder with a folder for each job; ``$STAND_IN_NODES``
names network namespaces and their addresses (``un1=10.77.0.11,...``): each is a node, with processes of its own.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["STAND_IN"])
AT_ONCE = 2


def sbatch(words: list[str]) -> int:
    """Take a script from standard input, give it a number, and start what waits for it and runs it."""
    text = sys.stdin.read()
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", text, re.MULTILINE))
    after = next((word.rpartition(":")[2] for word in words if word.startswith("--dependency=afterany:")), "")
    job = 1 + max((int(path.name) for path in HOME.iterdir() if path.name.isdecimal()), default=100)
    folder = HOME / str(job)
    folder.mkdir()
    (folder / "script").write_text(text, encoding="utf-8")
    (folder / "after").write_text(after, encoding="utf-8")
    (folder / "array").write_text(options.get("array", ""), encoding="utf-8")
    (folder / "output").write_text(options["output"], encoding="utf-8")
    subprocess.Popen(
        [sys.executable, __file__, "controller", str(job)],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "controller.log").open("w"),
    )
    sys.stdout.write(f"{job};stand-in\n")
    return 0


def controller(words: list[str]) -> int:
    """Run one job to its end, an array a few tasks at a time; ``done`` says that it has ended, and how."""
    job = words[0]
    folder = HOME / job
    after = (folder / "after").read_text(encoding="utf-8")
    while after and not (HOME / after / "done").exists():
        time.sleep(0.1)
    array = (folder / "array").read_text(encoding="utf-8")
    first, _, last = array.partition("%")[0].partition("-")
    waiting = list(range(int(first), int(last or first) + 1)) if array else [None]
    running: list[subprocess.Popen[bytes]] = []
    codes: list[int] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE and not (folder / "cancelled").exists():
            running.append(_start(job, waiting.pop(0)))
        if (folder / "cancelled").exists():
            waiting = []
        ended = [process for process in running if process.poll() is not None]
        codes += [process.returncode for process in ended]
        running = [process for process in running if process not in ended]
        time.sleep(0.05)
    (folder / "done").write_text(" ".join(map(str, codes)), encoding="utf-8")
    return 0


def _start(job: str, task: int | None) -> subprocess.Popen[bytes]:
    folder = HOME / job
    nodes = [pair.partition("=")[2] for pair in os.environ.get("STAND_IN_NODES", "").split(",") if pair]
    environment = {**os.environ, "SLURM_JOB_ID": job, "SLURM_JOB_NODELIST": ",".join(nodes)}
    environment |= {"SLURM_JOB_NUM_NODES": str(max(1, len(nodes))), "SLURM_NTASKS": str(max(1, len(nodes)))}
    if task is not None:
        environment["SLURM_ARRAY_TASK_ID"] = str(task)
    output = Path((folder / "output").read_text(encoding="utf-8").replace("%a", str(task)).replace("%j", job))
    with output.open("ab") as log:
        process = subprocess.Popen(
            ["bash", str(folder / "script")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / f"pid.{task}").write_text(str(process.pid), encoding="utf-8")
    return process


def srun(words: list[str]) -> int:
    """Run a command on every node of the allocation, up to ``--wait`` seconds after the first ends; its exit code."""
    wait = 0.0
    if words[0].startswith("--wait="):
        wait, words = float(words[0].partition("=")[2]), words[1:]
    pairs = [pair.partition("=")[0] for pair in os.environ.get("STAND_IN_NODES", "").split(",") if pair]
    if not pairs:
        return subprocess.run(words, check=False).returncode
    # Its own processes, and its own /tmp/unroll-<job>, as another machine has.
    own = 'mkdir -p "$0" && mount -t tmpfs node "$0" ; "$@"; exit $?'
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--", "bash", "-c", own]
    apart += [f"/tmp/unroll-{os.environ['SLURM_JOB_ID']}"]
    processes = [
        subprocess.Popen(["ip", "netns", "exec", node, *apart, *words], env={**os.environ, "SLURM_PROCID": str(number)})
        for number, node in enumerate(pairs)
    ]
    code, deadline = processes[0].wait(), time.monotonic() + (wait or math.inf)
    while any(process.poll() is None for process in processes):
        if time.monotonic() > deadline:
            for process in processes:
                process.kill()
        time.sleep(0.05)
    return code


def scontrol(words: list[str]) -> int:
    """``scontrol show hostnames LIST``."""
    sys.stdout.write(words[2].replace(",", "\n") + "\n")
    return 0


def scancel(words: list[str]) -> int:
    """``scancel --state=PENDING JOB...``: tasks that wait are not started."""
    for job in words[1:]:
        (HOME / job / "cancelled").touch()
    return 0


if __name__ == "__main__":
    programs = {"sbatch": sbatch, "srun": srun, "scontrol": scontrol, "scancel": scancel, "controller": controller}
    sys.exit(programs[sys.argv[1]](sys.argv[2:]))
