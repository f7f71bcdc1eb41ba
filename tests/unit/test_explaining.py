"""What is explained adds up: every product exact, the rounding named, the price the one that was billed."""

import re
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.making import invoice, payment

from tollbook.billing.deriving import ItemSum
from tollbook.billing.events import UsageEvent
from tollbook.billing.explaining import (
    RateLine,
    exact_text,
    explain_balance,
    explain_lines,
    explain_rating,
)
from tollbook.billing.rating import Charge, Pin, Rated, rate_usage
from tollbook.billing.sheets import Conversion, PriceRounding, SheetVersion, UsageDeck, UsagePrice
from tollbook.money import ITEM_UNITS, parse_rate


def said(text: str) -> Fraction:
    """The value of an exact text."""
    sign = -1 if text.startswith("-") else 1
    decimals, _, rest = text.lstrip("-").strip("()").partition(" + ")
    return sign * (Fraction(decimals) + (Fraction(rest.split(" ")[0]) / 10**9 if rest else 0))


@given(st.integers(-(10**18), 10**18))
def test_exact_text_is_exact(units: int) -> None:
    text = exact_text(units)
    assert said(text) == Fraction(units, ITEM_UNITS)


def test_prices_that_came_with_the_records_are_told_as_such() -> None:
    units = 60 * parse_rate("0.07")
    lines = [RateLine(Pin("v", None, 5), 60, 300), RateLine(None, 60, units)]
    assert explain_lines(lines, ItemSum(units + 300, 120, 2)) == [
        "60 at 0.000000005 = 0.000000005",
        "60 at prices that came with the records = 0.07",
        "exact sum 0.070000005, rounded once half up: 0.07",
    ]


charges = st.lists(
    st.builds(Charge, st.integers(1, 9_999), st.integers(0, 10**12), st.integers(0, 2), st.none() | st.just("peak")),
    min_size=1,
    max_size=4,
).map(tuple)


@given(charges, st.integers(0, 10**12))
def test_the_parts_of_a_call_add_up_to_its_price(parts, fee: int) -> None:
    units = sum(part.quantity * part.rate for part in parts) + 60 * fee
    quantity = sum(part.quantity for part in parts)
    rated = Rated(
        quantity=quantity, units=units, measured=0, exact=units, pin=Pin("v", "44", 1), charges=parts,
        connection_fee=fee,
    )  # fmt: skip
    *lines, price = explain_rating(rated, "call")
    shown = [said(re.split(" = |connection fee ", line)[-1]) for line in lines[1:]]
    assert sum(shown) == said(price.removeprefix("price ")) == Fraction(units, ITEM_UNITS)


def test_a_call_in_words() -> None:
    rated = Rated(
        quantity=102, units=60 * parse_rate("0.1"), measured=100_000_000_000, exact=0, pin=Pin("v", "44", 6),
        charges=(Charge(60, parse_rate("0.06"), 0, "peak"), Charge(42, parse_rate("0.03"), 1)),
        connection_fee=parse_rate("0.005"), limited="minimum", bound=60 * parse_rate("0.09996"),
        rounding=PriceRounding("half_up", 4),
    )  # fmt: skip
    assert explain_rating(rated, "call") == [
        "100 s measured, 102 s billed",
        "connection fee 0.005",
        "60 s at 0.06 a minute, band peak (prefix 44) = 0.06",
        "42 s at 0.03 a minute, step 1 (prefix 44) = 0.021",
        "minimum charge 0.09996 in place of 0",
        "rounded half up at 4 decimals, each record",
        "price 0.1",
    ]


def test_a_message_in_words() -> None:
    price = parse_rate("0.005")
    rated = Rated(
        quantity=3, units=180 * price, measured=1, exact=180 * price, pin=Pin("v", None, price),
        charges=(Charge(3, price),), recipients=3,
    )  # fmt: skip
    assert explain_rating(rated, "message") == [
        "1 segment, 3 recipients, 3 billed",
        "3 at 0.005 = 0.015",
        "price 0.015",
    ]


def test_other_usage_in_words() -> None:
    line = UsagePrice(
        type="tts", price=parse_rate("0.02"), conversion=Conversion(how="divide", by=1_000, rounding="up")
    )
    sheet = SheetVersion(
        rates_plan_sid="p", version_sid="v", name="n", service="usage", effective_date=0, rates=(line,)
    )
    event = UsageEvent(dr_sid="a", partner_sid="b", type="tts", quantity=1_500, date=0)
    rated = rate_usage(event, UsageDeck(sheet))
    assert isinstance(rated, Rated)
    assert explain_rating(rated, "usage") == ["1500 units, converted to 2", "2 at 0.02 = 0.04", "price 0.04"]


def test_a_price_that_came_is_told_beside_the_sheets() -> None:
    came = Rated(quantity=7, units=60, measured=7, exact=60, pin=None, final=True, recomputed=120)
    assert explain_rating(came, "usage") == [
        "7 units",
        "price 0.000000001 came with the record",
        "the sheet gives 0.000000002",
    ]
    same = Rated(quantity=7, units=60, measured=7, exact=60, pin=None, final=True)
    assert explain_rating(same, "usage")[1:] == ["price 0.000000001 came with the record"]


def test_a_balance_in_words() -> None:
    shown = invoice(1, balance_previous=-351_910_000, balance_forward=-451_220_000, pay_items=(payment(),))
    assert explain_balance(shown) == "-351.91 carried over + 0.37 charged + 0.32 tax - 100 paid = -451.22"
