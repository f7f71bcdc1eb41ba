"""Limits of spending: told, never a reason to refuse what was used; blocked or charged where the book says so."""

from pathlib import Path

import pytest
from tests.engine import US, Engine, call

from tollbook.billing.model import Sight
from tollbook.billing.sheets import CallRate, MessageRate
from tollbook.clock import format_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations.pricing import Call, Message, price_call, price_message
from tollbook.operations.spending import why_blocked
from tollbook.operations.ticking import tick

NOW = "2024-12-20T10:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix=None, rate=parse_rate("1")))
    return made


def policy(engine: Engine, word: str) -> None:
    with engine.store.writing() as act:
        act.set_book("spending_policy", word)


def blocked(engine: Engine, partner_sid: str) -> str | None:
    with engine.store.reading() as book:
        return why_blocked(book, partner_sid, engine.clock.now())


def spend(engine: Engine, partner_sid: str, dr_sid: str, minutes: int) -> None:
    """Use something for so many dollars."""
    stop = format_instant(engine.clock.now())
    (outcome,) = engine.record(call(partner_sid, dr_sid, stop, seconds=60 * minutes))
    assert outcome.result == "accepted"


def test_a_debtor_is_warned_about_and_blocked_only_where_the_book_says_so(engine: Engine) -> None:
    acme = engine.partner("Acme", spending_limit=5_000_000)
    spend(engine, acme, "a", 5)
    assert (engine.notices(), blocked(engine, acme)) == ([], None)
    spend(engine, acme, "b", 1)
    spend(engine, acme, "c", 1)
    assert (engine.notices(), blocked(engine, acme)) == ([("spending_limit", None)], None)
    policy(engine, "block")
    assert blocked(engine, acme) == "owes more than 5, its spending_limit"
    engine.pay(acme, "2")
    assert (engine.notices(), blocked(engine, acme)) == ([], None)


def test_a_day_is_blocked_until_the_next(engine: Engine) -> None:
    policy(engine, "block")
    acme = engine.partner("Acme", daily_spending_limit=5_000_000)
    spend(engine, acme, "a", 6)
    assert engine.notices() == [("daily_spending_limit", None)]
    assert blocked(engine, acme) == "spent more than 5 today, its daily_spending_limit"
    engine.at("2024-12-21T00:00:00Z")
    assert blocked(engine, acme) is None
    spend(engine, acme, "b", 1)
    assert engine.notices() == []


def test_a_debtor_is_charged_once_where_the_book_says_so(engine: Engine) -> None:
    policy(engine, "charge")
    acme = engine.partner("Acme", spending_limit=5_000_000)
    spend(engine, acme, "a", 6)
    spend(engine, acme, "b", 1)
    assert sorted(engine.notices(), key=str) == [("charge_requested", 6_000_000), ("spending_limit", None)]
    assert blocked(engine, acme) is None
    engine.pay(acme, "7")
    assert engine.notices() == []


def test_who_is_not_billed_or_has_no_limit_is_not_blocked(engine: Engine) -> None:
    policy(engine, "block")
    acme = engine.partner("Acme")
    spend(engine, acme, "a", 600)
    assert blocked(engine, acme) is None
    assert blocked(engine, engine.operator.partner_sid) is None


def test_the_price_of_a_call_is_refused_to_who_is_blocked(engine: Engine) -> None:
    engine.sheet(MessageRate(price=parse_rate("1")), service="sms")
    acme, other = engine.partner("Acme", spending_limit=5_000_000), engine.partner("Other")
    spend(engine, acme, "a", 6)
    asked = Call(direction="outbound", to=US, duration=60, partner_sid=acme)
    text = Message(type="sms", sender_class="toll", direction="outbound", to=US, partner_sid=acme)
    assert b'"price":"1.00000"' in price_call(engine.store, engine.caller, asked)
    policy(engine, "block")
    with pytest.raises(Refusal, match="partner_sid: owes more than 5, its spending_limit") as refused:
        price_call(engine.store, engine.caller, asked)
    assert refused.value.problem.status == 403
    with pytest.raises(Refusal, match="owes more than 5"):
        price_message(engine.store, engine.caller, text)
    free = Call(direction="outbound", to=US, duration=60, partner_sid=other)
    assert b'"price":"1.00000"' in price_call(engine.store, engine.caller, free)


def test_a_new_day_begins_with_nothing_spent_whether_or_not_something_is_due(engine: Engine) -> None:
    acme = engine.partner("Acme", daily_spending_limit=5_000_000)
    engine.run()
    spend(engine, acme, "a", 6)
    for day, spent, notices in (("20T23:59:59", 6_000_000, [("daily_spending_limit", None)]), ("21T00:00:00", 0, [])):
        tick(engine.at(f"2024-12-{day}Z").store)
        assert engine.notices() == notices
        with engine.store.reading() as book:
            assert book.partner(Sight("all", ""), acme).daily_spent_amount == spent
    spend(engine, acme, "b", 1)
    tick(engine.store)
    with engine.store.reading() as book:
        assert book.partner(Sight("all", ""), acme).daily_spent_amount == 1_000_000
