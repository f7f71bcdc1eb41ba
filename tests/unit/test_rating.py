"""Rating against the golden examples, and against fractions on random sheets."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.billing.bands import Band, TimeBands, band_at
from tollbook.billing.deriving import ItemSum
from tollbook.billing.events import CallEvent, MessageEvent, UsageEvent
from tollbook.billing.explaining import RateLine, explain_lines
from tollbook.billing.increments import SECOND_NS, billed_runs, parse_seconds, started_seconds
from tollbook.billing.rating import Pin, Rated, Unrated, convert, rate_call, rate_message, rate_usage
from tollbook.billing.sheets import (
    BandPrice,
    CallDeck,
    CallRate,
    Conversion,
    MessageDeck,
    MessageRate,
    PriceRounding,
    SheetVersion,
    Step,
    UsageDeck,
    UsagePrice,
)
from tollbook.clock import parse_instant
from tollbook.money import BILLIONTHS, ITEM_UNITS, format_amount, format_rate, format_units, item_amount, parse_rate

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "rating"
MONEY = {"rate", "price", "connection_fee", "charge_minimum", "charge_maximum", "intrastate", "interstate"}
START = parse_instant("2025-01-02T12:00:00Z")


def read_money(value: Any, name: str | None = None) -> Any:
    """A golden file's rates as integers."""
    if isinstance(value, dict):
        return {key: read_money(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [read_money(part) for part in value]
    return parse_rate(value) if name in MONEY and isinstance(value, str) else value


def golden(name: str) -> list[Any]:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def version(rates: tuple = (), **terms: Any) -> SheetVersion:
    return SheetVersion(
        rates_plan_sid="plan", version_sid="version", name="golden", effective_date=0, rates=rates,
        **{"service": "calls", **terms},
    )  # fmt: skip


def sheet(case: dict[str, Any], kind: Any, service: str) -> SheetVersion:
    rates = [msgspec.convert({"kind": kind.__struct_config__.tag, **read_money(rate)}, kind) for rate in case["rates"]]
    plain = version(tuple(rates), service=service)
    return msgspec.convert({**msgspec.to_builtins(plain), **case.get("sheet", {})}, SheetVersion)


def call(number: str, duration: str | None = None, talk: str | None = None, given: str | None = None, **more):
    if duration is not None:
        seconds = parse_seconds(duration)
        if talk is not None:
            start = parse_instant(talk)
            more |= {"date_start": start, "date_talk": start, "date_stop": start + seconds // 1_000_000}
        else:
            more["duration"] = seconds
    if given is not None:
        more["price"] = parse_rate(given)
    return CallEvent(
        dr_sid="a", partner_sid="b", direction="outbound", number_src="13105550100", number_dst=number,
        **{"date_start": START, **more},
    )  # fmt: skip


def message(**more: Any) -> MessageEvent:
    plain = {"number_src": "12125550100", "number_dst": "442071838750", "date_sent": START}
    event = {"kind": "message", "dr_sid": "a", "partner_sid": "b", "direction": "outbound", **plain, **more}
    return msgspec.convert(event, MessageEvent)


@pytest.mark.parametrize("case", golden("calls"), ids=lambda case: case["says"])
def test_calls_cost_what_the_golden_file_says(case: dict[str, Any]) -> None:
    deck = CallDeck(sheet(case, CallRate, "calls"))
    outcomes = {"quantity", "price", "rate", "unrated", "limited", "charges", "differs"}
    for example in case["calls"]:
        found = rate_call(call(**{key: value for key, value in example.items() if key not in outcomes}), deck)
        if "unrated" in example:
            assert isinstance(found, Unrated)
            assert found.reason == example["unrated"]
            continue
        assert isinstance(found, Rated)
        assert (found.quantity, format_units(found.units)) == (example["quantity"], example["price"])
        assert (None if found.pin is None else format_rate(found.pin.rate)) == example["rate"]
        assert found.limited == example.get("limited")
        assert found.differs == example.get("differs", False)
        if "charges" in example:
            charges = [[c.quantity, format_rate(c.rate), c.step, c.band] for c in found.charges]
            assert charges == example["charges"]


@pytest.mark.parametrize("case", golden("messages"), ids=lambda case: case["says"])
def test_messages_cost_what_the_golden_file_says(case: dict[str, Any]) -> None:
    deck = MessageDeck(sheet(case, MessageRate, "sms"))
    for example in case["messages"]:
        outcomes = {"quantity", "price", "unrated"}
        found = rate_message(message(**{k: v for k, v in example.items() if k not in outcomes}), deck)
        assert found.quantity == example["quantity"]
        if "unrated" in example:
            assert isinstance(found, Unrated)
            assert found.reason == example["unrated"]
        else:
            assert isinstance(found, Rated)
            assert format_units(found.units) == example["price"]


@pytest.mark.parametrize("case", golden("items"), ids=lambda case: case["says"])
def test_items_cost_what_the_golden_file_says(case: dict[str, Any]) -> None:
    events = [(parse_rate(text), seconds) for text, seconds in case["calls"]]
    total = ItemSum(sum(rate * seconds for rate, seconds in events), sum(s for _, s in events), len(events))
    by_rate = {rate: sum(s for r, s in events if r == rate) for rate, _ in sorted(events)}
    lines = [RateLine(Pin("v", "1", rate), seconds, rate * seconds) for rate, seconds in by_rate.items()]
    assert (format_amount(item_amount(total.units)), total.usage) == (case["amount"], case["usage"])
    assert explain_lines(lines, total) == case["explained"]


# --- against fractions ----------------------------------------------------------------------------

prices = st.integers(0, 10**12)
band_prices = st.lists(
    st.builds(BandPrice, st.sampled_from(["peak", "night"]), prices, st.none() | prices),
    max_size=2,
    unique_by=lambda price: price.band,
).map(tuple)
steps = st.lists(
    st.builds(
        Step, from_second=st.integers(1, 300), rate=prices, billing_increment=st.integers(1, 60), bands=band_prices
    ),
    max_size=3,
    unique_by=lambda step: step.from_second,
).map(lambda steps: tuple(sorted(steps, key=lambda step: step.from_second)))
call_rates = st.builds(
    CallRate,
    prefix=st.just("44"),
    rate=prices,
    billing_minimum=st.integers(0, 90),
    billing_increment=st.integers(1, 90),
    connection_fee=prices,
    charge_minimum=st.just(0) | prices,
    charge_maximum=st.none() | prices,
    steps=steps,
    bands=band_prices,
)
TIMES = TimeBands(
    bands=(
        Band(name="peak", weekdays=(0, 1, 2, 3), from_minute=720, to_minute=722),
        Band(name="night", weekdays=(3,), from_minute=723),
    )
)


@dataclass
class Oracle:
    """A call's price by the rules' words, block by block, in fractions of the currency."""

    rate: CallRate
    sheet: SheetVersion

    def price(self, measured: int, began: int) -> Fraction:
        if not measured:
            return Fraction(0)
        bands = [(0, 0), *((step.from_second, number) for number, step in enumerate(self.rate.steps, 1))]
        assert [number for _, number in bands] == list(range(len(bands)))
        terms = [(step.from_second, step.billing_increment) for step in self.rate.steps]
        runs = billed_runs(
            started_seconds(measured), self.rate.billing_minimum, self.rate.billing_increment,
            self.sheet.convention, terms,
        )  # fmt: skip
        cost, first = Fraction(0), True
        for run in runs:
            for number in range(run.blocks):
                band = self.band(began + (run.begins + number * run.length) * 1000)
                if first:
                    cost, first = Fraction(self.fee(band), BILLIONTHS), False
                cost += Fraction(self.minute(run.step, band), BILLIONTHS) * Fraction(run.length, 60)
        cost = max(cost, Fraction(self.rate.charge_minimum, BILLIONTHS))
        if self.rate.charge_maximum is not None and self.rate.charge_maximum >= self.rate.charge_minimum:
            cost = min(cost, Fraction(self.rate.charge_maximum, BILLIONTHS))
        return cost

    def band(self, instant: int) -> str | None:
        return band_at(self.sheet.times, instant) if self.sheet.times else None

    def fee(self, band: str | None) -> int:
        fees = [p.connection_fee for p in self.rate.bands if p.band == band and p.connection_fee is not None]
        return fees[0] if fees else self.rate.connection_fee

    def minute(self, step: int, band: str | None) -> int:
        priced = self.rate.steps[step - 1] if step else self.rate
        return next((price.rate for price in priced.bands if price.band == band), priced.rate)


@given(
    call_rates,
    st.integers(0, 400_000),
    st.integers(0, 200_000),
    st.sampled_from(["after_minimum", "whole"]),
    st.none() | st.just(TIMES),
)
def test_a_calls_price_is_the_sum_of_its_blocks(rate, talked_ms, later_ms, convention, times) -> None:
    if rate.charge_maximum is not None and rate.charge_maximum < rate.charge_minimum:
        rate = msgspec.structs.replace(rate, charge_maximum=None)
    terms = version((rate,), convention=convention, times=times)
    began = START + later_ms
    event = call("442071838750", date_start=START, date_talk=began, date_stop=began + talked_ms)
    found = rate_call(event, CallDeck(terms))
    assert isinstance(found, Rated)
    measured = talked_ms * 1_000_000
    assert Fraction(found.units, ITEM_UNITS) == Oracle(rate, terms).price(measured, began)
    assert found.measured == measured
    assert found.quantity == sum(charge.quantity for charge in found.charges)
    assert found.quantity * SECOND_NS >= measured
    assert (found.quantity == 0) == (measured == 0)


@given(st.integers(1, 1_000), st.integers(1, 255), prices)
def test_a_messages_price_is_price_by_segments_by_recipients(recipients: int, segments: int, price: int) -> None:
    event = message(number_group_dst=["12125550101"] * recipients, message_segments=segments)
    found = rate_message(event, MessageDeck(version((MessageRate(price=price),), service="sms")))
    assert isinstance(found, Rated)
    assert Fraction(found.units, ITEM_UNITS) == Fraction(price, BILLIONTHS) * segments * recipients
    assert (found.quantity, found.recipients) == (segments * recipients, recipients)


def test_messages_outside_the_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 1000 recipients"):
        rate_message(message(number_group_dst=["1"] * 1_001), None)
    for segments in (0, 256):
        with pytest.raises(ValueError, match="1 to 255 segments"):
            rate_message(message(message_segments=segments), None)


@pytest.mark.parametrize(
    ("quantity", "conversion", "converted"),
    [
        (1_500, None, "1500"),
        (1_500, Conversion(how="multiply", by=3), "4500"),
        (1_500, Conversion(how="divide", by=1_000), "1.5"),
        (1, Conversion(how="divide", by=3), "0.333333333"),
        (2, Conversion(how="divide", by=3), "0.666666667"),
        (1_500, Conversion(how="divide", by=1_000, rounding="up"), "2"),
        (1_500, Conversion(how="divide", by=1_000, rounding="down"), "1"),
        (1_500, Conversion(how="divide", by=1_000, rounding="half_up"), "2"),
        (1_499, Conversion(how="divide", by=1_000, rounding="half_up"), "1"),
        (1_001, Conversion(how="divide", by=1_000, rounding="up", decimals=2), "1.01"),
        (1, Conversion(how="divide", by=3, rounding="up", decimals=9), "0.333333334"),
        (0, Conversion(how="divide", by=1_000, rounding="up"), "0"),
    ],
)
def test_quantities_are_converted_as_the_sheet_says(quantity: int, conversion: Conversion | None, converted) -> None:
    assert format_rate(convert(quantity, conversion)) == converted
    price = UsagePrice(type="tts", price=parse_rate("0.02"), conversion=conversion)
    event = UsageEvent(dr_sid="a", partner_sid="b", type="tts", quantity=quantity, date=START)
    found = rate_usage(event, UsageDeck(version((price,), service="usage")))
    assert isinstance(found, Rated)
    assert found.quantity == quantity  # the wire's usage stays as it was
    exact = Fraction(converted) * Fraction("0.02")
    assert abs(Fraction(found.units, ITEM_UNITS) - exact) <= Fraction(1, 2 * ITEM_UNITS)  # the nearest unit


@given(st.integers(0, 10**12), st.integers(1, 10**6), prices)
def test_an_unrounded_conversion_is_within_half_a_billionth(quantity: int, by: int, price: int) -> None:
    line = UsagePrice(type="tts", price=price, conversion=Conversion(how="divide", by=by))
    event = UsageEvent(dr_sid="a", partner_sid="b", type="tts", quantity=quantity, date=START)
    found = rate_usage(event, UsageDeck(version((line,), service="usage")))
    assert isinstance(found, Rated)
    exact = Fraction(price, BILLIONTHS) * Fraction(quantity, by)
    allowed = Fraction(price, 2 * BILLIONTHS**2) + Fraction(1, 2 * ITEM_UNITS)
    assert abs(Fraction(found.units, ITEM_UNITS) - exact) <= allowed


@pytest.mark.parametrize("quantity", [-1, 10**12 + 1])
def test_a_quantity_outside_the_bounds_is_refused(quantity: int) -> None:
    event = UsageEvent(dr_sid="a", partner_sid="b", type="tts", quantity=quantity, date=START)
    with pytest.raises(ValueError, match="expected a quantity from 0 to"):
        rate_usage(event, None)


def test_what_has_no_sheet_or_no_rate_is_unrated_and_never_zero() -> None:
    usage = UsageEvent(dr_sid="a", partner_sid="b", type="tts", quantity=7, date=START)
    assert rate_call(call("442071838750", "1.5"), None) == Unrated(quantity=2, reason="no sheet is assigned")
    assert rate_message(message(), None) == Unrated(quantity=1, reason="no sheet is assigned")
    assert rate_usage(usage, None) == Unrated(quantity=7, reason="no sheet is assigned")
    empty = UsageDeck(version(service="usage"))
    assert rate_usage(usage, empty) == Unrated(quantity=7, reason="the sheet 'golden' has no rate for tts")


def test_a_price_that_came_is_final_for_every_kind() -> None:
    deck = MessageDeck(version((MessageRate(price=5),), service="sms"))
    came = rate_message(message(price=7), deck)
    assert isinstance(came, Rated)
    assert (came.units, came.recomputed, came.final, came.differs) == (7 * 60, 5 * 60, True, True)
    usage = UsageEvent(dr_sid="a", partner_sid="b", type="tts", quantity=7, date=START, price=0)
    free = rate_usage(usage, None)
    assert isinstance(free, Rated)
    assert (free.units, free.quantity, free.pin, free.differs) == (0, 7, None, False)
    billed = rate_call(call("442071838750", "1.5", given="0.5", duration_billing=60), None)
    assert isinstance(billed, Rated)
    assert (billed.quantity, format_units(billed.units)) == (60, "0.5")


def test_a_sheet_that_rounds_messages_and_usage_rounds_each_event() -> None:
    up = PriceRounding("up", 2)
    deck = MessageDeck(version((MessageRate(price=parse_rate("0.005")),), service="sms", price_rounding=up))
    found = rate_message(message(), deck)
    assert isinstance(found, Rated)
    assert (format_units(found.units), format_units(found.exact)) == ("0.01", "0.005")
