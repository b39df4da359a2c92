"""What arms are compared to, in words."""

from itertools import product

import pytest

from tests.report.conftest import make_plan
from unroll.reporting.wording import describe_baseline, list_factors
from unroll.study import Plan

FACTORS = {"network.cell": ["elman", "gru"], "network.depth": ["one", "two"], "data.length": ["20", "50"]}


def against(**baseline: str) -> Plan:
    """A plan of all factors, in which each arm is compared with the one that has these levels in place of its own."""
    arms = {", ".join(levels): dict(zip(FACTORS, levels, strict=True)) for levels in product(*FACTORS.values())}
    made = make_plan(dict.fromkeys(arms, 0.0), seeds=1)
    named = {f"network.{factor}": level for factor, level in baseline.items()}
    changed = [
        arm.model_copy(update={"levels": arms[arm.name], "baseline": ", ".join({**arms[arm.name], **named}.values())})
        for arm in made.arms
    ]
    return made.model_copy(update={"arms": changed, "factors": FACTORS})


def test_one_baseline_is_named() -> None:
    assert describe_baseline(make_plan({"elman": 0.0, "gru": 0.0}, seeds=1)) == "elman"


@pytest.mark.parametrize(
    ("baseline", "reported"),
    [
        ({"cell": "gru"}, "gru with the same depth and length"),
        ({"cell": "gru", "depth": "two"}, "cell=gru, depth=two with the same length"),
    ],
)
def test_of_several_baselines_the_shared_factors_are_named(baseline: dict[str, str], reported: str) -> None:
    assert describe_baseline(against(**baseline)) == reported


def test_factors_are_listed_by_their_short_names() -> None:
    assert list_factors(against(cell="gru"), list(FACTORS)) == "cell, depth and length"
