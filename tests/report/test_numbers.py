"""Numbers and texts as people read them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.reporting import numbers


@pytest.mark.parametrize(
    ("spreads", "decimals"),
    [
        ([0.12], 2),
        ([0.1], 2),
        ([0.099], 3),
        ([1.2, 30.0], 1),
        ([0.0024, 1.9, 16.0, 17.0, 18.0], 2),
        ([12.0], 0),
        ([5000.0], 0),
        ([None, 0.0, math.nan, 0.5], 2),
    ],
)
def test_two_digits_of_the_smallest_spread(spreads: list[float | None], decimals: int) -> None:
    assert numbers.choose_decimals([123.456], spreads) == decimals


@pytest.mark.parametrize(
    ("spreads", "differences", "decimals"),
    [
        ([0.1175, 0.3], [-0.177, 0.0], 2),
        ([0.5], [0.08], 3),
        ([0.5], [0.000_01], 3),
        ([None], [-0.177], 2),
        ([0.0], [0.0, None], 1),
    ],
)
def test_two_digits_of_what_separates_the_arms(
    spreads: list[float | None], differences: list[float | None], decimals: int
) -> None:
    assert numbers.choose_decimals([123.456], spreads, differences) == decimals


def test_without_spread_four_digits_of_the_value() -> None:
    assert [numbers.choose_decimals([v]) for v in (123.4, 12.34, 0.1234, 0.0)] == [1, 2, 4, 1]


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (1234567.891, False, "1,234,567.89"),
        (-1.5, False, "−1.50"),
        (1.5, True, "+1.50"),
        (None, False, "–"),
        (math.nan, False, "NaN"),
        (math.inf, False, "∞"),
        (-math.inf, True, "−∞"),
        (3.2e12, False, "3.2e+12"),
    ],
)
def test_fixed(value: float | None, sign: bool, text: str) -> None:
    assert numbers.fixed(value, 2, sign=sign) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(None, "–"), (1.0, "1"), (0.0625, "0.0625"), (2 / 2**8, "0.00781"), (0.12345, "0.123"), (1e-5, "1.0e-05")],
)
def test_p_values_are_never_zero(p: float | None, text: str) -> None:
    assert numbers.p_value(p) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.115, "11.5 %"), (-0.0004, "−0.04 %"), (1.0, "100 %"), (0.0, "0 %"), (12.5, "1,250 %"), (None, "–")],
)
def test_percent(share: float | None, text: str) -> None:
    assert numbers.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.7, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599.6, "1 h 00 min"),
        (7385, "2 h 03 min"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert numbers.duration(seconds) == text


@pytest.mark.parametrize(
    ("seeds", "text"), [([], "–"), ([3], "3"), ([7, 1, 0, 2], "0–2, 7"), ([5, 6], "5–6"), (range(100), "0–99")]
)
def test_ranges(seeds: list[int], text: str) -> None:
    assert numbers.ranges(seeds) == text


def test_plain_text_shows_what_would_hide() -> None:
    assert numbers.plain("a\n b\tc\u202egnp.exe\x00") == "a b c�gnp.exe�"
    assert numbers.plain("naïve 日本語 <unk>") == "naïve 日本語 <unk>"


@given(st.text())
@settings(deadline=None, max_examples=100)
def test_plain_text_is_one_line(text: str) -> None:
    assert len(numbers.plain(text).splitlines()) <= 1
    assert numbers.plain(numbers.plain(text)) == numbers.plain(text)
