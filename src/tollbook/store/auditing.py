"""What a book is verified with: its rows in the order of their key, side by side, and sums that must agree.

Nothing here judges; `operations.verifying` does. One pass reads all tables together, so that a million invoices
cost one scan of each and no look-up.
"""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from tollbook.store.invoice_rows import BY_SID, SELECT_CHILDREN, SELECT_DOCUMENTS, SELECT_INVOICES, Key

_of_key = itemgetter(0, 1, 2)


class Stored(NamedTuple):
    """An invoice as it lies in the book: its row, the rows of its arrays, and its document if there is one.

    `row` is None for what belongs to no invoice.
    """

    key: Key
    row: tuple[Any, ...] | None
    children: dict[str, list[tuple[Any, ...]]]
    document: bytes | None


class Audit:
    """Questions about the book as a whole, over one connection in one snapshot."""

    _run: Callable[..., Any]

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

    def stored_invoices(self) -> Iterator[Stored]:
        """Every invoice with its rows and its document, and what belongs to none, in the order of the key."""
        invoices = _Groups(self._run(SELECT_INVOICES))
        tables = {table: _Groups(self._run(select)) for table, select in SELECT_CHILDREN.items()}
        documents = _Groups(self._run(SELECT_DOCUMENTS))
        heads = [invoices, documents, *tables.values()]
        while keys := [group.key for group in heads if group.key is not None]:
            key = min(keys)
            row, text = invoices.take(key), documents.take(key)
            children = {table: group.take(key) for table, group in tables.items()}
            yield Stored(key, row[0] if row else None, children, text[0][3] if text else None)

    def count_invoices(self) -> int:
        """How many invoices the book has, by its rows."""
        return int(self._run("SELECT count(*) FROM invoice").fetchone()[0])

    def wrong_counters(self) -> Iterator[tuple[str, str, int, int]]:
        """Partner, status, the counter and the true number, where the two differ."""
        yield from self._run(
            "SELECT partner_sid, status, sum(counted), sum(found) FROM ("
            " SELECT partner_sid, status, invoices AS counted, 0 AS found FROM invoice_counter UNION ALL"
            " SELECT partner_sid, status, 0, count(*) FROM invoice GROUP BY partner_sid, status)"
            " GROUP BY partner_sid, status HAVING sum(counted) <> sum(found)"
        )

    def wrong_balances(self) -> Iterator[tuple[str, int, int]]:
        """Partner, the balance it has and the one that its invoices give, where the two differ."""
        yield from self._run(
            f"SELECT partner_sid, balance, found FROM (SELECT partner_sid, balance, {BALANCE_OF_PARTNER} AS found"
            " FROM partner) WHERE balance <> found"
        )

    def not_in_directory(self) -> Iterator[Key]:
        """Invoices whose sid the directory does not lead to."""
        yield from self._run(
            "SELECT r.partner_sid, r.date_created, r.invoice_sid FROM invoice r LEFT JOIN directory g"
            " ON g.sid = r.invoice_sid AND g.partner_sid = r.partner_sid AND g.invoice_created = r.date_created"
            " WHERE g.sid IS NULL"
        )

    def only_in_directory(self) -> Iterator[Key]:
        """Entries of the directory that lead to no invoice."""
        yield from self._run(f"SELECT g.partner_sid, g.invoice_created, g.sid {BY_SID} WHERE r.invoice_sid IS NULL")

    def invoiced_strangers(self) -> Iterator[str]:
        """Partners that have invoices and are not in the book."""
        rows = self._run("SELECT DISTINCT partner_sid FROM invoice_counter EXCEPT SELECT partner_sid FROM partner")
        yield from (sid for (sid,) in rows)

    def parents(self) -> dict[str, str | None]:
        """Each partner's parent."""
        return dict(self._run("SELECT partner_sid, parent_sid FROM partner").fetchall())

    def tree(self) -> set[tuple[str, str, int]]:
        """The partner tree as stored: ancestor, descendant, depth."""
        return set(self._run("SELECT ancestor_sid, descendant_sid, depth FROM partner_tree").fetchall())


class _Groups:
    """Rows that begin with a key, in its order, to be taken key by key."""

    def __init__(self, rows: Any) -> None:
        self._groups = groupby(rows, _of_key)
        self.key: Key | None = None
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self._advance()

    def take(self, key: Key) -> list[tuple[Any, ...]]:
        """The rows of a key, none if it is not the next."""
        if key != self.key:
            return []
        taken = list(self._rows)
        self._advance()
        return taken

    def _advance(self) -> None:
        self.key, self._rows = next(self._groups, (None, iter(())))


# The current invoice is the one whose period holds now, as the last act or run noted it; of a partner that is not
# billed here, the one of the latest period. Its balance, negated, is the partner's.
BALANCE_OF_PARTNER = """coalesce((
    SELECT -i.balance_forward FROM billing b JOIN invoice i ON i.partner_sid = b.partner_sid
    AND i.date_created = b.current_created AND i.invoice_sid = b.current_sid
    WHERE b.partner_sid = partner.partner_sid), (
    SELECT -i.balance_forward FROM invoice i WHERE i.partner_sid = partner.partner_sid
    ORDER BY i.date_billing_period_start DESC, i.date_created DESC, i.invoice_sid DESC LIMIT 1), 0)"""
