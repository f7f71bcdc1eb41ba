"""Files of archived records: Parquet, one a month and part of it, with all columns of `event` in the order of the key.

A file is written under another name, brought to the disk, read back, and only then given its own, which it takes from
no other: what has its name is whole. Every page carries a checksum. Of a file that is read only the groups of rows are
fetched that may hold what is asked for. The library is loaded where it is needed; what is wrong with a file is a
Refusal that names it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, NamedTuple

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal
from tollbook.store.book_files import sync_folder

Columns = tuple[str, ...]
_TEXTS: Final = frozenset(
    (
        "partner_sid", "dr_sid", "kind", "state", "invoice_sid", "item_type", "country_code", "direction",
        "version_sid", "prefix", "jurisdiction", "number_src", "number_dst", "number_billing", "number_external",
        "number_group_dst", "type", "sender_class", "mcc", "mnc", "status",
    )
)  # fmt: skip
"""The columns of text; all others are whole numbers of 64 bits."""
_KEY: Final = ("partner_sid", "date", "dr_sid")


class Totals(NamedTuple):
    """What the records of a month add up to; `marks` tells versions and instants apart that add up to the same."""

    records: int = 0
    quantity: int = 0
    units: int = 0
    marks: int = 0

    def plus(self, other: "Totals") -> "Totals":
        """Both together."""
        return Totals(*(mine + its for mine, its in zip(self, other, strict=True)))


MARK: Final = 1_000_000_007
"""What instants are taken modulo, so that their sum stays small."""


class Written(NamedTuple):
    """A file that is on disk and was read back."""

    path: Path
    totals: Totals
    size: int
    digest: bytes


class Content(NamedTuple):
    """Where a file is, which one it was when it was looked at, and how many of its first rows count."""

    path: Path
    identity: tuple[int, ...]
    rows: int


@lru_cache(1)
def _arrow() -> Any:
    """The library; a Refusal that says how to have it where it is missing."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        said = "archived records need pyarrow, which is not installed: pip install 'tollbook[archive]'"
        raise Refusal(errors.ARCHIVE_UNAVAILABLE, Flaw(None, said)) from None
    return pyarrow


# Writing.


def write(path: Path, columns: Columns, rows: Iterable[Sequence[Any]]) -> Written:
    """Write rows, which come in the order of the key, to a file; nothing has its name before it is whole.

    Where somebody else has written a file of that name meanwhile, that one stays: 409.
    """
    made = path.with_name(f".{path.name}.{token_hex(8)}.part")  # hosts that share the folder may be at it at once
    try:
        totals = _write(made, columns, rows)
        found = totals_of(made)
        if found != totals:
            said = f"{path.name} does not read back as it was written: {found} instead of {totals}"
            raise Refusal(errors.ARCHIVE_UNAVAILABLE, Flaw(None, said))
        written = Written(path, totals, made.stat().st_size, digest_of(made))
        _claim(path)
        made.rename(path)
    finally:
        with suppress(FileNotFoundError):
            made.unlink()
    sync_folder(path)
    return written


def _claim(path: Path) -> None:
    """Have a name to oneself."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        said = f"somebody else has written {path.name} at the same time: run it again"
        raise Refusal(errors.CONFLICT, Flaw(None, said)) from None


def _write(path: Path, columns: Columns, rows: Iterable[Sequence[Any]]) -> Totals:
    totals = Totals()
    writing = _arrow().parquet.ParquetWriter(
        path,
        _schema(columns),
        compression="zstd",
        write_statistics=["partner_sid", "date"],
        write_page_checksum=True,
    )
    with writing as file:
        for table in _tables(columns, rows):
            file.write_table(table, row_group_size=limits.ARCHIVE_GROUP_ROWS)
            totals = totals.plus(_totals(table))
    _flush(path)
    return totals


def _flush(path: Path) -> None:
    """Have what was written on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _schema(columns: Columns) -> Any:
    arrow = _arrow()
    return arrow.schema([(name, arrow.string() if name in _TEXTS else arrow.int64()) for name in columns])


def _tables(columns: Columns, rows: Iterable[Sequence[Any]]) -> Iterator[Any]:
    """Rows in groups, as they are written."""
    schema, left = _schema(columns), iter(rows)
    while some := list(islice(left, limits.ARCHIVE_GROUP_ROWS)):
        arrays = [
            _arrow().array(column, field.type) for column, field in zip(zip(*some, strict=True), schema, strict=True)
        ]
        yield _arrow().Table.from_arrays(arrays, schema=schema)


def _totals(table: Any) -> Totals:
    quantity, units, versions, dates = (
        table.column(name).to_pylist() for name in ("quantity", "units", "version", "date_insert")
    )
    return Totals(table.num_rows, sum(quantity), sum(units), sum(versions) + sum(date % MARK for date in dates))


def totals_of(path: Path) -> Totals:
    """What a file's records add up to; all that is summed is read."""
    totals = Totals()
    with _reading(path), _opened(path) as file:
        for group in range(file.num_row_groups):
            totals = totals.plus(_totals(file.read_row_group(group)))
    return totals


def digest_of(path: Path) -> bytes:
    """The SHA-256 of a file."""
    with _reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def holds(path: Path, columns: Columns, rows: Iterable[Sequence[Any]]) -> bool:
    """Whether a file holds just these rows; one that cannot be read does not."""
    try:
        with _reading(path), _opened(path) as file:
            groups = iter(range(file.num_row_groups))
            for table in _tables(columns, rows):
                group = next(groups, None)
                if group is None or not file.read_row_group(group).equals(table):
                    return False
            return next(groups, None) is None
    except Refusal:
        return False


# Reading.


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Where what is wrong with a file becomes a Refusal that names it."""
    try:
        yield
    except FileNotFoundError:
        raise unavailable(path.name, "is missing from the archive's folder") from None
    except (OSError, ValueError, KeyError, IndexError, _arrow().ArrowException) as error:
        lines = str(error).splitlines()
        raise unavailable(path.name, f"cannot be read: {lines[0] if lines else 'damaged'}") from None


def unavailable(name: str, what: str) -> Refusal:
    """The Refusal for a file of archived records."""
    return Refusal(errors.ARCHIVE_UNAVAILABLE, Flaw(None, f"{name} {what}"), retry_after=limits.RETRY_AFTER_SECONDS)


def _opened(path: Path, metadata: Any = None) -> Any:
    return _arrow().parquet.ParquetFile(path, metadata=metadata, page_checksum_verification=True)


def content(path: Path, size: int, records: int, rows: int) -> Content:
    """A file of so many bytes and records, of which the first `rows` count; a Refusal where it is another."""
    with _reading(path):
        found = path.stat()
        made = Content(path, (found.st_size, found.st_mtime_ns, found.st_ino), rows)
        if found.st_size != size or _index(path, made.identity)[0].num_rows != records:
            raise unavailable(path.name, "is not the file that was written: its size or number of records differs")
    return made


class _Group(NamedTuple):
    """A group of rows: where it begins, how many there are, and between which values."""

    first: int
    rows: int
    partners: tuple[str, str]
    dates: tuple[int, int]


@lru_cache(limits.ARCHIVE_FILES_REMEMBERED_MAX)
def _index(path: Path, identity: tuple[int, ...]) -> tuple[Any, tuple[_Group, ...]]:
    """What a file says of itself."""
    with _opened(path) as file:
        metadata = file.metadata
    groups, first = [], 0
    places = [metadata.schema.names.index(name) for name in ("partner_sid", "date")]
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        partners, dates = (group.column(place).statistics for place in places)
        groups.append(_Group(first, group.num_rows, (partners.min, partners.max), (dates.min, dates.max)))
        first += group.num_rows
    return metadata, tuple(groups)


@lru_cache(limits.ARCHIVE_GROUPS_REMEMBERED_MAX)
def _group(path: Path, identity: tuple[int, ...], number: int) -> Any:
    metadata, _ = _index(path, identity)
    with _opened(path, metadata) as file:
        return file.read_row_group(number)


def slices(of: Content, partner_sid: str, start: int, end: int) -> Iterator[Any]:
    """A partner's rows of [start, end) among those that count, as tables, in the order of the key."""
    with _reading(of.path):
        compute = _arrow().compute
        for number, group in enumerate(_index(of.path, of.identity)[1]):
            low, high = group.partners
            apart = group.dates[0] >= end or group.dates[1] < start
            if group.first >= of.rows or apart or not low <= partner_sid <= high:
                continue
            table = _group(of.path, of.identity, number).slice(0, of.rows - group.first)
            dates = table.column("date")
            wanted = compute.and_(compute.greater_equal(dates, start), compute.less(dates, end))
            found = table.filter(compute.and_(wanted, compute.equal(table.column("partner_sid"), partner_sid)))
            if found.num_rows:
                yield found


def rows(of: Content, start: int, end: int) -> list[tuple[Any, ...]]:
    """The rows of a file from one place to before another."""
    with _reading(of.path):
        found: list[tuple[Any, ...]] = []
        for number, group in enumerate(_index(of.path, of.identity)[1]):
            if group.first < end and start < group.first + group.rows:
                first = max(0, start - group.first)
                table = _group(of.path, of.identity, number).slice(first, end - group.first - first)
                found += as_rows(table)
        return found


def as_rows(table: Any) -> list[tuple[Any, ...]]:
    """The rows of a table."""
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def row_of(of: Content, partner_sid: str, date: int, dr_sid: str) -> tuple[Any, ...] | None:
    """One record's row, by its key."""
    for table in slices(of, partner_sid, date, date + 1):
        found = table.filter(_arrow().compute.equal(table.column("dr_sid"), dr_sid))
        if found.num_rows:
            return as_rows(found)[0]
    return None


def keys(of: Content, partner_sid: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Instant and sid of a partner's records of [start, end), in order."""
    for table in slices(of, partner_sid, start, end):
        yield from zip(table.column("date").to_pylist(), table.column("dr_sid").to_pylist(), strict=True)


def grouped(
    of: Content, partner_sid: str, start: int, end: int, by: Columns, add: Columns, shape: Any = None
) -> Iterator[tuple[Any, ...]]:
    """A partner's records of [start, end), grouped: the values that they share, how many, and sums.

    `shape` changes a table before it is grouped. A group may come more than once, as the file has it in parts.
    """
    for table in slices(of, partner_sid, start, end):
        with _reading(of.path):
            shaped = shape(table) if shape else table
            sums = [(name, "sum") for name in add]
            made = shaped.group_by(list(by), use_threads=False).aggregate([([], "count_all"), *sums])
            wanted = (*by, "count_all", *(f"{name}_sum" for name in add))
            columns = [made.column(name).to_pylist() for name in wanted]
        yield from zip(*columns, strict=True)


_NS: Final = 1_000_000_000
_MS_NS: Final = 1_000_000


def rated(invoice_sid: str) -> Any:
    """What makes the records that an invoice shows ready to be grouped by price, as `RATE_SUMS` has them."""

    def shape(table: Any) -> Any:
        arrow, compute = _arrow(), _arrow().compute
        shown = compute.and_(compute.equal(table["state"], "billed"), compute.equal(table["adjusted"], 0))
        table = table.filter(compute.and_(shown, compute.equal(table["invoice_sid"], invoice_sid)))
        final = compute.is_valid(table["given_price"])
        for name in ("version_sid", "prefix", "rate", "jurisdiction"):
            place = table.schema.get_field_index(name)
            none = arrow.scalar(None, table.schema.field(name).type)
            table = table.set_column(place, name, compute.if_else(final, none, table[name]))
        talked = _talked(table)
        seconds = compute.divide(talked, _NS)
        left = compute.subtract(talked, compute.multiply(seconds, _NS))
        for name, column in (("final", final), ("seconds", seconds), ("nanoseconds", left)):
            table = table.append_column(name, column)
        return table

    return shape


def _talked(table: Any) -> Any:
    """Nanoseconds of talk of each call, as `CallEvent.measured` has it."""
    compute = _arrow().compute
    unanswered = compute.if_else(compute.is_null(table["date_stop"]), compute.coalesce(table["given_duration"], 0), 0)
    answered = compute.multiply(compute.subtract(table["date"], table["date_talk"]), _MS_NS)
    talked = compute.if_else(compute.is_valid(table["date_talk"]), answered, unanswered)
    return compute.if_else(compute.equal(table["kind"], "call"), talked, 0)


def first_date(of: Content, partner_sid: str, instant: int, end: int) -> int | None:
    """When a partner's next record at or after an instant and before `end` is."""
    table = next(slices(of, partner_sid, instant, end), None)
    return None if table is None else int(table.column("date")[0].as_py())
