"""What follows from the rows, made anew from them: counters, balances, the directory, the partner tree.

Documents are made anew one by one, with `Writes.put_document`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from tollbook.store.auditing import BALANCE_OF_PARTNER
from tollbook.store.invoice_rows import OF_INVOICE, Key


class Rebuild:
    """Repairs within one transaction."""

    _run: Callable[..., Any]
    _run_many: Callable[..., Any]

    def hold_billing(self) -> None:
        """Let no other act change an invoice or a balance until this one ends; called first. A file has one act."""

    def rebuild_counters(self) -> None:
        """Count all invoices."""
        self._run("DELETE FROM invoice_counter")
        self._run(
            "INSERT INTO invoice_counter SELECT partner_sid, status, count(*) FROM invoice GROUP BY partner_sid, status"
        )

    def rebuild_balances(self) -> None:
        """Give each partner the balance of its current invoice."""
        self._run(f"UPDATE partner SET balance = {BALANCE_OF_PARTNER}")

    def rebuild_directory(self) -> None:
        """Lead each sid to its partner; of a sid that two partners have, to one of them."""
        self._run("DELETE FROM directory")
        self._run(
            "INSERT INTO directory SELECT invoice_sid, partner_sid, date_created FROM invoice WHERE 1 = 1"
            " ORDER BY 2, 3, 1 ON CONFLICT (sid) DO NOTHING"
        )

    def replace_tree(self, tree: Iterable[tuple[str, str, int]]) -> None:
        """Another partner tree: ancestor, descendant, depth."""
        self._run("DELETE FROM partner_tree")
        self._run_many("INSERT INTO partner_tree VALUES (?, ?, ?)", tree)

    def drop_document(self, key: Key) -> None:
        """Forget a document that belongs to no invoice."""
        self._run(f"DELETE FROM invoice_document WHERE {OF_INVOICE}", key)
