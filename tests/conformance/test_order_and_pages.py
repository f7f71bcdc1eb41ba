"""Order and pages: total, stable, the same forward and back, in every order that can be asked for."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.asking import laid_end_to_end, page, records, sids, walked
from tests.conformance.conftest import Plant
from tests.making import CHILD, FAMILY, GRANDCHILD, MILLION, NOW, RESELLER, invoice, own, put, sid, token

from tollbook import errors
from tollbook.clock import DAY_MS
from tollbook.errors import Refusal
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS, Kind
from tollbook.store import Store

PLAIN = [field.name for field in INVOICES.fields if field.kind not in (Kind.ROWS,)]
ORDERS = [f"{name} {direction}" for name in (*PLAIN, "partner.city", "partner.name", "partner.charge_at")
          for direction in ("asc", "desc")]  # fmt: skip
COUNT = 23


def plant_ties(store: Store) -> None:
    """23 invoices of four partners, full of ties and nulls."""
    for number in range(COUNT):
        day = NOW + number % 3 * DAY_MS
        each = invoice(
            # Sids, partners and values run against each other, so that no order comes out by chance.
            number * 7 % COUNT,
            FAMILY[number % 4],
            amount=(number % 4 - 1) * MILLION,
            date_charged=None if number % 2 else day,
            date_created=NOW + number % 5 * DAY_MS,
            date_charge_expected=None if number % 3 else day,
            paid=number % 2 == 0,
            status=("open", "closed", "Ünpaid", "open ")[number % 4],
        )
        put(store, each)


@pytest.fixture(scope="module")
def tied(shared: Callable[[Plant], Store]) -> Store:
    """The store of ties; never written to by a test."""
    return shared(plant_ties)


def value(record: dict, path: str):
    first, _, rest = path.partition(".")
    found = value(record[first], rest) if rest else record[first]
    return float(found) if path.startswith(("amount", "balance")) else found


def by_hand(store: Store, order: str) -> list[str]:
    """The sids in an order of one key, sorted without the store."""
    answer = page(store, order="invoice_sid", limit=1000)
    partners = {record["partner_sid"]: record for record in records(page(store, resource=PARTNERS))}
    path, direction = order.split()
    everything = [{**record, "partner": partners[record["partner_sid"]]} for record in records(answer)]
    everything.sort(key=lambda record: record["invoice_sid"])
    key = [((v := value(record, path)) is not None, v, record["invoice_sid"]) for record in everything]
    ordered = sorted(key, key=lambda each: (each[0], each[1] if each[0] else 0, each[2]), reverse=direction == "desc")
    return [each[2] for each in ordered]


@pytest.mark.parametrize("order", ORDERS)
def test_order_with_ties_and_nulls_forward_and_back(tied: Store, order: str) -> None:
    expected = by_hand(tied, order)
    assert len(expected) == COUNT
    assert sids(page(tied, order=order, limit=1000)) == expected
    assert laid_end_to_end(tied, order=order, limit=4) == expected
    assert walked(tied, "after", None, order=order, limit=4) == expected
    assert walked(tied, "before", expected[-1], order=order, limit=4) == expected[-2::-1]


@given(
    st.sampled_from(ORDERS),
    st.sampled_from(ORDERS),
    st.integers(1, COUNT + 2),
    st.sampled_from([None, "paid eq true", "amount ge 0"]),
)
def test_law_10_pages_of_any_size_are_the_whole_list(
    tied: Store, first: str, second: str, limit: int, where: str | None
) -> None:
    order = first if first.split()[0] == second.split()[0] else f"{first},{second}"
    answer = page(tied, order=order, limit=1000, filter=where)
    whole = sids(answer)
    assert answer.total == len(whole) == len(set(whole)) > 0
    assert laid_end_to_end(tied, order=order, limit=limit, filter=where) == whole
    assert walked(tied, "after", None, order=order, limit=limit, filter=where) == whole
    assert walked(tied, "before", whole[-1], order=order, limit=limit, filter=where) == whole[-2::-1]
    for answer in (page(tied, order=order, limit=limit, filter=where, offset=at) for at in range(len(whole) + 2)):
        assert answer.total == len(whole)


def test_the_default_order_is_the_newest_first(tied: Store) -> None:
    assert sids(page(tied, limit=1000)) == by_hand(tied, "date_created desc")


@pytest.mark.parametrize("offset", [0, 1, COUNT - 10, COUNT - 9, COUNT - 1])
def test_a_page_says_what_is_on_either_side(tied: Store, offset: int) -> None:
    answer = page(tied, offset=offset)
    assert len(answer.rows) == min(10, COUNT - offset)
    assert (answer.total, answer.has_next, answer.has_previous) == (COUNT, offset + 10 < COUNT, offset > 0)


@pytest.mark.parametrize("offset", [COUNT, COUNT + 1, 2**53])
@pytest.mark.parametrize("order", ["amount", "shuffle", None])
def test_c12_past_the_end(tied: Store, offset: int, order: str | None) -> None:
    answer = page(tied, offset=offset, order=order)
    assert (answer.rows, answer.total, answer.has_next, answer.has_previous) == ([], COUNT, False, True)


@pytest.mark.parametrize("offset", [0, 5])
def test_c12_past_the_end_of_nothing(tied: Store, offset: int) -> None:
    answer = page(tied, offset=offset, filter="amount gt 1000")
    assert (answer.rows, answer.total, answer.has_next, answer.has_previous) == ([], 0, False, False)


@pytest.mark.parametrize("where", [None, "amount ge 0", "status eq open"])
def test_a_cursor_need_not_match_the_filter(tied: Store, where: str | None) -> None:
    everything = by_hand(tied, "amount desc")
    matching = set(sids(page(tied, filter=where, limit=1000)))
    for place, anchor in enumerate(everything):
        past = [each for each in everything[place + 1 :] if each in matching]
        ahead = [each for each in everything[:place] if each in matching]
        after = page(tied, order="amount desc", after=anchor, limit=3, filter=where)
        assert sids(after) == past[:3]
        assert (after.has_next, after.total) == (len(past) > 3, len(matching))
        assert after.has_previous is (bool(past) and (anchor in matching or bool(ahead)))
        before = page(tied, order="amount desc", before=anchor, limit=3, filter=where)
        assert sids(before) == ahead[-3:]
        assert (before.has_previous, before.total) == (len(ahead) > 3, len(matching))
        assert before.has_next is (anchor in matching or bool(past))


@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize("cursor", [sid(0xDEAD), "forged", sid(1)[:-1], sid(1).upper() + "x", "' or 1=1 --", CHILD])
def test_c13_a_cursor_that_names_nothing(tied: Store, name: str, cursor: str) -> None:
    asked: dict[str, Any] = {name: cursor}
    with pytest.raises(Refusal) as caught:
        page(tied, **asked)
    assert caught.value.problem is errors.ITEM_UNKNOWN


def test_c13_a_cursor_out_of_sight_is_as_one_that_names_nothing(tied: Store) -> None:
    (foreign, *_) = sids(page(tied, own(GRANDCHILD)))
    assert sids(page(tied, after=foreign))
    for cursor in ({name: each} for name in ("after", "before") for each in (foreign, sid(0xDEAD))):
        asked: dict[str, Any] = cursor
        with pytest.raises(Refusal) as caught:
            page(tied, own(CHILD), **asked)
        assert (caught.value.problem, caught.value.flaws) == (errors.ITEM_UNKNOWN, errors.no_item().flaws)


def test_c10_shuffle_is_fresh_each_time(tied: Store) -> None:
    shuffled = {tuple(sids(page(tied, order="shuffle", limit=1000))) for _ in range(5)}
    assert len(shuffled) > 1  # 23! orders: five equal ones do not happen
    assert {tuple(sorted(each)) for each in shuffled} == {tuple(sorted(by_hand(tied, "amount asc")))}
    assert len(page(tied, order="shuffle", limit=4).rows) == 4


def test_the_lists_of_partners_and_tokens_are_lists_too(store: Store) -> None:
    with store.writing() as act:
        for number in range(5):
            act.add_token(token(number, RESELLER, date_created=NOW + number % 2), bytes([number]), None)
    newest_first = [sid(number) for number in (3, 1, 4, 2, 0)]
    assert sids(page(store, resource=TOKENS)) == newest_first
    assert sids(page(store, resource=TOKENS, after=sid(1), limit=2)) == newest_first[2:4]
    assert sids(page(store, resource=TOKENS, before=sid(2), limit=2)) == newest_first[1:3]
    assert sids(page(store, resource=TOKENS, order="access_token,token_sid")) == sorted(newest_first)
    assert sids(page(store, resource=PARTNERS)) == list(reversed(FAMILY))
    assert sids(page(store, resource=PARTNERS, order="parent_sid", after=FAMILY[0])) == list(FAMILY[1:])
