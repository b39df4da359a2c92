"""Wall time of a whole study against the documented pattern and against the training alone.

A study of three cells on the toy language, run by three contenders on the same cores with the same weights, data and
number of epochs:

* ours: the command ``unroll run`` in a fresh process, from its start to its end;
* plain: :mod:`benchmarks.plain_tune` in a fresh process, from its start to its end;
* raw: :mod:`benchmarks.raw_loop`, as many processes as cores; only the seconds inside the loops count, added up and
  divided by the number of cores: a time that no scheduler can go below.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measurement import Measurement, Ratio
from unroll.study import Job, load_study, make_jobs, make_plan

if TYPE_CHECKING:
    from benchmarks.raw_loop import RawResult

STUDY = Path(__file__).with_name("toy.yaml")
CALIBRATION_EPOCHS = 3
TOLERANCE = 0.01
"""Largest relative difference of a trial's test perplexity between contenders: the same work was done."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a contender needed and found.

    Attributes:
        seconds: wall time; of raw loops, the seconds of each divided by the number of cores.
        perplexities: trial -> test perplexity.
    """

    seconds: float
    perplexities: Mapping[str, float]


def measure_studies(*, lengths: Sequence[float], seeds: int, cores: int) -> Iterator[Measurement]:
    """Compare the contenders on trials of each length, in seconds of a raw loop; 0 stands for a single epoch."""
    per_epoch = seconds_per_epoch() if any(lengths) else math.inf
    for length in lengths:
        epochs = max(1, round(length / per_epoch))
        yield measure_study(f"trials of {length:g} s", epochs=epochs, seeds=seeds, cores=cores)


def seconds_per_epoch() -> float:
    """What an epoch of the mean cell takes as a raw loop, with its validation."""
    with tempfile.TemporaryDirectory(prefix="unroll-benchmark-") as folder:
        jobs = plan_jobs([f"training.epochs={CALIBRATION_EPOCHS}", "seeds=1"], Path(folder))
        return run_raw(jobs, cores=1).seconds / len(jobs) / CALIBRATION_EPOCHS


def measure_study(name: str, *, epochs: int, seeds: int, cores: int) -> Measurement:
    """Compare the contenders on one study.

    Args:
        name: what the measurement is called.
        epochs: epochs per trial.
        seeds: seeds per cell.
        cores: cores that every contender uses.
    """
    with tempfile.TemporaryDirectory(prefix="unroll-benchmark-") as made:
        folder = Path(made)
        overrides = [f"training.epochs={epochs}", f"seeds={seeds}"]
        jobs = plan_jobs(overrides, folder / "cache")
        # Half of the raw loops run before ours and half after: a machine that slows down meets both alike.
        before = run_raw(jobs[::2], cores)
        ours = run_ours(overrides, folder, cores)
        after = run_raw(jobs[1::2], cores)
        plain = run_plain(jobs, folder, cores)
    raw = Run(before.seconds + after.seconds, {**before.perplexities, **after.perplexities})
    check_same_work(ours, plain, raw)
    return compare(name, ours, plain, raw, epochs=epochs, cores=cores)


def compare(name: str, ours: Run, plain: Run, raw: Run, *, epochs: int, cores: int) -> Measurement:
    """The two ratios of the goals, and what each contender spent beside training."""
    trials = len(raw.perplexities)
    facts = {
        "trials": trials,
        "epochs": epochs,
        "cores": cores,
        "raw, seconds per trial": raw.seconds * cores / trials,
        "ours, seconds": ours.seconds,
        "plain, seconds": plain.seconds,
        "raw, seconds": raw.seconds,
        "ours, core-seconds per trial beside training": (ours.seconds - raw.seconds) * cores / trials,
        "plain, core-seconds per trial beside training": (plain.seconds - raw.seconds) * cores / trials,
    }
    against_plain = Ratio(name="plain / ours", repeats=(plain.seconds / ours.seconds,), goal=5.0, bound="at least")
    against_raw = Ratio(name="ours / raw", repeats=(ours.seconds / raw.seconds,), goal=1.2, bound="at most")
    return Measurement(name=f"study of {trials} {name}", facts=facts, ratios=(against_plain, against_raw))


def plan_jobs(overrides: Sequence[str], cache: Path) -> list[Job]:
    """The study's jobs; its data lie prepared in the cache, for every contender."""
    study = load_study(STUDY, overrides)
    return make_jobs(make_plan(study, cache=cache), study, cache=cache)


def run_ours(overrides: Sequence[str], folder: Path, cores: int) -> Run:
    """The real command, then what it wrote down."""
    unroll = Path(sysconfig.get_path("scripts")) / "unroll"
    results = folder / "results"
    words = [str(unroll), "run", str(STUDY), *overrides, "--results", str(results), "--concurrency", str(cores)]
    seconds, _ = time_command(words, folder)
    _, listed = time_command([str(unroll), "results", str(results), "--format", "json"], folder)
    return Run(seconds, {row["trial"]: row["test/perplexity"] for row in json.loads(listed)})


def run_plain(jobs: Sequence[Job], folder: Path, cores: int) -> Run:
    """The script of the documented pattern."""
    given, found = folder / "jobs.json", folder / "plain.json"
    given.write_text(json.dumps([job.model_dump(mode="json") for job in jobs]), encoding="utf-8")
    script = [sys.executable, "-m", "benchmarks.plain_tune", str(given), str(found), "--cores", str(cores)]
    seconds, _ = time_command(script, folder)
    return Run(seconds, json.loads(found.read_text(encoding="utf-8")))


def time_command(words: Sequence[str], folder: Path) -> tuple[float, str]:
    """Seconds of a command in a fresh process, and what it printed.

    Raises:
        RuntimeError: it failed.
    """
    environment = {
        **os.environ,
        "UNROLL_CACHE": str(folder / "cache"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # Ray's workers step back by default, raw loops do not: matters on busy machines
        "WANDB_MODE": "offline",
        "WANDB_ERROR_REPORTING": "false",
    }
    start = time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds, done.stdout


def run_raw(jobs: Sequence[Job], cores: int) -> Run:
    """The raw loops, one thread each, in processes that have imported, read the data and trained before."""
    arms = {job.trial.arm: job.model_dump_json() for job in jobs}
    texts = [job.model_dump_json() for job in jobs]
    with ProcessPoolExecutor(cores, get_context("spawn"), _warm_up, (list(arms.values()),)) as pool:
        results = list(pool.map(_train_raw, texts))
    seconds = math.fsum(result.seconds for result in results)
    return Run(seconds / cores, {result.trial: result.test for result in results})


def _warm_up(jobs: Sequence[str]) -> None:
    from benchmarks.raw_loop import RawTraining

    for text in jobs:
        training = RawTraining(Job.model_validate_json(text))
        training.learn(training.windows[:10], None)


def _train_raw(job: str) -> RawResult:
    from benchmarks.raw_loop import RawTraining

    return RawTraining(Job.model_validate_json(job)).run()


def check_same_work(*runs: Run) -> None:
    """Every contender must have trained the same trials to the same test perplexity.

    Raises:
        RuntimeError: the times are about different work.
    """
    first, *others = (run.perplexities for run in runs)
    for other in others:
        if first.keys() != other.keys():
            raise RuntimeError(f"the contenders trained different trials: {first.keys() ^ other.keys()}")
        for trial, perplexity in first.items():
            if not math.isclose(perplexity, other[trial], rel_tol=TOLERANCE):
                raise RuntimeError(f"trial {trial} ended at perplexity {perplexity} and at {other[trial]}")
