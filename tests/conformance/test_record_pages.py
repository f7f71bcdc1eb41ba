"""Detail records: a filter, an order and a page are what plain Python says, in every sight, by offset and by cursor.

The same sids are in several partners and many records at one instant: that is where a page might lose or repeat one.
"""

import random
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.api.usage_world import put_record
from tests.conformance.asking import page
from tests.conformance.oracle import Record, Wanted, holds, ordered, typed
from tests.conftest import PROVING
from tests.making import EVERYTHING, FAMILY, GRANDCHILD, NOW, RESELLER, own, plant_family, tree
from tests.stores import fresh_store

from tollbook import limits
from tollbook.billing.events import CallEvent, MessageEvent
from tollbook.billing.model import Sight
from tollbook.clock import FixedClock, format_instant, parse_instant
from tollbook.money import format_rate
from tollbook.query.fields import CALL_DRS, MESSAGE_DRS, Resource
from tollbook.query.records import decode_json
from tollbook.store import Row, Store, cursor_of

EXAMPLES = 3_000 if PROVING else 300
BOOKS = 20 if PROVING else 4
START = parse_instant("2025-01-15T10:00:00Z")
SIDS = ["a", "b", "c1", "c2", "d/e", f"{GRANDCHILD}/a", "%25&+"]
NUMBERS = ["12125550100", "442071838750", "Acme & Søn", "anonymous"]
PRICES: list[Any] = [None, 0, 1, 2_500_000, 10**9, 123_456_789_012_345]


def _records(store: Store, resource: Resource, seed: int) -> list[Record]:
    """Records of the family in a book, as a client sees them."""
    draw = random.Random(seed)
    for whose, sid in draw.sample([(whose, sid) for whose in FAMILY for sid in SIDS], 25):
        common: Any = {
            "dr_sid": sid, "partner_sid": whose, "direction": draw.choice(["inbound", "outbound"]),
            "number_src": draw.choice(NUMBERS), "number_dst": draw.choice(NUMBERS[:2]),
        }  # fmt: skip
        when = START + draw.randrange(4) * 1000
        made = {"price": draw.choice(PRICES), "rate": draw.choice(PRICES), "quantity": draw.choice([0, 60, 61])}
        if resource is CALL_DRS:
            put_record(
                store,
                CallEvent(**common, date_start=START, date_stop=when, sipcause=draw.choice([None, 16, 200])),
                **made,
            )
        else:
            group = tuple(draw.sample(NUMBERS[:2], draw.randrange(3)))
            told: Any = {"number_group_dst": group, "status": draw.choice([None, "ok"])}
            put_record(store, MessageEvent(**common, date_sent=START, date_stop=when, **told), **made)
    return [decode_json(row.document) for row in page(store, resource=resource, limit=1000).rows]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Any, int], Any]]:
    """The random book of each kind and seed, made once, with its records."""
    made: list[Store] = []

    @lru_cache
    def known(resource: Resource, seed: int) -> tuple[Store, list[Record]]:
        store = fresh_store(tmp_path_factory.mktemp(f"{resource.name}-{seed}"), FixedClock(NOW))
        plant_family(store)
        made.append(store)
        return store, _records(store, resource, seed)

    yield known
    for each in made:
        each.close()


sights = st.sampled_from(
    [(EVERYTHING, set(FAMILY)), (tree(RESELLER), {RESELLER, GRANDCHILD}), *((own(each), {each}) for each in FAMILY)]
)
written: dict[str, list[Any]] = {
    "dr_sid": SIDS, "number_src": NUMBERS, "number_group_dst": NUMBERS[:2], "partner_sid": list(FAMILY),
    "status": ["ok", "OK"], "sipcause": [16, 17, 200], "price": [None, *map(format_rate, PRICES[1:])],
    "rate": [None, "0", "1"], "duration_billing": ["0", "60", "61"], "date_stop": [format_instant(START + 1000)],
}  # fmt: skip


@st.composite
def conditions(draw: Any, resource: Resource) -> tuple[str, Wanted]:
    """A condition as it is written, and as it is meant."""
    path = draw(st.sampled_from([name for name in written if name in resource.by_name]))
    text = draw(st.sampled_from(written[path]))
    ranged = ["eq", "ne"] if text is None or isinstance(text, bool) else ["eq", "ne", "lt", "le", "gt", "ge"]
    operator = draw(st.sampled_from(ranged))
    meant = None if text is None else typed(path, text)
    shown = "null" if text is None else text if isinstance(text, int) else f'"{text}"'
    return f"{path} {operator} {shown}", Wanted(path, operator, meant)


def expected(known: list[Record], partners: set[str], wanted: list[Wanted], keys: list[tuple[str, bool]]) -> Any:
    """The records inside a sight, in order, and which of them match."""
    inside = [record for record in known if record["partner_sid"] in partners]
    inside = ordered(inside, keys, "dr_sid", "partner_sid")
    return inside, [each for each in inside if all(holds(each, one) for one in wanted)]


@pytest.mark.parametrize("resource", [CALL_DRS, MESSAGE_DRS], ids=lambda resource: resource.name)
@settings(max_examples=EXAMPLES)
@given(data=st.data(), seed=st.integers(0, BOOKS - 1), seen=sights, limit=st.integers(1, 9), place=st.integers(0, 30))
def test_a_list_is_what_plain_python_says(
    books: Any, resource: Resource, data: st.DataObject, seed: int, seen: tuple[Sight, set[str]], limit: int, place: int
) -> None:
    store, known = books(resource, seed)
    sight, partners = seen
    wanted = data.draw(st.lists(conditions(resource), max_size=2))
    names = [name for name in ("date_stop", "price", "dr_sid", "partner_sid", "number_src", "status", "sipcause")
             if name in resource.by_name]  # fmt: skip
    keys: Any = data.draw(
        st.lists(st.tuples(st.sampled_from(names), st.booleans()), min_size=1, max_size=2, unique_by=lambda key: key[0])
        | st.just([("date_stop", False)])
    )
    inside, matching = expected(known, partners, [meant for _, meant in wanted], keys)
    asked: dict[str, Any] = {
        "resource": resource,
        "filter": " and ".join(text for text, _ in wanted),
        "order": ",".join(f"{name} {'desc' if down else 'asc'}" for name, down in keys),
    }

    sorted_max = data.draw(st.sampled_from([3, limits.SORTED_RECORDS_MAX]))

    def found(**more: Any) -> tuple[list[Record], Any]:
        with mock.patch.object(limits, "SORTED_RECORDS_MAX", sorted_max):
            got = page(store, sight, **asked, **more)
        assert got.total is None
        return [decode_json(row.document) for row in got.rows], got

    assert found(limit=1000)[0] == matching
    some, got = found(limit=limit, offset=place)
    assert (some, got.has_next) == (matching[place : place + limit], place + limit < len(matching))
    if inside:
        at = place % len(inside)
        row = Row(inside[at]["dr_sid"], inside[at]["partner_sid"], b"")
        cursor = cursor_of(resource, row, sight.partner_sid)
        past = [each for each in inside[at + 1 :] if each in matching]
        ahead = [each for each in inside[:at] if each in matching]
        after, got = found(limit=limit, after=cursor)
        assert (after, got.has_next) == (past[:limit], len(past) > limit)
        before, got = found(limit=limit, before=cursor)
        assert (before, got.has_previous) == (ahead[-limit:], len(ahead) > limit)
