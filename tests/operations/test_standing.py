"""Billing that begins: after imported invoices, on their balance and number; what an import may bring no more."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.engine import Engine, call, day
from tests.making import invoice, sid
from tests.operations.lines import line, take

from tollbook.billing.chain import imported_digest
from tollbook.billing.sheets import CallRate
from tollbook.clock import parse_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import standing
from tollbook.operations.partners import create_partner
from tollbook.operations.verifying import check_book

NOW = "2025-01-25T10:00:00Z"
OLD = sid(0xB0)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix=None, rate=parse_rate("1")))
    return made


def past(number: int, month: str, following: str, **values: Any) -> bytes:
    """An imported invoice of a month from the 20th on."""
    start, end = parse_instant(f"{month}-20"), parse_instant(f"{following}-20") - 1000
    terms = {"display_id": f"{number:03}", "date_billing_period_start": start, "date_billing_period_end": end}
    return line(invoice(number, OLD, date_created=start - 1_800_000, **terms | values))


@pytest.fixture
def known(engine: Engine) -> Engine:
    """A partner with two imported invoices, the last one open, 15 to be paid."""
    closed = past(41, "2024-11", "2024-12", status="closed")
    report = take(engine.store, [closed, past(42, "2024-12", "2025-01", balance_forward=15_000_000)])
    assert (report.new, report.partners) == (2, [OLD])
    return engine


def test_who_was_imported_is_not_billed(known: Engine) -> None:
    before = known.invoices(OLD)
    (outcome,) = known.record(call(OLD, "a", NOW))
    assert (outcome.result, outcome.flaws[0].field) == ("rejected", "partner_sid")
    assert known.run("2025-03-25T00:00:00Z").partners == 0
    assert known.invoices(OLD) == before


def test_the_first_computed_invoice_follows_on_the_last_imported_one(known: Engine) -> None:
    imported = known.invoices(OLD)
    standing.start_billing(known.store, OLD, "me")
    first = known.invoices(OLD)[-1]
    assert (first["display_id"], first["date_billing_period_start"]) == ("043", "2025-01-20T00:00:00.000Z")
    assert (first["balance_previous"], first["date_billing_period_end"]) == ("15", "2025-02-19T23:59:59.000Z")
    assert known.balance(OLD) == "-15"
    assert known.billing(OLD).invoice_hash == imported_digest(imported)
    known.run("2025-02-21T00:00:00Z")
    assert known.invoices(OLD)[:2] == imported
    assert check_book(known.store).total == 0


def test_billing_never_begins_within_what_was_imported(known: Engine) -> None:
    with pytest.raises(Refusal, match="imported invoices end on 2025-01-20"):
        standing.start_billing(known.store, OLD, "me", begins=day("2025-01-19"))
    standing.start_billing(known.store, OLD, "me", begins=day("2025-01-22"), anchor=day("2025-01-01"))
    assert known.figures(OLD, "date_billing_period_start", "date_billing_period_end")[-1] == (
        "2025-01-22T00:00:00.000Z",
        "2025-01-31T23:59:59.000Z",
    )


def test_usage_within_an_imported_period_is_late(known: Engine) -> None:
    standing.start_billing(known.store, OLD, "me")
    (outcome,) = known.record(call(OLD, "a", "2025-01-19T23:59:59Z", seconds=120))
    assert (outcome.result, outcome.late) == ("accepted", True)
    assert known.items(OLD) == [("toll", "outbound", "USA", "2024-12-20", 120, "2")]
    (outcome,) = known.record(call(OLD, "b", "2024-11-19T23:59:59Z"))
    assert outcome.flaws[0].message == "is before the partner's activation, 2025-01-20"


def test_a_day_has_one_imported_period_though_invoices_changed_within_it(engine: Engine) -> None:
    bounds = [parse_instant(f"{month}-20T05:00:00Z") for month in ("2024-11", "2024-12", "2025-01")]
    periods = [
        {"date_billing_period_start": start, "date_billing_period_end": end - 1000, "date_created": start}
        for start, end in pairwise(bounds)
    ]
    take(engine.store, [line(invoice(n, OLD, **period)) for n, period in enumerate(periods, 1)])
    standing.start_billing(engine.store, OLD, "me")
    usage = [call(OLD, f"{hour}", f"2024-12-20T{hour}:00:00Z", seconds=60) for hour in ("06", "04", "07")]
    assert {outcome.late for outcome in engine.record(*usage)} == {True}
    assert engine.items(OLD) == [("toll", "outbound", "USA", "2024-12-20", 180, "3")]
    assert check_book(engine.store).total == 0


def test_an_imported_number_that_is_too_long_is_not_gone_on_with(engine: Engine) -> None:
    take(engine.store, [past(41, "2024-11", "2024-12"), past(42, "2024-12", "2025-01", display_id="2" * 20)])
    standing.start_billing(engine.store, OLD, "me")
    assert engine.invoices(OLD)[-1]["display_id"] == "042"
    assert check_book(engine.store).total == 0


@pytest.mark.parametrize("number", [42, 44])
def test_once_billing_has_begun_nothing_is_imported_before_it(known: Engine, number: int) -> None:
    standing.start_billing(known.store, OLD, "me")
    before = known.invoices(OLD)
    report = take(known.store, [past(number, "2024-12", "2025-01")], keep_going=True)
    (bad,) = report.bad
    assert bad.field == "partner_sid"
    assert bad.reason.startswith("is billed here since 2025-01-20: what came before is settled")
    assert known.invoices(OLD) == before


def test_a_computed_invoice_is_not_imported_over(engine: Engine) -> None:
    acme = engine.partner("Acme")
    engine.run()
    (computed,) = engine.invoices(acme)
    report = take(engine.store, [json.dumps(computed).encode()])
    assert report.bad[0].field == "invoice_sid"


def test_others_are_imported_beside_a_partner_that_is_billed(known: Engine) -> None:
    standing.start_billing(known.store, OLD, "me")
    other = line(invoice(50, sid(0xB1)))
    report = take(known.store, [past(43, "2024-12", "2025-01"), other], keep_going=True)
    assert (report.new, report.bad_records) == (1, 1)


def test_a_partner_is_billed_from_its_making_unless_told_otherwise(engine: Engine) -> None:
    billed = create_partner(engine.store, engine.caller, {"name": "Acme"})
    unbilled = create_partner(engine.store, engine.caller, {"name": "Old"}, billed=None)
    weekly = create_partner(engine.store, engine.caller, {"name": "Weekly"}, billed={"cycle": "weekly"})
    engine.run()
    ends = [engine.figures(made.partner_sid, "date_billing_period_end") for made in (billed, unbilled, weekly)]
    assert ends == [[("2025-02-24T23:59:59.000Z",)], [], [("2025-01-31T23:59:59.000Z",)]]
    with pytest.raises(Refusal, match="billed already"):
        standing.start_billing(engine.store, billed.partner_sid, "me")
    with pytest.raises(Refusal, match="operator gets no invoices"):
        standing.start_billing(engine.store, engine.operator.partner_sid, "me")
