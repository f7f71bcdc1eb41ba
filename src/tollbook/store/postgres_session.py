"""One connection to PostgreSQL that takes the statements of this store as they are written.

They are one SQL for both databases. Marks for parameters are changed here, `NOT INDEXED` falls away, and values come
and go as the columns have them: whole numbers in 64 bits, flags as 0 and 1, sums as integers.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from psycopg import Connection, Error, sql
from psycopg.adapt import AdaptersMap
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper, NumericBinaryLoader, NumericLoader

from tollbook import limits

_INSERT = re.compile(r"INSERT INTO (\w+ (?:\([\w, ]+\) )?)VALUES \(\?(?:, \?)*\)")


class _Flag(Int8Dumper):
    """A truth as the number that its column holds."""

    def dump(self, obj: Any) -> bytes:
        return b"1" if obj else b"0"


class _WholeText(NumericLoader):
    """A sum of whole numbers, which the server widens, as the whole number it is."""

    def load(self, data: Any) -> Any:
        return int(super().load(data))


class _Whole(NumericBinaryLoader):
    """The same in the binary format."""

    def load(self, data: Any) -> Any:
        return int(super().load(data))


def adapt(adapters: AdaptersMap) -> None:
    """Let a connection's values come and go as this store has them."""
    for dumper in (Int8Dumper, Int8BinaryDumper):
        adapters.register_dumper(int, dumper)
    adapters.register_dumper(bool, _Flag)
    for loader in (_WholeText, _Whole):
        adapters.register_loader("numeric", loader)


@lru_cache(limits.STATEMENTS_REMEMBERED_MAX)
def spoken(statement: str) -> str:
    """A statement as PostgreSQL takes it.

    >>> spoken("SELECT date FROM event NOT INDEXED WHERE partner_sid = ? LIMIT ?")
    'SELECT date FROM event WHERE partner_sid = %s LIMIT %s'
    """
    return statement.replace(" NOT INDEXED", "").replace("%", "%%").replace("?", "%s")


@lru_cache(limits.STATEMENTS_REMEMBERED_MAX)
def _copied(statement: str) -> str | None:
    """The COPY that does what a plain INSERT does for many rows; None where a statement is more than that."""
    plain = _INSERT.fullmatch(statement)
    return f"COPY {plain[1]}FROM STDIN" if plain else None


class Session:
    """A connection with the two methods that the store asks of a driver, and `stream` for more rows than fit."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self.wrote = False
        """Whether anything but a question was run since it was last set."""
        self._streams = 0
        self._pipeline: Any = None

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one statement; its rows come at once. A change is sent, and waited for with the next question."""
        asking = statement.startswith(_QUESTIONS)
        if statement.startswith(_TURNS):
            self.settle(undone=statement.startswith("ROLLBACK"))
        elif not asking:
            self._change()
        cursor = self.connection.cursor(binary=True)
        cursor.execute(spoken(statement), _storable(parameters) if asking else parameters)
        if not asking:
            return _Changed(self, cursor)
        self.settle()
        return cursor

    def _change(self) -> None:
        """Let what follows be sent without waiting for an answer."""
        self.wrote = True
        if self._pipeline is None:
            self._pipeline = self.connection.pipeline()
            self._pipeline.__enter__()

    def settle(self, *, undone: bool = False) -> None:
        """Have all answers; what failed is raised here, unless all of it is `undone` anyway."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            with suppress(Error) if undone else nullcontext():
                pipeline.__exit__(None, None, None)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> Any:
        """Run one statement for each row of parameters: in one go, by COPY where they are many and it can be."""
        rows = iter(rows)
        some = list(islice(rows, limits.COPIED_ROWS_MIN))
        if not some:
            return None
        copied = _copied(statement) if len(some) >= limits.COPIED_ROWS_MIN else None
        if copied is None:
            self._change()
            cursor = self.connection.cursor()
            cursor.executemany(spoken(statement), chain(some, rows))
            return _Changed(self, cursor)
        return self._copy(copied, chain(some, rows))

    def copy(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows to a table in one statement, however few: they may refer to one another."""
        self._copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table)), rows)

    def _copy(self, statement: Any, rows: Iterable[Sequence[Any]]) -> Any:
        self.settle()
        self.wrote = True
        cursor = self.connection.cursor()
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return cursor

    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        """Run a question within a transaction; its rows come some at a time. What is left of them ends with it."""
        self.settle()
        self._streams += 1
        name = sql.Identifier(f"stream_{self._streams}")
        declared = sql.SQL("DECLARE {} BINARY NO SCROLL CURSOR FOR ").format(name).as_string() + spoken(statement)
        self.connection.execute(declared, _storable(parameters), prepare=False)
        fetch = sql.SQL("FETCH {} FROM {}").format(sql.Literal(limits.STREAMED_ROWS), name)
        while rows := self.connection.cursor(binary=True).execute(fetch, prepare=False).fetchall():
            yield from rows
        self.connection.execute(sql.SQL("CLOSE {}").format(name), prepare=False)


class _Changed:
    """A change that was sent, or its answer."""

    def __init__(self, session: Session, cursor: Any) -> None:
        self._session = session
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        self._session.settle()
        return int(self._cursor.rowcount)


def _storable(parameters: Sequence[Any]) -> Sequence[Any]:
    """The parameters of a question. No text of the database has a control character: one with a NUL is like none there.

    >>> _storable((1, "a\\0", ["b\\0"]))
    [1, 'a\\x01', ['b\\x01']]
    """
    return list(map(_without_nul, parameters)) if any(map(_has_nul, parameters)) else parameters


def _has_nul(value: Any) -> bool:
    return "\0" in value if isinstance(value, str) else isinstance(value, list) and any(map(_has_nul, value))


def _without_nul(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_without_nul, value))
    return value.replace("\0", "\x01") if isinstance(value, str) else value


_TURNS = ("SAVEPOINT", "RELEASE", "ROLLBACK")
_QUESTIONS = ("SELECT", "WITH", "EXPLAIN", *_TURNS)
