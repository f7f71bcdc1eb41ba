"""Invoices from sums: the order of events changes nothing, each item is rounded once, corrections leave no trace."""

from datetime import date
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.making import item, payment, tax

from tollbook.billing.deriving import (
    ITEM_TYPES,
    ItemKey,
    ItemSum,
    difference,
    items_of,
    key_of,
    summed,
    totals_of,
)
from tollbook.billing.events import CallEvent, MessageEvent, UsageEvent
from tollbook.billing.increments import SECOND_NS
from tollbook.billing.periods import Period
from tollbook.billing.rating import Rated, rate_call
from tollbook.billing.sheets import CallDeck, CallRate, SheetVersion
from tollbook.limits import ITEM_MAX
from tollbook.money import ITEM_UNITS, MILLIONTHS, parse_rate

JANUARY, FEBRUARY = Period(date(2025, 1, 1), date(2025, 2, 1)), Period(date(2025, 2, 1), date(2025, 3, 1))

keys = st.builds(
    ItemKey,
    st.sampled_from(["toll", "toll_free", "sms", "adjustment", "fax"]),
    st.sampled_from(["inbound", "outbound", None]),
    st.sampled_from(["USA", "GBR", None]),
    st.sampled_from([JANUARY, FEBRUARY]),
)
parts = st.builds(ItemSum, st.integers(0, 10**14), st.integers(0, 10**6), st.just(1))
events = st.lists(st.tuples(keys, parts), max_size=20)


@given(events, st.randoms())
def test_shuffled_events_give_the_same_invoice(given_events, chance) -> None:
    shuffled = chance.sample(given_events, len(given_events))
    assert items_of(summed(given_events)) == items_of(summed(shuffled))


@given(events)
def test_each_item_is_the_once_rounded_sum_of_its_events(given_events) -> None:
    items = items_of(summed(given_events))
    assert len(items) == len({key for key, _ in given_events})
    for line in items:
        mine = [
            part
            for key, part in given_events
            if (key.type, key.direction, key.country_code, key.period.date_start)
            == (line.type, line.direction, line.country_code, line.date_billing_period_start)
        ]
        exact = sum((Fraction(part.units, ITEM_UNITS) for part in mine), Fraction(0))
        assert line.amount == int(exact * 100 + Fraction(1, 2)) * (MILLIONTHS // 100)
        assert line.usage == sum(part.usage for part in mine)


@given(events, events)
def test_an_event_added_and_taken_away_leaves_no_trace(kept, corrected) -> None:
    taken = [(key, ItemSum() - part) for key, part in corrected]
    assert items_of(summed([*kept, *corrected, *taken])) == items_of(summed(kept))


@given(keys, parts, parts)
def test_a_correction_of_a_closed_period_is_an_adjustment_with_the_events_own_period(key, before, after) -> None:
    adjusted, change = difference(key, before, after)
    assert (adjusted.type, adjusted.direction, adjusted.country_code, adjusted.period) == (
        "adjustment", key.direction, key.country_code, key.period,
    )  # fmt: skip
    assert (change.units, change.usage) == (after.units - before.units, after.usage - before.usage)


def test_an_event_knows_its_item() -> None:
    numbers: dict[str, Any] = {"number_src": "442071838750", "number_dst": "18005550100"}
    call = CallEvent(dr_sid="a", partner_sid="b", direction="inbound", date_start=0, **numbers)
    message = MessageEvent(dr_sid="a", partner_sid="b", direction="outbound", date_sent=0, type="mms", **numbers)
    usage = UsageEvent(dr_sid="a", partner_sid="b", type="lookup", quantity=1, date=0, country_code="FRA")
    assert key_of(call, JANUARY) == ItemKey("toll_free", "inbound", "GBR", JANUARY)
    assert key_of(message, JANUARY) == ItemKey("mms", "outbound", "USA", JANUARY)
    assert key_of(usage, JANUARY) == ItemKey("lookup", None, "FRA", JANUARY)


def test_items_stand_in_the_samples_order() -> None:
    period = JANUARY
    shown = items_of(
        summed(
            (key, ItemSum(0, 1, 1))
            for key in [
                ItemKey("unheard_of", None, None, period), ItemKey("sms_enablement", None, "USA", period),
                ItemKey("toll", "outbound", "USA", period), ItemKey("toll", "inbound", None, period),
                ItemKey("adjustment", "inbound", "USA", period), ItemKey("toll", "inbound", "USA", FEBRUARY),
                ItemKey("toll", "inbound", "USA", period), ItemKey("toll", "inbound", "GBR", period),
            ]
        ),
        fixed=[item(type="credit", amount=-5, usage=0)],
    )  # fmt: skip
    assert [(line.type, line.direction, line.country_code) for line in shown] == [
        ("toll", "inbound", "GBR"), ("toll", "inbound", "USA"), ("toll", "inbound", "USA"), ("toll", "inbound", None),
        ("toll", "outbound", "USA"), ("sms_enablement", None, "USA"), ("credit", "inbound", "USA"),
        ("adjustment", "inbound", "USA"), ("unheard_of", None, None),
    ]  # fmt: skip
    assert "unheard_of" not in ITEM_TYPES


def test_an_item_beyond_its_bound_parks() -> None:
    assert not ItemSum(ITEM_MAX * ITEM_UNITS).parks
    assert ItemSum(-ITEM_MAX * ITEM_UNITS - 1).parks


def test_totals_of_the_documented_sample_but_for_its_exception() -> None:
    items = [item(amount=370_000), item(amount=10_000), item(amount=0)]
    found = totals_of(items, [tax()], [payment(amount=-351_000_000)], -351_910_000)
    assert (found.amount, found.amount_tax, found.balance_previous) == (380_000, 320_000, -351_910_000)
    assert (found.balance_forward, found.amount_due) == (-210_000, 0)
    assert totals_of(items, [tax()], [], 0).amount_due == 700_000


LINES = (
    CallRate(prefix="44", rate=parse_rate("0.0025"), billing_minimum=30, billing_increment=6),
    CallRate(prefix="447", rate=parse_rate("0.0031"), billing_minimum=60, billing_increment=60),
    CallRate(prefix=None, rate=parse_rate("0.123456789")),
)
DECK = CallDeck(
    SheetVersion(rates_plan_sid="p", version_sid="v", name="n", service="calls", effective_date=0, rates=LINES)
)
talks = st.lists(st.tuples(st.sampled_from(["442", "447", "33"]), st.integers(0, 400 * 10**5)), max_size=30)


@given(talks)
def test_from_calls_to_the_cent_as_fractions_have_it(given_calls: list[tuple[str, int]]) -> None:
    """Numbers and talk times in 10⁻⁵ s, rated, summed and rounded once."""
    key, exact, seconds, parts_ = ItemKey("toll", "outbound", "GBR", JANUARY), Fraction(0), 0, []
    for start, talked in given_calls:
        rate, minimum, increment = {"442": ("0.0025", 30, 6), "447": ("0.0031", 60, 60), "33": ("0.123456789", 0, 1)}[
            start
        ]
        time = Fraction(talked, 10**5)
        over = max(Fraction(0), time - minimum)
        billed = 0 if not time else minimum + -(-over // increment) * increment
        exact += Fraction(rate) * billed / 60
        seconds += int(billed)
        call = CallEvent(
            dr_sid="a", partner_sid="b", direction="outbound", number_src="1", number_dst=start + "071838750",
            date_start=0, duration=talked * (SECOND_NS // 10**5),
        )  # fmt: skip
        rated = rate_call(call, DECK)
        assert isinstance(rated, Rated)
        parts_.append((key, ItemSum(rated.units, rated.quantity, 1)))
    found = items_of(summed(parts_))
    assert len(found) == bool(given_calls)
    for line in found:
        assert line.usage == seconds
        assert line.amount * 100 == int(exact * 100 + Fraction(1, 2)) * MILLIONTHS
