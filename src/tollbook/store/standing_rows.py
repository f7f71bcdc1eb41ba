"""Questions about how partners are billed, for a person to see: what waits, and for whom."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

_NAMES_AT_ONCE: Final = 500


class Withheld(NamedTuple):
    """An open invoice whose period is over and that a billing run leaves alone, with its partner's standing."""

    partner_sid: str
    name: str
    status: str
    invoice_sid: str
    display_id: str
    date_billing_period_end: int
    amount: int


class StandingReads:
    """What an operator asks of the billing of all partners, over one connection in one snapshot."""

    _run: Callable[..., Any]

    def due_count(self, now: int) -> int:
        """For how many partners a billing run has something to do."""
        return int(self._run("SELECT count(*) FROM billing WHERE date_due <= ?", (now,)).fetchone()[0])

    def withheld(self, ended_before: int, limit: int) -> Iterator[Withheld]:
        """Open invoices of periods that ended before an instant: on hold, parked, or without the approval they need."""
        rows = self._run(
            "SELECT b.partner_sid, p.name, b.status, i.invoice_sid, i.display_id, i.date_billing_period_end, i.amount"
            " FROM billing b JOIN partner p ON p.partner_sid = b.partner_sid"
            " JOIN invoice i ON i.partner_sid = b.partner_sid"
            " WHERE (b.status <> 'billed' OR (b.needs_approval = 1 AND NOT EXISTS (SELECT 1 FROM approval a"
            " WHERE a.partner_sid = i.partner_sid AND a.invoice_created = i.date_created"
            " AND a.invoice_sid = i.invoice_sid)))"
            " AND i.status = 'open' AND i.origin = 'computed' AND i.date_billing_period_end < ?"
            " ORDER BY p.name, b.partner_sid, i.date_created LIMIT ?",
            (ended_before, limit),
        )
        yield from (Withheld(*row) for row in rows)

    def usage_pending(self, partner_sid: str) -> dict[str, int]:
        """How many of a partner's records are on no invoice, by why: `unrated`, `parked`."""
        rows = self._run(
            "SELECT state, count(*) FROM event WHERE partner_sid = ? AND state <> 'billed' GROUP BY state",
            (partner_sid,),
        )
        return dict(rows.fetchall())

    def partner_names(self, sids: Iterable[str]) -> dict[str, str]:
        """The names of those of some sids that are partners."""
        names: dict[str, str] = {}
        wanted = list(dict.fromkeys(sids))
        for begin in range(0, len(wanted), _NAMES_AT_ONCE):
            some = wanted[begin : begin + _NAMES_AT_ONCE]
            holes = ", ".join("?" * len(some))
            found = self._run(f"SELECT partner_sid, name FROM partner WHERE partner_sid IN ({holes})", some)
            names.update(found.fetchall())
        return names


class StandingWrites:
    """Changes of the billing of all partners."""

    _run: Callable[..., Any]

    def claim_due(self, partner_sids: Sequence[str]) -> list[str]:
        """Those of some partners whose billing no other act has; it is this one's from now on."""
        return list(partner_sids)

    def answer_notices_before(self, kind: str, instant: int, now: int) -> None:
        """Mark everybody's notices of a kind from before an instant as answered."""
        self._run(
            "UPDATE notice SET date_answered = ? WHERE kind = ? AND date_created < ? AND date_answered IS NULL",
            (now, kind, instant),
        )

    def make_all_due(self, now: int) -> None:
        """Let the next billing run look at everybody: what was due when is no longer true."""
        self._run("UPDATE billing SET date_due = ? WHERE date_due > ?", (now, now))
