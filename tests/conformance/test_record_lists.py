"""Lists of detail records at a glance: what the database reads for a page, however much it holds."""

from typing import Any

import pytest
from tests.making import CHILD, EVERYTHING, OPERATOR, own, tree

from tollbook import limits
from tollbook.billing.events import CallEvent, MessageEvent
from tollbook.billing.model import Sight
from tollbook.query.fields import CALL_DRS, MESSAGE_DRS, USAGE, Resource
from tollbook.query.listing import parse_list
from tollbook.store import Store
from tollbook.store.event_rows import Placed, Seen, kind_of

pytestmark = pytest.mark.files

PRIMARY = "USING PRIMARY KEY (partner_sid=?"
BEHIND = Sight("invoice", CHILD, "an invoice", 0, 10**13)


@pytest.fixture
def recorded(book: Store) -> Store:
    """A call and a message of the child's: enough for a plan, which does not look at the rows."""
    numbers: Any = {"direction": "outbound", "number_src": "331", "number_dst": "332", "partner_sid": CHILD}
    events = (
        CallEvent(dr_sid="c", date_start=1, date_stop=2, **numbers),
        MessageEvent(dr_sid="m", date_sent=3, **numbers),
    )
    made: Any = {"version": 1, "state": "billed", "date_insert": 5, "country_code": None, "quantity": 1}
    with book.writing() as act:
        act.add_events([Placed(event=each, item_type="toll", invoice_sid="an invoice", **made) for each in events])
        act.add_seen([(CHILD, each.dr_sid, Seen(kind_of(each), b"", each.time)) for each in events])
    return book


def plan(store: Store, resource: Resource, sight: Sight, query: str = "") -> list[str]:
    """How the page itself is read."""
    steps = store.explain(sight, parse_list(query, resource))
    return [line for step in steps if step.statement.endswith("LIMIT ? OFFSET ?") for line in step.plan]


@pytest.mark.parametrize(
    ("resource", "sight", "query", "way"),
    [
        (CALL_DRS, own(), "", f"SEARCH event {PRIMARY})"),
        (CALL_DRS, own(), "after=c", f"SEARCH event {PRIMARY} AND (date,dr_sid)>(?,?))"),
        (CALL_DRS, own(), "before=c", f"SEARCH event {PRIMARY} AND (date,dr_sid)<(?,?))"),
        (CALL_DRS, own(), "order=date_stop+desc&after=c", f"SEARCH event {PRIMARY} AND (date,dr_sid)<(?,?))"),
        (CALL_DRS, EVERYTHING, "", "SCAN event USING INDEX event_call_all_by_date"),
        (CALL_DRS, EVERYTHING, "after=c",
         "SEARCH event USING INDEX event_call_all_by_date ((date,dr_sid,partner_sid)>(?,?,?))"),
        (MESSAGE_DRS, own(), "", "SEARCH event USING INDEX event_message_by_date_stop (partner_sid=?)"),
        (MESSAGE_DRS, own(), "after=m",
         "SEARCH event USING INDEX event_message_by_date_stop (partner_sid=? AND (date_stop,dr_sid)>(?,?))"),
        (MESSAGE_DRS, EVERYTHING, "", "SCAN event USING INDEX event_message_all_by_date_stop"),
        (MESSAGE_DRS, EVERYTHING, "after=m",
         "SEARCH event USING INDEX event_message_all_by_date_stop ((date_stop,dr_sid,partner_sid)>(?,?,?))"),
        (USAGE, BEHIND, "", f"SEARCH event {PRIMARY} AND date>? AND date<?)"),
        (USAGE, BEHIND, "after=m", f"SEARCH event {PRIMARY} AND date>? AND date<?)"),
    ],
)  # fmt: skip
def test_a_page_is_a_range_of_an_index(recorded: Store, resource, sight, query, way) -> None:
    found = plan(recorded, resource, sight, query)
    assert found
    assert way in found
    assert not any("TEMP B-TREE" in line for line in found)


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [("after=m", 3, 10**13), ("before=m", 0, 4), ("order=date+desc&after=m", 0, 4), ("order=dr_sid&after=m", 0, 10**13),
     ("order=date+desc&before=m", 3, 10**13)],
)  # fmt: skip
def test_a_page_behind_an_invoice_is_read_from_its_cursor_on(recorded: Store, query: str, start: int, end: int) -> None:
    """Not from the invoice's first record on, which would make the last page the dearest."""
    pages = [s for s in recorded.explain(BEHIND, parse_list(query, USAGE)) if s.statement.endswith("LIMIT ? OFFSET ?")]
    assert pages[0].parameters[:3] == (CHILD, start, end)


@pytest.mark.parametrize("query", ["", "after=c", "filter=price+eq+null"])
def test_few_records_of_a_tree_are_read_by_its_partners_and_many_in_order(
    recorded: Store, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = plan(recorded, CALL_DRS, tree(OPERATOR), query)
    assert any(PRIMARY in line for line in few)
    assert not any("event_call_all_by_date" in line for line in few)
    monkeypatch.setattr(limits, "SORTED_RECORDS_MAX", 1)
    many = plan(recorded, CALL_DRS, tree(OPERATOR), query)
    assert any("event_call_all_by_date" in line for line in many)
    assert not any("TEMP B-TREE" in line for line in many)
    by_price = plan(recorded, CALL_DRS, tree(OPERATOR), "order=price")
    assert not any("event_call_all_by_date" in line for line in by_price)


@pytest.mark.parametrize("sight", [own(), tree(OPERATOR), EVERYTHING])
def test_a_record_by_its_sid_is_one_step(recorded: Store, sight: Sight) -> None:
    with recorded.reading() as read:
        assert read.record(CALL_DRS, sight, "c").partner_sid == CHILD
    steps = recorded.explain(sight, parse_list("after=c", CALL_DRS))
    (found,) = [step.plan for step in steps if "r.dr_sid = ?" in step.statement]
    assert f"SEARCH event {PRIMARY} AND date=? AND dr_sid=?)" in found


def test_a_page_is_never_counted(recorded: Store) -> None:
    for query in ("", "after=c", "limit=1&offset=1", "filter=price+gt+1"):
        steps = recorded.explain(own(), parse_list(query, CALL_DRS))
        assert not any("count(" in step.statement for step in steps)
