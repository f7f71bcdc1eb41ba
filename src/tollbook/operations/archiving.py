"""Putting old months of detail records away as files, and bringing them back.

A month goes when all its records are billed on invoices that are closed or void. Its file is on disk and verified
before a row leaves the book. Whatever interrupts it, running it again goes on where it was.
"""

import time
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tollbook import errors, limits
from tollbook.clock import DAY_MS, format_instant, month_around
from tollbook.errors import Flaw, Refusal
from tollbook.operations.book_settings import values_of
from tollbook.store import Reads, Store, Writes, archive_files
from tollbook.store.archive_files import Totals, Written
from tollbook.store.archiving import FOLDER, Archived
from tollbook.store.event_rows import COLUMNS

Watch = Callable[[str, int, int], None]
"""Told now and then what is done (a month), how far, and of how much."""


class Month(NamedTuple):
    """What became of a month: `archived`, `kept` (with the reason) or `restored`; how many records, in which file."""

    month: str
    result: str
    records: int
    file: str | None = None
    words: str | None = None


def archive(store: Store, before: int, to: Path | None, watch: Watch) -> Iterator[Month]:
    """Put away the months that end by an instant, the first of a month, oldest first; what became of each.

    The folder is kept by the book. 400 without one, or with another while files are missing there.
    """
    if month_around(before)[0] != before:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("before", "expected the first day of a month"))
    folder = _folder(store, to)
    with store.reading() as book:
        left = [each for each in book.archives(0, before) if each.removed < each.records]
        firsts = [book.first_there(sid, 0) for sid in book.billed_sids()]
    for each in left:
        yield _finished(store, each, watch)
    at = min((first for first in firsts if first is not None), default=before)
    while (end := month_around(at)[1]) <= before:
        if made := _month(store, month_around(at)[0], folder, watch):
            yield made
        at = end


def _folder(store: Store, to: Path | None) -> Path:
    """Where the files go, from now on; every host of the book has to find it by that path."""
    with store.reading() as book:
        known, archives = book.archive_folder(), book.archives()
    if to is None:
        if known is None:
            raise Refusal(errors.ARGUMENT_INVALID, Flaw("to", "name the folder of the archive, this first time"))
        return known
    folder = to.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for each in archives:
        if not (folder / each.file).is_file():
            said = f"{folder} has no {each.file}: move the files of {known} there first"
            raise Refusal(errors.ARGUMENT_INVALID, Flaw("to", said))
    with store.writing() as act:
        act.set_book(FOLDER, str(folder))
    return folder


def _month(store: Store, month: int, folder: Path, watch: Watch) -> Month | None:
    name, end = format_instant(month)[:7], month_around(month)[1]
    with store.reading() as book:
        partners = book.billed_sids()
        records, why = _judged(book, partners, month, end)
        if why or not records:
            return Month(name, "kept", records, words=why) if why else None
        known = book.archives(month, end)
        taken = {each.file for each in book.archives()}
        watch(name, 0, records)
        written = _file_of(book, partners, month, folder, taken, lambda done: watch(name, done, records))
        age_days = int(values_of(book)["usage_age_days_max"])
    part = max((each.part for each in known), default=0) + 1
    totals = written.totals
    noted = Archived(
        month, part, written.path.name, *totals[:3], removed=0, size=written.size, digest=written.digest, date=0
    )
    noted = _put_away(store, noted, totals)
    done = _finished(store, noted, watch)
    if end + age_days * DAY_MS > noted.date:
        done = done._replace(words="late records of it are still taken: each is a new one of the book, and counts once")
    return done


def _judged(book: Reads, partners: list[str], start: int, end: int) -> tuple[int, str | None]:
    """How many records a month has, and why they cannot be put away yet; None where they can."""
    records = 0
    reasons: dict[str, int] = {}
    for sid in partners:
        for state, status, some in book.standings_between(sid, start, end):
            records += some
            if state != "billed":
                reasons[state] = reasons.get(state, 0) + some
            elif status not in ("closed", "void"):
                named = f"on an invoice that is {status or 'not known'}"
                reasons[named] = reasons.get(named, 0) + some
    said = ", ".join(f"{what}: {some}" for what, some in sorted(reasons.items()))
    return records, said or None


def _file_of(
    book: Reads, partners: list[str], month: int, folder: Path, taken: set[str], watch: Callable[[int], None]
) -> Written:
    """A month's file: one that was left when this was interrupted, if it holds the same, or a new one."""
    end = month_around(month)[1]

    def rows() -> Iterator[tuple[object, ...]]:
        read = chain.from_iterable(book.rows_between(sid, month, end) for sid in partners)
        for number, row in enumerate(read, 1):
            yield row
            if number % limits.ARCHIVE_MOVED_ROWS == 0:
                watch(number)

    for number in count(1):
        more = f".{number}" if number > 1 else ""
        path = folder / f"event_{format_instant(month)[:7].replace('-', '_')}{more}.parquet"
        if path.name in taken:
            continue
        if not path.exists():
            return archive_files.write(path, COLUMNS, rows())
        if archive_files.holds(path, COLUMNS, rows()):
            totals = archive_files.totals_of(path)
            return Written(path, totals, path.stat().st_size, archive_files.digest_of(path))
    raise AssertionError("numbers do not end")


def _put_away(store: Store, noted: Archived, totals: Totals) -> Archived:
    """Note the file. One that is out of date already stays: another run may have found it, and noted it."""
    return store.act(lambda act: act.put_away(replace(noted, date=act.now), totals))


def _dropped(store: Store, archived: Archived) -> Archived:
    """Take all of a month out at once, where the database can; that waits for readings that hold it."""
    for tried in range(1, limits.ARCHIVE_TRIES_MAX + 1):
        try:
            return store.act(lambda act: act.drop_month(archived))
        except Refusal as refusal:
            if refusal.problem is not errors.STORE_BUSY or tried == limits.ARCHIVE_TRIES_MAX:
                raise
            time.sleep(1)
    raise AssertionError("the last try raises")


def _finished(store: Store, archived: Archived, watch: Watch) -> Month:
    """Take the rows of a file that is noted out of the book, as far as they are there."""
    name = format_instant(archived.month)[:7]
    with store.reading() as book:
        content = book.content(archived, whole=True)
    if not archived.removed:
        archived = _dropped(store, archived)
    while archived.removed < archived.records:
        rows = archive_files.rows(content, archived.removed, archived.removed + limits.ARCHIVE_MOVED_ROWS)

        def out(act: Writes, before: Archived = archived, rows: list[tuple[object, ...]] = rows) -> Archived:
            return act.remove_rows(before, rows)

        archived = store.act(out)
        watch(name, archived.removed, archived.records)
    return Month(name, "archived", archived.records, archived.file)


def restore(store: Store, month: int, watch: Watch) -> list[Month]:
    """Bring a month's records back into the book, from all its files, which stay where they are; 404 without any.

    Each file is verified first. Corrections of its records are refused until all of them are back.
    """
    start, end = month_around(month)
    with store.reading() as book:
        found = book.archives(start, end)
        contents = [book.content(each, whole=True) for each in found]
    if not found:
        raise Refusal(errors.ITEM_UNKNOWN, Flaw("restore", f"no records of {format_instant(start)[:7]} are archived"))
    for each, content in zip(found, contents, strict=True):
        if archive_files.digest_of(content.path) != each.digest:
            raise archive_files.unavailable(each.file, "is not the file that was written: its digest differs")
    return [_restored(store, each, content, watch) for each, content in zip(found, contents, strict=True)]


def _restored(store: Store, archived: Archived, content: archive_files.Content, watch: Watch) -> Month:
    name = format_instant(archived.month)[:7]
    while True:
        first = max(0, archived.removed - limits.ARCHIVE_MOVED_ROWS)
        rows = archive_files.rows(content, first, archived.removed)

        def back(act: Writes, before: Archived = archived, rows: list[tuple[object, ...]] = rows) -> Archived:
            after = act.bring_back(before, rows) if rows else before
            if not after.removed:
                act.forget_archived(after)
            return after

        archived = store.act(back)
        watch(name, archived.records - archived.removed, archived.records)
        if not archived.removed:
            return Month(name, "restored", archived.records, archived.file)
