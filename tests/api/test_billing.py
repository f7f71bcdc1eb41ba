"""Payments, adjustments and voided invoices over the wire."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import CORE, INVOICES, NO_ITEM, Reply, World
from tests.engine import Engine, call

from tollbook.billing.model import Caller
from tollbook.billing.scopes import SCOPES
from tollbook.billing.sheets import CallRate
from tollbook.operations.tokens import Wish, grant_to

PAYMENTS = f"{CORE}/billing/payments"
ADJUSTMENTS = f"{CORE}/billing/adjustments"
NOBODY = "00000000-0000-4000-8000-000000000000"


class Billed(World):
    """A world over a book that bills: two children of the operator, one of a reseller."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.store, engine.clock)
        self.engine = engine
        self.operator = engine.operator.partner_sid
        self.acme = engine.partner("Acme", available_scopes=SCOPES)
        self.reseller = engine.partner("Reseller", available_scopes=SCOPES)
        self.beneath = engine.partner("Beneath", self.reseller, available_scopes=SCOPES)

    def as_partner(self, partner_sid: str, *scopes: str) -> str:
        """A token of a partner."""
        caller = Caller(partner_sid=partner_sid, scopes=frozenset(SCOPES))
        return str(grant_to(self.store, caller, partner_sid, Wish(scopes or SCOPES)).access_token)

    def pay(self, partner_sid: str, amount: Any = "100", by: str | None = None, **more: Any) -> Reply:
        """Record a payment, as the operator or as a partner."""
        body = {"amount": amount, "type": "wire", "partner_sid": partner_sid} | more
        return self.post(PAYMENTS, self.as_partner(by or self.operator), json_body=body)

    def closed(self) -> str:
        """A closed invoice of Acme with one call of 60 s at 0.05 a minute."""
        self.engine.sheet(CallRate(prefix="1", rate=50_000_000))
        self.engine.record(call(self.acme, "c1", "2024-12-20T11:00:00Z"))
        self.engine.run("2025-01-21T00:00:00Z")
        return str(self.engine.invoices(self.acme)[0]["invoice_sid"])


@pytest.fixture
def billed(tmp_path: Path) -> Iterator[Billed]:
    """A world that bills from 20 December on."""
    made = Billed(Engine(tmp_path, "2024-12-20T10:00:00Z"))
    yield made
    made.store.close()


def fields(reply: Reply) -> dict[str, str]:
    return {flaw["field"]: flaw["message"] for flaw in reply.json["errors"]}


# Payments.


def test_a_payment_is_answered_listed_and_on_the_invoice(billed: Billed) -> None:
    reply = billed.pay(billed.acme, "100.50", provider="bank", reference="r1", reason="December",
                       date_value="2024-12-19T12:00:00+01:00")  # fmt: skip
    made = reply.json
    (invoice,) = billed.get(INVOICES, billed.as_partner(billed.acme)).json["items"]
    assert made == {
        "amount": "100.5",
        "date_created": "2024-12-20T10:00:00.000Z",
        "date_value": "2024-12-19T11:00:00.000Z",
        "invoice_sid": invoice["invoice_sid"],
        "kind": "payment",
        "partner_sid": billed.acme,
        "payment_sid": made["payment_sid"],
        "provider": "bank",
        "reason": "December",
        "reference": "r1",
        "refunds_sid": None,
        "type": "wire",
    }
    assert list(made) == sorted(made)
    assert [(pay["amount"], pay["type"]) for pay in invoice["pay_items"]] == [("100.5", "wire")]
    assert invoice["balance_forward"] == "-100.5"
    token = billed.as_partner(billed.acme)
    assert billed.get(f"{PAYMENTS}/{made['payment_sid']}", token).json == made
    listed = billed.get(PAYMENTS, token).json
    assert (listed["items"], listed["total"], listed["limit"]) == ([made], 1, 10)


def test_the_newest_come_first_and_lists_do_what_lists_do(billed: Billed) -> None:
    made = [billed.pay(billed.acme, str(amount)).json["payment_sid"] for amount in (5, 9, 10)]
    for number, sid in enumerate(made):
        billed.store.act(
            lambda act, number=number, sid=sid: act._run(  # type: ignore[misc]
                "UPDATE payment SET date_created = date_created + ? WHERE payment_sid = ?", (number, sid)
            )
        )
    token = billed.as_partner(billed.operator)
    pages = billed.walk(f"{PAYMENTS}?limit=2", token)
    assert [sid for each in pages for sid in each.sids("payment_sid")] == made[::-1]
    assert billed.get(f"{PAYMENTS}?filter=amount%20gt%209.5", token).sids("payment_sid") == made[2:]
    assert billed.get(f"{PAYMENTS}?order=amount&after={made[0]}", token).sids("payment_sid") == made[1:]
    shown = billed.get(f"{PAYMENTS}?limit=1&with_related=true&include_fields=amount,partner.name", token).json
    assert shown["items"] == [{"amount": "10", "partner": {"name": "Acme"}}]


def test_a_refund_gives_back_what_was_paid_and_no_more(billed: Billed) -> None:
    paid = billed.pay(billed.acme).json["payment_sid"]
    back = billed.pay(billed.acme, "-60", refunds_sid=paid).json
    assert (back["kind"], back["amount"], back["refunds_sid"]) == ("refund", "-60", paid)
    more = billed.pay(billed.acme, "-40.01", refunds_sid=paid)
    assert (more.status, fields(more)) == (422, {"amount": "expected at most the 40 that is left of the payment"})
    assert billed.pay(billed.acme, "-40", refunds_sid=paid).status == 200
    assert billed.engine.balance(billed.acme) == "0"


def test_a13_a_reference_counts_once_whoever_sends_it(billed: Billed) -> None:
    first = billed.pay(billed.acme, provider="bank", reference="r1").json["payment_sid"]
    for amount in ("100", "7"):
        again = billed.pay(billed.acme, amount, provider="bank", reference="r1")
        assert (again.status, again.code) == (409, "conflict")
        (flaw,) = again.json["errors"]
        assert (flaw["field"], flaw["reference_sid"]) == ("reference", first)
    assert billed.pay(billed.acme, provider="cards", reference="r1").status == 200
    assert billed.pay(billed.beneath, provider="bank", reference="r1").status == 200
    assert billed.engine.balance(billed.acme) == "200"


def test_a14_a_payment_that_is_sent_twice_is_recorded_once(billed: Billed) -> None:
    token, body = billed.as_partner(billed.operator), {"amount": 25, "type": "visa", "partner_sid": billed.acme}
    replies = [billed.post(PAYMENTS, token, json_body=body, Idempotency_Key="k") for _ in range(3)]
    assert len({(reply.status, reply.body) for reply in replies}) == 1
    assert billed.engine.balance(billed.acme) == "25"


def test_every_wrong_attribute_of_a_payment_is_told(billed: Billed) -> None:
    reply = billed.pay("x", "1e3", type="cash", provider=5, reference="two words", refunds_sid="y", date_value="today",
                       colour="red")  # fmt: skip
    assert (reply.status, reply.code) == (422, "object_invalid")
    assert set(fields(reply)) == {
        "amount", "colour", "date_value", "partner_sid", "provider", "reference", "refunds_sid", "type",
    }  # fmt: skip


@pytest.mark.parametrize("amount", ["0", "0.001", "-5", 0, "١", True, None, [1]])
def test_amounts_that_are_none(billed: Billed, amount: Any) -> None:
    reply = billed.pay(billed.acme, amount)
    assert reply.status == 422
    assert set(fields(reply)) <= {"amount", "refunds_sid"}
    assert billed.engine.balance(billed.acme) == "0"


def test_law_9_payments_are_seen_as_their_invoices_are(billed: Billed) -> None:
    sids = {whose: billed.pay(whose).json["payment_sid"] for whose in (billed.acme, billed.reseller, billed.beneath)}
    seen = {
        (billed.acme, ()): {billed.acme},
        (billed.beneath, ()): {billed.beneath},
        (billed.reseller, ("payments.read",)): {billed.reseller},
        (billed.reseller, ("payments.read", "invoices.read_descendant")): {billed.reseller, billed.beneath},
        (billed.operator, ("payments.read", "invoices.read_descendant")): set(sids),
        (billed.operator, ("payments.read",)): set(),
    }
    for (who, scopes), whose in seen.items():
        token = billed.as_partner(who, *scopes)
        listed = billed.get(PAYMENTS, token)
        assert set(listed.sids("payment_sid")) == {sids[each] for each in whose}
        assert listed.json["total"] == len(whose)
        for each, sid in sids.items():
            reply = billed.get(f"{PAYMENTS}/{sid}", token)
            assert reply.status == (200 if each in whose else 404)
            assert each in whose or reply.body == NO_ITEM


def test_e5_nobody_pays_for_those_out_of_sight(billed: Billed) -> None:
    paid = billed.pay(billed.acme).json["payment_sid"]
    for whose in (billed.acme, NOBODY):
        reply = billed.pay(whose, by=billed.reseller)
        assert (reply.status, reply.body) == (404, NO_ITEM)
    assert billed.pay(billed.beneath, by=billed.reseller).status == 200
    reply = billed.pay(billed.beneath, "-1", by=billed.reseller, refunds_sid=paid)
    assert (reply.status, fields(reply)) == (422, {"refunds_sid": "cannot find item by sid"})
    assert billed.pay(billed.operator).status == 409  # who gets no invoices


# Adjustments and voided invoices.


def test_goodwill_is_a_credit_on_the_current_invoice(billed: Billed) -> None:
    body = {"kind": "goodwill", "amount": "5", "reason": "an outage", "partner_sid": billed.acme}
    reply = billed.post(ADJUSTMENTS, billed.as_partner(billed.operator), json_body=body)
    assert reply.status == 200
    assert list(reply.json) == sorted(reply.json)
    (invoice,) = billed.engine.invoices(billed.acme)
    assert reply.json | {"adjustment_sid": ""} == {
        "adjustment_sid": "",
        "amount": "5",
        "corrects_sid": None,
        "date_created": "2024-12-20T10:00:00.000Z",
        "invoice_sid": invoice["invoice_sid"],
        "kind": "goodwill",
        "partner_sid": billed.acme,
        "reason": "an outage",
    }
    (listed,) = billed.get(PAYMENTS, billed.as_partner(billed.acme)).json["items"]
    assert (listed["payment_sid"], listed["kind"], listed["type"], listed["reason"]) == (
        reply.json["adjustment_sid"], "goodwill", "credit", "an outage",
    )  # fmt: skip


def test_a_credit_note_names_a_closed_invoice(billed: Billed) -> None:
    sid = billed.closed()
    token = billed.as_partner(billed.operator)
    body = {"kind": "credit_note", "amount": 0.03, "invoice_sid": sid, "item": 0, "reason": "rated twice"}
    made = billed.post(ADJUSTMENTS, token, json_body=body)
    assert (made.status, made.json["corrects_sid"], made.json["amount"]) == (200, sid, "0.03")
    more = billed.post(ADJUSTMENTS, token, json_body=body)
    assert (more.status, set(fields(more))) == (422, {"amount"})
    assert billed.engine.items(billed.acme)[-1][0] == "credit"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"amount", "kind", "reason"}),
        ({"kind": "credit_note", "amount": "1", "reason": "x"}, {"invoice_sid"}),
        ({"kind": "gift", "amount": "-1", "reason": 5}, {"amount", "kind", "reason"}),
        ({"kind": "goodwill", "amount": "0.001", "reason": "x", "item": "first"}, {"amount", "item"}),
        ({"kind": "goodwill", "amount": "1", "reason": "x", "who": "me"}, {"who"}),
    ],
)
def test_every_wrong_attribute_of_an_adjustment_is_told(billed: Billed, body: Any, wrong: set[str]) -> None:
    reply = billed.post(ADJUSTMENTS, billed.as_partner(billed.acme), json_body=body)
    assert (reply.status, set(fields(reply))) == (422, wrong)


def test_a_voided_invoice_stays_and_its_negatives_go_on_the_current_one(billed: Billed) -> None:
    sid = billed.closed()
    path, token = f"{INVOICES}/{sid}/void", billed.as_partner(billed.operator)
    before = billed.get(f"{INVOICES}/{sid}", token).json
    reply = billed.post(path, token, json_body={"reason": "billed to the wrong partner"})
    assert reply.status == 200
    assert reply.json == billed.get(f"{INVOICES}/{sid}", token).json
    assert {name for name in before if before[name] != reply.json[name]} <= {"status", "paid", "date_charged"}
    assert reply.json["status"] == "void"
    assert [(item[0], item[5]) for item in billed.engine.items(billed.acme)] == [("credit", "-0.05")]
    again = billed.post(path, token, json_body={"reason": "twice"})
    assert (again.status, again.code) == (409, "conflict")


def test_what_takes_a_voided_invoice_back_cannot_be_voided_itself(billed: Billed) -> None:
    first, token = billed.closed(), billed.as_partner(billed.operator)
    assert billed.post(f"{INVOICES}/{first}/void", token, json_body={"reason": "wrong"}).status == 200
    billed.engine.run("2025-02-21T00:00:00Z")
    second = billed.engine.invoices(billed.acme)[1]["invoice_sid"]
    token = billed.as_partner(billed.operator)
    reply = billed.post(f"{INVOICES}/{second}/void", token, json_body={"reason": "wrong as well"})
    assert (reply.status, reply.code) == (409, "conflict")
    said = "the invoice settles what was billed by 001, which is void: give a credit note instead"
    assert reply.json["errors"] == [{"field": "invoice_sid", "message": said, "reference_sid": second}]


def test_what_cannot_be_voided(billed: Billed) -> None:
    sid = billed.closed()
    current = billed.engine.invoices(billed.acme)[-1]["invoice_sid"]
    token = billed.as_partner(billed.operator)
    assert billed.post(f"{INVOICES}/{current}/void", token, json_body={"reason": "x"}).status == 409
    assert fields(billed.post(f"{INVOICES}/{sid}/void", token, json_body={})) == {"reason": "is required"}
    for who, target in ((billed.reseller, sid), (billed.operator, NOBODY)):
        reply = billed.post(f"{INVOICES}/{target}/void", billed.as_partner(who), json_body={"reason": "x"})
        assert (reply.status, reply.body) == (404, NO_ITEM)


# Time that is moved.


def test_moving_a_sandboxes_clock_closes_what_is_due(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "2030-01-01T00:00:00Z", close_delay_seconds=0)
    engine.store.act(lambda act: act.set_book("sandbox_clock", "1734652800000"))
    acme = engine.partner("Acme")
    world = World(engine.store, engine.clock)
    token = world.token(engine.operator.partner_sid)
    assert world.post(f"{CORE}/sandbox/clock", token, json_body={"now": "2025-03-20T00:00:00Z"}).status == 200
    periods = [(one["date_billing_period_start"][:10], one["status"]) for one in engine.invoices(acme)]
    assert periods == [
        ("2024-12-20", "closed"), ("2025-01-20", "closed"), ("2025-02-20", "closed"), ("2025-03-20", "open"),
    ]  # fmt: skip
    world.store.close()
