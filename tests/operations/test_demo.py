"""The demo book: the documented sample to the letter, a reseller with two customers, a year of invoices each."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from tests.making import NOW
from tests.operations.lines import exported

from tollbook.billing.model import Token
from tollbook.clock import DAY_MS, FixedClock
from tollbook.errors import Refusal
from tollbook.operations import demo
from tollbook.operations.books import create_book
from tollbook.operations.tokens import caller_of_token, fingerprint
from tollbook.operations.verifying import check_book
from tollbook.query.fields import Kind
from tollbook.query.records import READERS
from tollbook.query.sample import SAMPLE
from tollbook.store import Store, open_store

money = READERS[Kind.MONEY]


@pytest.fixture
def shown(tmp_path: Path) -> Store:
    """A demo book."""
    url = str(tmp_path / "folder" / "demo.db")
    demo.make_demo_book(url, FixedClock(NOW))
    return open_store(url, FixedClock(NOW))


def test_everything_agrees(shown: Store) -> None:
    assert check_book(shown).total == 0
    assert [path.name for path in shown.path.parent.iterdir() if ".part" in path.name] == []


def test_the_documented_partner_has_the_sample_as_newest_of_four(shown: Store) -> None:
    records = [json.loads(text) for text in exported(shown, demo.DOCUMENTED_PARTNER).splitlines()]
    assert max(records, key=lambda record: record["date_created"]) == SAMPLE
    assert sorted(record["display_id"] for record in records) == ["001", "002", "003", "004"]


@pytest.mark.parametrize("customer", demo.CUSTOMERS, ids=lambda customer: customer.partner["login"])
def test_a_year_that_adds_up(shown: Store, customer: demo.Customer) -> None:
    records = [json.loads(text) for text in exported(shown, customer.sid).splitlines()]
    records.sort(key=lambda record: record["date_created"])
    assert [record["display_id"] for record in records] == [f"{number:03}" for number in range(1, 13)]
    assert [record["status"] for record in records] == ["closed"] * 11 + ["open"]
    for record in records:
        items, taxes, pays = (
            sum(money(row["amount"]) for row in record[name]) for name in ("invoice_items", "tax_items", "pay_items")
        )
        assert (money(record["amount"]), money(record["amount_tax"])) == (items, taxes)
        assert money(record["balance_forward"]) == money(record["balance_previous"]) + items + taxes - pays
    for one, following in pairwise(records):
        assert one["balance_forward"] == following["balance_previous"]


def test_it_is_the_same_each_time(shown: Store, tmp_path: Path) -> None:
    url = str(tmp_path / "again.db")
    demo.make_demo_book(url, FixedClock(NOW + 5))
    assert exported(open_store(url, FixedClock(NOW))) == exported(shown)


def test_a_fresh_token_leaves_those_that_are_good(shown: Store) -> None:
    first, second = (demo.demo_token(shown, demo.RESELLER) for _ in range(2))
    for token in (first, second):
        assert caller_of_token(shown, token.access_token or "")[0].partner_sid == demo.RESELLER
    assert standing(shown, first, second) == {first.token_sid, second.token_sid}


def test_a_fresh_token_clears_expired_ones_away(shown: Store) -> None:
    first = demo.demo_token(shown, demo.RESELLER)
    shown.clock = FixedClock(NOW + 2 * DAY_MS)
    second = demo.demo_token(shown, demo.RESELLER)
    assert standing(shown, first, second) == {second.token_sid}


def standing(store: Store, *tokens: Token) -> set[str]:
    """The tokens that the book still knows."""
    with store.reading() as book:
        grants = [book.grant(fingerprint(token.access_token or "")) for token in tokens]
    return {grant.token_sid for grant in grants if grant}


def test_a_book_that_is_no_demo_is_refused(shown: Store, tmp_path: Path) -> None:
    demo.refuse_other_book(str(shown.path), FixedClock(NOW))
    url = str(tmp_path / "own.db")
    create_book(url, FixedClock(NOW)).store.close()
    with pytest.raises(Refusal, match=r"own\.db is not a demo book"):
        demo.refuse_other_book(url, FixedClock(NOW))
