"""A book's tables as they lie, so that another store can have the same rows. What they mean is not known here."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache
from typing import Any, Final, NamedTuple

import xxhash

from tollbook import errors
from tollbook.errors import Flaw, Refusal
from tollbook.store import migrations
from tollbook.store.urls import UNFINISHED

MOVED_TO: Final = "moved_to"
"""The name under which a book that is being copied says how far that has come."""
_OWN: Final = (UNFINISHED, MOVED_TO, "schema_version", "date_last_act", "probe")
"""What each book says of itself alone."""


class Table(NamedTuple):
    """A table: its columns, those of its key, and whether its rows refer to one another."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    refers_to_itself: bool


class Mark(NamedTuple):
    """How far a copy has come: whose book, the table, the key of the last row, and rows in all."""

    operator_sid: str
    table: str
    after: tuple[Any, ...] | None
    rows: int


@cache
def tables() -> tuple[Table, ...]:
    """Every table of the present version but `book`, in an order in which none refers to a later one."""
    with closing(sqlite3.connect(":memory:")) as schema:
        for number in range(1, migrations.LATEST + 1):
            for statement in migrations.statements(number):
                schema.execute(statement)
        made = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'book' ORDER BY rowid"
        return tuple(_table(schema, name) for (name,) in schema.execute(made).fetchall())


def _table(schema: sqlite3.Connection, name: str) -> Table:
    columns = schema.execute(f"PRAGMA table_info ({name})").fetchall()
    key = sorted((place, column) for _, column, *_, place in columns if place)
    referred = {other for _, _, other, *_ in schema.execute(f"PRAGMA foreign_key_list ({name})").fetchall()}
    return Table(name, tuple(column for _, column, *_ in columns), tuple(each for _, each in key), name in referred)


class TableReads:
    """The rows of tables in the order of their keys."""

    _run: Callable[..., Any]
    _stream: Callable[..., Any]

    def refuse_newer(self) -> None:
        """A Refusal where the book is of a newer version, whose tables are not all known."""
        row = self._run("SELECT value FROM book WHERE name = 'schema_version'").fetchone()
        if row and int(row[0]) > migrations.LATEST:
            raise Refusal(errors.BOOK_VERSION, Flaw("source", "the book is of a newer version than this Tollbook"))

    def count_rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return {each.name: self._run(f"SELECT count(*) FROM {each.name}").fetchone()[0] for each in tables()}

    def rows_of(self, table: Table, after: Sequence[Any] | None = None) -> Iterator[tuple[Any, ...]]:
        """A table's rows, from behind a key on."""
        key = ", ".join(table.key)
        behind = f" WHERE ({key}) > ({', '.join('?' * len(table.key))})" if after else ""
        asked = f"SELECT {', '.join(table.columns)} FROM {table.name}{behind} ORDER BY {key}"
        rows: Iterator[tuple[Any, ...]] = self._stream(asked, tuple(after or ()))
        return rows

    def digest_of(self, table: Table) -> tuple[int, str]:
        """How many rows a table has, and what tells them from any others."""
        told, rows = xxhash.xxh3_128(), 0
        for row in self.rows_of(table):
            told.update(repr(tuple(row)).encode())
            rows += 1
        return rows, told.hexdigest()

    def about(self) -> dict[str, str]:
        """What a book says of itself and a copy says too."""
        found = dict(self._run("SELECT name, value FROM book").fetchall())
        return {name: found[name] for name in sorted(found) if name not in _OWN}

    def mark(self) -> Mark | None:
        """How far the copying of this book has come; None where it is no copy in the making."""
        found = self._run("SELECT value FROM book WHERE name = ?", (MOVED_TO,)).fetchone()
        if found is None:
            return None
        operator_sid, table, after, rows = json.loads(found[0])
        return Mark(operator_sid, table, tuple(after) if after else None, rows)


class TableWrites(TableReads):
    """Rows as they came from another store."""

    _run_many: Callable[..., Any]
    set_book: Callable[[str, str], None]

    def put_rows(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows to a table that has none of their keys."""
        self._run("PRAGMA defer_foreign_keys = ON")  # a row may refer to one that comes later in the same act
        self._run_many(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})", rows)

    def advance(self, before: Mark | None, to: Mark) -> None:
        """Note how far copying has come; a Refusal where somebody else has gone on meanwhile."""
        if self.mark() != before:
            raise Refusal(errors.CONFLICT, Flaw("dest", "another tollbook move copies to the same place"))
        self.set_book(MOVED_TO, json.dumps(to))

    def put_about(self, said: dict[str, str]) -> None:
        """Have the book say of itself what another says."""
        for name in self.about():
            self._run("DELETE FROM book WHERE name = ?", (name,))
        for name, value in said.items():
            self.set_book(name, value)
