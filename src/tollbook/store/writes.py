"""What can be done to a book within one transaction, in the words of `billing.model`.

A transaction has one instant, `now`. Rows, documents, counters and balances change together here, so
that nothing outside has to remember to.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from tollbook import errors
from tollbook.billing.model import Invoice, Partner, Token
from tollbook.errors import Flaw, Refusal
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS, Kind, Resource
from tollbook.query.rendering import renderer
from tollbook.store.answers import Answers
from tollbook.store.archiving import ArchiveWrites
from tollbook.store.auditing import BALANCE_OF_PARTNER
from tollbook.store.copying import TableWrites
from tollbook.store.event_rows import EventWrites
from tollbook.store.invoice_rows import (
    BY_SID,
    INSERT_CHILDREN,
    INSERT_DOCUMENT,
    INSERT_INVOICE,
    OF_INVOICE,
    PUT_CHILDREN,
    Key,
    child_rows,
    document_row,
    invoice_row,
    key_of,
)
from tollbook.store.ledger import LedgerWrites, change_of
from tollbook.store.nouns import document
from tollbook.store.reads import Connection, Reads
from tollbook.store.rebuilding import Rebuild
from tollbook.store.sheet_rows import SheetWrites
from tollbook.store.standing_rows import StandingWrites


class Access(NamedTuple):
    """One use of a token: when, and from where."""

    token_sid: str
    instant: int
    address: str


class Standing(NamedTuple):
    """Whose a known invoice is, and where it came from: `imported` or `computed`."""

    partner_sid: str
    origin: str | None


class Lost(Exception):
    """The database has undone the whole transaction, not only a part of it; `reason` is what it died of."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(reason)
        self.reason = reason


class Writes(
    Answers, Rebuild, SheetWrites, LedgerWrites, StandingWrites, EventWrites, ArchiveWrites, TableWrites, Reads
):
    """One transaction's changes; it is all or nothing."""

    def __init__(self, connection: Connection, wall: int) -> None:
        super().__init__(connection)
        self._run_many = connection.executemany
        self._settings: dict[str, str] | None = None
        self.wall = wall
        """The machine's instant: when logins and tokens begin and end."""
        self._before = self.instants()
        self.now = self._before.at(wall)
        """The book's instant: everything else."""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._billed: set[str] = set()
        self._spent: dict[str, int] = {}

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo, where the body raises, what it wrote and what `finish` would have written for it.

        Nothing else is undone: what a caller keeps of the book in memory, it must read again.
        """
        counts, billed, spent = self._counts.copy(), self._billed.copy(), self._spent.copy()
        self._run("SAVEPOINT part")
        try:
            yield
            self._run("RELEASE part")
        except Lost:
            raise
        except BaseException as error:
            self._counts, self._billed, self._spent, self._settings = counts, billed, spent, None
            try:
                self._run("ROLLBACK TO part")
                self._run("RELEASE part")
            except Exception as failed:
                raise Lost(self._died_of(error, failed)) from error
            raise

    def _died_of(self, error: BaseException, failed: Exception) -> BaseException:
        """What undid the whole transaction: what ended a part of it, or what then kept that from being undone."""
        return error

    def keep_instant(self) -> None:
        """Remember this instant, so that no later act has an earlier one; the store calls it before the commit."""
        if self._before.sandbox_clock is None and self.now > (self._before.date_last_act or 0):
            self.set_book("date_last_act", str(self.now))

    def settings(self) -> dict[str, str]:
        """What the book says of itself, looked up once in a transaction."""
        if self._settings is None:
            self._settings = super().settings()
        return self._settings

    def set_book(self, name: str, value: str) -> None:
        """Remember something about the book itself."""
        self._settings = None
        self._run(
            "INSERT INTO book VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )

    def hold_book(self, name: str, value: str) -> None:
        """Let no other act say anything else of it until this one ends; `value` is what is said where nothing was."""
        self._settings = None
        self._run("INSERT INTO book VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = book.value", (name, value))

    def drop_book(self, name: str) -> None:
        """Forget something about the book itself."""
        self._settings = None
        self._run("DELETE FROM book WHERE name = ?", (name,))

    def add_partner(self, partner: Partner, password_hash: str | None = None) -> None:
        """A new partner beneath its parent."""
        self._insert(PARTNERS, partner, password_hash=password_hash)
        self._run("INSERT INTO partner_tree VALUES (?, ?, 0)", (partner.partner_sid, partner.partner_sid))
        self._run(
            "INSERT INTO partner_tree SELECT ancestor_sid, ?, depth + 1 FROM partner_tree WHERE descendant_sid = ?",
            (partner.partner_sid, partner.parent_sid),
        )

    def hold_partner(self, sid: str) -> None:
        """Let no other act change a partner from what this one reads of it now, until this one ends."""

    def change_partner(self, partner: Partner) -> None:
        """New values for all of a partner's attributes but its place in the tree."""
        values = _values(PARTNERS, partner)
        names = [name for name in values if name not in ("partner_sid", "parent_sid")]
        self._run(
            f"UPDATE partner SET {', '.join(f'{name} = ?' for name in names)} WHERE partner_sid = ?",
            [*(values[name] for name in names), partner.partner_sid],
        )

    def set_password(self, partner_sid: str, password_hash: str) -> None:
        """Another password for a partner."""
        self._run("UPDATE partner SET password_hash = ? WHERE partner_sid = ?", (password_hash, partner_sid))

    def add_token(self, token: Token, access_hash: bytes, refresh_hash: bytes | None) -> None:
        """A new token; the book gets its hashes, not its secrets."""
        self._insert(TOKENS, token, access_hash=access_hash, refresh_hash=refresh_hash)

    def renew_token(self, token: Token, access_hash: bytes, refresh_hash: bytes) -> None:
        """Other secrets and dates for a known token; the old secrets end here."""
        self._run(
            "UPDATE token SET access_hash = ?, refresh_hash = ?, date_expiration_access_token = ?,"
            " date_expiration_refresh_token = ?, scopes = ? WHERE token_sid = ?",
            (
                access_hash,
                refresh_hash,
                token.date_expiration_access_token,
                token.date_expiration_refresh_token,
                json.dumps(token.scopes),
                token.token_sid,
            ),
        )

    def drop_token(self, token_sid: str) -> bool:
        """End a token; whether there was one."""
        return bool(self._run("DELETE FROM token WHERE token_sid = ?", (token_sid,)).rowcount)

    def touch_tokens(self, accesses: Iterable[Access]) -> None:
        """When and from where tokens were last used."""
        self._run_many(
            "UPDATE token SET date_last_accessed = ?, ip_last_accessed = ? WHERE token_sid = ?",
            [(access.instant, access.address, access.token_sid) for access in accesses],
        )

    def put_invoice(self, invoice: Invoice, origin: str) -> None:
        """Write an invoice whole: its rows, its document, its counter; `finish` follows once for all."""
        self.put_invoices([invoice], origin)

    def put_invoices(self, invoices: Sequence[Invoice], origin: str, documents: Sequence[bytes] = ()) -> None:
        """Write invoices of distinct sids whole; `documents` are theirs, made here from the rows unless given."""
        for invoice in invoices:
            self._make_place(invoice)
        self._run_many(INSERT_INVOICE, (invoice_row(invoice, origin) for invoice in invoices))
        for table, insert in INSERT_CHILDREN.items():
            self._run_many(insert, chain.from_iterable(child_rows(table, invoice) for invoice in invoices))
        made = documents or [document(INVOICES, invoice) for invoice in invoices]
        self._run_many(INSERT_DOCUMENT, map(document_row, invoices, made))

    def _make_place(self, invoice: Invoice) -> None:
        """Count an invoice in; where it is known already, count out and forget what was there."""
        partner_sid, created, sid = key_of(invoice)
        before = self._run(BY_SID, (sid,)).fetchone()
        if before is None:
            self._run("INSERT INTO directory VALUES (?, ?, ?)", (sid, partner_sid, created))
        elif before[0] != partner_sid:
            raise Refusal(errors.CONFLICT, Flaw("invoice_sid", "belongs to another partner"))
        else:
            self._run("UPDATE directory SET invoice_created = ? WHERE sid = ?", (created, sid))
            key = (partner_sid, before[1], sid)
            self._counts[partner_sid, self._of_invoice("status", key)] -= 1
            self._forget(key)
        self._counts[invoice.partner_sid, invoice.status] += 1
        self._billed.add(invoice.partner_sid)

    def open_invoice(self, invoice: Invoice) -> None:
        """Write a new computed invoice."""
        self.put_invoices([invoice], "computed")

    def change_invoice(
        self, invoice: Invoice, before: str, tables: Iterable[str] = (), known: Invoice | None = None
    ) -> None:
        """Write what changed of a computed invoice whose status was `before`, and the rows of some of its arrays.

        Its number and period never change. `known` is what the book holds of it: only other rows are written then.
        """
        statement, parameters = change_of(invoice, known)
        if statement:
            self._run(statement, parameters)
        for table in tables:
            self._change_rows(table, invoice, known)
        self._run(INSERT_DOCUMENT, document_row(invoice, _render(_values_of(invoice))))
        if before != invoice.status:
            self._counts[invoice.partner_sid, before] -= 1
            self._counts[invoice.partner_sid, invoice.status] += 1
        self._billed.add(invoice.partner_sid)

    def _change_rows(self, table: str, invoice: Invoice, known: Invoice | None) -> None:
        """Write the rows of an array, or those that differ from what is known."""
        elements, there = getattr(invoice, table), getattr(known, table) if known else ()
        if known is None or len(elements) < len(there):
            self._run(f"DELETE FROM {table} WHERE {OF_INVOICE}", key_of(invoice))
            there = ()
        places = [place for place, one in enumerate(elements) if place >= len(there) or one != there[place]]
        self._run_many(PUT_CHILDREN[table], child_rows(table, invoice, places))

    def put_document(self, invoice: Invoice) -> None:
        """Write the document that an invoice's rows make."""
        self._run(INSERT_DOCUMENT, document_row(invoice, document(INVOICES, invoice)))

    def count_balance(self, partner_sid: str) -> None:
        """Let `finish` bring up a partner's balance, though no invoice changed: another one is current now."""
        self._billed.add(partner_sid)

    def set_spent(self, partner_sid: str, amount: int) -> None:
        """What a partner spent today; `finish` writes it."""
        self._spent[partner_sid] = amount

    def finish(self) -> None:
        """Bring counters and balances up to the invoices written; the store calls it before the commit."""
        if self._counts:
            self._run_many(
                "INSERT INTO invoice_counter VALUES (?, ?, ?)"
                " ON CONFLICT (partner_sid, status)"
                " DO UPDATE SET invoices = invoice_counter.invoices + excluded.invoices",
                [(*key, change) for key, change in self._counts.items() if change],
            )
        self._keep_balances()
        self._counts.clear()
        self._billed.clear()
        self._spent.clear()

    def _keep_balances(self) -> None:
        spent = self._spent
        self._run_many(_BALANCE_AND_SPENT, [(amount, sid) for sid, amount in sorted(spent.items())])
        self._run_many(_BALANCE, [(sid,) for sid in sorted(self._billed) if sid not in spent])

    def standing(self, invoice_sid: str) -> Standing | None:
        """Whose an invoice is and whether it was `imported` or `computed`; None where the book has no such sid."""
        row = self._run(BY_SID, (invoice_sid,)).fetchone()
        return Standing(row[0], self._of_invoice("origin", (*row, invoice_sid))) if row else None

    def _of_invoice(self, column: str, key: Key) -> Any:
        """What an invoice has in a column; None where the book has only its sid."""
        where = "WHERE partner_sid = ? AND date_created = ? AND invoice_sid = ?"
        row = self._run(f"SELECT {column} FROM invoice {where}", key).fetchone()
        return row[0] if row else None

    def _forget(self, key: Key) -> None:
        self._run("DELETE FROM invoice WHERE partner_sid = ? AND date_created = ? AND invoice_sid = ?", key)
        for table in ("invoice_document", *INSERT_CHILDREN):
            self._run(f"DELETE FROM {table} WHERE {OF_INVOICE}", key)

    def _insert(self, resource: Resource, record: Any, **hidden: Any) -> None:
        values = {**_values(resource, record), **hidden}
        marks = ", ".join("?" * len(values))
        self._run(
            f"INSERT INTO {resource.name} ({', '.join(values)}) VALUES ({marks})",
            list(values.values()),
        )


_render = renderer(INVOICES.fields, rows_again=True)
_attributes = attrgetter(*(field.name for field in INVOICES.fields))
_parts = {field.name: attrgetter(*(part.name for part in field.parts)) for field in INVOICES.fields if field.parts}


def _values_of(invoice: Invoice) -> list[Any]:
    """An invoice's values in the catalogue's order, as the renderer takes them."""
    values = zip((field.name for field in INVOICES.fields), _attributes(invoice), strict=True)
    return [list(map(_parts[name], value)) if name in _parts else value for name, value in values]


_BALANCE_AND_SPENT = f"UPDATE partner SET balance = {BALANCE_OF_PARTNER}, daily_spent_amount = ? WHERE partner_sid = ?"
_BALANCE = f"UPDATE partner SET balance = {BALANCE_OF_PARTNER} WHERE partner_sid = ?"


def _values(resource: Resource, record: Any) -> dict[str, Any]:
    """Column to value for a record's own row."""
    values = {}
    for field in resource.scalars:
        if not field.secret:
            value = getattr(record, field.name)
            values[field.name] = json.dumps(value) if field.kind in (Kind.WORDS, Kind.MAP) else value
    return values
