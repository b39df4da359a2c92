"""Names of metrics with a meaning: what is made is read back, whatever a label holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.contract import (
    confusion_metric,
    distance_metric,
    parse_confusion_metric,
    parse_distance_metric,
)


@given(true=st.text(), guess=st.text())
def test_a_confusion_is_read_back_and_no_two_have_one_name(true: str, guess: str) -> None:
    assert parse_confusion_metric(confusion_metric("test", true, guess)) == ("test", true, guess)


@given(profile=st.from_regex(r"[a-z_/0-9.]+", fullmatch=True), n=st.integers(0, 10**6))
def test_a_distance_is_read_back(profile: str, n: int) -> None:
    assert parse_distance_metric(distance_metric(profile, n)) == (profile, n)


@pytest.mark.parametrize(
    "name", ["train/loss", "a/distance_", "a/distance_x", "a/distance_1/b", "distance_4", "a/distance_-1"]
)
def test_other_names_are_no_distances(name: str) -> None:
    assert parse_distance_metric(name) is None


@pytest.mark.parametrize("name", ["test/accuracy", "confusion/a/a", "test/confusion/a", "test/confusion/a/b/c"])
def test_other_names_are_no_confusions(name: str) -> None:
    assert parse_confusion_metric(name) is None
