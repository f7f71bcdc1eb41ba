"""THE property: a filter, an order and a page are what plain Python says, whatever is asked of whichever book."""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.asking import page, records, sids
from tests.conformance.oracle import Record, Wanted, holds, ordered
from tests.conformance.random_books import as_invoice, conditions, orders, random_records, written
from tests.conftest import PROVING
from tests.making import EVERYTHING, FAMILY, GRANDCHILD, NOW, RESELLER, own, plant_family, put, tree
from tests.stores import ON_POSTGRES, behind, fresh_store

from tollbook.billing.model import Sight
from tollbook.clock import FixedClock
from tollbook.query.fields import PARTNERS
from tollbook.store import Store, planning, sql

EXAMPLES = 5_000 if PROVING else 500
BOOKS = 40 if PROVING else 6

BENEATH = {**{each: {each} for each in FAMILY}, FAMILY[0]: set(FAMILY), RESELLER: {RESELLER, GRANDCHILD}}


class Known(NamedTuple):
    """A book, the same without its secondary indexes, and its records as a client sees them."""

    indexed: Store
    bare: Store
    records: list[Record]


_SECONDARY = (
    "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef NOT LIKE '% UNIQUE %'"
    if ON_POSTGRES
    else "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql <> ''"
)


def _without_indexes(store: Store) -> Store:
    with behind(store) as connection:
        names = {name for (name,) in connection.execute(_SECONDARY).fetchall() if not name.startswith("event_2")}
        assert {"invoice_by_status", "invoice_by_date_created"} <= names
        for name in names:
            connection.execute(f"DROP INDEX {name}")
    return store


def _planted(folder: Path, made: list[Record]) -> Store:
    folder.mkdir()
    store = fresh_store(folder, FixedClock(NOW))
    plant_family(store)
    put(store, *map(as_invoice, made))
    return store


def _known(folder: Path, seed: int) -> Known:
    made = random_records(seed)
    store = _planted(folder / "indexed", made)
    partners = {record["partner_sid"]: record for record in records(page(store, resource=PARTNERS))}
    served = {record["invoice_sid"]: record for record in records(page(store, limit=1000))}
    assert served == {record["invoice_sid"]: record for record in made}
    assert all(list(record) == sorted(record) for record in served.values())
    everything = [{**record, "partner": partners[record["partner_sid"]]} for record in made]
    return Known(store, _without_indexes(_planted(folder / "bare", made)), everything)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Known]]:
    """The random book of each seed, made once."""
    made: list[Known] = []

    @lru_cache
    def known(seed: int) -> Known:
        made.append(_known(tmp_path_factory.mktemp(f"book-{seed}"), seed))
        return made[-1]

    yield known
    for each in made:
        each.indexed.close()
        each.bare.close()


sights = st.sampled_from(
    [(EVERYTHING, set(FAMILY)), (tree(RESELLER), BENEATH[RESELLER]), (tree(FAMILY[0]), set(FAMILY))]
    + [(own(each), {each}) for each in FAMILY]
)


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "bare"])
@settings(max_examples=EXAMPLES)
@given(
    seed=st.integers(0, BOOKS - 1),
    wanted=st.lists(conditions(), max_size=4),
    keys=orders,
    quote=st.sampled_from("\"'"),
    seen=sights,
    limit=st.integers(1, 12),
    place=st.integers(0, 45),
)
def test_a_list_is_what_plain_python_says(
    books: Callable[[int], Known],
    indexed: bool,
    seed: int,
    wanted: list[Wanted],
    keys: list[tuple[str, bool]],
    quote: str,
    seen: tuple[Sight, set[str]],
    limit: int,
    place: int,
) -> None:
    sight, partners = seen
    known = books(seed)
    inside = ordered((record for record in known.records if record["partner_sid"] in partners), keys)
    matching = [r["invoice_sid"] for r in inside if all(holds(r, condition) for condition in wanted)]
    asked: dict[str, Any] = {
        "filter": " and ".join(written(condition, quote) for condition in wanted),
        "order": ",".join(f"{path} {'desc' if descending else 'asc'}" for path, descending in keys),
    }
    planning.plan_of.cache_clear()  # plans are made for the indexes of the other books
    with mock.patch.dict(sql.ORDERED, {} if indexed else dict.fromkeys(sql.ORDERED, "")):
        store = known.indexed if indexed else known.bare
        whole = page(store, sight, **asked, limit=1000)
        assert sids(whole) == matching
        assert whole.total == len(matching)
        some = page(store, sight, **asked, limit=limit, offset=place)
        assert (sids(some), some.total) == (matching[place : place + limit], len(matching))
        assert some.has_next is (place + limit < len(matching))
        if inside:
            everyone = [record["invoice_sid"] for record in inside]
            anchor = place % len(everyone)
            past = [each for each in everyone[anchor + 1 :] if each in matching]
            ahead = [each for each in everyone[:anchor] if each in matching]
            after = page(store, sight, **asked, limit=limit, after=everyone[anchor])
            assert (sids(after), after.total, after.has_next) == (past[:limit], len(matching), len(past) > limit)
            before = page(store, sight, **asked, limit=limit, before=everyone[anchor])
            assert (sids(before), before.total) == (ahead[-limit:], len(matching))
            assert before.has_previous is (len(ahead) > limit)


def test_law_9_the_property_would_see_a_leak(books: Callable[[int], Known]) -> None:
    """The oracle is no mirror: it tells another answer apart."""
    known = books(0)
    one = Wanted("partner_sid", "eq", GRANDCHILD)
    matching = {record["invoice_sid"] for record in known.records if holds(record, one)}
    assert matching
    assert matching == set(sids(page(known.indexed, own(GRANDCHILD), limit=1000)))
    assert matching != set(sids(page(known.indexed, own(RESELLER), limit=1000)))
    assert json.dumps(known.records[0])
