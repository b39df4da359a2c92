"""What a study declares of its analysis, and how two declarations differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from unroll.study.declaration import Looks
from unroll.study.plan import Plan
from unroll.study.trial import Frozen, Seed, Trial, later

Matter = Literal[
    "question",
    "metric",
    "arms added",
    "arms removed",
    "baseline",
    "seeds added",
    "seeds removed",
    "looks",
    "training",
    "claims",
]
"""What of an analysis was changed."""


class DeclaredAnalysis(Frozen):
    """What is to be compared with what, by which metric, over which seeds: all that a verdict depends on but results.

    Whatever is decided here after results were seen can be decided by them.
    """

    study: str
    question: str
    metric: str
    arms: dict[str, str] = Field(min_length=1)
    """Arm -> id of its trial of the first seed: another id means other settings, data or code of its task. Of a tuned
    arm it is the id of its tuning, which is known from the start: another id may also mean another search."""
    baselines: dict[str, str]
    """Arm -> the arm that it is compared to; a baseline is its own."""
    seeds: list[Seed]
    """In rising order; with looks, all that may be needed."""
    looks: Looks | None = later(None)
    """When they are added to what is undecided; None where their number is fixed."""
    claims: list[str] = Field(default=[])
    """Sentences of the study, with their margins."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two declarations.

    Args:
        matter: what was changed.
        names: arms, seeds, claims or the new value, in order; empty where a removal left nothing.
        former: the value that was replaced, where there is one.
    """

    matter: Matter
    names: tuple[str, ...]
    former: str = ""


def declared_analysis(plan: Plan) -> DeclaredAnalysis:
    """The analysis that a plan declares."""
    first: dict[str, Trial] = {}
    seeds: set[int] = set()
    for trial in plan.trials:
        if trial.phase == "confirm":  # what is searched with is never compared
            seeds.add(trial.seed)
            if trial.arm not in first or trial.seed < first[trial.arm].seed:
                first[trial.arm] = trial
    claims = plan.declaration.get("claims")
    return DeclaredAnalysis(
        study=plan.study,
        question=plan.question,
        metric=plan.metric,
        arms={arm.name: arm.tuning or (first[arm.name].id if arm.name in first else "") for arm in plan.arms},
        baselines=plan.baselines,
        seeds=plan.looks.seeds if plan.looks else sorted(seeds),
        looks=plan.looks,
        claims=[text for text in claims if isinstance(text, str)] if isinstance(claims, list) else [],
    )


def find_changes(before: DeclaredAnalysis, after: DeclaredAnalysis) -> list[Change]:
    """What ``after`` decides otherwise; nothing where the order alone differs."""
    return list(_changes(before, after))


def _changes(before: DeclaredAnalysis, after: DeclaredAnalysis) -> Iterator[Change]:
    if before.question != after.question:
        yield Change("question", (after.question,), before.question)
    if before.metric != after.metric:
        yield Change("metric", (after.metric,), before.metric)
    if added := [arm for arm in after.arms if arm not in before.arms]:
        yield Change("arms added", tuple(added))
    if removed := [arm for arm in before.arms if arm not in after.arms]:
        yield Change("arms removed", tuple(removed))
    common = [arm for arm in after.arms if arm in before.arms]
    if moved := [arm for arm in common if before.baselines.get(arm) != after.baselines.get(arm)]:
        former = dict.fromkeys(before.baselines.get(arm, "") for arm in moved)
        yield Change("baseline", tuple(dict.fromkeys(after.baselines.get(arm, "") for arm in moved)), "; ".join(former))
    old, new = set(before.seeds), set(after.seeds)
    if new - old:
        yield Change("seeds added", tuple(map(str, sorted(new - old))))
    if old - new:
        yield Change("seeds removed", tuple(map(str, sorted(old - new))))
    if before.looks != after.looks:
        yield Change("looks", (_told(after.looks),), _told(before.looks))
    same_seed = bool(old and new) and min(old) == min(new)  # whose trials the ids name
    if same_seed and (other := [arm for arm in common if before.arms[arm] != after.arms[arm]]):
        yield Change("training", tuple(other))
    if sorted(before.claims) != sorted(after.claims):
        yield Change("claims", tuple(after.claims), "; ".join(before.claims))


def _told(looks: Looks | None) -> str:
    if looks is None:
        return "none"
    return f"{', '.join(map(str, looks.at))} seeds ({looks.spending})"
