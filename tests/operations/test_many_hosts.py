"""Rows A11 to A13 with several hosts on one PostgreSQL database: one wins, each counts once, and nothing is lost."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from unittest import mock

import pytest
from tests.engine import Engine, call
from tests.operations.hosts import at_hosts, hosts_at
from tests.simulation.book_laws import broken_laws
from tests.stores import behind, new_database, workers

from tollbook import errors, limits
from tollbook.billing.model import Sight
from tollbook.billing.sheets import CallRate
from tollbook.clock import parse_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import billing_run, tokens
from tollbook.operations.findings import Audited, Finding
from tollbook.operations.mending import repair_book
from tollbook.operations.recording import record
from tollbook.operations.standing import approve
from tollbook.operations.verifying import check_book
from tollbook.store import Writes, migrations, open_store, postgres_books
from tollbook.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres

NOW = "2024-12-20T10:00:00Z"
CLOSED = "2025-02-21T00:00:00Z"
HOUR = 3_600_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix=None, rate=parse_rate("0.0031"), billing_minimum=1))
    yield made
    made.store.close()


_PAY = """
from tollbook.operations.payments import pay
def do(store, partner_sid):
    body = {"amount": "5", "type": "visa", "partner_sid": partner_sid, "provider": "bank"}
    return [
        told(store.act, lambda act: pay(act, caller, body | {"reference": f"r{n}"}) and "paid") for n in range(30)
    ]
"""


def test_a13_payments_of_one_reference_at_two_hosts_count_once(engine: Engine) -> None:
    acme = engine.partner("Acme")
    for both in zip(*at_hosts(engine.store, _PAY, _PAY, given=acme), strict=True):
        assert sorted(both) == ["conflict", "paid"]
    assert engine.balance(acme) == "150"
    assert broken_laws(engine.store) == []


_PAY_MORE = _PAY.replace("r{n}", "s{n}")


def test_a_check_and_a_repair_while_two_hosts_take_payments_find_and_leave_nothing_wrong(engine: Engine) -> None:
    acme, hosts, found = engine.partner("Acme"), list[Any](), list[Finding]()
    engine.store.read_deadline_seconds = math.inf
    taking = Thread(target=lambda: hosts.extend(at_hosts(engine.store, _PAY, _PAY_MORE, given=acme)))
    taking.start()
    while taking.is_alive():
        found += check_book(engine.store).findings
        repair_book(engine.store, Audited())
    taking.join()
    assert found == []
    assert hosts == [["paid"] * 30] * 2
    assert engine.balance(acme) == "300"


def test_a_second_check_confirms_what_the_first_one_found() -> None:
    first, second = Audited(documents=[("p", 1, "i")], partners=["p"]), Audited(invoices=3, partners=["p", "q"])
    stays, went, came = (Finding("balance", "p", words, True) for words in ("stays", "went", "came"))
    for audited, other in ((first, went), (second, came)):
        audited.add(stays)
        audited.add(other)
    told = second.confirming(first)
    assert (told.invoices, told.findings, told.total) == (3, [stays], 1)
    assert (told.documents, told.partners) == ([], ["p"])
    for number in range(limits.FINDINGS_SHOWN_MAX):
        first.add(Finding("balance", str(number), "is wrong", True))
    assert second.confirming(first) is second


_PAY_WITH_KEY = """
from tollbook.operations.idempotency import Once, write_once
from tollbook.operations.payments import pay
def do(store, partner_sid):
    body = {"amount": "5", "type": "visa", "partner_sid": partner_sid}
    write = lambda act: pay(act, caller, body).payment_sid.encode()
    made = [write_once(store, caller, Once(f"key {n}", b"same"), write) for n in range(30)]
    return [[one.body.decode(), one.replayed] for one in made]
"""


def test_one_idempotency_key_at_two_hosts_is_done_once_and_answered_alike(engine: Engine) -> None:
    acme = engine.partner("Acme")
    for one, other in zip(*at_hosts(engine.store, _PAY_WITH_KEY, _PAY_WITH_KEY, given=acme), strict=True):
        assert one[0] == other[0]
        assert sorted([one[1], other[1]]) == [False, True]
    assert engine.balance(acme) == "150"


_RECORD = """
from tests.engine import call
from tollbook.operations.recording import record
def do(store, given):
    partner_sid, name = given
    said = []
    for n in range(30):
        batch = [call(partner_sid, f"{name}{n} {m}", "2024-12-20T10:00:00Z", seconds=60) for m in range(5)]
        said += store.act(lambda act: record(act, caller, batch))
    return [[one.result, one.late] for one in said]
"""
_RUN = """
from tollbook.operations import billing_run
def do(store, given):
    return billing_run.run(store).closed
"""
_TICK = """
from tollbook.operations.ticking import tick
def do(store, given):
    return [tick(store) for _ in range(5)]
"""


def test_a6_the_same_records_at_two_hosts_count_once(engine: Engine) -> None:
    acme = engine.partner("Acme")
    for one, other in zip(*at_hosts(engine.store, _RECORD, _RECORD, given=[acme, "a"]), strict=True):
        assert sorted([one[0], other[0]]) == ["accepted", "duplicate"]
    assert engine.items(acme)[0][4] == 150 * 60
    assert broken_laws(engine.store) == []


def test_the_part_of_a_month_is_made_however_late_it_is_missed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, store = engine.partner("Acme"), engine.store
    assert isinstance(store, PostgresStore)
    store._months._known.add("event_2024_12")  # another host has put it away
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0.01)

    def late(act: Writes) -> list[str]:
        time.sleep(0.05)
        return [each.result for each in record(act, engine.caller, [call(acme, "c", "2024-12-20T10:00:00Z")])]

    assert store.act(late) == ["accepted"]


def test_a12_records_that_come_while_another_host_closes_their_period(engine: Engine) -> None:
    acme = engine.partner("Acme")
    engine.at(CLOSED)
    said, closed = at_hosts(engine.store, _RECORD, _RUN, given=[acme, "a"])
    assert closed == 2
    assert {result for result, _ in said} == {"accepted"}
    assert sum(item["usage"] for one in engine.invoices(acme) for item in one["invoice_items"]) == 150 * 60
    assert sum(item[4] for item in engine.items(acme)) == sum(late for _, late in said) * 60
    assert broken_laws(engine.store) == []


def test_a11_three_tickers_at_once_do_all_once(engine: Engine) -> None:
    partners = [engine.partner(f"Partner {number}") for number in range(20)]
    engine.record(*(call(sid, "a", NOW, seconds=60) for sid in partners))
    engine.at(CLOSED)
    at_hosts(engine.store, _TICK, _TICK, _TICK)
    for sid in partners:
        assert [status for (status,) in engine.figures(sid, "status")] == ["closed", "closed", "open"]
        assert engine.moves(sid).count("close") == 2
    engine.store.read_deadline_seconds = math.inf  # twenty partners, one after the other
    assert broken_laws(engine.store) == []


def test_a_day_of_spending_that_another_host_has_begun_is_not_begun_again(engine: Engine) -> None:
    acme = engine.partner("Acme")
    engine.at(CLOSED)
    other = open_store(engine.store.url, engine.clock)

    def first(act: Writes) -> None:
        billing_run.begin_day(other)
        engine.record(call(acme, "a", CLOSED, seconds=600))
        billing_run._begin_day(act)

    engine.store.act(first)
    with engine.store.reading() as book:
        assert book.partner(Sight("all", ""), acme).daily_spent_amount > 0
    other.close()


_ADVANCE = """
from tollbook.operations.sandbox import Move, move
def do(store, given):
    return [store.act(lambda act: move(act, caller, Move(by=given))).decode() for _ in range(20)]
"""


def test_a_sandbox_that_two_hosts_advance_moves_by_both(tmp_path: Path) -> None:
    engine = Engine(tmp_path, NOW, sandbox=True)
    one, other = at_hosts(engine.store, _ADVANCE, _ADVANCE, given=HOUR)
    assert len({*one, *other}) == 40
    with engine.store.reading() as book:
        assert book.present(0) == parse_instant(NOW) + 40 * HOUR
    engine.store.close()


_REFRESH = """
from tollbook.operations.tokens import Wish, grant_by_refresh
def do(store, secrets):
    return [told(lambda: grant_by_refresh(store, secret, Wish()).access_token) for secret in secrets]
"""


def test_a_refresh_token_at_two_hosts_renews_once(engine: Engine) -> None:
    operator = engine.operator.partner_sid
    made = [tokens.grant_to(engine.store, engine.caller, operator, tokens.Wish()) for _ in range(20)]
    given = [token.refresh_token for token in made]
    for both in zip(*at_hosts(engine.store, _REFRESH, _REFRESH, given=given), strict=True):
        (wrong,) = [each for each in both if each == "credentials_wrong"]
        (renewed,) = [each for each in both if each != wrong]
        assert tokens.caller_of_token(engine.store, renewed)[0].partner_sid == operator


_CHANGE = """
from tollbook.operations.partners import change_partner
def do(store, partner_sid):
    for n in range(30):
        change_partner(store, caller, partner_sid, {"NAME": f"{n}"}, whole=False)
"""


def test_two_hosts_change_two_attributes_of_one_partner(engine: Engine) -> None:
    acme = engine.partner("Acme")
    at_hosts(engine.store, _CHANGE.replace("NAME", "city"), _CHANGE.replace("NAME", "zip"), given=acme)
    with engine.store.reading() as book:
        changed = book.partner(Sight("all", ""), acme)
    assert (changed.city, changed.zip) == ("29", "29")


_CREATE = """
from tollbook.operations.partners import create_partner
def do(store, given):
    make = lambda n: create_partner(store, caller, {"name": "Acme", "login": f"acme{n}"}).name
    return [told(make, n) for n in range(20)]
"""


def test_one_login_at_two_hosts_is_one_partners(engine: Engine) -> None:
    for both in zip(*at_hosts(engine.store, _CREATE, _CREATE), strict=True):
        assert sorted(both) == ["Acme", "object_invalid"]


def test_a_version_that_is_replaced_while_it_rates_is_pinned_by_nothing(engine: Engine) -> None:
    """An import at another host comes between the rating and the remembering that it was used."""
    acme = engine.partner("Acme")
    other = open_store(engine.store.url, engine.clock)
    left = [True]
    mark = Writes.mark_used

    def late(act: Writes, version_sids: set[str]) -> None:
        if left:
            left.clear()
            here, engine.store = engine.store, other
            engine.sheet(CallRate(prefix=None, rate=parse_rate("0.01"), billing_minimum=1))
            engine.store = here
        mark(act, version_sids)

    with mock.patch.object(Writes, "mark_used", late):
        (outcome,) = engine.record(call(acme, "a", NOW, seconds=60))
    assert outcome.result == "accepted"
    with engine.store.reading() as book:
        (head,) = book.version_heads()
        placed = book.placed(acme, "a")
    assert placed is not None
    assert placed.pin is not None
    assert (placed.pin.version_sid, placed.pin.rate, head.used) == (head.version_sid, parse_rate("0.01"), True)
    assert broken_laws(engine.store) == []
    other.close()


def test_an_invoice_that_is_closed_meanwhile_is_not_approved(engine: Engine) -> None:
    """What is said of it is judged by what it is once nobody else may change it."""
    acme = engine.partner("Acme", needs_approval=True)
    engine.record(call(acme, "a", NOW, seconds=60))
    (sid,) = [one["invoice_sid"] for one in engine.invoices(acme)]
    approve(engine.store, sid, "somebody")
    engine.run(CLOSED)
    with pytest.raises(Refusal) as caught:
        approve(engine.store, sid, "somebody")
    assert caught.value.problem is errors.CONFLICT


# Versions.


_LATER = """
from tollbook.store import migrations, postgres_books
known = migrations.for_postgres
migrations.LATEST += 1
steps = ["ALTER TABLE partner ADD COLUMN later BIGINT", "CREATE TABLE later (a BIGINT)"]
migrations.for_postgres = lambda number: steps if number == migrations.LATEST else known(number)
"""
_MIGRATE = f"""{_LATER}
def do(store, given):
    return postgres_books.migrate_book(url)
"""
_OPEN = f"""{_LATER}
from tollbook.clock import SystemClock
def do(store, given):
    return told(open_store, url, SystemClock())
"""
_INIT = """
from tollbook.store.postgres_books import create_book
def do(store, given):
    return told(create_book, url)
"""


def test_two_hosts_migrate_at_once(engine: Engine) -> None:
    url, last = engine.store.url, migrations.LATEST
    assert hosts_at(url, None, _OPEN) == ["book_version"]  # the newer program says what is to be done first
    assert sorted(hosts_at(url, None, _MIGRATE, _MIGRATE)) == [[last, last + 1], [last + 1, last + 1]]
    assert postgres_books.book_of(url)[0] == last + 1


def test_two_hosts_make_a_book_at_once() -> None:
    url = new_database()
    spread = bool(workers())
    assert hosts_at(url, None, _INIT, _INIT) == [spread, spread]  # a book without a partner may be begun again
    assert postgres_books.book_of(url)[0] == migrations.LATEST


def test_a_server_of_the_version_before_goes_on_reading(engine: Engine) -> None:
    """Beside columns and tables that it does not know; writing is refused until it is started anew."""
    acme = engine.partner("Acme")
    engine.record(call(acme, "a", NOW, seconds=60))
    seen = [(engine.invoices(acme), engine.billing(acme), engine.items(acme)) for _ in range(3)]
    with behind(engine.store) as database:
        for table in ("partner", "invoice", "invoice_item", "token", "billing", "event", "event_seen", "sheet_version"):
            if database.execute(f"SELECT to_regclass('{table}')").fetchone()[0]:
                database.execute(f"ALTER TABLE {table} ADD COLUMN later BIGINT NOT NULL DEFAULT 7")
        database.execute("CREATE TABLE later (a BIGINT)")
        database.execute(f"UPDATE book SET value = '{migrations.LATEST + 1}' WHERE name = 'schema_version'")
    anew = open_store(engine.store.url, engine.clock)
    for store in (engine.store, anew):
        engine.store, kept = store, engine.store
        assert (engine.invoices(acme), engine.billing(acme), engine.items(acme)) == seen[0]
        for write in (lambda: engine.pay(acme, "5"), lambda: approve(engine.store, "x", "y"), engine.store.ready):
            with pytest.raises(Refusal) as caught:
                write()
            assert (caught.value.problem, caught.value.retry_after) == (errors.BOOK_VERSION, 1)
        engine.store = kept
    anew.close()
