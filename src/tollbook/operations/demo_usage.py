"""What the demo's customers use, and what it costs: rate sheets, and a year of calls, messages and other usage.

Everything follows from the customer and the month, so that every demo book is the same.
"""

import uuid
from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

from tollbook.billing.events import CallEvent, Event, MessageEvent, UsageEvent
from tollbook.billing.numbers import Direction
from tollbook.billing.sheets import CallRate, MessageRate, UsagePrice
from tollbook.clock import DAY_MS, parse_instant
from tollbook.money import parse_rate
from tollbook.operations.sheets import NewVersion

_MINUTE_MS: Final = 60_000
_BUSY_HOURS: Final = (0, 3, 6, 7, 8, 8, 9, 9, 9, 10, 10, 11, 11, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 18, 19, 20, 22)
_OWN: Final = ("12185550100", "12185550123", "12185550147")
_TOLL_FREE: Final = "18005550199"
_PLACES: Final = {
    "USA": ("12125550111", "13125550122", "14155550133", "16125550144", "17015550155", "18085550166"),
    "CAN": ("14165550177", "15145550188", "16045550199"),
    "MEX": ("525555550123", "525555550145", "528155550167"),
    "GBR": ("442079460018", "442079460927", "447700900123"),
    "DEU": ("493023125011", "498999998044"),
}
"""Numbers to call, those that are kept for films where a country has such."""


class Calls(NamedTuple):
    """So many calls a month in a direction, to or from a country, of some usual length."""

    direction: Direction
    country_code: str
    number: int
    seconds: int
    toll_free: bool = False


class Messages(NamedTuple):
    """So many messages a month in a direction."""

    direction: Direction
    number: int


class Other(NamedTuple):
    """So many uses a month of some other kind, of about so much each."""

    type: str
    number: int
    quantity: int


Habit = Calls | Messages | Other


def sheets_of(customers: tuple[str, ...]) -> Iterator[tuple[NewVersion, tuple[str, ...]]]:
    """The demo's rate sheets, each with the partners that it is for; none is everybody who has no nearer one."""
    effective = parse_instant("2024-01-01")
    terms: dict[str, Any] = {"effective_date": effective}
    for name, takers, inbound in (("Wholesale", (), "0.0025"), ("Retail", customers, "0.004")):
        out, in_ = _calls_out(wholesale=not takers), _calls_in(inbound)
        yield NewVersion(name=f"{name} out", service="calls", direction="outbound", rates=out, **terms), takers
        yield NewVersion(name=f"{name} in", service="calls", direction="inbound", rates=in_, **terms), takers
    directions: tuple[tuple[Direction, str], ...] = (("outbound", "0.005"), ("inbound", "0.002"))
    for direction, price in directions:
        sms = (MessageRate(price=parse_rate(price)),)
        name = f"Messages {'out' if direction == 'outbound' else 'in'}"
        yield NewVersion(name=name, service="sms", direction=direction, rates=sms, **terms), ()
    other = (UsagePrice(type="lookup", price=parse_rate("0.003")), UsagePrice(type="tts", price=parse_rate("0.00002")))
    yield NewVersion(name="Other", service="usage", direction=None, rates=other, **terms), ()


def _calls_out(*, wholesale: bool) -> tuple[CallRate, ...]:
    """Prices a minute: 6/6 for the reseller, whole minutes and nearly half as much again for its customers."""
    lines = (
        ("1", "0.0065", "USA", "USA"),
        *((area, "0.0085", "CAN", "Canada") for area in ("1416", "1514", "1604")),
        ("44", "0.0120", "GBR", "United Kingdom"),
        ("447", "0.0480", "GBR", "United Kingdom, mobile"),
        ("49", "0.0140", "DEU", "Germany"),
        ("52", "0.0210", "MEX", "Mexico"),
        (None, "0.2500", None, None),
    )
    block, tenths = (6, 10) if wholesale else (60, 14)
    return tuple(
        CallRate(
            prefix=prefix,
            rate=parse_rate(rate) * tenths // 10,
            billing_minimum=block,
            billing_increment=block,
            country_code=country_code,
            country_name=country_name,
        )
        for prefix, rate, country_code, country_name in lines
    )


def _calls_in(rate: str) -> tuple[CallRate, ...]:
    return (CallRate(prefix=None, rate=parse_rate(rate), jurisdictions={"toll_free": parse_rate("0.018")}),)


def usage_of(partner_sid: str, habits: tuple[Habit, ...], start: int, end: int) -> list[Event]:
    """What a customer uses from one instant to another, in the order in which it ends."""
    drawn = Random(f"{partner_sid} {start}")  # noqa: S311  (a demo's figures, not a secret)
    events = [event for habit in habits for event in _events(drawn, partner_sid, habit, start, end)]
    return sorted(events, key=lambda event: (event.time, event.dr_sid))


def _events(drawn: Random, partner_sid: str, habit: Habit, start: int, end: int) -> Iterator[Event]:
    for _ in range(habit.number * drawn.randrange(80, 121) // 100):
        stop = _instant(drawn, start)
        if stop < end:
            dr_sid = str(uuid.UUID(int=drawn.getrandbits(128), version=4))
            yield _event(drawn, habit, {"dr_sid": dr_sid, "partner_sid": partner_sid}, stop)


def _instant(drawn: Random, start: int) -> int:
    """Some moment of a month that begins at `start`, mostly by day; a month of 31 days loses none."""
    day = start + drawn.randrange(31) * DAY_MS
    hour = drawn.choice(_BUSY_HOURS)
    return day + hour * 60 * _MINUTE_MS + drawn.randrange(60 * _MINUTE_MS)


def _event(drawn: Random, habit: Habit, known: dict[str, Any], stop: int) -> Event:
    if isinstance(habit, Other):
        quantity = max(1, habit.quantity * drawn.randrange(50, 151) // 100)
        return UsageEvent(type=habit.type, quantity=quantity, date=stop, **known)
    if isinstance(habit, Messages):
        there, here = drawn.choice(_PLACES["USA"]), drawn.choice(_OWN)
        src, dst = (here, there) if habit.direction == "outbound" else (there, here)
        return MessageEvent(
            direction=habit.direction,
            number_src=src,
            number_dst=dst,
            date_sent=stop,
            message_segments=drawn.choice((1, 1, 1, 1, 2, 3)),
            **known,
        )
    return _call(drawn, habit, known, stop)


def _call(drawn: Random, habit: Calls, known: dict[str, Any], stop: int) -> CallEvent:
    """A call; one in ten is not answered, and some last much longer than usual."""
    there, here = drawn.choice(_PLACES[habit.country_code]), _TOLL_FREE if habit.toll_free else drawn.choice(_OWN)
    src, dst = (here, there) if habit.direction == "outbound" else (there, here)
    longer = drawn.choice((1, 1, 1, 1, 1, 2, 4))
    talked = drawn.randrange(2_000, habit.seconds * 1_000 * longer)
    answered = drawn.randrange(10) > 0
    talk = stop - talked if answered else None
    return CallEvent(
        direction=habit.direction,
        number_src=src,
        number_dst=dst,
        date_start=stop - drawn.randrange(3_000, 20_000) - (talked if answered else 0),
        date_talk=talk,
        date_stop=stop,
        jurisdiction="toll_free" if habit.toll_free else None,
        sipcause=200 if answered else 487,
        **known,
    )
