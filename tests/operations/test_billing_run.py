"""Invoices opened, closed, carried over, settled, corrected: from one month to the next."""

from pathlib import Path
from typing import Any

import pytest
from tests.engine import UK, Engine, call, day

from tollbook.billing.model import Sight
from tollbook.billing.sheets import CallRate
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import billing_run, correcting, standing
from tollbook.operations.partners import change_partner

NOW = "2024-12-20T10:00:00Z"
CLOSED = "2025-01-21T00:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix=None, rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60))
    return made


@pytest.fixture
def acme(engine: Engine) -> str:
    return engine.partner("Acme")


def statuses(engine: Engine, partner_sid: str) -> list[tuple[Any, ...]]:
    return engine.figures(partner_sid, "display_id", "status", "balance_previous", "balance_forward", "paid")


def test_the_next_invoice_opens_at_half_past_eleven(engine: Engine, acme: str) -> None:
    engine.run()
    engine.run("2025-01-19T23:29:59.999Z")
    assert len(engine.invoices(acme)) == 1
    engine.run("2025-01-19T23:30:00Z")
    assert engine.figures(acme, "date_billing_period_start", "date_created") == [
        ("2024-12-20T00:00:00.000Z", "2024-12-20T10:00:00.000Z"),
        ("2025-01-20T00:00:00.000Z", "2025-01-19T23:30:00.000Z"),
    ]


def test_an_invoice_closes_a_day_after_its_period_and_carries_its_balance(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run("2025-01-20T23:59:59.999Z")
    assert statuses(engine, acme)[0][1] == "open"
    made = engine.run(CLOSED)
    assert (made.partners, made.closed, made.amount) == (1, 1, 370_000)
    assert statuses(engine, acme) == [("001", "closed", "0", "0.37", False), ("002", "open", "0.37", "0.37", False)]
    (issued, *_) = engine.invoices(acme)
    assert (issued["date_issued"], issued["amount_due"]) == ("2025-01-21T00:00:00.000Z", "0.37")
    assert engine.balance(acme) == "-0.37"


def test_a_second_run_finds_nothing_to_do(engine: Engine, acme: str) -> None:
    engine.run(CLOSED)
    before = engine.invoices(acme)
    assert engine.run().partners == 0
    assert engine.invoices(acme) == before


def test_a_year_of_silence_is_closed_month_by_month(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    assert engine.run("2025-12-25T00:00:00Z").closed == 12
    invoices = engine.invoices(acme)
    assert [invoice["display_id"] for invoice in invoices] == [f"{number:03}" for number in range(1, 14)]
    created = [invoice["date_created"] for invoice in invoices]
    assert created == sorted(set(created))
    assert {invoice["balance_forward"] for invoice in invoices} == {"0.37"}


def test_a_dry_run_shows_what_would_be_issued_and_changes_nothing(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run("2025-01-20T00:00:00Z")
    before = engine.invoices(acme)
    made = engine.run(CLOSED, dry_run=True)
    assert [(issued.invoice.amount, issued.amount_before) for issued in made.issued] == [(370_000, None)]
    assert engine.invoices(acme) == before


def test_a_payment_pays_the_oldest_debt_and_a_refund_reopens_it(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    paid = engine.at("2025-01-22T00:00:00Z").pay(acme, "0.37", reference="r1")
    assert engine.figures(acme, "paid", "date_charged") == [(True, "2025-01-22T00:00:00.000Z"), (False, None)]
    engine.at("2025-01-23T00:00:00Z").pay(acme, "-0.01", refunds_sid=paid.payment_sid)
    assert engine.figures(acme, "paid", "date_charged") == [(False, None), (False, None)]
    assert engine.moves(acme)[-2:] == ["settle", "unsettle"]


def test_a_reference_counts_once(engine: Engine, acme: str) -> None:
    first = engine.pay(acme, "5", provider="bank", reference="r1")
    with pytest.raises(Refusal) as refused:
        engine.pay(acme, "5", provider="bank", reference="r1")
    assert refused.value.problem.status == 409
    assert refused.value.flaws[0].reference_sid == first.payment_sid
    engine.pay(acme, "5", provider="other", reference="r1")
    assert engine.balance(acme) == "10"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "0.001"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "refunds_sid"),
        ({"amount": "1", "type": "credit"}, "type"),
        ({"amount": "1", "type": "gold"}, "type"),
        ({"amount": "1", "colour": "red"}, "colour"),
        ({"amount": "1e3"}, "amount"),
    ],
)
def test_a_payment_that_is_wrong_names_the_field(engine: Engine, acme: str, body: dict[str, str], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        engine.pay(acme, **body)
    assert [flaw.field for flaw in refused.value.flaws] == [field]
    assert engine.balance(acme) == "0"


def test_a_correction_of_a_closed_period_is_an_adjustment(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    engine.correct("a", call(acme, "a", NOW, seconds=60))
    engine.correct("a", call(acme, "a", NOW, seconds=120))
    assert engine.items(acme) == [("adjustment", "outbound", "USA", "2024-12-20", 120 - 8880, "-0.37")]
    engine.correct("a", None)
    assert engine.items(acme) == [("adjustment", "outbound", "USA", "2024-12-20", -8880, "-0.37")]
    assert engine.figures(acme, "amount")[0] == ("0.37",)


def test_a_correction_of_an_open_period_changes_the_sums(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.correct("a", call(acme, "a", NOW, seconds=60, number_dst=UK))
    assert engine.items(acme) == [("toll", "outbound", "GBR", "2024-12-20", 60, "0")]
    engine.correct("a", None)
    assert engine.items(acme) == []
    (again,) = engine.record(call(acme, "a", NOW, seconds=8880))
    assert again.result == "duplicate"


def test_credit_notes_for_one_item_go_no_further_than_it(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880), call(acme, "b", NOW, seconds=2400, number_dst=UK))
    engine.run(CLOSED)
    (closed, *_) = engine.invoices(acme)
    assert [item["amount"] for item in closed["invoice_items"]] == ["0.1", "0.37"]
    engine.adjust(acme, "credit_note", "0.06", invoice_sid=closed["invoice_sid"], item="0")
    with pytest.raises(Refusal, match=r"at most the 0\.04 that is left"):
        engine.adjust(acme, "credit_note", "0.05", invoice_sid=closed["invoice_sid"], item="0")
    engine.adjust(acme, "credit_note", "0.37", invoice_sid=closed["invoice_sid"], item="1")
    engine.adjust(acme, "credit_note", "0.04", invoice_sid=closed["invoice_sid"], item="0")
    with pytest.raises(Refusal, match="at most the 0 that is left"):
        engine.adjust(acme, "credit_note", "0.01", invoice_sid=closed["invoice_sid"])


def test_a_credit_note_names_a_closed_invoice_and_goes_no_further_than_it(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    sid = engine.invoices(acme)[0]["invoice_sid"]
    engine.adjust(acme, "credit_note", "0.30", invoice_sid=sid)
    with pytest.raises(Refusal, match=r"at most the 0\.07"):
        engine.adjust(acme, "credit_note", "0.08", invoice_sid=sid)
    engine.at("2025-01-21T00:00:01Z").adjust(acme, "credit_note", "0.07", invoice_sid=sid)
    assert [item[:1] + item[4:] for item in engine.items(acme)] == [("credit", 0, "-0.3"), ("credit", 0, "-0.07")]
    assert statuses(engine, acme)[0][-1] is True


def test_goodwill_is_a_pay_item(engine: Engine, acme: str) -> None:
    engine.adjust(acme, "goodwill", "2.50")
    (invoice,) = engine.invoices(acme)
    assert [(pay["amount"], pay["type"]) for pay in invoice["pay_items"]] == [("2.5", "credit")]
    assert engine.balance(acme) == "2.5"


def test_voiding_gives_back_exactly_what_was_charged(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    sid = engine.invoices(acme)[0]["invoice_sid"]
    engine.adjust(acme, "credit_note", "0.30", invoice_sid=sid)
    engine.void(sid)
    assert statuses(engine, acme) == [("001", "void", "0", "0.37", True), ("002", "open", "0.37", "0", False)]
    with pytest.raises(Refusal, match="the invoice is void"):
        engine.void(sid)


def test_an_open_invoice_cannot_be_voided(engine: Engine, acme: str) -> None:
    engine.run()
    with pytest.raises(Refusal, match="the invoice is open"):
        engine.void(engine.invoices(acme)[0]["invoice_sid"])


def test_held_partners_wait_and_approvals_are_needed_where_they_are(engine: Engine, acme: str) -> None:
    careful = engine.partner("Careful", needs_approval=True)
    standing.change_standing(engine.store, acme, "hold", "me")
    assert engine.run(CLOSED).closed == 0
    assert [len(engine.invoices(sid)) for sid in (acme, careful)] == [2, 2]
    standing.change_standing(engine.store, acme, "release", "me")
    standing.approve(engine.store, engine.invoices(careful)[0]["invoice_sid"], "me")
    assert engine.run().closed == 2


def test_a_prepay_account_is_charged_once_until_a_payment_answers(engine: Engine) -> None:
    acme = engine.partner("Acme", payment_type="prepay", charge_at=0, prepay_amount=20_000_000)
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.record(call(acme, "b", NOW, seconds=8880))
    assert engine.notices() == [("charge_requested", 20_000_000)]
    engine.pay(acme, "20")
    assert engine.notices() == []


def test_a_mark_that_is_passed_already_is_told_when_it_is_set(engine: Engine, acme: str) -> None:
    def change(**marks: str) -> None:
        change_partner(engine.store, engine.caller, acme, marks, whole=False)

    engine.record(call(acme, "a", NOW, seconds=8880))
    change(payment_type="prepay", charge_at="0", prepay_amount="20", daily_spending_limit="0.1")
    assert sorted(engine.notices()) == [("charge_requested", 20_000_000), ("daily_spending_limit", None)]
    change(charge_at="5", daily_spending_limit="1")
    assert engine.notices() == [("charge_requested", 20_000_000)]


def test_what_waited_for_a_parked_partner_goes_on_its_invoices(engine: Engine, acme: str) -> None:
    many = [call(acme, f"huge {n}", NOW, price=parse_rate("999999")) for n in range(101)]
    engine.record(*many)
    engine.pay(acme, "5")
    assert engine.balance(acme) == "0"
    for event in many[:50]:
        with engine.store.writing() as act:
            (placed,) = [p for p in act.waiting(acme, "parked", 200) if p.event == event]
            act.take_out([placed])
    assert correcting.unpark(engine.store, acme, "me") == 51
    assert engine.billing(acme).status == "billed"
    assert engine.figures(acme, "amount", "balance_forward") == [("50999949", "50999944")]


def test_what_was_spent_today_ends_with_the_day(engine: Engine, acme: str) -> None:
    def spent() -> int:
        with engine.store.reading() as book:
            return book.partner(Sight("own", acme), acme).daily_spent_amount

    engine.record(call(acme, "a", NOW, seconds=8880))
    assert spent() == 370_000
    engine.run("2024-12-21T00:00:01Z")
    assert spent() == 0


def test_rating_anew_tells_no_money_of_a_voided_invoice(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    engine.void(engine.invoices(acme)[0]["invoice_sid"])
    engine.record(call(acme, "b", CLOSED, seconds=8880))
    engine.sheet(CallRate(prefix=None, rate=parse_rate("0.005")))
    for apply in (False, True):
        told = correcting.rerate(engine.store, acme, 0, 2**50, who="me", why="new prices", apply=apply)
        assert [(each.dr_sid, each.before, each.after) for each in told] == [("b", 370_000_000, 740_000_000)]
    assert engine.balance(acme) == "-0.74"


def test_rating_anew_changes_open_periods_in_place_and_closed_ones_by_adjustment(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    engine.record(call(acme, "b", CLOSED, seconds=8880))
    engine.sheet(CallRate(prefix=None, rate=parse_rate("0.005")))
    start, end = 0, engine.clock.instant + 1
    looked = list(correcting.rerate(engine.store, acme, start, end, who="me", why="new prices"))
    assert [(d.dr_sid, d.before, d.after) for d in looked] == [
        ("a", 370_000_000, 740_000_000),
        ("b", 370_000_000, 740_000_000),
    ]
    assert engine.items(acme)[0][5] == "0.37"
    list(correcting.rerate(engine.store, acme, start, end, who="me", why="new prices", apply=True))
    assert [item[:1] + item[4:] for item in engine.items(acme)] == [("toll", 8880, "0.74"), ("adjustment", 0, "0.37")]
    assert list(correcting.rerate(engine.store, acme, start, end, who="me", why="again")) == []


def test_the_day_of_activation_cuts_the_months(engine: Engine) -> None:
    late = engine.partner("Late", begins=day("2024-12-31"))
    engine.run("2025-03-31T12:00:00Z")
    assert engine.figures(late, "date_billing_period_start", "date_billing_period_end")[1] == (
        "2025-01-31T00:00:00.000Z",
        "2025-02-27T23:59:59.000Z",
    )


def test_a_run_of_one_partner_leaves_the_others(engine: Engine, acme: str) -> None:
    other = engine.partner("Other")
    engine.at(CLOSED)
    assert billing_run.run(engine.store, partner_sid=acme).closed == 1
    assert engine.invoices(other) == []


def test_payments_of_one_instant_keep_their_places(engine: Engine, acme: str) -> None:
    paid = [engine.pay(acme, str(amount)) for amount in range(1, 6)]
    before = engine.invoices(acme)
    engine.record(call(acme, "a", NOW))
    assert engine.invoices(acme)[0]["pay_items"] == before[0]["pay_items"]
    by_sid = sorted(paid, key=lambda payment: payment.payment_sid)
    assert [pay["amount"] for pay in before[0]["pay_items"]] == [str(pay.amount // 1_000_000) for pay in by_sid]


def test_a_correction_notes_what_its_adjustment_carries(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    engine.correct("a", call(acme, "a", CLOSED, seconds=60))
    assert engine.items(acme)[-1] == ("adjustment", "outbound", "USA", "2024-12-20", -8880, "-0.37")
    with engine.store.reading() as book:
        (correction,) = book.corrections_on(acme)
    assert (correction.units, correction.usage) == (-8880 * parse_rate("0.0025"), -8880)


def test_a_call_of_which_only_start_and_duration_are_known_is_read_as_it_came(engine: Engine, acme: str) -> None:
    event = call(acme, "a", NOW, date_talk=None, date_stop=None, duration=61_000_000_000)
    engine.record(event)
    with engine.store.reading() as book:
        placed = book.placed(acme, "a")
    assert placed is not None
    assert placed.event == event
    assert placed.quantity == 120


def test_a_late_record_is_corrected_on_the_open_invoice_that_it_is_on(engine: Engine, acme: str) -> None:
    engine.run(CLOSED)
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run("2025-02-20T12:00:00Z")
    engine.correct("a", call(acme, "a", NOW, seconds=60))
    assert [engine.items(acme, place) for place in (1, 2)] == [
        [("toll", "outbound", "USA", "2024-12-20", 60, "0")],
        [],
    ]


def test_unparking_closes_what_is_due_once_all_that_waited_is_placed(engine: Engine, acme: str) -> None:
    version = engine.sheet(CallRate(prefix="1", rate=parse_rate("999999")), name="dear", to=[acme])
    engine.record(call(acme, "a", NOW, seconds=8880))
    assert engine.billing(acme).status == "parked"
    engine.run("2025-02-01T00:00:00Z")
    assert engine.invoices(acme) == []
    assert version != engine.sheet(CallRate(prefix="1", rate=parse_rate("0.0025")), name="dear", to=[acme])
    assert correcting.unpark(engine.store, acme, "me") == 1
    assert engine.figures(acme, "display_id", "status", "amount") == [("001", "closed", "0.37"), ("002", "open", "0")]


def test_a_parked_partner_is_not_rated_anew(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.record(*[call(acme, f"huge {n}", NOW, price=parse_rate("999999")) for n in range(101)])
    engine.sheet(CallRate(prefix=None, rate=parse_rate("0.005")))
    with pytest.raises(Refusal, match="is parked"):
        list(correcting.rerate(engine.store, acme, 0, engine.clock.instant + 1, who="me", why="x", apply=True))
    assert engine.figures(acme, "amount") == [("0.37",)]


def test_the_balance_goes_over_to_the_next_invoice_with_the_day_though_neither_changes(
    engine: Engine, acme: str
) -> None:
    engine.at("2025-01-19T23:40:00Z").record(call(acme, "a", "2025-01-20T02:28:00Z", seconds=8880))
    assert engine.balance(acme) == "0"
    engine.run("2025-01-20T00:00:00Z")
    assert engine.balance(acme) == "-0.37"
