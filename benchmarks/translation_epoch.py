"""Time of a training step of a translator as the platform runs it, against a raw PyTorch loop of the same model.

Batches are the same, of random pairs with the lengths of Multi30k, and making them is part of both times. See
``step_time.py`` for how the platform's time is taken.
"""

from __future__ import annotations

import random
import statistics
import tempfile
from pathlib import Path

from benchmarks.measurement import Measurement, Ratio
from benchmarks.raw_translator import RawTranslation
from benchmarks.step_time import step_times_in_platform
from unroll.study import load_study, make_jobs, make_plan

STUDY = Path(__file__).with_name("translation.yaml")
BATCH, WORDS, HELD_OUT_PAIRS = 64, 6_000, 20
SOURCE_LENGTH, SOURCE_DEVIATION, LONGER_BY, DEVIATION = 12.4, 4.2, 0.6, 2.0
"""Of the training text of Multi30k in words of 13a: source sentences, and what their translations have more."""


def measure_translation(*, repeats: int, segments: int, segment: int) -> Measurement:
    """Both take turns, the first turn of each warms up; so does the first segment of each turn."""
    with tempfile.TemporaryDirectory(prefix="unroll-benchmark-") as name:
        folder = Path(name)
        corpus = write_pairs(folder / "corpus", pairs=(segments + 1) * segment * BATCH + 1)
        overrides = [f"data.path={corpus}", f"log_every_steps={segment}", "wandb.mode=disabled"]
        declared = load_study(str(STUDY), overrides)
        plan = make_plan(declared, cache=folder / "cache")
        (job,) = make_jobs(plan, declared, cache=folder / "cache")
        ours, raw = [], []
        for turn in range(repeats + 1):
            ours.append(statistics.median(step_times_in_platform(plan, job, folder / f"turn-{turn}")))
            raw.append(statistics.median(RawTranslation(job).times(segment)[1:]))
    return Measurement(
        name="step of BiGRU-256 / GRU-512 with attention",
        facts={
            "segment, steps": segment,
            "parameters": job.trial.parameters,
            "ours, seconds per step": ours[1:],
            "raw, seconds per step": raw[1:],
        },
        ratios=(
            Ratio(
                name="ours / raw",
                repeats=tuple(a / b for a, b in zip(ours[1:], raw[1:], strict=True)),
                goal=1.15,
                bound="at most",
            ),
        ),
    )


def write_pairs(folder: Path, *, pairs: int) -> Path:
    """Random words in sentences of these lengths."""
    folder.mkdir()
    draw = random.Random(1)
    words = {side: [f"{side}{number}" for number in range(WORDS)] for side in ("de", "en")}
    lines: dict[str, list[str]] = {"de": [], "en": []}
    for _ in range(pairs):
        source = max(4, round(draw.gauss(SOURCE_LENGTH, SOURCE_DEVIATION)))
        target = max(4, round(source + draw.gauss(LONGER_BY, DEVIATION)))
        for side, length in (("de", source), ("en", target)):
            lines[side].append(" ".join(draw.choices(words[side], k=length)))
    for split, size in (("train", pairs), ("val", HELD_OUT_PAIRS), ("test", HELD_OUT_PAIRS)):
        for side, text in lines.items():
            (folder / f"{split}.{side}").write_text("\n".join(text[:size]) + "\n", encoding="utf-8")
    return folder
