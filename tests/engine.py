"""A book that bills, for tests: a clock to set, partners with sheets, calls and messages in few words.

engine = Engine(tmp_path, "2024-12-20T10:00:00Z")
acme = engine.partner("Acme")
engine.sheet(CallRate(prefix="1", rate=2_500_000), direction="outbound")
engine.record(call(acme, "c1", "2024-12-20T09:00:00Z", seconds=8880))
"""

import json
import weakref
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from tests.stores import fresh_url

from tollbook.billing.events import CallEvent, Event, MessageEvent, UsageEvent
from tollbook.billing.ledger import Billing, Payment
from tollbook.billing.model import Invoice, Partner
from tollbook.billing.numbers import Direction
from tollbook.billing.periods import day_of
from tollbook.billing.sheets import Rate, Service
from tollbook.clock import FixedClock, parse_instant
from tollbook.operations import adjusting, billing_run, correcting, payments, recording, sheets, standing
from tollbook.operations.books import create_book, operator_caller
from tollbook.operations.partners import new_partner
from tollbook.operations.recording import Outcome
from tollbook.query.records import decode_json
from tollbook.store import Writes

US = "12125550100"
UK = "442071838750"


class Engine:
    """One book with its operator and a clock that stands still until it is set."""

    def __init__(
        self,
        folder: Path,
        now: str,
        *,
        close_delay_seconds: int = 86_400,
        currency: str = "USD",
        sandbox: bool = False,
    ) -> None:
        self.clock = FixedClock(parse_instant(now))
        self._sandbox = sandbox
        begins = self.clock.instant if sandbox else None
        founded = create_book(fresh_url(folder), self.clock, currency=currency, sandbox_clock=begins)
        self.store = founded.store
        weakref.finalize(self, self.store.close)
        self.operator = founded.operator
        self.caller = operator_caller(self.store)
        with self.store.writing() as act:
            act.set_book("close_delay_seconds", str(close_delay_seconds))

    def at(self, now: str) -> "Engine":
        """Set the clock."""
        self.clock.instant = parse_instant(now)
        if self._sandbox:
            with self.store.writing() as act:
                act.set_book("sandbox_clock", str(self.clock.instant))
        return self

    def partner(self, name: str, parent_sid: str | None = None, **how: Any) -> str:
        """A partner that is billed from today on, or as `how` says; its sid."""
        terms = {key: how.pop(key) for key in ("begins", "cycle", "anchor", "needs_approval") if key in how}
        with self.store.writing() as act:
            made: Partner = new_partner(act, name=name, parent_sid=parent_sid or self.operator.partner_sid, **how)
            act.add_partner(made)
            standing.begin_billing(act, made.partner_sid, "a test", **terms)
        return made.partner_sid

    def sheet(
        self,
        *rates: Rate,
        service: Service = "calls",
        direction: Direction | None = "outbound",
        name: str | None = None,
        effective: str = "2020-01-01",
        to: Sequence[str] = (),
        **terms: Any,
    ) -> str:
        """A sheet, or another version of it, for some partners or for everybody; its version's sid."""
        new = sheets.NewVersion(
            name=name or f"{service} {direction}",
            service=service,
            direction=direction,
            effective_date=parse_instant(effective),
            rates=rates,
            **terms,
        )
        given = sheets.To(tuple(to)) if to else sheets.To(default=True)
        return sheets.import_deck(self.store, new, given, jump_percent=1_000_000).version.version_sid

    def record(self, *events: Event) -> list[Outcome]:
        """Record usage in one act."""
        return self.store.act(lambda act: recording.record(act, self.caller, events))

    def pay(self, partner_sid: str, amount: str, **more: Any) -> Payment:
        """Record a payment by card, or as `more` says."""
        body = {"amount": amount, "type": "visa", "partner_sid": partner_sid} | more
        return self.store.act(lambda act: payments.pay(act, self.caller, body))

    def adjust(self, partner_sid: str, kind: str, amount: str, **more: Any) -> adjusting.Adjustment:
        """Record an adjustment."""
        body = {"kind": kind, "amount": amount, "reason": "a test", "partner_sid": partner_sid} | more
        return self.store.act(lambda act: adjusting.adjust(act, self.caller, body))

    def void(self, invoice_sid: str) -> Invoice:
        """Void a closed invoice."""
        return self.store.act(lambda act: adjusting.void(act, self.caller, invoice_sid, "a test"))

    def correct(self, dr_sid: str, event: Event | None, kind: str = "call") -> None:
        """Replace a record by another, or withdraw it."""

        def change(act: Writes) -> None:
            correcting.correct(act, self.caller, kind, dr_sid, (lambda _: event) if event else None, "a test")

        self.store.act(change)

    def run(self, now: str | None = None, **how: Any) -> billing_run.Run:
        """A billing run, at an instant."""
        if now is not None:
            self.at(now)
        return billing_run.run(self.store, **how)

    def invoices(self, partner_sid: str) -> list[dict[str, Any]]:
        """A partner's invoices as they are served, oldest first."""
        with self.store.reading() as book:
            return [decode_json(document) for document in book.invoice_documents(partner_sid)]

    def figures(self, partner_sid: str, *names: str) -> list[tuple[Any, ...]]:
        """Some attributes of each of a partner's invoices."""
        return [tuple(invoice[name] for name in names) for invoice in self.invoices(partner_sid)]

    def items(self, partner_sid: str, place: int = -1) -> list[tuple[Any, ...]]:
        """Type, direction, country, first day, usage and amount of each item of an invoice; of the last, usually."""
        invoice = self.invoices(partner_sid)[place]
        return [
            (
                item["type"], item.get("direction"), item["country_code"], item["date_billing_period_start"][:10],
                item["usage"], item["amount"],
            )
            for item in invoice["invoice_items"]
        ]  # fmt: skip

    def balance(self, partner_sid: str) -> str:
        """What the partner has, as the wire shows it."""
        with self.store.reading() as book:
            document = book.partner_documents([partner_sid])[partner_sid]
        return str(json.loads(document)["balance"])

    def billing(self, partner_sid: str) -> Billing:
        """How a partner is billed."""
        with self.store.reading() as book:
            found = book.billing(partner_sid)
        assert found is not None
        return found

    def moves(self, partner_sid: str) -> list[str]:
        """The moves in a partner's journal."""
        with self.store.reading() as book:
            return [entry.move for entry, _ in book.journal(partner_sid)]

    def notices(self) -> list[tuple[str, int | None]]:
        """Kind and amount of what the operator should know."""
        with self.store.reading() as book:
            return [(notice.kind, notice.amount) for notice in book.notices(100)]


def call(partner_sid: str, dr_sid: str, stop: str, *, seconds: int = 60, **more: Any) -> CallEvent:
    """An outbound call to New York that was talked for some seconds and ended at an instant."""
    ended = parse_instant(stop)
    made: dict[str, Any] = {
        "direction": "outbound",
        "number_src": UK,
        "number_dst": US,
        "date_start": ended - seconds * 1000 - 2_000,
        "date_talk": ended - seconds * 1000,
        "date_stop": ended,
    }
    return CallEvent(**made | more | {"dr_sid": dr_sid, "partner_sid": partner_sid})


def message(partner_sid: str, dr_sid: str, sent: str, **more: Any) -> MessageEvent:
    """An outbound message to New York."""
    made: dict[str, Any] = {
        "direction": "outbound",
        "number_src": US,
        "number_dst": US,
        "date_sent": parse_instant(sent),
    }
    return MessageEvent(**made | more | {"dr_sid": dr_sid, "partner_sid": partner_sid})


def usage(partner_sid: str, dr_sid: str, instant: str, type_: str, quantity: int, **more: Any) -> UsageEvent:
    """Some other use."""
    return UsageEvent(
        dr_sid=dr_sid, partner_sid=partner_sid, type=type_, quantity=quantity, date=parse_instant(instant), **more
    )


def day(text: str) -> date:
    """A UTC day."""
    return day_of(parse_instant(text))
