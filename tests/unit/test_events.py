"""When an event counts, what it is called, and when two are the same."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.billing.events import CallEvent, Event, MessageEvent, UsageEvent, fingerprint

CALL = CallEvent(
    dr_sid="a", partner_sid="b", direction="outbound", number_src="13105550100", number_dst="442071838750",
    date_start=1_000, date_talk=2_000, date_stop=63_000,
)  # fmt: skip
MESSAGE = MessageEvent(
    dr_sid="a", partner_sid="b", direction="outbound", number_src="13105550100", number_dst="442071838750", date_sent=9
)
USAGE = UsageEvent(dr_sid="a", partner_sid="b", type="lookup", quantity=3, date=7)


def changed(event: Event, **to: Any) -> Any:
    return msgspec.structs.replace(event, **to)


def test_an_event_belongs_to_the_period_of_its_stop_and_to_the_sheet_of_its_start() -> None:
    assert (CALL.time, CALL.start, CALL.measured) == (63_000, 1_000, 61_000_000_000)
    assert changed(CALL, date_stop=None).time == 1_000
    assert (MESSAGE.time, MESSAGE.start) == (9, 9)
    assert (changed(MESSAGE, date_start=5).time, changed(MESSAGE, date_start=5).start) == (9, 5)
    assert (USAGE.time, USAGE.start) == (7, 7)


@pytest.mark.parametrize(
    ("direction", "dst", "type_"),
    [("outbound", "18005550100", "toll"), ("inbound", "18005550100", "toll_free"), ("inbound", "12125550100", "toll")],
)
def test_an_inbound_call_to_a_toll_free_number_is_an_item_of_its_own(direction, dst, type_) -> None:
    assert changed(CALL, direction=direction, number_dst=dst).type == type_


def test_the_numbers_of_a_record() -> None:
    assert (CALL.rated_number, CALL.outside) == ("442071838750", "442071838750")
    inbound = changed(CALL, direction="inbound", number_dst="18005550100")
    assert (inbound.rated_number, inbound.outside) == ("13105550100", "13105550100")
    assert changed(CALL, number_billing="499", number_external="331").rated_number == "499"
    assert changed(CALL, number_billing="499", number_external="331").outside == "331"
    group = changed(MESSAGE, number_group_dst=("4930123456", "331"))
    assert (group.rated_number, group.outside, group.recipients, group.quantity) == ("4930123456", "4930123456", 2, 2)


@pytest.mark.parametrize(
    ("src", "told", "sender"),
    [
        ("12345", None, "short_code"), ("123456", None, "short_code"), ("Acme", None, "toll"),
        ("13105550100", None, "toll"),
        ("18885550100", None, "toll_free"), ("13105550100", "short_code", "short_code"),
    ],
)  # fmt: skip
def test_the_class_of_a_sender(src, told, sender) -> None:
    assert changed(MESSAGE, number_src=src, sender_class=told).sender == sender


@pytest.mark.parametrize("event", [CALL, MESSAGE, USAGE])
def test_a7_the_same_id_with_other_content_has_another_fingerprint(event: Event) -> None:
    assert fingerprint(event) == fingerprint(changed(event))
    assert len(fingerprint(event)) == 32
    assert fingerprint(changed(event, price=0)) != fingerprint(event)
    assert fingerprint(changed(event, partner_sid="c")) != fingerprint(event)


@given(st.integers(), st.integers())
def test_fingerprints_tell_quantities_apart(one: int, other: int) -> None:
    prints = {fingerprint(changed(USAGE, quantity=number)) for number in (one, other)}
    assert len(prints) == len({one, other})


def test_events_survive_their_encoding() -> None:
    for event in (CALL, MESSAGE, USAGE):
        assert msgspec.json.decode(msgspec.json.encode(event), type=CallEvent | MessageEvent | UsageEvent) == event
