"""All of one partner's billing at once, invoice by invoice, for who verifies it or makes it anew."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from tollbook.billing.deriving import ItemKey, ItemSum
from tollbook.billing.ledger import Billing, FixedLine, Payment
from tollbook.store.archiving import ArchiveReads
from tollbook.store.auditing import EVERYBODY, Span
from tollbook.store.invoice_rows import Key
from tollbook.store.ledger import SELECT_BILLING, Closed, billing_of, item_key, line_of

_LINE: Final = FixedLine.__struct_fields__
_PAYMENT: Final = Payment.__struct_fields__


class LedgerAudit(ArchiveReads):
    """Questions about a partner's billing as a whole, over one connection in one snapshot."""

    _run: Callable[..., Any]

    def billings_among(self, span: Span = EVERYBODY) -> dict[str, Billing]:
        """How some partners are billed, those that are."""
        rows = self._run(
            f"{SELECT_BILLING} WHERE b.partner_sid >= ? AND b.partner_sid < ? ORDER BY b.partner_sid", span
        )
        return {billing.partner_sid: billing for billing in map(billing_of, rows)}

    def sums_of(self, partner_sid: str) -> dict[str, dict[ItemKey, ItemSum]]:
        """The exact sums of a partner's items, by their invoice's sid."""
        found: dict[str, dict[ItemKey, ItemSum]] = defaultdict(dict)
        rows = self._run(
            "SELECT invoice_sid, type, direction, country_code, date_start, date_end, units, usage, events"
            " FROM item_sum WHERE partner_sid = ?",
            (partner_sid,),
        )
        for row in rows:
            found[row[0]][item_key(*row[1:6])] = ItemSum(*row[6:])
        return found

    def lines_of(self, partner_sid: str) -> dict[str, list[FixedLine]]:
        """A partner's lines of a fixed amount by their invoice's sid, in the order in which they were made."""
        found: dict[str, list[FixedLine]] = defaultdict(list)
        rows = self._run(
            f"SELECT invoice_sid, {', '.join(_LINE)} FROM fixed_line WHERE partner_sid = ?"
            " ORDER BY date_created, line_sid, position",
            (partner_sid,),
        )
        for row in rows:
            found[row[0]].append(line_of(row[1:]))
        return found

    def payments_of(self, partner_sid: str) -> list[Payment]:
        """What a partner paid, in the order in which it was recorded."""
        where = "WHERE partner_sid = ? ORDER BY date_created, payment_sid"
        rows = self._run(f"SELECT {', '.join(_PAYMENT)} FROM payment {where}", (partner_sid,))
        return [Payment(**dict(zip(_PAYMENT, row, strict=True))) for row in rows]

    def closings_of(self, partner_sid: str) -> dict[str, Closed]:
        """What closing froze of a partner's invoices, by their sids."""
        rows = self._run(
            "SELECT partner_sid, invoice_created, invoice_sid, hash, date_closed, paid_from, paid FROM closed_invoice"
            " WHERE partner_sid = ? ORDER BY invoice_created",
            (partner_sid,),
        )
        return {row[2]: Closed(row[:3], row[3], row[4], row[5], bool(row[6])) for row in rows}

    def seen_elsewhere(self, partner_sid: str) -> Iterator[tuple[str, bool]]:
        """Records that are not where the book knows them: their sids, and whether one is counted that should not be."""
        yield from (
            (sid, True)
            for (sid,) in self._run(
                "SELECT e.dr_sid FROM event e NOT INDEXED LEFT JOIN event_seen s"
                " ON s.partner_sid = e.partner_sid AND s.dr_sid = e.dr_sid"
                " WHERE e.partner_sid = ? AND (s.date IS NULL OR s.date <> e.date)",
                (partner_sid,),
            )
        )
        missing = self._run(
            "SELECT s.date, s.dr_sid FROM event_seen s LEFT JOIN event e"
            " ON e.partner_sid = s.partner_sid AND e.date = s.date AND e.dr_sid = s.dr_sid"
            " WHERE s.partner_sid = ? AND s.date IS NOT NULL AND e.dr_sid IS NULL ORDER BY s.date, s.dr_sid",
            (partner_sid,),
        )
        yield from self.unlike(partner_sid, map(tuple, missing))

    def invoices_of(self, partner_sid: str, origin: str = "computed") -> list[Key]:
        """The keys of a partner's computed (or imported) invoices, oldest first."""
        rows = self._run(
            "SELECT partner_sid, date_created, invoice_sid FROM invoice NOT INDEXED"
            " WHERE partner_sid = ? AND origin = ? ORDER BY date_created, invoice_sid",
            (partner_sid, origin),
        )
        return [(row[0], row[1], row[2]) for row in rows]
