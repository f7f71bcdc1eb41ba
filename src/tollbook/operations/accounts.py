"""An account: one partner's billing within one act. Everything that changes a computed invoice goes through it.

An act loads the account, adds usage, payments or lines to its open invoices, moves what is due, and saves it: amounts
are derived, balances carried forward, the laws checked, what is paid decided, documents written. Nothing is half done:
an account that breaks a law is not saved (`Unlawful`), and the act parks the partner instead.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from tollbook import limits
from tollbook.billing import balances, composing, periods
from tollbook.billing.chain import JournalEntry, invoice_hash, journal_hash
from tollbook.billing.currencies import minor_decimals
from tollbook.billing.deriving import ItemKey, ItemSum, display_id
from tollbook.billing.laws import Broken
from tollbook.billing.ledger import Billing, FixedLine, OpenInvoice, Payment
from tollbook.billing.model import Invoice
from tollbook.billing.periods import Period, midnight
from tollbook.billing.states import BillingMove, InvoiceMove, billing_after, invoice_after
from tollbook.clock import DAY_MS
from tollbook.money import item_amount, within_item
from tollbook.operations.noticing import Notices
from tollbook.operations.recalling import recall
from tollbook.operations.spending import POLICY
from tollbook.query.fields import INVOICES
from tollbook.query.records import wire_record
from tollbook.store import Reads, Writes
from tollbook.store.invoice_rows import Key, key_of
from tollbook.store.ledger import Closed


class Terms(NamedTuple):
    """What a book says of all its billing."""

    close_delay_seconds: int
    age_days_max: int
    minor_decimals: int
    spending_policy: str = "warn"


def terms_of(book: Reads) -> Terms:
    """The terms of a book."""
    settings = book.settings()
    return Terms(
        int(settings.get("close_delay_seconds", limits.CLOSE_DELAY_SECONDS_DEFAULT)),
        int(settings.get("usage_age_days_max", limits.USAGE_AGE_DAYS_MAX_DEFAULT)),
        minor_decimals(settings.get("currency", "USD")),
        settings.get(POLICY, "warn"),
    )


def account_of(act: Writes, partner_sid: str, terms: Terms) -> "Account | None":
    """A partner's account; None where it is not billed."""
    billing = act.billing(partner_sid)
    return None if billing is None else Account(act, billing, terms)


class Unlawful(Exception):
    """An account would break laws if it were saved."""

    def __init__(self, broken: Sequence[Broken]) -> None:
        super().__init__("; ".join(f"law {each.law}: {each.words}" for each in broken))
        self.broken = broken


class Account:
    """One partner's billing, in memory until it is saved."""

    def __init__(self, act: Writes, billing: Billing, terms: Terms) -> None:
        self.billing = billing
        recalled = recall.take(billing.partner_sid, billing.revision)
        self.opens = act.open_invoices(billing.partner_sid) if recalled is None else recalled
        self.closed: list[Invoice] = []
        """Those that were closed in this act."""
        self.notices = Notices(act, billing.partner_sid)
        self._act = act
        self._today = act.now - act.now % DAY_MS
        self._terms = terms
        self._changed: dict[str, set[str]] = {}
        """The invoices that changed, with the arrays of each that did."""
        self._sums: dict[str, set[ItemKey]] = {}
        self._forward = 0
        self._loaded = self._written = billing
        self._entries: list[tuple[JournalEntry, bytes]] = []

    # What there is.

    @property
    def partner_sid(self) -> str:
        """Whose account it is."""
        return self.billing.partner_sid

    def open_until(self, instant: int) -> None:
        """Open every missing invoice up to the one whose period holds an instant, and all that may be open now."""
        if self.opens and self._is_open_until(self.opens[-1].period, instant):
            return
        first = periods.day_of(self.billing.first_open)
        known = {made_of.period for made_of in self.opens}
        for period in periods.periods_from(self.billing.time, first):
            if period.start > periods.day_of(instant) and self._act.now < _opens_at(self.billing.time, period):
                return
            if period not in known:
                self._open(period)

    def _is_open_until(self, last: Period, instant: int) -> bool:
        """Whether there is nothing to open behind the last open invoice's period: they touch."""
        return instant < midnight(last.end) and self._act.now < periods.next_opens_at(last)

    def current(self) -> OpenInvoice:
        """The invoice whose period holds now; the first, where all are still to come."""
        self.open_until(self._act.now)
        return self._holding()[0]

    def invoice_of(self, instant: int) -> OpenInvoice | None:
        """The open invoice whose period holds an instant; None where that one is closed or imported: it is late."""
        if periods.is_late(instant, periods.day_of(self.billing.first_open)):
            return None
        self.open_until(instant)
        return next(made_of for made_of in self.opens if made_of.period.holds(instant))

    def period_of(self, instant: int) -> Period:
        """The period that an instant belongs to; ValueError before the partner's first, imported ones included."""
        if instant >= self.billing.begins:
            return periods.period_around(self.billing.time, instant)
        imported = self._act.imported_period(self.partner_sid, instant)
        if imported is None:
            raise ValueError(f"is before the partner's activation, {periods.day_of(self.billing.begins)}")
        return imported

    def balance(self) -> int:
        """What the partner has: the negation of the current invoice's `balance_forward`, as of the last save."""
        return 0 - self._forward

    # What may be added.

    def add(self, made_of: OpenInvoice, key: ItemKey, added: ItemSum) -> None:
        """Add to an item's exact sum; an item that is emptied is gone."""
        total = made_of.sums.pop(key, ItemSum()) + added
        if total != ItemSum():
            made_of.sums[key] = total
        self._sums.setdefault(made_of.invoice_sid, set()).add(key)
        self.touch(made_of, "invoice_items")

    def add_payment(self, payment: Payment) -> None:
        """Put a payment on the current invoice; on none while the partner is parked."""
        if not self.billing.is_parked:
            made_of = self.current()
            payment = replace(payment, invoice_created=made_of.date_created, invoice_sid=made_of.invoice_sid)
            made_of.payments.append(payment)
            made_of.payments.sort(key=_recorded)
            self.touch(made_of, "pay_items")
        self._act.add_payment(payment)
        if payment.amount > 0:
            self.notices.answer("charge_requested")
            self.billing = replace(self.billing, charge_requested=False)

    def place_waiting_payments(self) -> None:
        """Put the payments that waited while the partner was parked on the current invoice."""
        made_of = self.current()
        for waiting in self._act.waiting_payments(self.partner_sid):
            placed = replace(waiting, invoice_created=made_of.date_created, invoice_sid=made_of.invoice_sid)
            self._act.place_payment(placed)
            made_of.payments.append(placed)
            made_of.payments.sort(key=_recorded)
            self.touch(made_of, "pay_items")

    def add_lines(self, lines: Iterable[FixedLine]) -> OpenInvoice:
        """Put lines of a fixed amount on the current invoice."""
        made_of = self.current()
        for line in lines:
            self._act.add_line((self.partner_sid, made_of.date_created, made_of.invoice_sid), line)
            made_of.lines.append(line)
        made_of.lines.sort(key=lambda line: (line.date_created, line.line_sid, line.position))
        self.touch(made_of, "invoice_items", "tax_items")
        return made_of

    def spend(self, units: int) -> None:
        """Count what was used today, exactly."""
        spent = within_item(self._spent_today() + units)
        self.billing = replace(self.billing, spent_day=self._today, spent_units=spent)

    # What may be moved.

    def move(self, move: InvoiceMove, invoice_sid: str, status: str | None, who: str, why: str | None = None) -> None:
        """Note a move of an invoice in the journal; `IllegalMove` where the table has none."""
        invoice_after(status, move)  # type: ignore[arg-type]
        self._note(invoice_sid, move, who, why)

    def move_billing(self, move: BillingMove, who: str, why: str | None = None) -> None:
        """Change how the partner is billed; `IllegalMove` where the table has no such move."""
        after = billing_after(self.billing.status, move)
        self.billing = replace(self.billing, status=after, why_parked=why if move == "park" else None)
        self._note(None, move, who, why)

    def close_due(self, who: str) -> None:
        """Close every invoice whose time has come, in order; stop at one that a person has to let go first."""
        if self.billing.is_held or self.billing.is_parked or self._act.waiting(self.partner_sid, "parked", 1):
            return
        while self.opens and self._closes_at(self.opens[0]) <= self._act.now:
            if self.billing.needs_approval and not self._approved(self.opens[0]):
                return
            self._save_open()
            self._close(self.opens[0], who)
            self.open_until(self._act.now)

    def save(self) -> list[Invoice]:
        """Write all that changed; the open invoices as they are now.

        `Unlawful` where a law would be broken: then nothing of usage alone was written yet.
        """
        self.open_until(self._act.now)
        invoices = self._save_open()
        self._settle(invoices)
        self._note_current(invoices)
        self.billing = self.notices.of_balance(self.billing, self.balance(), self._terms.spending_policy)
        self._count_spent()
        self.save_standing()
        if self.billing.current_sid != self._loaded.current_sid:
            self._act.count_balance(self.partner_sid)
        recall.keep(self.partner_sid, self.billing.revision, self.opens)
        return invoices

    def save_standing(self) -> None:
        """Write how the partner is billed and its moves, and nothing of its invoices: for one that is parked."""
        for entry, hash_ in self._entries:
            self._act.add_journal(entry, hash_)
        self._entries.clear()
        self.billing = replace(self.billing, date_due=self._date_due())
        self.billing = replace(self.billing, revision=self._act.put_billing(self.billing, self._written))
        self._written = self.billing

    # How.

    def _open(self, period: Period) -> None:
        billing = self.billing
        created = periods.strictly_after(billing.date_last_created, self._act.now)
        sid = str(uuid.uuid5(uuid.UUID(billing.partner_sid), f"invoice {billing.number_next}"))
        self.opens.append(
            OpenInvoice(
                invoice_sid=sid,
                display_id=display_id(billing.number_next),
                date_created=created,
                period=period,
                is_new=True,
            )
        )
        self.billing = replace(billing, number_next=billing.number_next + 1, date_last_created=created)
        self.touch(self.opens[-1])
        self.move("open", sid, None, "billing")

    def touch(self, made_of: OpenInvoice, *arrays: str) -> None:
        """Note that an invoice changed, and which of its arrays: it is derived and written again."""
        self._changed.setdefault(made_of.invoice_sid, set()).update(arrays)

    def _key(self, made_of: OpenInvoice) -> Key:
        return (self.partner_sid, made_of.date_created, made_of.invoice_sid)

    def _save_open(self) -> list[Invoice]:
        """Derive the open invoices, check them, write those that changed and all behind them."""
        invoices, previous = [], self.billing.balance_closed
        for made_of in self.opens:
            invoices.append(composing.compose(self.partner_sid, made_of, previous, self._terms.minor_decimals))
            previous = invoices[-1].balance_forward
        first = next((n for n, made_of in enumerate(self.opens) if made_of.invoice_sid in self._changed), None)
        if first is None:
            return invoices
        broken = composing.broken_laws(invoices, self.opens, self.billing.balance_closed, self._terms.minor_decimals)
        if broken:
            raise Unlawful(broken)
        for made_of, invoice in zip(self.opens[first:], invoices[first:], strict=True):
            self._write(made_of, invoice)
        self._changed.clear()
        return invoices

    def _write(self, made_of: OpenInvoice, invoice: Invoice) -> None:
        keys = self._sums.pop(made_of.invoice_sid, set())
        self._act.put_sums(self._key(made_of), [(key, made_of.sums.get(key, ItemSum())) for key in keys])
        if made_of.is_new:
            self._act.open_invoice(invoice)
        else:
            self._act.change_invoice(invoice, "open", self._changed.get(made_of.invoice_sid, ()), made_of.written)
        made_of.is_new, made_of.written = False, invoice

    def _close(self, made_of: OpenInvoice, who: str) -> None:
        """Freeze the first open invoice: issue it, chain it, carry its balance over."""
        billing = self.billing
        composed = composing.compose(self.partner_sid, made_of, billing.balance_closed, self._terms.minor_decimals)
        closed = composing.close(composed, self._act.now)
        hash_ = invoice_hash(wire_record(INVOICES.fields, lambda name: getattr(closed, name)), billing.invoice_hash)
        paid_from = composing.paid_from(closed, billing.settled)
        self._act.change_invoice(closed, "open")
        self._act.add_closed(Closed(key_of(closed), hash_, self._act.now, paid_from, False))
        self.opens.pop(0)
        self.closed.append(closed)
        self.billing = replace(
            billing,
            first_open=midnight(made_of.period.end),
            balance_closed=closed.balance_forward,
            settled=billing.settled + balances.settling(closed),
            invoice_hash=hash_,
        )
        self.move("close", closed.invoice_sid, "open", who)
        self.notices.of_close(self.billing, closed)

    def _settle(self, opens: Sequence[Invoice]) -> None:
        """Decide anew which closed invoices are paid, where the sum of all settlements or the closed ones changed."""
        settling = self.billing.settled + sum(balances.settling(invoice) for invoice in opens)
        if settling == self.billing.settling and not self.closed:
            return
        self.billing = replace(self.billing, settling=settling)
        for frozen in self._act.settled_by(self.partner_sid, settling):
            invoice = self._act.invoice_at(frozen.key)
            paid = not frozen.paid
            charged = balances.charged(invoice.date_charged, paid, self._act.now)
            self._act.change_invoice(replace(invoice, paid=paid, date_charged=charged), invoice.status)
            self._act.set_paid(frozen.key, paid=paid)
            self.move("settle" if paid else "unsettle", invoice.invoice_sid, invoice.status, "billing")

    def _holding(self) -> list[OpenInvoice]:
        """The open invoice whose period holds now, else the first of all, and whatever follows."""
        return [m for m in self.opens if m.period.holds(self._act.now)] or self.opens

    def _note_current(self, invoices: Sequence[Invoice]) -> None:
        self._forward = self.billing.balance_closed
        for made_of in self._holding()[:1]:
            self.billing = replace(self.billing, current_created=made_of.date_created, current_sid=made_of.invoice_sid)
            self._forward = next(i.balance_forward for i in invoices if i.invoice_sid == made_of.invoice_sid)

    def _spent_today(self) -> int:
        return self.billing.spent_units if self.billing.spent_day == self._today else 0

    def _count_spent(self) -> None:
        amount = item_amount(self._spent_today(), self._terms.minor_decimals)
        if (self._loaded.spent_day, self._loaded.spent_units) != (self.billing.spent_day, self.billing.spent_units):
            self._act.set_spent(self.partner_sid, amount)
        self.notices.of_day(self.billing, amount)

    def _note(self, invoice_sid: str | None, move: str, who: str, why: str | None) -> None:
        position = self.billing.journal_entries + 1
        entry = JournalEntry(
            partner_sid=self.partner_sid,
            position=position,
            invoice_sid=invoice_sid,
            move=move,
            date=self._act.now,
            who=who,
            why=why,
        )
        hash_ = journal_hash(entry, self.billing.journal_hash)
        self._entries.append((entry, hash_))
        self.billing = replace(self.billing, journal_entries=position, journal_hash=hash_)

    def _closes_at(self, made_of: OpenInvoice) -> int:
        return periods.closes_at(made_of.period, self._terms.close_delay_seconds)

    def _approved(self, made_of: OpenInvoice) -> bool:
        return self._act.is_approved(self._key(made_of))

    def _date_due(self) -> int | None:
        """When a billing run next has something to do: to open the next invoice, to take up the current, to close."""
        if self.billing.is_parked:
            return None
        if not self.opens:
            return self.billing.first_open
        times = [periods.next_opens_at(self.opens[-1].period)]
        if self._holding()[:1] != [m for m in self.opens if m.invoice_sid == self.billing.current_sid]:
            times.append(self._act.now)
        times += [midnight(m.period.start) for m in self.opens if midnight(m.period.start) > self._act.now]
        first = self.opens[0]
        if not self.billing.is_held and not (self.billing.needs_approval and not self._approved(first)):
            times.append(self._closes_at(first))
        return min(times)


def _opens_at(cycle: periods.Cycle, period: Period) -> int:
    """When a period's invoice may open: 23:30 of the day before; the first one of all, at once."""
    before = periods.period_before(cycle, period)
    return periods.next_opens_at(before) if before else 0


def _recorded(payment: Payment) -> tuple[int, str]:
    """A payment's place on its invoice, now and when it is read again; of one instant's, by their sids."""
    return payment.date_created, payment.payment_sid
