"""Arms of a study that run the same, in words."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.report.numbers import listed, plain
from unroll.study.plan import Plan


def twin_sentences(plan: Plan) -> Iterator[str]:
    """One for each arm that stands for others, too."""
    for arm in plan.arms:
        if arm.twins:
            names = listed(f"'{name}'" for name in (arm.name, *arm.twins))
            yield plain(
                f"{names} run the same, for nothing reads the settings that set them apart: they are compared once, "
                f"as '{arm.name}'."
            )
