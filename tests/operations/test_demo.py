"""The demo book: the documented sample to the letter, and a year of a reseller and its customers, by the engine."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.making import NOW
from tests.operations.lines import exported

from tollbook.billing.ledger import Billing
from tollbook.billing.model import Token
from tollbook.clock import DAY_MS, FixedClock, SystemClock
from tollbook.errors import Refusal
from tollbook.operations import billing_run, demo
from tollbook.operations.books import create_book
from tollbook.operations.sandbox import clock_of
from tollbook.operations.tokens import caller_of_token, fingerprint
from tollbook.operations.verifying import check_book
from tollbook.query.fields import Kind
from tollbook.query.records import READERS
from tollbook.query.sample import SAMPLE
from tollbook.store import Store, open_store

money = READERS[Kind.MONEY]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo book that nobody changes."""
    path = tmp_path_factory.mktemp("demo") / "folder" / "demo.db"
    demo.make_demo_book(str(path), FixedClock(NOW))
    return path


@pytest.fixture
def shown(made: Path, tmp_path: Path) -> Iterator[Store]:
    """A demo book of one's own."""
    shutil.copy(made, tmp_path / "demo.db")
    with closing(open_store(str(tmp_path / "demo.db"), FixedClock(NOW))) as store:
        yield store


def invoices(store: Store, partner_sid: str) -> list[dict[str, Any]]:
    """A partner's invoices as they are served, oldest first."""
    records = [json.loads(text) for text in exported(store, partner_sid).splitlines()]
    return sorted(records, key=lambda record: str(record["date_created"]))


def test_it_appears_whole(made: Path, shown: Store) -> None:
    assert [path.name for path in made.parent.iterdir() if ".part" in path.name] == []
    assert check_book(shown).total == 0


def test_the_documented_partner_has_the_sample_as_newest_of_four(shown: Store) -> None:
    records = invoices(shown, demo.DOCUMENTED_PARTNER)
    assert records[-1] == SAMPLE
    assert [record["display_id"] for record in records] == ["001", "002", "003", "004"]


def test_the_documented_partner_stays_as_it_is_when_time_moves(shown: Store) -> None:
    before = invoices(shown, demo.DOCUMENTED_PARTNER)
    with shown.writing() as act:
        act.set_book("sandbox_clock", str(demo.NOW + 31 * DAY_MS))
    assert billing_run.run(shown).closed == len(demo.CUSTOMERS)
    assert invoices(shown, demo.DOCUMENTED_PARTNER) == before
    assert check_book(shown).total == 0


def test_its_time_is_within_the_period_of_the_sample(shown: Store) -> None:
    with shown.reading() as book:
        now = clock_of(book)
    start, end = (READERS[Kind.INSTANT](SAMPLE[f"date_billing_period_{edge}"]) for edge in ("start", "end"))
    assert start < now < end


@pytest.mark.parametrize("customer", demo.CUSTOMERS, ids=lambda customer: customer.partner["login"])
def test_a_year_that_adds_up(shown: Store, customer: demo.Customer) -> None:
    records = invoices(shown, customer.sid)
    assert [record["display_id"] for record in records] == [f"{number:03}" for number in range(1, 13)]
    assert [record["status"] for record in records] == ["closed"] * 11 + ["open"]
    assert [record["date_created"][8:] for record in records[1:]] == ["19T23:30:01.000Z"] * 11
    for one, following in pairwise(records):
        assert one["balance_forward"] == following["balance_previous"]
        assert money(one["amount"]) > 0
    with shown.reading() as book:
        assert book.usage_pending(customer.sid) == {}


def test_the_reseller_and_the_clinic_pay_and_the_other_does_not(shown: Store) -> None:
    reseller, clinic, logistics = (invoices(shown, customer.sid) for customer in demo.CUSTOMERS)
    assert [record["paid"] for record in reseller] == [True] * 11 + [False]
    assert {pay["type"] for record in reseller for pay in record["pay_items"]} == {"wire"}
    assert {pay["type"] for record in clinic for pay in record["pay_items"]} == {"visa"}
    assert [record["pay_items"] for record in logistics] == [[]] * 12
    assert billing(shown, demo.CLINIC).payment_type == "prepay"


def billing(store: Store, partner_sid: str) -> Billing:
    with store.reading() as book:
        found = book.billing(partner_sid)
    assert found
    return found


def test_a_year_has_late_records_a_correction_a_credit_and_notices(shown: Store) -> None:
    items = [
        item for each in demo.CUSTOMERS for record in invoices(shown, each.sid) for item in record["invoice_items"]
    ]
    late = [item for item in items if item["date_billing_period_end"][8:10] != "19"]
    assert late == []
    types = {item["type"] for item in items}
    assert types == {"toll", "toll_free", "sms", "lookup", "tts", "adjustment", "credit"}
    with shown.reading() as book:
        kinds = {(notice.partner_sid, notice.kind) for notice in book.notices(100)}
    assert {(demo.LOGISTICS, "charge_requested"), (demo.LOGISTICS, "spending_limit")} <= kinds
    for each in demo.CUSTOMERS:
        own = {record["date_billing_period_start"]: record["invoice_items"] for record in invoices(shown, each.sid)[1:]}
        assert any(item["date_billing_period_start"] < start for start, lines in own.items() for item in lines)


def test_it_is_the_same_each_time(shown: Store, tmp_path: Path) -> None:
    url = str(tmp_path / "again.db")
    demo.make_demo_book(url, SystemClock())
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
    demo.refuse_other_book(shown.url, FixedClock(NOW))
    url = str(tmp_path / "own.db")
    create_book(url, FixedClock(NOW)).store.close()
    with pytest.raises(Refusal, match=r"own\.db is not a demo book"):
        demo.refuse_other_book(url, FixedClock(NOW))
