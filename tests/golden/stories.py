"""Golden invoices: a story of what happened, told in the words of the wire, and the invoices that must be served.

The files are written by hand from the billing rules, never by running the program. Each has `says`, `now`, a `story`
of steps (each an object with one key) and `invoices`, whole but for the sids of chance.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from tests.engine import Engine
from tests.operations.lines import take

from tollbook.billing.periods import day_of
from tollbook.billing.sheets import CallRate, MessageRate, PriceRounding, UsagePrice
from tollbook.clock import parse_instant
from tollbook.mediation.records import changed_record, read_record
from tollbook.money import parse_rate
from tollbook.operations import correcting, standing
from tollbook.operations.partners import new_partner
from tollbook.query.strict_json import parse_json

STORIES = sorted((Path(__file__).parent / "invoices").glob("*.json"))

_LINES: dict[str, Any] = {"calls": CallRate, "sms": MessageRate, "usage": UsagePrice}
_MONEY = frozenset(
    ("rate", "price", "connection_fee", "charge_minimum", "charge_maximum", "intrastate", "interstate")
)  # fmt: skip


def told(path: Path) -> dict[str, Any]:
    """A story as it is written."""
    story: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return story


class Telling:
    """One story being acted out, on a book of its own."""

    def __init__(self, folder: Path, story: dict[str, Any]) -> None:
        self.engine = Engine(folder, story["now"], currency=story.get("currency", "USD"))
        self.partner_sid = self._imported(story["imported"]) if "imported" in story else self.engine.partner("Acme")
        self.payments: dict[str, str] = {}
        for step in story["story"]:
            ((act, of),) = step.items()
            getattr(self, act)(of)

    def served(self) -> list[dict[str, Any]]:
        """The partner's invoices, but for the sids."""
        chance = ("invoice_sid", "partner_sid")
        invoices = self.engine.invoices(self.partner_sid)
        return [{name: value for name, value in invoice.items() if name not in chance} for invoice in invoices]

    def _imported(self, invoices: list[dict[str, Any]]) -> str:
        """A partner whose billing starts where its imported invoices end."""
        with self.engine.store.writing() as act:
            partner = new_partner(act, name="Acme", parent_sid=self.engine.operator.partner_sid)
            act.add_partner(partner)
        for number, invoice in enumerate(invoices):
            sids = {"partner_sid": partner.partner_sid, "invoice_sid": f"{number:08x}-0000-4000-8000-000000000000"}
            assert take(self.engine.store, [json.dumps(invoice | sids).encode()]).new == 1
        first = day_of(parse_instant(invoices[-1]["date_billing_period_end"]) + 1_000)
        standing.start_billing(self.engine.store, partner.partner_sid, "a story", begins=first)
        return partner.partner_sid

    def _sid(self, display_id: str) -> str:
        invoices = self.engine.invoices(self.partner_sid)
        return next(str(invoice["invoice_sid"]) for invoice in invoices if invoice["display_id"] == display_id)

    # The steps.

    def at(self, now: str) -> None:
        """Time goes on."""
        self.engine.at(now)

    def run(self, now: str) -> None:
        """A billing run at an instant."""
        self.engine.run(now)

    def sheet(self, of: dict[str, Any]) -> None:
        """Prices for everybody, from long ago on."""
        shape = _LINES[of["service"]]
        tag = {"kind": shape.__struct_config__.tag}
        rates = [msgspec.convert(tag | _read_money(rate), shape) for rate in of["rates"]]
        terms: dict[Any, Any] = {name: of[name] for name in ("service", "direction", "convention") if name in of}
        if "price_rounding" in of:
            terms["price_rounding"] = PriceRounding(**of["price_rounding"])
        self.engine.sheet(*rates, **terms)

    def call(self, record: Any) -> None:
        """A record of a call comes."""
        self._record("call", record)

    def message(self, record: Any) -> None:
        """A record of a message comes."""
        self._record("message", record)

    def usage(self, record: Any) -> None:
        """A record of other usage comes."""
        self._record("usage", record)

    def _record(self, kind: Any, record: Any) -> None:
        event = read_record(kind, parse_json(json.dumps(record).encode()), self.partner_sid)
        assert not isinstance(event, tuple), event
        (outcome,) = self.engine.record(event)
        assert outcome.result == "accepted", outcome

    def correct(self, of: dict[str, Any]) -> None:
        """A call's record is corrected."""
        changes = {name: value for name, value in of.items() if name != "dr_sid"}
        caller, dr_sid = self.engine.caller, of["dr_sid"]

        def change(event: Any) -> Any:
            return changed_record("call", event, changes)

        self.engine.store.act(lambda act: correcting.correct(act, caller, "call", dr_sid, change, "a story"))

    def withdraw(self, dr_sid: str) -> None:
        """A call's record is taken back."""
        self.engine.correct(dr_sid, None)

    def pay(self, of: dict[str, Any]) -> None:
        """A payment is recorded."""
        payment = self.engine.pay(self.partner_sid, **of)
        self.payments[of.get("reference", "")] = payment.payment_sid

    def refund(self, of: dict[str, Any]) -> None:
        """A part of the payment with a reference goes back."""
        terms = {name: value for name, value in of.items() if name != "of"}
        self.engine.pay(self.partner_sid, **terms, refunds_sid=self.payments[of["of"]])

    def adjust(self, of: dict[str, Any]) -> None:
        """A credit note, goodwill or a write-off; `invoice` is a number."""
        terms = {name: value for name, value in of.items() if name != "invoice"}
        if "invoice" in of:
            terms["invoice_sid"] = self._sid(of["invoice"])
        self.engine.adjust(self.partner_sid, **terms)

    def void(self, display_id: str) -> None:
        """An invoice is voided."""
        self.engine.void(self._sid(display_id))


def _read_money(value: Any, name: str | None = None) -> Any:
    """Rates and prices as the integers that they are inside."""
    if isinstance(value, dict):
        return {key: _read_money(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_read_money(part) for part in value]
    return parse_rate(value) if name in _MONEY and isinstance(value, str) else value
