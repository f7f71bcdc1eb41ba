"""What a book is verified with: its rows in the order of their key, side by side, and sums that must agree.

Nothing here judges; `operations.verifying` does. All is asked for a span of partners at a time, so that several
processes can share a book: one statement reads an invoice with its arrays and its document.
"""

import sqlite3
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from tollbook.query.fields import INVOICES, Field, Kind
from tollbook.store.dialect import Dialect
from tollbook.store.invoice_rows import INSERT_CHILDREN, Key, beside

_LAST: Final = chr(0x10FFFF)  # behind every sid


class Span(NamedTuple):
    """Partners from one sid on, up to another that is not among them."""

    first: str = ""
    end: str = _LAST


EVERYBODY: Final = Span()
_AMONG: Final = "r.partner_sid >= ? AND r.partner_sid < ?"


def _array(field: Field, dialect: Dialect) -> str:
    """The rows of an array of the invoice `r` as one JSON text."""
    parts = ", ".join(f"c.{part.name}" for part in field.parts)
    rows = f"SELECT * FROM {field.name} WHERE {beside(field.name)} ORDER BY position"
    return f"(SELECT {dialect.array_of.format(parts=parts)} FROM ({rows}) c)"


@cache
def _select_stored(dialect: Dialect) -> str:
    fields = (_array(field, dialect) if field.kind is Kind.ROWS else f"r.{field.name}" for field in INVOICES.fields)
    return (
        f"SELECT r.partner_sid, r.date_created, r.invoice_sid, r.origin, d.document, {', '.join(fields)}"
        f" FROM invoice r NOT INDEXED LEFT JOIN invoice_document d ON {beside('d')}"
        f" WHERE {_AMONG} ORDER BY r.partner_sid, r.date_created, r.invoice_sid"
    )


_BEFORE: Final = 5  # columns before the attributes
_ARRAYS: Final = tuple(place for place, field in enumerate(INVOICES.fields) if field.kind is Kind.ROWS)
_read_array = msgspec.json.Decoder(list[list[Any]]).decode
BESIDE_INVOICES: Final = ("invoice_document", *INSERT_CHILDREN)
"""The tables whose rows belong to an invoice, and are counted against it."""


class Stored(NamedTuple):
    """An invoice as it lies in the book: its values in the catalogue's order, arrays as lists, and its document."""

    key: Key
    origin: str
    document: bytes | None
    values: list[Any]


class Audit:
    """Questions about the book as a whole, over one connection in one snapshot."""

    _run: Callable[..., Any]
    _stream: Callable[..., Any]
    dialect: Dialect

    def damage(self, *, thorough: bool = False) -> list[str]:
        """What the database itself finds wrong with its file; nothing for a sound one."""
        found: list[str] = []
        try:
            for (line,) in self._run(f"PRAGMA {'integrity_check' if thorough else 'quick_check'}(100)"):
                found.append(line)
        except sqlite3.DatabaseError as error:  # so damaged that the search for damage stops
            found.append(str(error))
        if found != ["ok"]:
            return found
        missing = self._run("PRAGMA foreign_key_check").fetchall()
        return [f"a row of {table} refers to a {parent} that is not there" for table, _, parent, _ in missing]

    def has_log(self) -> bool:
        """Whether the book has a write-ahead log, so that it is written while it is read; a backup has none."""
        return bool(self._run("PRAGMA journal_mode").fetchone()[0] == "wal")

    def spans(self, invoices: int) -> list[Span]:
        """Everybody, in spans of partners who have about so many invoices, by the counters."""
        bounds, held = [""], 0
        rows = self._run("SELECT partner_sid, sum(invoices) FROM invoice_counter GROUP BY partner_sid ORDER BY 1")
        for partner_sid, counted in rows:
            if held >= invoices:
                bounds.append(partner_sid)
                held = 0
            held += counted
        return [Span(first, end) for first, end in zip(bounds, [*bounds[1:], _LAST], strict=True)]

    def stored_invoices(self, span: Span = EVERYBODY) -> Iterator[Stored]:
        """Every invoice of some partners with its rows and its document, in the order of the key."""
        for row in self._stream(_select_stored(self.dialect), span):
            values = list(row[_BEFORE:])
            for place in _ARRAYS:
                values[place] = _read_array(values[place])
            yield Stored(row[:3], row[3], row[4], values)

    def count_beside(self, table: str, span: Span = EVERYBODY) -> int:
        """How many rows of documents or of an array some partners have."""
        return int(self._run(f"SELECT count(*) FROM {table} r WHERE {_AMONG}", span).fetchone()[0])

    def belonging_to_none(self, table: str, span: Span = EVERYBODY) -> Iterator[tuple[Key, int]]:
        """The keys under which rows of documents or of an array lie without an invoice, and how many they are."""
        rows = self._run(
            f"SELECT r.partner_sid, r.invoice_created, r.invoice_sid, count(*) FROM {table} r LEFT JOIN invoice i"
            " ON i.partner_sid = r.partner_sid AND i.date_created = r.invoice_created"
            f" AND i.invoice_sid = r.invoice_sid WHERE {_AMONG} AND i.invoice_sid IS NULL GROUP BY 1, 2, 3",
            span,
        )
        for *key, count in rows:
            yield (key[0], key[1], key[2]), count

    def count_invoices(self) -> int:
        """How many invoices the book has, by its rows."""
        return int(self._run("SELECT count(*) FROM invoice").fetchone()[0])

    def wrong_counters(self, span: Span = EVERYBODY) -> Iterator[tuple[str, str, int, int]]:
        """Partner, status, the counter and the true number, where the two differ."""
        yield from self._run(
            "SELECT partner_sid, status, sum(counted), sum(found) FROM ("
            f" SELECT partner_sid, status, invoices AS counted, 0 AS found FROM invoice_counter r WHERE {_AMONG}"
            f" UNION ALL SELECT partner_sid, status, 0, count(*) FROM invoice r WHERE {_AMONG}"
            " GROUP BY partner_sid, status) sides GROUP BY partner_sid, status HAVING sum(counted) <> sum(found)",
            (*span, *span),
        )

    def wrong_balances(self, span: Span = EVERYBODY) -> Iterator[tuple[str, int, int]]:
        """Partner, the balance it has and the one that its invoices give, where the two differ."""
        yield from self._run(
            f"SELECT partner_sid, balance, found FROM (SELECT partner_sid, balance, {BALANCE_OF_PARTNER} AS found"
            " FROM partner WHERE partner_sid >= ? AND partner_sid < ?) partners WHERE balance <> found",
            span,
        )

    def not_in_directory(self, span: Span = EVERYBODY) -> Iterator[Key]:
        """Invoices whose sid the directory does not lead to."""
        yield from self._run(
            "SELECT r.partner_sid, r.date_created, r.invoice_sid FROM invoice r LEFT JOIN directory g"
            " ON g.sid = r.invoice_sid AND g.partner_sid = r.partner_sid AND g.invoice_created = r.date_created"
            f" WHERE {_AMONG} AND g.sid IS NULL",
            span,
        )

    def count_directory(self) -> int:
        """How many sids the directory has."""
        return int(self._run("SELECT count(*) FROM directory").fetchone()[0])

    def only_in_directory(self) -> Iterator[Key]:
        """Entries of the directory that lead to no invoice."""
        yield from self._run(
            "SELECT g.partner_sid, g.invoice_created, g.sid FROM directory g LEFT JOIN invoice r"
            " ON r.partner_sid = g.partner_sid AND r.date_created = g.invoice_created AND r.invoice_sid = g.sid"
            " WHERE r.invoice_sid IS NULL"
        )

    def invoiced_strangers(self) -> Iterator[str]:
        """Partners that have invoices, or are billed, and are not in the book."""
        rows = self._run(
            "SELECT DISTINCT partner_sid FROM invoice_counter UNION SELECT partner_sid FROM billing"
            " EXCEPT SELECT partner_sid FROM partner"
        )
        yield from (sid for (sid,) in rows)

    def parents(self) -> dict[str, str | None]:
        """Each partner's parent."""
        return dict(self._run("SELECT partner_sid, parent_sid FROM partner").fetchall())

    def tree(self) -> set[tuple[str, str, int]]:
        """The partner tree as stored: ancestor, descendant, depth."""
        return set(self._run("SELECT ancestor_sid, descendant_sid, depth FROM partner_tree").fetchall())


# The current invoice is the one whose period holds now, as the last act or run noted it; of a partner that is not
# billed here, the one of the latest period. Its balance, negated, is the partner's.
BALANCE_OF_PARTNER = """coalesce((
    SELECT -i.balance_forward FROM billing b JOIN invoice i ON i.partner_sid = b.partner_sid
    AND i.date_created = b.current_created AND i.invoice_sid = b.current_sid
    WHERE b.partner_sid = partner.partner_sid), (
    SELECT -i.balance_forward FROM invoice i WHERE i.partner_sid = partner.partner_sid
    ORDER BY i.date_billing_period_start DESC, i.date_created DESC, i.invoice_sid DESC LIMIT 1), 0)"""
