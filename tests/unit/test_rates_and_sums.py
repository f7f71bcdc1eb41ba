"""Rates, exact sums and roundings, against fractions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.limits import ITEM_MAX
from tollbook.money import (
    BILLIONTHS,
    ITEM_UNITS,
    MILLIONTHS,
    Rounding,
    beyond_item,
    divide,
    exact_amount,
    format_rate,
    format_units,
    is_whole_minor,
    item_amount,
    parse_rate,
    round_units,
    units_of_rate,
)

rates = st.integers(0, 10**15 - 1)
units = st.integers(-(10**22), 10**22)
roundings = st.sampled_from(["half_up", "up", "down"])


def rounded(value: Fraction, rounding: Rounding) -> int:
    """A fraction to a whole number, from the definition of each mode."""
    below, sign = int(abs(value)), -1 if value < 0 else 1
    rest = abs(value) - below
    more = {"down": False, "up": rest > 0, "half_up": rest >= Fraction(1, 2)}[rounding]
    return sign * (below + more)


@given(rates)
def test_a_rate_reads_back_from_its_text(rate: int) -> None:
    text = format_rate(rate)
    assert Fraction(text) * BILLIONTHS == rate == parse_rate(text)
    assert "." not in text or text[-1] != "0"


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "-0", "1e3", "1e999999999", ".5", "5.", "1234567", "0.1234567891", "NaN", "1_0", " 1", "١", "1\n"],
)
def test_d1_d2_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a plain decimal like 0\.0025, not negative"):
        parse_rate(text)


def test_rates_are_padded_where_the_wire_wants_it() -> None:
    assert [format_rate(n, padded=5) for n in (0, 1, 2_500_000, BILLIONTHS)] == [
        "0.00000", "0.000000001", "0.00250", "1.00000",
    ]  # fmt: skip
    assert format_rate(-BILLIONTHS) == "-1"
    assert format_units(-60) == "-0.000000001"
    assert format_units(-1) == "0"


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), roundings)
def test_division_rounds_as_its_mode_says(numerator: int, denominator: int, rounding: Rounding) -> None:
    assert divide(numerator, denominator, rounding) == rounded(Fraction(numerator, denominator), rounding)


@given(units, st.integers(0, 6))
def test_an_item_is_rounded_once_to_the_minor_unit(sum_: int, minor: int) -> None:
    exact = Fraction(sum_, ITEM_UNITS)
    amount = item_amount(sum_, minor)
    assert amount == rounded(exact * 10**minor, "half_up") * MILLIONTHS // 10**minor
    assert amount == exact_amount(exact, minor)
    assert is_whole_minor(amount, minor)
    assert item_amount(-sum_, minor) == -amount


@given(units, st.integers(0, 9), roundings)
def test_an_event_is_rounded_to_the_sheets_decimals(sum_: int, decimals: int, rounding: Rounding) -> None:
    found = Fraction(round_units(sum_, decimals, rounding), ITEM_UNITS)
    assert found * 10**decimals == rounded(Fraction(sum_, ITEM_UNITS) * 10**decimals, rounding)


@given(units)
def test_an_exact_price_prints_its_nearest_nine_decimals(sum_: int) -> None:
    assert abs(Fraction(format_units(sum_)) - Fraction(sum_, ITEM_UNITS)) <= Fraction(1, 2 * BILLIONTHS)


@given(st.lists(st.tuples(rates, st.integers(0, 10**5))), st.randoms())
def test_sums_commute(calls: list[tuple[int, int]], chance) -> None:
    shuffled = chance.sample(calls, len(calls))
    assert sum(rate * seconds for rate, seconds in calls) == sum(rate * seconds for rate, seconds in shuffled)


@given(rates, st.integers(0, 10**5))
def test_rate_times_seconds_is_the_call_in_units(rate: int, seconds: int) -> None:
    assert Fraction(rate * seconds, ITEM_UNITS) == Fraction(rate, BILLIONTHS) * Fraction(seconds, 60)
    assert Fraction(units_of_rate(rate), ITEM_UNITS) == Fraction(rate, BILLIONTHS)


def test_the_documented_arithmetic() -> None:
    assert item_amount(8_880 * parse_rate("0.0025")) == 370_000
    one, other = 61 * parse_rate("0.0025"), 61 * parse_rate("0.0031")
    assert (item_amount(one), item_amount(other), item_amount(one + other)) == (0, 0, 10_000)
    assert item_amount(3 * units_of_rate(parse_rate("0.005")), 3) == 15_000


def test_d11_the_bound_of_an_item_holds_either_way_and_fits_64_bits() -> None:
    bound = ITEM_MAX * ITEM_UNITS
    assert bound < 2**63
    assert not beyond_item(bound)
    assert not beyond_item(-bound)
    assert beyond_item(bound + 1)
    assert beyond_item(-bound - 1)


def test_payments_are_whole_minor_units() -> None:
    assert is_whole_minor(10_010_000)
    assert not is_whole_minor(10_011_000)
    assert is_whole_minor(10_011_000, 3)
    assert not is_whole_minor(10_010_000, 0)
