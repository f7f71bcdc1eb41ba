"""What is asked of a distributed book and done to it where that is more than on one node.

A row that is locked is asked for by its partner alone; a table that every node has is changed by values, never from
one that is spread; and the directory, which lies elsewhere than the invoices it leads to, is asked for by itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from psycopg.errors import CheckViolation

from tollbook import limits
from tollbook.store.auditing import BALANCE_OF_PARTNER, EVERYBODY, Span
from tollbook.store.dialect import CITUS
from tollbook.store.event_rows import EventReads, Seen
from tollbook.store.invoice_rows import Key
from tollbook.store.postgres_acts import PostgresReads, PostgresWrites

ONE_BY_ONE: Final = {"citus.multi_shard_modify_mode": "sequential"}
"""What an act asks of all nodes it asks one after the other: else it may change no table that every node has."""


class DistributedReads(PostgresReads):
    """The questions, over one session in one snapshot of each node."""

    dialect = CITUS

    def hold_usage(self) -> None:
        """No part is dropped while the snapshot lasts; a node is asked over one connection, as each has its own."""
        super().hold_usage()
        self._run("SELECT set_config('citus.max_adaptive_executor_pool_size', '1', true)")

    def wrong_balances(self, span: Span = EVERYBODY) -> Iterator[tuple[str, int, int]]:
        """Partner, the balance it has and the one that its invoices give, where the two differ."""
        found = dict(self._run(_BALANCES, span).fetchall())
        kept = self._run("SELECT partner_sid, balance FROM partner WHERE partner_sid >= ? AND partner_sid < ?", span)
        for sid, balance in kept.fetchall():
            if balance != found.get(sid, 0):
                yield sid, balance, found.get(sid, 0)

    def not_in_directory(self, span: Span = EVERYBODY) -> Iterator[Key]:
        """Invoices whose sid the directory does not lead to."""
        select = "SELECT partner_sid, date_created, invoice_sid FROM invoice WHERE partner_sid >= ? AND partner_sid < ?"
        for keys in _some(self._stream(select, span)):
            marks = ", ".join("?" * len(keys))
            led = f"SELECT partner_sid, invoice_created, sid FROM directory WHERE sid IN ({marks})"
            yield from sorted(keys - set(self._run(led, [key[2] for key in keys])))

    def only_in_directory(self) -> Iterator[Key]:
        """Entries of the directory that lead to no invoice."""
        for keys in _some(self._stream("SELECT partner_sid, invoice_created, sid FROM directory")):
            sids, owners = [key[2] for key in keys], sorted({key[0] for key in keys})
            marks, partners = ", ".join("?" * len(sids)), ", ".join("?" * len(owners))
            there = f"WHERE partner_sid IN ({partners}) AND invoice_sid IN ({marks})"
            led = f"SELECT partner_sid, date_created, invoice_sid FROM invoice {there}"
            yield from sorted(keys - set(self._run(led, [*owners, *sids])))


class DistributedWrites(DistributedReads, PostgresWrites):
    """One act, on as many nodes as its partners lie on."""

    def _locked(self, select: str, key: str, partner_sids: Iterable[str], lock: str) -> list[Any]:
        """The rows of some partners, locked one partner after the other."""
        found = (super(DistributedWrites, self)._locked(select, key, [sid], lock) for sid in sorted(set(partner_sids)))
        return [row for rows in found for row in rows]

    def seen_of(self, dr_sids: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Seen]]:
        """Those of some partners' record sids that the book knows, by partner; each asked for where it lies."""
        return EventReads.seen_of(self, dr_sids)

    def _have_parts(self, instants: Iterable[int]) -> None:
        """Have parts for some months. There, to make one waits for all who write usage: an act that did begins anew."""
        instants = list(instants)
        if self._session.wrote and self._months.owe(instants):
            raise CheckViolation("the part of a month has to be made before this act writes")
        super()._have_parts(instants)

    def _hold_records(self, part: str) -> None:
        """The same for records of every month: there COPY locks the whole, and none of its parts."""
        self._run("LOCK TABLE event IN SHARE MODE")

    def forget_spent(self, today: int) -> None:
        """Begin a new day for all who spent something on another; what was spent today meanwhile stays."""
        some = (
            "SELECT b.partner_sid FROM billing b JOIN partner p ON p.partner_sid = b.partner_sid"
            " WHERE p.daily_spent_amount <> 0 AND b.spent_day <> ?"
        )
        spent = [sid for (sid,) in self._run(some, (today,))]
        days = self._locked("SELECT partner_sid, spent_day FROM billing", "partner_sid", spent, "UPDATE")
        begun = [(sid,) for sid, day in days if day != today]
        self._run_many("UPDATE partner SET daily_spent_amount = 0 WHERE partner_sid = ?", begun)

    def _keep_balances(self) -> None:
        for sid in sorted({*self._billed, *self._spent}):
            *before, balance = self._run(_BALANCE, (sid,) * 3).fetchone()
            now = [balance, self._spent.get(sid, before[1])]
            if now != before:
                self._run("UPDATE partner SET balance = ?, daily_spent_amount = ? WHERE partner_sid = ?", (*now, sid))

    def rebuild_balances(self) -> None:
        """Give each partner the balance of its current invoice."""
        wrong = [(balance, sid) for sid, _, balance in self.wrong_balances()]
        self._run_many("UPDATE partner SET balance = ? WHERE partner_sid = ?", wrong)


_BALANCE: Final = (
    f"SELECT p.balance, p.daily_spent_amount, {BALANCE_OF_PARTNER.replace('partner.partner_sid', '?')}"
    " FROM partner p WHERE p.partner_sid = ?"
)
_BALANCES: Final = """SELECT partner_sid, balance FROM (
    SELECT i.partner_sid, -i.balance_forward AS balance, row_number() OVER (PARTITION BY i.partner_sid
    ORDER BY b.partner_sid IS NULL, i.date_billing_period_start DESC, i.date_created DESC, i.invoice_sid DESC) AS place
    FROM invoice i LEFT JOIN billing b ON b.partner_sid = i.partner_sid AND b.current_created = i.date_created
    AND b.current_sid = i.invoice_sid WHERE i.partner_sid >= ? AND i.partner_sid < ?) ranked WHERE place = 1"""
"""`BALANCE_OF_PARTNER` of some partners, as values from all nodes."""


def _some(rows: Iterable[Any]) -> Iterator[set[Any]]:
    """Rows, as many at a time as one statement asks for."""
    rows = iter(rows)
    while some := set(islice(rows, limits.KEYS_ASKED_MAX)):
        yield some
