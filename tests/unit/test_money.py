"""Exact amounts: what is read, what is refused, and that text and integer are one and the same."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.money import MILLIONTHS, format_amount, parse_amount, read_amount

LARGEST = 10**16 - 1
WIRE = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")

amounts = st.integers(-LARGEST, LARGEST)

CLEVER_NUMBERS = [
    "NaN", "sNaN", "Infinity", "-Infinity", "inf", "-0", "-0.00", "0x10", "+5", ".5", "5.", "-", "", "1_000", " 1 ",
    "\u00a05", "1\n", "١٢", "１２", "²", "1,5", "1 0", "--1", "1.2.3", "1e2", "1E2", "−5", "5\0", "½",
]  # fmt: skip


@given(amounts)
def test_law_11_every_amount_reads_back_from_its_wire_form(amount: int) -> None:
    text = format_amount(amount)
    assert WIRE.fullmatch(text)
    assert text != "-0"
    assert read_amount(text) == parse_amount(text) == amount
    assert Decimal(text) * MILLIONTHS == amount


@given(amounts, st.integers(0, 6), st.integers(0, 9))
def test_padding_changes_no_amount(amount: int, decimals: int, zeros: int) -> None:
    sign, digits = ("-" if amount < 0 else ""), f"{abs(amount) % 10**6:06}"
    shown = digits.rstrip("0").ljust(decimals, "0")
    whole = str(abs(amount) // 10**6).rjust(min(zeros, 10), "0")
    if amount == 0:
        sign = ""
    assert parse_amount(f"{sign}{whole}" + (f".{shown}" if shown else "")) == amount


@given(st.text(st.sampled_from("-+.0123456789eE_ ٣"), max_size=20))
def test_what_is_read_is_a_plain_decimal(text: str) -> None:
    plain = re.fullmatch(r"(-?)([0-9]{1,10})(\.[0-9]{1,6})?", text)
    if plain and (text[0] != "-" or Decimal(text)):
        assert parse_amount(text) == Decimal(text) * MILLIONTHS
    else:
        with pytest.raises(ValueError, match=r"plain decimal|zero has no sign"):
            parse_amount(text)


@pytest.mark.parametrize("text", ["1e999999999", "1E5", "1e-3", "9" * 11, "0.1234567", "1" * 100_000, "1e3000000"])
def test_d1_exponents_and_long_numbers_cost_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        parse_amount(text)


@pytest.mark.parametrize("text", CLEVER_NUMBERS)
@pytest.mark.parametrize("read", [parse_amount, read_amount])
def test_d2_clever_numbers_are_refused(read, text: str) -> None:
    with pytest.raises(ValueError, match=r"plain decimal|zero has no sign"):
        read(text)


@pytest.mark.parametrize(("text", "shortest"), [("0.370", "0.37"), ("007", "7"), ("5.0", "5"), ("-1.50", "-1.5")])
def test_canonical_text_is_the_shortest_only(text: str, shortest: str) -> None:
    with pytest.raises(ValueError, match=f"^expected the shortest form, {re.escape(shortest)}$"):
        read_amount(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (10, "0.00001"),
        (-450_000, "-0.45"),
        (LARGEST, "9999999999.999999"),
    ],
)
def test_the_documented_look_of_amounts(amount: int, text: str) -> None:
    assert format_amount(amount) == text


def test_d12_a_tenth_and_two_tenths_are_three_tenths() -> None:
    assert format_amount(parse_amount("0.1") + parse_amount("0.2")) == "0.3"
    assert format_amount(sum([parse_amount("0.000001")] * 1_000_000)) == "1"
