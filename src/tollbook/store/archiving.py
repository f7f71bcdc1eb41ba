"""Archived records: which months were put away, what is asked of them, and how rows leave the book and come back.

What is asked is answered as if the rows were there, from the files; lists alone leave them out.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec

from tollbook import errors
from tollbook.clock import format_instant, month_around
from tollbook.errors import Flaw, Refusal
from tollbook.store import archive_files
from tollbook.store.archive_files import MARK, Content, Totals
from tollbook.store.event_rows import COLUMNS, Placed, placed_of

FOLDER: Final = "archive"
"""The book's name for the folder of the files."""
_END: Final = 2**62  # after every instant


class Archived(msgspec.Struct, frozen=True):
    """A month, or a further part of one, that was put away: `month` is its first instant. See the table `archive`."""

    month: int
    part: int
    file: str
    records: int
    quantity: int
    units: int
    removed: int
    size: int
    digest: bytes
    date: int

    @property
    def end(self) -> int:
        """The first instant of the next month."""
        return month_around(self.month)[1]


_FIELDS: Final = ", ".join(Archived.__struct_fields__)
_EXACT: Final = "coalesce(sum({0} / 1000000000), 0), coalesce(sum({0} % 1000000000), 0)"  # a sum may be over 64 bits
TOTALS: Final = (
    f"SELECT count(*), {_EXACT.format('quantity')}, {_EXACT.format('units')},"
    f" coalesce(sum(version), 0) + coalesce(sum(date_insert % {MARK}), 0) FROM event"
)
_BY: Final = ("item_type", "direction", "country_code")
_PRICED: Final = (*_BY, "kind", "final", "version_sid", "prefix", "rate", "jurisdiction")


class ArchiveReads:
    """Questions about what was put away, over one connection in one snapshot."""

    _run: Callable[..., Any]
    _stream: Callable[..., Any]
    settings: Callable[[], dict[str, str]]

    def archives(self, start: int = 0, end: int = _END) -> list[Archived]:
        """What was put away of the months that have a part of [start, end)."""
        of = (month_around(start)[0], end)
        rows = self._run(f"SELECT {_FIELDS} FROM archive WHERE month >= ? AND month < ? ORDER BY month, part", of)
        return [_archived(row) for row in rows.fetchall()]

    def archived_before(self) -> int | None:
        """The instant from which on no record is archived, or about to be; None where none is."""
        latest = self._run("SELECT max(month) FROM archive").fetchone()[0]
        return None if latest is None else month_around(latest)[1]

    def archive_folder(self) -> Path | None:
        """Where the files are."""
        folder = self.settings().get(FOLDER)
        return Path(folder) if folder else None

    def content(self, archived: Archived, *, whole: bool = False) -> Content:
        """The file of what was put away, as far as its rows are no more in the book, or whole."""
        path = (self.archive_folder() or Path()) / archived.file
        rows = archived.records if whole else archived.removed
        return archive_files.content(path, archived.size, archived.records, rows)

    def _contents(self, start: int, end: int, *, whole: bool = False) -> Iterator[Content]:
        for each in self.archives(start, end):
            if each.removed or whole:
                yield self.content(each, whole=whole)

    def archived(self, partner_sid: str, dr_sid: str) -> Placed | None:
        """The latest version of a record that is not in the book any more; None where no file has it."""
        row = self._run(
            "SELECT date FROM event_seen WHERE partner_sid = ? AND dr_sid = ?", (partner_sid, dr_sid)
        ).fetchone()
        if row is None or row[0] is None:
            return None
        for content in self._contents(row[0], row[0] + 1, whole=True):
            if found := archive_files.row_of(content, partner_sid, row[0], dr_sid):
                return placed_of(found)
        return None

    def archived_first(self, partner_sid: str, instant: int, *, whole: bool = False) -> int | None:
        """When a partner's next archived record at or after an instant is; `whole`: one that leaves the book counts."""
        for _, parts in groupby(self.archives(instant), key=lambda each: each.month):
            contents = [self.content(each, whole=whole) for each in parts if each.removed or whole]
            firsts = [archive_files.first_date(each, partner_sid, instant, _END) for each in contents]
            if found := [first for first in firsts if first is not None]:
                return min(found)
        return None

    def archived_rates(self, partner_sid: str, invoice_sid: str, start: int, end: int) -> Iterator[tuple[Any, ...]]:
        """The archived records of [start, end) that an invoice shows, as `RATE_SUMS` has them."""
        sums = ("quantity", "units", "seconds", "nanoseconds")
        for content in self._contents(start, end):
            shape = archive_files.rated(invoice_sid)
            for row in archive_files.grouped(content, partner_sid, start, end, _PRICED, sums, shape):
                yield row[0], row[1] or "", row[2] or "", *row[3:]

    def archived_sums(self, partner_sid: str, start: int, end: int) -> Iterator[tuple[Any, ...]]:
        """A partner's archived records of [start, end), as `usage_sums` reads them."""
        by = ("invoice_sid", *_BY, "state", "adjusted")
        for content in self._contents(start, end):
            for row in archive_files.grouped(content, partner_sid, start, end, by, ("quantity", "units")):
                yield row[0] or "", row[1], row[2] or "", row[3] or "", *row[4:]

    def unlike(self, partner_sid: str, missing: Iterable[tuple[int, str]]) -> Iterator[tuple[str, bool]]:
        """Records that the book knows and has not, by (date, sid) in order, against those that the files hold.

        The sids of those that are on one side only, and whether it is the files.
        """
        contents = list(self._contents(0, _END))
        kept = heapq.merge(*(archive_files.keys(each, partner_sid, 0, _END) for each in contents))
        sides = heapq.merge(((key, False) for key in missing), ((key, True) for key in kept))
        for key, some in groupby(sides, key=lambda side: side[0]):
            found = [in_file for _, in_file in some]
            if found != [False, True]:
                yield key[1], found[-1]

    def hold_usage(self) -> None:
        """Keep months from being put away while a snapshot lasts; called first, or in an act before it reads usage."""

    def refuse_archived(self, partner_sid: str, date: int | None, *, there: bool) -> None:
        """Refuse to change a record of an instant that was put away, or is about to be, with 409."""
        if date is None:
            return
        for each in self.archives(date, date + 1):
            if not there or each.removed < each.records:
                raise archived_month(each.month)

    # For who puts a month away.

    def billed_sids(self) -> list[str]:
        """All partners that are billed, in order."""
        return [sid for (sid,) in self._run("SELECT partner_sid FROM billing ORDER BY partner_sid").fetchall()]

    def first_there(self, partner_sid: str, instant: int) -> int | None:
        """When a partner's next record at or after an instant is, of those that are in the book."""
        where = "WHERE partner_sid = ? AND date >= ? ORDER BY date LIMIT 1"
        row = self._run(f"SELECT date FROM event NOT INDEXED {where}", (partner_sid, instant)).fetchone()
        return row[0] if row else None

    def rows_between(self, partner_sid: str, start: int, end: int) -> Iterator[tuple[Any, ...]]:
        """A partner's rows of [start, end) as they are in the table, in the order of the key."""
        where = "WHERE partner_sid = ? AND date >= ? AND date < ? ORDER BY date, dr_sid"
        select = f"SELECT {', '.join(COLUMNS)} FROM event NOT INDEXED"
        yield from self._stream(f"{select} {where}", (partner_sid, start, end))

    def standings_between(self, partner_sid: str, start: int, end: int) -> list[tuple[str, str, int]]:
        """A partner's records of [start, end): state, status of the invoice ('' for none), and how many have them."""
        rows = self._run(
            "SELECT e.state, coalesce(i.status, ''), count(*) FROM event e NOT INDEXED"
            " LEFT JOIN invoice i ON i.partner_sid = e.partner_sid AND i.date_created = e.invoice_created"
            " AND i.invoice_sid = e.invoice_sid"
            " WHERE e.partner_sid = ? AND e.date >= ? AND e.date < ? GROUP BY 1, 2 ORDER BY 1, 2",
            (partner_sid, start, end),
        )
        return [(state, status, records) for state, status, records in rows]

    def totals_between(self, start: int, end: int) -> Totals:
        """What the records of [start, end) that are in the book add up to."""
        where = "NOT INDEXED WHERE partner_sid = ? AND date >= ? AND date < ?"
        totals = Totals()
        for sid in self.billed_sids():
            totals = totals.plus(read_totals(self._run(f"{TOTALS} {where}", (sid, start, end)).fetchone()))
        return totals


def _archived(row: Sequence[Any]) -> Archived:
    values = dict(zip(Archived.__struct_fields__, row, strict=True))
    return Archived(**values | {name: int(values[name]) for name in ("quantity", "units")})


def read_totals(row: Sequence[int]) -> Totals:
    """What `TOTALS` answers."""
    records, quantities, quantity, units, unit, marks = map(int, row)
    return Totals(records, quantities * 1_000_000_000 + quantity, units * 1_000_000_000 + unit, marks)


def archived_month(month: int) -> Refusal:
    """The Refusal for what would change records of a month that was put away."""
    name = format_instant(month)[:7]
    return Refusal(
        errors.ARCHIVED, Flaw(None, f"the records of {name} were archived: first tollbook archive --restore {name}")
    )


class ArchiveWrites(ArchiveReads):
    """What puts rows away and brings them back, within one act."""

    _run_many: Callable[..., Any]

    def put_away(self, archived: Archived, totals: Totals) -> Archived:
        """Note a month whose file is on disk, if the book's records still add up to what is in it; else a Refusal.

        From now on they are not changed, and found in the file where they are no more in the book. They are taken out
        by `drop_month` and `remove_rows`.
        """
        self._refuse_others(archived)
        if self.totals_between(archived.month, archived.end) != totals:
            said = f"records of {format_instant(archived.month)[:7]} were changed meanwhile: run it again"
            raise Refusal(errors.CONFLICT, Flaw(None, said))
        values = [getattr(archived, name) for name in Archived.__struct_fields__]
        values[4:6] = map(str, values[4:6])
        self._run(f"INSERT INTO archive ({_FIELDS}) VALUES ({', '.join('?' * len(values))})", values)
        return archived

    def _refuse_others(self, archived: Archived) -> None:
        """Refuse a month that somebody else has put away since it was looked at, or whose files go elsewhere now."""
        for each in self.archives(archived.month, archived.end):
            if each.part >= archived.part or each.removed < each.records:
                said = f"somebody else puts the records of {format_instant(each.month)[:7]} away at the same time"
                raise Refusal(errors.CONFLICT, Flaw(None, f"{said}: run it again"))
        self.content(archived, whole=True)

    def drop_month(self, archived: Archived) -> Archived:
        """Take all rows of a file out of the book at once, where the database can; here it cannot."""
        return archived

    def remove_rows(self, archived: Archived, rows: Sequence[Sequence[Any]]) -> Archived:
        """Take the next rows of a file out of the book; a Refusal where one is not there as the file has it."""
        moved = self._moved(archived, archived.removed + len(rows))
        partner, date, sid, version = (COLUMNS.index(name) for name in ("partner_sid", "date", "dr_sid", "version"))
        done = self._run_many(
            "DELETE FROM event WHERE partner_sid = ? AND date = ? AND dr_sid = ? AND version = ?",
            [(row[partner], row[date], row[sid], row[version]) for row in rows],
        ).rowcount
        if done != len(rows):
            said = f"{len(rows) - done} records of {archived.file} are not in the book as they were archived"
            raise Refusal(errors.CONFLICT, Flaw(None, said))
        return moved

    def bring_back(self, archived: Archived, rows: Sequence[Sequence[Any]]) -> Archived:
        """Put the last rows of a file that are not in the book back into it; with its first, it is archived no more."""
        moved = self._moved(archived, archived.removed - len(rows))
        marks = ", ".join("?" * len(COLUMNS))
        self._run_many(f"INSERT INTO event ({', '.join(COLUMNS)}) VALUES ({marks})", rows)
        return moved

    def forget_archived(self, archived: Archived) -> None:
        """A file whose rows are all in the book is not asked any more."""
        self._run("DELETE FROM archive WHERE month = ? AND part = ? AND removed = 0", (archived.month, archived.part))

    def _moved(self, archived: Archived, removed: int) -> Archived:
        """Say how many rows of a file are not in the book; 409 where somebody else has since it was looked at.

        First of all in an act: who comes second waits, and then touches no row.
        """
        of = (removed, archived.month, archived.part, archived.removed)
        changed = self._run("UPDATE archive SET removed = ? WHERE month = ? AND part = ? AND removed = ?", of)
        if changed.rowcount != 1:
            said = f"somebody else moves the records of {archived.file} at the same time: run it again"
            raise Refusal(errors.CONFLICT, Flaw(None, said))
        return msgspec.structs.replace(archived, removed=removed)
