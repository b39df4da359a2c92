"""Time of one training step as the platform runs it, against a raw PyTorch loop with the same arithmetic.

Ours is a whole attempt at a trial as a Ray worker runs it, in a session's thread with all of its callbacks; W&B is
disabled and the ledger lies in a temporary folder. Its step time is read from the ledger: the seconds between two
logged rows of ``train/loss``, which lie ``segment`` steps apart in the one epoch of the trial. The raw loop is timed
over segments of the same length. The two take turns in one process, with one thread.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import polars as pl

from benchmarks.measurement import Measurement, Ratio
from benchmarks.raw_loop import RawTraining
from unroll.execution.trial.session import Session
from unroll.ledger import Ledger, Outcome
from unroll.study import Job, Plan, load_study, make_jobs, make_plan

TOY = Path(__file__).with_name("toy.yaml")
TOY_WINDOW = 32 * 20
"""Tokens that the toy study reads per step."""
TOY_SENTENCE = 12
"""Tokens of a sentence of the toy language, rounded down."""
ZAREMBA_WINDOW = 20 * 20
ZAREMBA_VOCABULARY = 10_000
HELD_OUT_TOKENS = 400
SHARED = ("seeds=1", "training.epochs=1", "wandb.mode=disabled")


def measure_toy(*, repeats: int, segments: int, segment: int) -> Measurement:
    """LSTM-64 on the toy language: a small step, where what comes beside it shows most."""
    with tempfile.TemporaryDirectory(prefix="unroll-benchmark-") as folder:
        sentences = (segments + 2) * segment * TOY_WINDOW // TOY_SENTENCE
        overrides = [*SHARED, "network.cell=lstm", f"data.sentences={sentences}", f"log_every_steps={segment}"]
        return compare("step of LSTM-64, toy language", str(TOY), overrides, Path(folder), repeats=repeats)


def measure_zaremba(*, repeats: int, segments: int, segment: int) -> Measurement:
    """The small LSTM of Zaremba et al. (2014) on random words of a vocabulary of 10,000."""
    with tempfile.TemporaryDirectory(prefix="unroll-benchmark-") as folder:
        corpus = write_corpus(Path(folder) / "corpus", tokens=(segments + 2) * segment * ZAREMBA_WINDOW)
        overrides = [*SHARED, f"data.path={corpus}", f"log_every_steps={segment}"]
        return compare("step of 2 x LSTM-200, Zaremba", "zaremba_small", overrides, Path(folder), repeats=repeats)


def compare(name: str, study: str, overrides: Sequence[str], folder: Path, *, repeats: int) -> Measurement:
    """Let the platform and the raw loop take turns; the first turn of each warms up and does not count."""
    declared = load_study(study, overrides)
    plan = make_plan(declared, cache=folder / "cache")
    (job,) = make_jobs(plan, declared, cache=folder / "cache")
    ours, raw = [], []
    for turn in range(repeats + 1):
        ours.append(statistics.median(step_times_in_platform(plan, job, folder / f"turn-{turn}")))
        raw.append(statistics.median(step_times_in_raw_loop(job)))
    ratios = tuple(a / b for a, b in zip(ours[1:], raw[1:], strict=True))
    return Measurement(
        name=name,
        facts={
            "segment, steps": job.log_every_steps,
            "parameters": job.trial.parameters,
            "ours, seconds per step": ours[1:],
            "raw, seconds per step": raw[1:],
        },
        ratios=(Ratio(name="ours / raw", repeats=ratios, goal=1.10, bound="at most"),),
    )


def step_times_in_platform(plan: Plan, job: Job, folder: Path) -> list[float]:
    """Seconds per step of each segment but the first, which warms up.

    Raises:
        RuntimeError: the trial did not complete.
    """
    ledger = Ledger.create(folder)
    ledger.register(job.trial)
    with ledger.lock("benchmark") as lock:
        session = Session(job, ledger, token=lock.token, guarded=True)
        while not isinstance(seen := session.advance(), Outcome):
            pass
    if seen.status != "completed":
        raise RuntimeError(f"the trial ended as {seen.status}: {seen.message}")
    rows = ledger.history_frame(plan).filter(pl.col("metric") == "train/loss").sort("step")
    marks = zip(rows["step"], rows["seconds"], strict=True)
    return [(end[1] - begin[1]) / (end[0] - begin[0]) for begin, end in pairwise(marks)]


def step_times_in_raw_loop(job: Job) -> list[float]:
    """The same of a raw loop over the same windows."""
    training = RawTraining(job)
    segment, windows = job.log_every_steps, training.windows
    state, times = None, []
    for begin in range(0, len(windows) - segment + 1, segment):
        start = time.perf_counter()
        state = training.learn(windows[begin : begin + segment], state)
        times.append((time.perf_counter() - start) / segment)
    return times[1:]


def write_corpus(folder: Path, *, tokens: int) -> Path:
    """Random words; the training text has every word of the vocabulary, ``<unk>`` and the end of a line among them."""
    folder.mkdir()
    draw = random.Random(1)
    words = ["<unk>", *(f"w{number}" for number in range(ZAREMBA_VOCABULARY - 2))]
    train = [*draw.sample(words, len(words)), *draw.choices(words, k=max(0, tokens - len(words)))]
    for split, text in {"train": train, "valid": train[:HELD_OUT_TOKENS], "test": train[-HELD_OUT_TOKENS:]}.items():
        lines = (" ".join(text[begin : begin + 20]) for begin in range(0, len(text), 20))
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
