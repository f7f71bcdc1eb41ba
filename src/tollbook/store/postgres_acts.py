"""What is asked of a book and done to it on PostgreSQL where that is more than the same statement."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg import sql

from tollbook import errors, limits
from tollbook.billing.ledger import Billing
from tollbook.billing.model import Invoice
from tollbook.clock import month_around
from tollbook.errors import Flaw, Refusal
from tollbook.store import archive_files, migrations
from tollbook.store.archive_files import Totals
from tollbook.store.archiving import TOTALS, Archived, read_totals
from tollbook.store.copying import Table
from tollbook.store.dialect import POSTGRES
from tollbook.store.event_rows import Placed, Seen
from tollbook.store.ledger import SELECT_BILLING, billing_of
from tollbook.store.postgres_books import SCHEMA_VERSION
from tollbook.store.postgres_faults import is_lost
from tollbook.store.postgres_session import Session
from tollbook.store.reads import Reads
from tollbook.store.writes import Writes


class PostgresReads(Reads):
    """The questions, over one session in one snapshot."""

    dialect = POSTGRES
    schema_version = 0

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._stream = session.stream

    def settings(self) -> dict[str, str]:
        """What the book says of itself, but for the version of its schema."""
        settings = super().settings()
        self.schema_version = int(settings.pop(SCHEMA_VERSION, self.schema_version))
        return settings

    def hold_usage(self) -> None:
        """No part is dropped while the snapshot lasts, which is taken after this."""
        self._run(_HOLD_USAGE)

    def damage(self, *, thorough: bool = False) -> list[str]:
        """Nothing: the files are the server's to verify (checksums, `pg_amcheck`), and it keeps foreign keys."""
        return []


class PostgresWrites(PostgresReads, Writes):
    """One act. Who changes a partner's billing has its row to itself until the act ends."""

    row_lock = " FOR UPDATE OF r"

    def __init__(self, session: Session, wall: int, months: "Months", latest: int = 0) -> None:
        self._months = months
        self._session = session
        Writes.__init__(self, session, wall)
        self._stream = session.stream
        if self._before.sandbox_clock is None:
            self.now = max(self.now, latest)

    def settings(self) -> dict[str, str]:
        """What the book says of itself; a Refusal where its schema is newer than this program, which may only read."""
        settings = super().settings()
        if self.schema_version > migrations.LATEST:
            said = "the book was brought to a newer version: start this server again with the newer Tollbook"
            raise Refusal(errors.BOOK_VERSION, Flaw("db", said), retry_after=limits.RETRY_AFTER_SECONDS)
        return settings

    def _died_of(self, error: BaseException, failed: Exception) -> BaseException:
        return failed if is_lost(failed) and not isinstance(error, psycopg.Error) else error

    def hold_billing(self) -> None:
        """Wait for the acts that have rows of billing, and let no other have any; whoever reads goes on."""
        self._run("LOCK TABLE billing IN EXCLUSIVE MODE")

    def hold_partner(self, sid: str) -> None:
        """Wait for the act that changes the partner."""
        self._run("SELECT 1 FROM partner WHERE partner_sid = ? FOR NO KEY UPDATE", (sid,))

    def forget_spent(self, today: int) -> None:
        """Begin a new day for all who spent something on another; what was spent today meanwhile stays."""
        self._run(
            "SELECT 1 FROM billing b JOIN partner p ON p.partner_sid = b.partner_sid WHERE p.daily_spent_amount <> 0"
            " AND b.spent_day <> ? ORDER BY b.partner_sid FOR UPDATE OF b",
            (today,),
        )
        super().forget_spent(today)

    def billing(self, partner_sid: str) -> Billing | None:
        """How a partner is billed; others that ask within an act wait until this one ends."""
        return self.billings_of([partner_sid]).get(partner_sid)

    def billings_of(self, partner_sids: Iterable[str]) -> dict[str, Billing]:
        """How some partners are billed, in the order of sids, so that no two acts wait for each other."""
        billings = map(billing_of, self._locked(SELECT_BILLING, "b.partner_sid", partner_sids, "UPDATE OF b"))
        return {billing.partner_sid: billing for billing in billings}

    def _locked(self, select: str, key: str, partner_sids: Iterable[str], lock: str) -> list[Any]:
        """The rows of some partners, locked in the order of sids."""
        wanted = sorted(set(partner_sids))
        if not wanted:
            return []
        where = f"WHERE {key} IN ({', '.join('?' * len(wanted))}) ORDER BY {key}"
        rows: list[Any] = self._run(f"{select} {where} FOR {lock}", wanted).fetchall()
        return rows

    def put_invoices(self, invoices: Sequence[Invoice], origin: str, documents: Sequence[bytes] = ()) -> None:
        """Write invoices of distinct sids whole; who writes others of the same partners waits."""
        partners = {invoice.partner_sid for invoice in invoices}
        for table, lock in (("billing", "UPDATE"), ("partner", "NO KEY UPDATE")):
            self._locked(f"SELECT 1 FROM {table}", "partner_sid", partners, lock)
        super().put_invoices(invoices, origin, documents)

    def seen(self, partner_sid: str, dr_sids: Iterable[str]) -> dict[str, Seen]:
        """Those of a partner's record sids that the book knows."""
        known = "SELECT dr_sid, kind, fingerprint, date FROM event_seen WHERE partner_sid = ? AND dr_sid = ANY(?)"
        rows = self._run(known, (partner_sid, list(dict.fromkeys(dr_sids))))
        return {row[0]: Seen(*row[1:]) for row in rows}

    def seen_of(self, dr_sids: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Seen]]:
        """Those of some partners' record sids that the book knows, by partner; in one statement."""
        found: dict[str, dict[str, Seen]] = {partner_sid: {} for partner_sid in dr_sids}
        keys = [(partner_sid, dr_sid) for partner_sid, some in dr_sids.items() for dr_sid in dict.fromkeys(some)]
        owners, sids = [owner for owner, _ in keys], [sid for _, sid in keys]
        for partner_sid, dr_sid, *known in self._run(_SEEN_OF, (owners, sids)):
            found[partner_sid][dr_sid] = Seen(*known)
        return found

    def claim_due(self, partner_sids: Sequence[str]) -> list[str]:
        """Those of some partners whose billing no other act has; it is this one's from now on."""
        free = self._locked("SELECT partner_sid FROM billing", "partner_sid", partner_sids, "UPDATE SKIP LOCKED")
        return [sid for (sid,) in free]

    def add_events(self, placed: Sequence[Placed]) -> None:
        """New records, each in the part of its month."""
        self._have_parts(each.event.time for each in placed)
        super().add_events(placed)

    def _have_parts(self, instants: Iterable[int]) -> None:
        for part in self._months.have(instants):
            self._run(f"SELECT 1 FROM {part} LIMIT 0")  # to lock what is new has a transaction hear of it

    def totals_between(self, start: int, end: int) -> Totals:
        """What the records of [start, end) add up to: those of everybody, as the part may be dropped after it."""
        return read_totals(self._run(f"{TOTALS} WHERE date >= ? AND date < ?", (start, end)).fetchone())

    def refuse_archived(self, partner_sid: str, date: int | None, *, there: bool) -> None:
        """Refuse to change a record of a month that was put away, and keep that from beginning before the act ends."""
        if date is not None:
            self._run("SELECT pg_advisory_xact_lock_shared(?::int, ?::int)", _lock_of(date))
        super().refuse_archived(partner_sid, date, there=there)

    def put_away(self, archived: Archived, totals: Totals) -> Archived:
        """Note a month, while nobody corrects its records."""
        self._run("SELECT pg_advisory_xact_lock(?::int, ?::int)", _lock_of(archived.month))
        return super().put_away(archived, totals)

    def drop_month(self, archived: Archived) -> Archived:
        """Drop the part of a month, unless it holds more than the file: records that came meanwhile."""
        part = _month(archived.month // _HOUR_MS)
        totals = archive_files.totals_of(self.content(archived, whole=True).path)
        self._run(f"SET LOCAL lock_timeout = {limits.ARCHIVE_LOCK_MS:d}")  # whoever comes meanwhile waits behind it
        moved = self._moved(archived, archived.records)
        self._hold_records(part)
        if self.totals_between(archived.month, archived.end) != totals:
            return self._moved(moved, archived.removed)
        self._run(f"ALTER TABLE event DETACH PARTITION {part}")
        self._run(f"DROP TABLE {part}")
        self._months.forget()
        return moved

    def _hold_records(self, part: str) -> None:
        """Wait for the acts that write records of a month, and let no other begin."""
        self._run(f"LOCK TABLE {part} IN SHARE MODE")

    def bring_back(self, archived: Archived, rows: Sequence[Sequence[Any]]) -> Archived:
        """Put rows of a file back, each in the part of its month."""
        self._have_parts([archived.month])
        return super().bring_back(archived, rows)

    def put_rows(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows to a table that has none of their keys, those of usage each to the part of its month."""
        some = list(rows)
        if table.name in migrations.PARTITIONED:
            place = table.columns.index(migrations.PARTITIONED[table.name])
            self._have_parts(row[place] for row in some)
        self._session.copy(table.name, some)

    def keep_instant(self) -> None:
        """Remember this instant, about once a second; a host that is about to does not wait for another."""
        before = self._before.date_last_act or 0
        if self._before.sandbox_clock is not None or self.now < before + limits.INSTANT_KEPT_MS:
            return
        if not before:
            self._run("INSERT INTO book VALUES ('date_last_act', '0') ON CONFLICT (name) DO NOTHING")
        free = "SELECT name FROM book WHERE name = 'date_last_act' AND value::bigint < ? FOR UPDATE SKIP LOCKED"
        self._run(f"UPDATE book SET value = ? WHERE name IN ({free})", (str(self.now), self.now))


_SEEN_OF: Final = (
    "SELECT s.partner_sid, s.dr_sid, s.kind, s.fingerprint, s.date FROM unnest(?::text[], ?::text[]) AS w (owner, sid)"
    " JOIN event_seen s ON s.partner_sid = w.owner AND s.dr_sid = w.sid"
)
_HOLD_USAGE: Final = "LOCK TABLE ONLY event IN ACCESS SHARE MODE"


def _lock_of(instant: int) -> tuple[int, int]:
    """The names of the lock between who corrects records of a month and who puts it away."""
    return migrations.APPLICATION_ID, month_around(instant)[0] // 1000


class Months:
    """The parts that usage lies in, one a month (UTC); made as they are needed, each by whichever host is first."""

    def __init__(self, connected: Callable[[], Any]) -> None:
        self._connected = connected
        self._known: set[str] = set()
        self._owed: set[int] = set()

    def have(self, instants: Iterable[int]) -> list[str]:
        """Have parts for the months of some instants; the names of those that were not known before."""
        months = {_month(hour): hour for hour in {instant // _HOUR_MS for instant in instants}}
        new = sorted(months.keys() - self._known)
        if new:
            with self._connected() as connection:
                for name in new:
                    _make_part(connection, name, months[name])
            self._known |= set(new)
        return new

    def owe(self, instants: Iterable[int]) -> bool:
        """Whether some of the months are not known; `forget` has their parts made."""
        lacking = {instant for instant in instants if _month(instant // _HOUR_MS) not in self._known}
        self._owed |= lacking
        return bool(lacking)

    def forget(self) -> None:
        """Have what is owed, outside of any act; else look again: a part may have been put away."""
        owed, self._owed = self._owed, set()
        if not owed:
            self._known = set()
        self.have(owed)


_HOUR_MS: Final = 3_600_000


def _month(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3_600, UTC).strftime("event_%Y_%m")


def _make_part(connection: Any, name: str, hour: int) -> None:
    """Make and attach the part of an hour's month, unless it is there; nobody who reads or writes has to wait."""
    start, end = month_around(hour * _HOUR_MS)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (migrations.APPLICATION_ID,))
        if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()[0] is not None:
            return
        connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(
                sql.Identifier(name)
            )
        )
        attach = sql.SQL("ALTER TABLE event ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
        connection.execute(attach.format(sql.Identifier(name), sql.Literal(start), sql.Literal(end)))
