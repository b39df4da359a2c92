"""``python -m benchmarks``: measure, print a table of ratios, write a JSON file."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.measurement import Measurement, available_cores, describe_machine, tabulate

OUT = Path(__file__).with_name("last.json")
STUDIES: dict[str, tuple[list[float], int]] = {"smallest": ([0.0], 1), "small": ([1.0], 2), "full": ([1.0, 10.0], 8)}
"""Size -> seconds of a trial as a raw loop, of each study; seeds."""
STEPS: dict[str, list[dict[str, int]]] = {
    "smallest": [{"repeats": 1, "segments": 1, "segment": 3}, {"repeats": 1, "segments": 1, "segment": 2}],
    "small": [{"repeats": 5, "segments": 3, "segment": 50}, {"repeats": 5, "segments": 1, "segment": 10}],
    "full": [{"repeats": 9, "segments": 5, "segment": 50}, {"repeats": 9, "segments": 3, "segment": 10}],
}
"""Size -> repeats, timed segments per repeat, steps per segment: of the toy setting and of Zaremba's."""
BUCKETING: dict[str, dict[str, int]] = {
    "smallest": {"repeats": 1, "batches": 2},
    "small": {"repeats": 3, "batches": 40},
    "full": {"repeats": 5, "batches": 100},
}
"""Size -> repeats, batches of each turn."""
TRANSLATION: dict[str, dict[str, int]] = {
    "smallest": {"repeats": 1, "segments": 2, "segment": 1},
    "small": {"repeats": 3, "segments": 3, "segment": 10},
    "full": {"repeats": 7, "segments": 3, "segment": 10},
}
"""Size -> repeats, segments of each turn, steps per segment."""
LOOPS: dict[str, dict[str, int]] = {
    "smallest": {"repeats": 1, "turns": 1},
    "small": {"repeats": 3, "turns": 20},
    "full": {"repeats": 5, "turns": 100},
}
"""Size -> repeats, turns of each contender in a repeat."""
SCALES: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "smallest": (
        {"trials": 4, "points": 3, "metrics": 82, "repeats": 1},
        {"trials": 4, "points": 3, "metrics": 3},
    ),
    "small": (
        {"trials": 100, "points": 100, "metrics": 100, "repeats": 3},
        {"trials": 100, "points": 200, "metrics": 3},
    ),
    "full": (
        {"trials": 500, "points": 200, "metrics": 100, "repeats": 5},
        {"trials": 500, "points": 200, "metrics": 3},
    ),
}
"""Size -> trials, points of each metric, metrics and repeats of the tables; of the page."""
STUDIES_DRAWN: dict[str, int] = {"smallest": 20, "small": 200, "full": 2_000}
"""Size -> drawn studies of each kind."""


def study_overhead(size: str, seconds: list[float] | None) -> Iterator[Measurement]:
    """Whole studies."""
    from benchmarks.study_overhead import measure_studies

    lengths, seeds = STUDIES[size]
    return measure_studies(lengths=seconds or lengths, seeds=seeds, cores=available_cores())


def step_time(size: str, _: list[float] | None) -> Iterator[Measurement]:
    """Single training steps."""
    from benchmarks.step_time import measure_toy, measure_zaremba

    toy, zaremba = STEPS[size]
    yield measure_toy(**toy)
    yield measure_zaremba(**zaremba)


def bucketing(size: str, _: list[float] | None) -> Iterator[Measurement]:
    """Batches of sentences of similar length."""
    from benchmarks.bucketing import measure_bucketing

    yield measure_bucketing(**BUCKETING[size])


def translation_epoch(size: str, _: list[float] | None) -> Iterator[Measurement]:
    """A translator with attention."""
    from benchmarks.translation_epoch import measure_translation

    yield measure_translation(**TRANSLATION[size])


def time_loop(size: str, _: list[float] | None) -> Iterator[Measurement]:
    """Every cell in every loop."""
    from benchmarks.time_loop import SHAPES, SMALLEST, measure_time_loops

    return measure_time_loops(**LOOPS[size], shapes=SMALLEST if size == "smallest" else SHAPES)


def report_scale(size: str, _: list[float] | None) -> Iterator[Measurement]:
    """Tables and page of a large study."""
    from benchmarks.report_scale import measure_page, measure_tables

    tables, page = SCALES[size]
    yield measure_tables(**tables)
    yield measure_page(**page)


def calibration(size: str, _: list[float] | None) -> Iterator[Measurement]:
    """Error rates, power and coverage of the statistics."""
    from benchmarks.calibration import measure_calibration

    return measure_calibration(replications=STUDIES_DRAWN[size])


def looks(size: str, _: list[float] | None) -> Iterator[Measurement]:
    """Error rates and savings of looks at growing seeds."""
    from benchmarks.looks import measure_calibration

    return measure_calibration(replications=STUDIES_DRAWN[size])


BENCHMARKS: dict[str, Callable[[str, list[float] | None], Iterator[Measurement]]] = {
    "bucketing": bucketing,
    "calibration": calibration,
    "looks": looks,
    "report_scale": report_scale,
    "step_time": step_time,
    "study_overhead": study_overhead,
    "time_loop": time_loop,
    "translation_epoch": translation_epoch,
}


def main() -> None:
    """Measure what was asked for; the file is written anew after every measurement."""
    given = read_arguments()
    use_cores(given.cores)
    console, machine, measurements = Console(), describe_machine(), list[Measurement]()
    for name in BENCHMARKS if "all" in given.benchmarks else given.benchmarks:
        for measurement in BENCHMARKS[name](given.size, given.seconds):
            measurements.append(measurement)
            write(given.out, machine, measurements)
            console.print(f"measured: {measurement.name}")
    console.print(tabulate(measurements))
    if any("cell" in measurement.facts for measurement in measurements):
        from benchmarks.calibration import tabulate_cells

        print(tabulate_cells(measurements))
    if any("looked" in measurement.facts for measurement in measurements):
        from benchmarks.looks import tabulate_looks

        print(tabulate_looks(measurements))
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), f"everything is in {given.out}")


def read_arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure; see benchmarks/README.md.")
    parser.add_argument("benchmarks", nargs="*", choices=[*BENCHMARKS, "all"], default="all")
    parser.add_argument("--size", choices=STUDIES, default="full", help="smallest only shows that everything runs")
    parser.add_argument("--seconds", type=float, nargs="+", help="length of a study's trials as raw loops")
    parser.add_argument("--cores", type=int, default=available_cores(), help="cores to use; default: all")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file; default: %(default)s")
    return parser.parse_args()


def use_cores(wanted: int) -> None:
    """Keep this process and all that it starts on so many cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:wanted])


def write(out: Path, machine: dict[str, Any], measurements: list[Measurement]) -> None:
    """Everything measured so far."""
    found = {"machine": machine, "measurements": [measurement.as_dict() for measurement in measurements]}
    out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
