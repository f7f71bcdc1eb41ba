"""A partner's billing in the book: its standing, its open invoices and what they are made of, payments, the journal.

What a row means is `billing.ledger`'s to say; what follows from it is computed elsewhere.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from tollbook.billing.chain import JournalEntry
from tollbook.billing.deriving import ItemKey, ItemSum
from tollbook.billing.ledger import Billing, FixedLine, Notice, OpenInvoice, Payment
from tollbook.billing.model import Invoice
from tollbook.billing.periods import Period, day_of, midnight, printed_period
from tollbook.clock import DAY_MS
from tollbook.store.invoice_rows import OF_INVOICE, Key, key_of

_AT_ONCE: Final = 200  # partners asked for in one statement
_TERMS: Final = ("payment_type", "charge_at", "prepay_amount", "spending_limit", "daily_spending_limit")
_OWN: Final = tuple(name for name in Billing.__struct_fields__ if name not in (*_TERMS, "revision"))
_BILLING: Final = (*_OWN, "revision", *_TERMS)
_FLAGS: Final = ("needs_approval", "charge_requested")
_PAYMENT: Final = Payment.__struct_fields__
_LINE: Final = FixedLine.__struct_fields__
_NOTICE: Final = Notice.__struct_fields__
SELECT_BILLING: Final = (
    f"SELECT {', '.join(f'b.{name}' for name in (*_OWN, 'revision'))}, {', '.join(f'p.{name}' for name in _TERMS)}"
    " FROM billing b JOIN partner p ON p.partner_sid = b.partner_sid"
)
_PUT_BILLING: Final = (
    f"INSERT INTO billing ({', '.join(_OWN)}, revision) VALUES ({', '.join('?' * (len(_OWN) + 1))})"
    " ON CONFLICT (partner_sid) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*_OWN[1:], "revision"))
)
_SELECT_PAYMENTS: Final = f"SELECT {', '.join(_PAYMENT)} FROM payment"
_SUM: Final = "type, direction, country_code, date_start, date_end, units, usage, events"
_IN_ORDER: Final = "ORDER BY date_created, line_sid, position"
_NOT_VOIDED: Final = (
    "NOT EXISTS (SELECT 1 FROM invoice i WHERE i.partner_sid = fixed_line.partner_sid"
    " AND i.date_created = fixed_line.invoice_created AND i.invoice_sid = fixed_line.invoice_sid"
    " AND i.status = 'void')"
)
_SELECT_LINES: Final = f"SELECT {', '.join(_LINE)} FROM fixed_line"


class Closed(NamedTuple):
    """What closing froze of an invoice: its key, the link of the chain, and when it counts as paid."""

    key: Key
    hash: bytes
    date_closed: int
    paid_from: int
    paid: bool


class Predecessor(NamedTuple):
    """The last imported invoice of a partner: what its first computed one follows on."""

    date_billing_period_end: int
    balance_forward: int
    date_created: int


class LedgerReads:
    """Questions about billing, over one connection in one snapshot."""

    _run: Callable[..., Any]

    def billing(self, partner_sid: str) -> Billing | None:
        """How a partner is billed; None where it is not."""
        row = self._run(f"{SELECT_BILLING} WHERE b.partner_sid = ?", (partner_sid,)).fetchone()
        return billing_of(row) if row else None

    def billings_of(self, partner_sids: Iterable[str]) -> dict[str, Billing]:
        """How some partners are billed, those that are."""
        found: dict[str, Billing] = {}
        wanted = iter(partner_sids)
        while some := list(islice(wanted, _AT_ONCE)):
            marks = ", ".join("?" * len(some))
            for row in self._run(f"{SELECT_BILLING} WHERE b.partner_sid IN ({marks})", some):
                billing = billing_of(row)
                found[billing.partner_sid] = billing
        return found

    def billings(self) -> Iterator[Billing]:
        """Everybody's, in the order of their sids."""
        yield from map(billing_of, self._run(f"{SELECT_BILLING} ORDER BY b.partner_sid"))

    def due_partners(self, now: int, after: str, limit: int) -> list[str]:
        """Partners for whom a billing run has something to do, behind a sid in the order of sids."""
        found = self._run(
            "SELECT partner_sid FROM billing WHERE date_due <= ? AND partner_sid > ? ORDER BY partner_sid LIMIT ?",
            (now, after, limit),
        )
        return [sid for (sid,) in found]

    def is_due(self, now: int) -> bool:
        """Whether a billing run has anything to do."""
        return self._run("SELECT 1 FROM billing WHERE date_due <= ? LIMIT 1", (now,)).fetchone() is not None

    def open_invoices(self, partner_sid: str) -> list[OpenInvoice]:
        """A partner's open computed invoices, oldest first, with all that they are made of."""
        heads = self._run(
            "SELECT date_created, invoice_sid, display_id, date_billing_period_start, date_billing_period_end"
            " FROM invoice WHERE partner_sid = ? AND status = 'open' AND origin = 'computed' ORDER BY date_created",
            (partner_sid,),
        ).fetchall()
        opens = {
            created: OpenInvoice(
                invoice_sid=sid, display_id=display_id, date_created=created, period=printed_period(start, end)
            )
            for created, sid, display_id, start, end in heads
        }
        if opens:
            self._fill(partner_sid, opens)
        return list(opens.values())

    def _fill(self, partner_sid: str, opens: dict[int, OpenInvoice]) -> None:
        """Give open invoices what they are made of, by their dates of creation: they are a partner's newest."""
        newer = "WHERE partner_sid = ? AND invoice_created >= ?"
        key = (partner_sid, min(opens))
        for created, *row in self._run(f"SELECT invoice_created, {_SUM} FROM item_sum {newer}", key):
            opens[created].sums[item_key(*row[:5])] = ItemSum(*row[5:])
        for created, *row in self._run(
            f"SELECT invoice_created, {', '.join(_LINE)} FROM fixed_line {newer} {_IN_ORDER}", key
        ):
            opens[created].lines.append(line_of(row))
        for row in self._run(f"{_SELECT_PAYMENTS} {newer} ORDER BY date_created, payment_sid", key):
            payment = _payment(row)
            opens[payment.invoice_created or 0].payments.append(payment)

    def is_computed(self, key: Key) -> bool:
        """Whether an invoice was computed here, and not imported."""
        where = "WHERE partner_sid = ? AND date_created = ? AND invoice_sid = ? AND origin = 'computed'"
        return self._run(f"SELECT 1 FROM invoice {where}", key).fetchone() is not None

    def voided(self, partner_sid: str) -> dict[str, str]:
        """The numbers of a partner's voided invoices, by their sids."""
        where = "WHERE partner_sid = ? AND status = 'void'"
        return dict(self._run(f"SELECT invoice_sid, display_id FROM invoice {where}", (partner_sid,)).fetchall())

    def item_sums(self, key: Key) -> dict[ItemKey, ItemSum]:
        """The exact sums of an invoice's items."""
        rows = self._run(f"SELECT {_SUM} FROM item_sum WHERE {OF_INVOICE}", key)
        return {item_key(*row[:5]): ItemSum(*row[5:]) for row in rows}

    def fixed_lines(self, key: Key) -> list[FixedLine]:
        """An invoice's lines of a fixed amount, in the order in which they were made."""
        rows = self._run(f"{_SELECT_LINES} WHERE {OF_INVOICE} {_IN_ORDER}", key)
        return [line_of(row) for row in rows]

    def corrections(self, partner_sid: str, corrects_sid: str) -> list[FixedLine]:
        """The credits and their taxes that name a closed invoice; not those that fell with a voided one."""
        where = f"WHERE partner_sid = ? AND corrects_sid = ? AND {_NOT_VOIDED} {_IN_ORDER}"
        return [line_of(row) for row in self._run(f"{_SELECT_LINES} {where}", (partner_sid, corrects_sid))]

    def payments_on(self, key: Key) -> list[Payment]:
        """What was paid on an invoice, in the order in which it was recorded."""
        rows = self._run(f"{_SELECT_PAYMENTS} WHERE {OF_INVOICE} ORDER BY date_created, payment_sid", key)
        return [_payment(row) for row in rows]

    def payment(self, partner_sid: str, payment_sid: str) -> Payment | None:
        """One payment."""
        where = "WHERE partner_sid = ? AND payment_sid = ?"
        row = self._run(f"{_SELECT_PAYMENTS} {where}", (partner_sid, payment_sid)).fetchone()
        return _payment(row) if row else None

    def payment_by_reference(self, partner_sid: str, provider: str, reference: str) -> str | None:
        """The payment that has a provider's reference already."""
        where = "WHERE partner_sid = ? AND provider = ? AND reference = ?"
        row = self._run(f"SELECT payment_sid FROM payment {where}", (partner_sid, provider, reference)).fetchone()
        return row[0] if row else None

    def refunded(self, partner_sid: str, payment_sid: str) -> int:
        """How much of a payment was given back."""
        total = "SELECT coalesce(-sum(amount), 0) FROM payment WHERE partner_sid = ? AND refunds_sid = ?"
        return int(self._run(total, (partner_sid, payment_sid)).fetchone()[0])

    def waiting_payments(self, partner_sid: str) -> list[Payment]:
        """Payments of a parked partner that are on no invoice, in the order in which they came."""
        where = "WHERE partner_sid = ? AND invoice_created IS NULL ORDER BY date_created, payment_sid"
        rows = self._run(f"{_SELECT_PAYMENTS} {where}", (partner_sid,))
        return [_payment(row) for row in rows]

    def predecessor(self, partner_sid: str) -> Predecessor | None:
        """The last imported invoice of a partner, by its period."""
        row = self._run(
            "SELECT date_billing_period_end, balance_forward, date_created FROM invoice"
            " WHERE partner_sid = ? AND origin = 'imported'"
            " ORDER BY date_billing_period_start DESC, date_created DESC LIMIT 1",
            (partner_sid,),
        ).fetchone()
        return Predecessor(*row) if row else None

    def imported_numbers(self, partner_sid: str) -> list[str]:
        """The numbers of a partner's imported invoices."""
        where = "WHERE partner_sid = ? AND origin = 'imported'"
        return [text for (text,) in self._run(f"SELECT display_id FROM invoice {where}", (partner_sid,))]

    def imported_period(self, partner_sid: str, instant: int) -> Period | None:
        """The period, in whole days, of the imported invoice that covers the day of an instant."""
        day_ends = midnight(day_of(instant)) + DAY_MS
        row = self._run(
            "SELECT date_billing_period_start, date_billing_period_end FROM invoice WHERE partner_sid = ?"
            " AND origin = 'imported' AND date_billing_period_start < ? AND date_billing_period_end + 1000 >= ?"
            " ORDER BY date_billing_period_start DESC LIMIT 1",
            (partner_sid, day_ends, day_ends),
        ).fetchone()
        return Period(day_of(row[0]), day_of(row[1] + 1000)) if row else None

    def amount_before(self, partner_sid: str, created: int) -> int | None:
        """What a partner's invoice before one came to."""
        row = self._run(
            "SELECT amount FROM invoice WHERE partner_sid = ? AND date_created < ? ORDER BY date_created DESC LIMIT 1",
            (partner_sid, created),
        ).fetchone()
        return row[0] if row else None

    def settled_by(self, partner_sid: str, settlement: int) -> list[Closed]:
        """Closed invoices whose `paid` is not what a sum of settlements makes it, oldest first."""
        rows = self._run(
            "SELECT partner_sid, invoice_created, invoice_sid, hash, date_closed, paid_from, paid FROM closed_invoice"
            " WHERE partner_sid = ? AND ((paid = 0 AND paid_from <= ?) OR (paid = 1 AND paid_from > ?))"
            " ORDER BY invoice_created",
            (partner_sid, settlement, settlement),
        )
        return [Closed((row[0], row[1], row[2]), row[3], row[4], row[5], bool(row[6])) for row in rows]

    def is_approved(self, key: Key) -> bool:
        """Whether a person let an open invoice go."""
        return self._run(f"SELECT 1 FROM approval WHERE {OF_INVOICE}", key).fetchone() is not None

    def journal(self, partner_sid: str) -> Iterator[tuple[JournalEntry, bytes]]:
        """A partner's journal with the hash of each entry, in order."""
        rows = self._run(
            "SELECT partner_sid, position, invoice_sid, move, date, who, why, hash FROM journal"
            " WHERE partner_sid = ? ORDER BY position",
            (partner_sid,),
        )
        names = JournalEntry.__struct_fields__
        for row in rows:
            yield JournalEntry(**dict(zip(names, row[:-1], strict=True))), row[-1]

    def notices(self, limit: int, *, answered: bool = False) -> list[Notice]:
        """What the operator should know, newest first; what is answered only if asked for."""
        where = "" if answered else "WHERE date_answered IS NULL "
        select = f"SELECT {', '.join(_NOTICE)} FROM notice {where}ORDER BY date_created DESC, notice_sid LIMIT ?"
        return [Notice(**dict(zip(_NOTICE, row, strict=True))) for row in self._run(select, (limit,))]

    def is_told(self, partner_sid: str, kind: str) -> bool:
        """Whether a partner has a notice of a kind that is not answered."""
        where = "WHERE partner_sid = ? AND kind = ? AND date_answered IS NULL LIMIT 1"
        return self._run(f"SELECT 1 FROM notice {where}", (partner_sid, kind)).fetchone() is not None


class LedgerWrites:
    """Changes of billing within one act."""

    _run: Callable[..., Any]
    _run_many: Callable[..., Any]

    def put_billing(self, billing: Billing, known: Billing | None = None) -> int:
        """Write how a partner is billed; the revision that was drawn for it. `known` is what the book holds."""
        names = _OWN if known is None else [name for name in _OWN if getattr(billing, name) != getattr(known, name)]
        revision = int.from_bytes(os.urandom(8)) >> 2
        values = [*(int(v) if isinstance(v := getattr(billing, name), bool) else v for name in names), revision]
        if known is None:
            self._run(_PUT_BILLING, values)
        else:
            changes = "".join(f"{name} = ?, " for name in names)
            self._run(f"UPDATE billing SET {changes}revision = ? WHERE partner_sid = ?", [*values, billing.partner_sid])
        return revision

    def put_sums(self, key: Key, sums: Iterable[tuple[ItemKey, ItemSum]]) -> None:
        """Write sums of an invoice as they are now; one that is empty goes."""
        sums = list(sums)
        empty = [(*key, *_item_columns(item)) for item, total in sums if total == ItemSum()]
        columns = "partner_sid, invoice_created, invoice_sid, type, direction, country_code, date_start, date_end"
        self._run_many(
            f"INSERT INTO item_sum ({columns}, units, usage, events) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            f" ON CONFLICT ({columns})"
            " DO UPDATE SET units = excluded.units, usage = excluded.usage, events = excluded.events",
            [(*key, *_item_columns(item), s.units, s.usage, s.events) for item, s in sums if s != ItemSum()],
        )
        if empty:
            item = "type = ? AND direction = ? AND country_code = ? AND date_start = ? AND date_end = ?"
            self._run_many(f"DELETE FROM item_sum WHERE {OF_INVOICE} AND {item}", empty)

    def add_payment(self, payment: Payment) -> None:
        """A new payment."""
        self._insert_row("payment", _PAYMENT, payment)

    def place_payment(self, payment: Payment) -> None:
        """Put a payment that waited on its invoice."""
        self._run(
            "UPDATE payment SET invoice_created = ?, invoice_sid = ? WHERE partner_sid = ? AND payment_sid = ?",
            (payment.invoice_created, payment.invoice_sid, payment.partner_sid, payment.payment_sid),
        )

    def add_line(self, key: Key, line: FixedLine) -> None:
        """A new line of a fixed amount on an open invoice."""
        names = ("partner_sid", "invoice_created", "invoice_sid", *_LINE)
        values = [*key, *(getattr(line, name) for name in _LINE)]
        self._run(f"INSERT INTO fixed_line ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values)

    def add_closed(self, closed: Closed) -> None:
        """What closing froze."""
        values = (*closed.key, closed.hash, closed.date_closed, closed.paid_from, int(closed.paid))
        self._run("INSERT INTO closed_invoice VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def set_paid(self, key: Key, *, paid: bool) -> None:
        """Whether a closed invoice is paid."""
        self._run(f"UPDATE closed_invoice SET paid = ? WHERE {OF_INVOICE}", (int(paid), *key))

    def set_approved(self, key: Key, *, approved: bool) -> None:
        """Let an open invoice go, or take that back."""
        self._run(f"DELETE FROM approval WHERE {OF_INVOICE}", key)
        if approved:
            self._run("INSERT INTO approval VALUES (?, ?, ?)", key)

    def add_journal(self, entry: JournalEntry, hash_: bytes) -> None:
        """One more entry of a partner's journal."""
        values = [getattr(entry, name) for name in JournalEntry.__struct_fields__]
        names = ", ".join(JournalEntry.__struct_fields__)
        self._run(f"INSERT INTO journal ({names}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [*values, hash_])

    def add_notice(self, notice: Notice) -> None:
        """Something that the operator should know."""
        self._insert_row("notice", _NOTICE, notice)

    def answer_notices(self, partner_sid: str, kind: str, now: int) -> None:
        """Mark a partner's notices of a kind as answered."""
        self._run(
            "UPDATE notice SET date_answered = ? WHERE partner_sid = ? AND kind = ? AND date_answered IS NULL",
            (now, partner_sid, kind),
        )

    def forget_spent(self, today: int) -> None:
        """Begin a new day for all who spent something on another."""
        self._run(
            "UPDATE partner SET daily_spent_amount = 0 WHERE daily_spent_amount <> 0"
            " AND partner_sid IN (SELECT partner_sid FROM billing WHERE spent_day <> ?)",
            (today,),
        )

    def _insert_row(self, table: str, names: Sequence[str], record: Any) -> None:
        values = [getattr(record, name) for name in names]
        self._run(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values)


def change_of(invoice: Invoice, known: Invoice | None) -> tuple[str, list[Any]]:
    """The statement that writes what may change of an invoice's row once it is there, and what it takes.

    Nothing where the book knows it so. A column that stays out leaves its indexes as they are.
    """
    names = [name for name in _CHANGING if known is None or getattr(invoice, name) != getattr(known, name)]
    changes = ", ".join([f"{name} = ?" for name in names])
    statement = f"UPDATE invoice SET {changes} WHERE partner_sid = ? AND date_created = ? AND invoice_sid = ?"
    return statement if names else "", [*(getattr(invoice, name) for name in names), *key_of(invoice)]


_CHANGING: Final = (
    "amount", "amount_due", "amount_tax", "balance_forward", "balance_previous", "status", "paid", "date_charged",
    "date_issued",
)  # fmt: skip


def billing_of(row: Sequence[Any]) -> Billing:
    """How a partner is billed, from `SELECT_BILLING`."""
    values = dict(zip(_BILLING, row, strict=True))
    for name in _FLAGS:
        values[name] = bool(values[name])
    return Billing(**values)


def _payment(row: Sequence[Any]) -> Payment:
    return Payment(**dict(zip(_PAYMENT, row, strict=True)))


def line_of(row: Sequence[Any]) -> FixedLine:
    """A fixed line from its columns."""
    values = dict(zip(_LINE, row, strict=True))
    return FixedLine(**values | {"is_tax": bool(values["is_tax"])})


def item_key(type_: str, direction: str, country_code: str, start: int, end: int) -> ItemKey:
    """An item's key from its columns."""
    return ItemKey(type_, direction or None, country_code or None, Period(day_of(start), day_of(end)))


def _item_columns(key: ItemKey) -> tuple[str, str, str, int, int]:
    return (key.type, key.direction or "", key.country_code or "", midnight(key.period.start), midnight(key.period.end))
