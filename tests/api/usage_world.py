"""Usage for the worlds that API tests ask about: partners that are billed, sheets, records in few words."""

from datetime import date
from typing import Any

from tests.api.client import CORE, World
from tests.making import NOW

from tollbook.billing.events import Event, fingerprint
from tollbook.billing.sheets import CallRate, MessageRate, Rate, Service, UsagePrice
from tollbook.clock import format_instant
from tollbook.money import parse_rate
from tollbook.operations import sheets, standing
from tollbook.store import Store
from tollbook.store.event_rows import Placed, Seen, kind_of

CALLS, MESSAGES, USAGE = f"{CORE}/calls/call_drs", f"{CORE}/sms/message_drs", f"{CORE}/billing/usage"
WHEN = format_instant(NOW - 3_600_000)
"""An hour ago."""
BEGINS = date(2024, 12, 20)
"""When the billing of these partners begins."""


def begin_billing(world: World, *partner_sids: str) -> None:
    """Bill some partners."""
    for sid in partner_sids:
        world.store.act(lambda act, sid=sid: standing.begin_billing(act, sid, "a test", begins=BEGINS))  # type: ignore[misc]


def give_sheets(world: World) -> None:
    """Rates for everybody: calls to North America at 0.0025 a minute, messages at 0.005, look-ups at 0.01."""
    call = CallRate(prefix="1", rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60)
    give(world.store, "calls", "outbound", call)
    give(world.store, "sms", "outbound", MessageRate(price=parse_rate("0.005")))
    give(world.store, "usage", None, UsagePrice(type="lookup", price=parse_rate("0.01")))


def give(store: Store, service: Service, direction: Any, rate: Rate) -> None:
    """A sheet of one rate, for everybody."""
    made = sheets.NewVersion(name=service, service=service, direction=direction, effective_date=0, rates=(rate,))
    sheets.import_deck(store, made, sheets.To(default=True), jump_percent=1_000_000)


def call(number: int, **values: Any) -> dict[str, Any]:
    """The call `c1`, `c2`, … of a minute and a half to New York, as it is sent; later numbers ended later."""
    ended = NOW - 3_600_000 + number * 1000
    made = {"dr_sid": f"c{number}", "direction": "outbound", "number_src": "442071838750", "number_dst": "12125550100"}
    ends = {"date_start": ended - 95_000, "date_talk": ended - 90_000, "date_stop": ended}
    return {**made, **{name: format_instant(instant) for name, instant in ends.items()}, **values}


def message(number: int, **values: Any) -> dict[str, Any]:
    """The message `m1`, `m2`, …, as it is sent; later numbers were sent later."""
    made = {"dr_sid": f"m{number}", "direction": "outbound", "number_src": "12345", "number_dst": "12125550100"}
    return {**made, "date_sent": format_instant(NOW - 3_600_000 + number * 1000), **values}


def lookups(number: int, quantity: int, **values: Any) -> dict[str, Any]:
    """The look-ups `u1`, `u2`, …, as they are sent."""
    when = format_instant(NOW - 3_600_000 + number * 1000)
    return {"dr_sid": f"u{number}", "type": "lookup", "quantity": quantity, "date": when, **values}


def put_record(store: Store, event: Event, **values: Any) -> None:
    """Write a record as it is, whether its partner is billed or not."""
    made = {"version": 1, "state": "billed", "date_insert": NOW, "country_code": "USA", "quantity": 60, **values}
    placed = Placed(event=event, item_type=event.type, **made)

    def write(act: Any) -> None:
        act.add_events([placed])
        act.add_seen([(event.partner_sid, event.dr_sid, Seen(kind_of(event), fingerprint(event), event.time))])

    store.act(write)
