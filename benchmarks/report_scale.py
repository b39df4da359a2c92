"""The report's side of a large study: from millions of logged values to tables, and from a ledger to a page.

Tables: a study of 500 trials that logged 100 metrics at 200 steps each, 10^7 rows in ``history.parquet``. Ours is what
a report does with them, from the scan of the file to every table that is made of logged values; pandas' is the same
tables of the same file in its own idioms (``groupby``, ``pivot_table``, ``interpolate``). Each turn is a process
of its own, whose imports are not timed; both must find the same numbers.

Page: 500 trials x 200 points in a ledger as a run leaves it, from the start of ``unroll report`` to its exit.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.measurement import Measurement, Ratio
from unroll.ledger import HistoryRow, Ledger, Outcome, RunRecord
from unroll.ledger.frames import parquet_bytes, trials_table
from unroll.ledger.logged import MADE, TABLE
from unroll.reporting.findings import Findings
from unroll.study.plan import Arm, MetricSpec, Plan
from unroll.study.trial import Trial

METRIC = "validation/perplexity"
ARMS, DISTANCES = 50, 40
MOST_SECONDS, MOST_BYTES, FASTER, PAGE_SECONDS, PAGE_MEGABYTES = 3.0, 4e9, 5.0, 20.0, 1.0
TABLES = ("curves", "training_curves", "profile", "by_distance")
"""What is made of logged values: ``Findings.curves`` and ``training_curves``, how one profile fades, one metric by
distance."""
TOLERANCE = 1e-9
"""Largest relative difference between the numbers of both."""


def metric_names(count: int) -> list[str]:
    """Names of a study's logged metrics: curves, a profile, a metric by distance, and what nobody draws."""
    names = [METRIC, "train/loss", *(f"gradient/state/distance_{n}" for n in range(DISTANCES))]
    names += [f"{METRIC}/distance_{n}" for n in range(DISTANCES)]
    return (names + [f"diagnostics/{n:03}" for n in range(count)])[:count]


def make_plan(trials: int, points: int) -> Plan:
    """Arms of one factor with as many seeds each as make so many trials."""
    names = [f"arm{n:02}" for n in range(min(ARMS, trials))]
    arms = [
        Arm(name=name, levels={"network.cell": name}, parameters=1000 + n, fingerprint="f", steps=points)
        for n, name in enumerate(names)
    ]
    made = [
        Trial(
            id=f"t{n:05}",
            study="scale",
            task="language_modeling",
            task_version=1,
            arm=names[n % len(names)],
            seed=n // len(names),
            phase="confirm",
            settings={"network": {"cell": names[n % len(names)]}},
            fingerprint="f",
            parameters=1000,
        )
        for n in range(trials)
    ]
    return Plan(
        study="scale",
        question="How long does a report take?",
        task="language_modeling",
        task_version=1,
        item="token",
        metric=METRIC,
        metrics={METRIC: MetricSpec(direction="minimize", unit="", description="perplexity")},
        baseline=names[0],
        factors={"network.cell": names},
        arms=arms,
        trials=sorted(made, key=lambda trial: (trial.arm, trial.seed)),
        declaration={},
    )


def fill(folder: Path, plan: Plan, points: int, metrics: int, *, records: bool) -> Ledger:
    """A results folder with outcomes and histories: as records, or as the table alone, which a report scans."""
    ledger = Ledger.create(folder)
    ledger.save_plan(plan)
    draw, names = np.random.default_rng(0), metric_names(metrics)
    steps = 10 * np.arange(1, points + 1)
    frames = []
    for trial in plan.trials:
        ledger.register(trial)
        values = draw.lognormal(sigma=0.1, size=(points, metrics)) * (1 + 5 / np.sqrt(steps))[:, None]
        if records:
            rows = [
                HistoryRow(step=int(step), epoch=1, seconds=float(step), metric=name, value=float(value))
                for step, row in zip(steps, values, strict=True)
                for name, value in zip(names, row, strict=True)
            ]
            ledger.trial(trial.id).append_history(rows, step=int(steps[-1]))
        else:
            frames.append(_frame(trial, steps, names, values))
        last = {METRIC: float(values[-1, 0])}
        end = int(steps[-1]) if records else 0  # of a trial without segments no step is missed
        ledger.record(Outcome(trial=trial.id, status="completed", metrics=last, steps=end, items=end, seconds=60.0))
    ledger.save_run(
        RunRecord(started="2026-11-20T09:00:00Z", finished="2026-11-20T09:10:00Z", command=["unroll", "run"])
    )
    if frames:
        _write_table(ledger, plan, pl.concat(frames))
    return ledger


def _frame(trial: Trial, steps: np.ndarray, names: list[str], values: np.ndarray) -> pl.DataFrame:
    count = len(names)
    return pl.DataFrame(
        {
            "trial": pl.repeat(trial.id, values.size, eager=True),
            "arm": pl.repeat(trial.arm, values.size, eager=True),
            "seed": pl.repeat(trial.seed, values.size, dtype=pl.Int64, eager=True),
            "step": np.repeat(steps, count),
            "epoch": pl.repeat(1, values.size, dtype=pl.Int64, eager=True),
            "seconds": np.repeat(steps, count).astype(float),
            "metric": names * len(steps),
            "value": values.ravel(),
        }
    )


def _write_table(ledger: Ledger, plan: Plan, frame: pl.DataFrame) -> None:
    """Put the table where a report scans it, as if it had been made of records."""
    ledger.compact(plan)
    data = parquet_bytes(frame)
    (ledger.root / TABLE).write_bytes(data)
    made = json.loads((ledger.root / MADE).read_text(encoding="utf-8"))
    made["sha256"] = hashlib.sha256(data).hexdigest()
    (ledger.root / MADE).write_text(json.dumps(made), encoding="utf-8")


# The contenders, each in a process of its own


def ours(folder: Path) -> dict[str, pl.DataFrame]:
    """What a report does with the logged values."""
    ledger = Ledger.open(folder)
    plan = ledger.plan()
    logged = ledger.logged(plan)
    trials = trials_table(plan.trials, {}, plan.metrics)  # of the arms and seeds alone: how trials ended is not asked
    findings = Findings(plan, trials, logged.rows, runs=())
    return {
        "curves": findings.curves,
        "training_curves": findings.training_curves,
        "profile": findings.profiles["gradient/state"],
        "by_distance": findings.metrics_by_distance[METRIC],
    }


def pandas(folder: Path) -> dict[str, pl.DataFrame]:
    """The same tables in pandas."""
    import pandas as pd

    frame = pd.read_parquet(folder / TABLE, columns=["trial", "arm", "step", "metric", "value"])
    finite = frame[np.isfinite(frame["value"])]
    steps = finite.groupby(["trial", "metric"])["step"].agg(["min", "max"])
    several = steps[steps["min"] < steps["max"]].index.get_level_values("metric").unique()
    assert {METRIC, "train/loss"} <= set(several)
    distance = finite["metric"].str.extract(r"^(?P<profile>.+)/distance_(?P<distance>[0-9]+)$")
    points = pd.concat([finite, distance], axis=1).dropna(subset=["profile"])
    points["distance"] = points["distance"].astype("int64")
    tables = {
        "curves": _pandas_curves(finite, METRIC),
        "training_curves": _pandas_curves(finite, "train/loss"),
        "profile": _pandas_fading(points[points["profile"] == "gradient/state"]),
        "by_distance": _pandas_by_distance(points[points["profile"] == METRIC]),
    }
    return {name: pl.from_pandas(table) for name, table in tables.items()}


def _pandas_band(frame: Any, keys: list[str], column: str) -> Any:
    from scipy.stats import t

    found = frame.groupby(keys)[column].agg(n="count", mean="mean", sd="std").reset_index()
    half = t.ppf(0.975, found["n"] - 1) * found["sd"] / np.sqrt(found["n"])
    return found.assign(low=found["mean"] - half, high=found["mean"] + half).drop(columns="sd")


def _pandas_curves(finite: Any, metric: str) -> Any:
    chosen = finite[finite["metric"] == metric].drop_duplicates(["arm", "trial", "step"], keep="last")
    grids = []
    for arm, rows in chosen.groupby("arm"):
        grid = rows.pivot_table(index="step", columns="trial", values="value", sort=True)
        grid = grid.interpolate(method="index", limit_area="inside")
        grids.append(grid.melt(ignore_index=False, value_name="value").reset_index().assign(arm=arm).dropna())
    return _pandas_band(_concat(grids), ["arm", "step"], "value")


def _pandas_fading(points: Any) -> Any:
    reach = points.groupby(["trial", "step"])["distance"].transform("max")
    whole = points[reach == points.groupby("trial")["distance"].transform("max")]
    first, last = (whole.groupby("trial")["step"].transform(name) for name in ("min", "max"))
    moments = [whole[whole["step"] == first].assign(moment="first")]
    moments.append(whole[(whole["step"] == last) & (last > first)].assign(moment="last"))
    both = _concat(moments).sort_values("distance", kind="stable")
    nearest = both.groupby(["trial", "moment"])["value"].transform("first")
    both = both.assign(decades=np.log10(both["value"] / nearest))
    found = _pandas_band(both[np.isfinite(both["decades"])], ["arm", "moment", "distance"], "decades")
    return found.merge(both.groupby(["arm", "moment", "distance"])["step"].max().reset_index())


def _pandas_by_distance(points: Any) -> Any:
    last = points[points["step"] == points.groupby("trial")["step"].transform("max")]
    return _pandas_band(last, ["arm", "distance"], "value")


def _concat(frames: list[Any]) -> Any:
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


CONTENDERS = {"ours": ours, "pandas": pandas}


def contend(name: str, folder: Path, out: Path) -> None:
    """Be a contender: make the tables, and write them with what they took to ``out``."""
    import scipy.stats  # noqa: F401  (imported before the clock starts, as is everything that a contender needs)

    if name == "pandas":
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
    start, processor = time.perf_counter(), time.process_time()
    tables = CONTENDERS[name](folder)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    for table, frame in tables.items():
        frame.write_parquet(out / f"{name}-{table}.parquet")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    (out / f"{name}.json").write_text(
        json.dumps({"seconds": seconds, "processor": processor, "bytes": peak}), encoding="utf-8"
    )


# The measurements


def measure_tables(*, trials: int, points: int, metrics: int, repeats: int) -> Measurement:
    """Ours against pandas, in turns.

    Raises:
        RuntimeError: their numbers differ.
    """
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory(prefix="unroll-benchmark-") as place:
        folder, plan = Path(place) / "results", make_plan(trials, points)
        fill(folder, plan, points, metrics, records=False)
        size = (folder / TABLE).stat().st_size
        for _ in range(repeats):
            for name in found:
                found[name].append(_in_process(name, folder, Path(place)))
        check_same_tables(Path(place))
    seconds = {name: [each["seconds"] for each in turns] for name, turns in found.items()}
    processor = {name: [each["processor"] for each in turns] for name, turns in found.items()}
    most = {name: max(each["bytes"] for each in turns) for name, turns in found.items()}
    faster = tuple(other / own for own, other in zip(seconds["ours"], seconds["pandas"], strict=True))
    return Measurement(
        name=f"tables of {trials * points * metrics:,} logged values",
        facts={
            "seconds": seconds,
            "processor seconds": processor,
            "peak bytes": most,
            "bytes of history.parquet": size,
        },
        ratios=(
            Ratio(name="pandas / ours", repeats=faster, goal=FASTER, bound="at least"),
            Ratio(name="seconds of ours", repeats=tuple(seconds["ours"]), goal=MOST_SECONDS, bound="at most"),
            Ratio(name="GB of ours", repeats=(most["ours"] / 1e9,), goal=MOST_BYTES / 1e9, bound="at most"),
        ),
    )


def _in_process(name: str, folder: Path, out: Path) -> dict[str, float]:
    words = [sys.executable, "-m", "benchmarks.report_scale", name, str(folder), str(out)]
    subprocess.run(words, check=True)
    found: dict[str, float] = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
    return found


def check_same_tables(folder: Path) -> None:
    """Both must have found the same numbers.

    Raises:
        RuntimeError: the times are about different work.
    """
    for table in TABLES:
        left, right = (pl.read_parquet(folder / f"{name}-{table}.parquet") for name in CONTENDERS)
        keys = [name for name in ("arm", "moment", "distance", "step") if name in left.columns]
        both = left.sort(keys), right.select(left.columns).sort(keys)
        for column in left.columns:
            mine, other = (frame[column] for frame in both)
            if mine.dtype == pl.Float64:
                same = np.allclose(mine.to_numpy(), other.to_numpy(), rtol=TOLERANCE, atol=1e-12, equal_nan=True)
            else:
                same = mine.to_list() == other.to_list()
            if not same:
                raise RuntimeError(f"the contenders' tables {table} differ in {column}")


def measure_page(*, trials: int, points: int, metrics: int) -> Measurement:
    """A whole report of records, in a fresh process: the first one, and one when the table is there."""
    with tempfile.TemporaryDirectory(prefix="unroll-benchmark-") as place:
        folder, plan = Path(place) / "results", make_plan(trials, points)
        fill(folder, plan, points, metrics, records=True)
        environment = {**os.environ, "UNROLL_CACHE": f"{place}/cache"}
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            code = "import sys; from unroll.cli.main import main; main(sys.argv[1:])"
            words = [sys.executable, "-c", code, "report", str(folder)]
            subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
        page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    first, second = seconds
    whole, own = len(page.encode()), sum(map(len, re.findall(r'href="data:[^"]*"', page)))
    return Measurement(
        name=f"page of {trials} trials x {points} points",
        facts={"first seconds": first, "second seconds": second, "bytes of the page": whole, "of its tables": own},
        ratios=(
            Ratio(name="seconds of the first", repeats=(first,), goal=PAGE_SECONDS, bound="at most"),
            Ratio(name="MB beside the tables", repeats=((whole - own) / 1e6,), goal=PAGE_MEGABYTES, bound="at most"),
        ),
    )


if __name__ == "__main__":
    contend(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
