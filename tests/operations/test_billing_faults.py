"""Billing that is interrupted, or done twice: no partner is stuck, and nobody else pays for it."""

from pathlib import Path
from typing import Any

import pytest
from tests.engine import Engine, call, usage
from tests.making import invoice, sid
from tests.operations.lines import line, take

from tollbook.billing.sheets import CallRate
from tollbook.clock import parse_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import correcting, standing

NOW = "2025-01-20T10:00:00Z"
CLOSED = "2025-02-21T00:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix=None, rate=parse_rate("1"), billing_increment=60))
    return made


@pytest.fixture
def acme(engine: Engine) -> str:
    return engine.partner("Acme")


def dear(partner_sid: str) -> list[Any]:
    """Records of which a hundred are lawful on one invoice, and one more is not."""
    return [usage(partner_sid, f"u{n}", NOW, "tts", 1, price=parse_rate("999999.99")) for n in range(101)]


@pytest.mark.parametrize("again", ["unpark", "bill"])
def test_an_unparking_that_is_interrupted_is_gone_on_with(
    engine: Engine, acme: str, monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    engine.record(*dear(acme))
    engine.correct("u7", None, kind="usage")
    engine.at(CLOSED)
    place = correcting._place_waiting
    monkeypatch.setattr(correcting, "_place_waiting", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        correcting.unpark(engine.store, acme, "me")
    assert engine.figures(acme, "amount", "status") == [("0", "open"), ("0", "open")]
    with engine.store.reading() as book:
        assert book.is_due(engine.clock.instant)  # so that the ticker takes it up
    monkeypatch.setattr(correcting, "_place_waiting", place)
    assert again == "bill" or correcting.unpark(engine.store, acme, "me") == 100
    engine.run()
    assert engine.figures(acme, "amount", "status") == [("99999999", "closed"), ("0", "open")]
    with pytest.raises(Refusal, match="is not parked"):
        correcting.unpark(engine.store, acme, "me")


def test_a_record_that_waits_with_its_parked_partner_can_be_mended(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=60))
    engine.record(call(acme, "wrong", NOW, price=parse_rate("999999")), *dear(acme))
    assert engine.billing(acme).status == "parked"
    with pytest.raises(Refusal, match="only records that wait"):
        engine.correct("a", None)
    engine.correct("wrong", call(acme, "wrong", NOW, seconds=120))
    for n in range(100):
        engine.correct(f"u{n}", None, kind="usage")
    assert engine.figures(acme, "amount") == [("1",)]
    assert correcting.unpark(engine.store, acme, "me") == 2
    assert engine.items(acme)[0] == ("toll", "outbound", "USA", "2025-01-20", 180, "3")
    with engine.store.reading() as book:
        (change,) = book.corrections_of(acme, "wrong")
    assert (change.frozen_sid, change.adjusted_sid, change.units, change.usage) == (None, None, 0, 0)


def test_a_withdrawal_that_is_sent_again_reaches_no_other_partners_record(engine: Engine, acme: str) -> None:
    beneath = engine.partner("Beneath", acme)
    engine.record(call(acme, "1", NOW), call(beneath, "1", NOW))
    engine.correct("1", None)
    with pytest.raises(Refusal, match="cannot find item"):
        engine.correct("1", None)
    assert (engine.figures(acme, "amount"), engine.figures(beneath, "amount")) == ([("0",)], [("1",)])


def test_a_credit_that_fell_with_a_voided_invoice_is_not_taken_back_again(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=600))
    engine.run(CLOSED)
    first = engine.invoices(acme)[0]["invoice_sid"]
    engine.adjust(acme, "credit_note", "10", invoice_sid=first)
    engine.record(call(acme, "b", CLOSED, seconds=180))
    engine.run("2025-03-21T00:00:00Z")
    engine.void(engine.invoices(acme)[1]["invoice_sid"])
    assert engine.balance(acme) == "-10"
    engine.adjust(acme, "credit_note", "4", invoice_sid=first)
    engine.void(first)
    assert engine.balance(acme) == "0"


def test_an_imported_invoice_takes_no_approval(engine: Engine) -> None:
    old = sid(0xB0)
    start, end = parse_instant("2024-12-20"), parse_instant("2025-01-20") - 1000
    period = {"date_billing_period_start": start, "date_billing_period_end": end, "date_created": start}
    take(engine.store, [line(invoice(1, old, **period))])
    standing.start_billing(engine.store, old, "me", needs_approval=True)
    imported, computed = (each["invoice_sid"] for each in engine.invoices(old))
    with pytest.raises(Refusal, match="read only"):
        standing.approve(engine.store, imported, "me")
    standing.approve(engine.store, computed, "me")
    assert engine.moves(old) == ["start_billing", "open", "approve"]
