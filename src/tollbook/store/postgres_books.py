"""A book in a PostgreSQL database: made, found, brought to another version, each under one lock."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal
from tollbook.store import migrations, postgres_distributed
from tollbook.store.postgres_faults import is_lost, translated, translation
from tollbook.store.postgres_session import adapt
from tollbook.store.urls import UNFINISHED, refuse_misread, shown

SCHEMA_VERSION = "schema_version"
"""The book's name for the version of its schema, which every act sees."""
_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""A server that is gone without a word is noticed within a minute."""


def connect(url: str, **options: Any) -> Connection[Any]:
    """A connection to the database of a URL, each statement its own transaction; a Refusal where none can be had."""
    try:
        connection = psycopg.connect(told(url), autocommit=True, **options)
    except psycopg.Error as error:
        raise _unreachable(url, error) from None
    adapt(connection.adapters)
    return connection


def told(url: str) -> str:
    """What the driver is told: the URL, the bounds of waiting unless it sets its own, and who asks."""
    refuse_misread(url)
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise Refusal(errors.SETTING_INVALID, Flaw("db", f"{shown(url)}: {error}".strip())) from None
    ours: dict[str, Any] = {"connect_timeout": limits.CONNECT_SECONDS, "application_name": "tollbook", **_ALIVE}
    return make_conninfo(**{**ours, **given, "client_encoding": "utf8"})


def writing_url(url: str) -> str:
    """The same for those who write: of several hosts, the one that takes writes at the moment."""
    given: dict[str, Any] = dict(conninfo_to_dict(told(url)))
    if "," in str(given.get("host", "")) + str(given.get("hostaddr", "")):
        given.setdefault("target_session_attrs", "read-write")
    return make_conninfo(**given)


def _unreachable(url: str, error: psycopg.Error) -> Exception:
    if isinstance(error, psycopg.ProgrammingError):
        return Refusal(errors.SETTING_INVALID, Flaw("db", f"{shown(url)}: {error}"))
    if is_lost(error) or isinstance(error, psycopg.OperationalError):
        flaw = Flaw("db", f"{shown(url)}: {_reason(str(error))}")
        return Refusal(errors.STORE_UNAVAILABLE, flaw, retry_after=limits.RETRY_AFTER_SECONDS)
    return translation(error)


def _reason(said: str) -> str:
    """Why there is no connection, of the lines that the driver has about each address.

    >>> _reason('connection failed: connection to server at "::1" failed: FATAL:  no role "x"')
    'no role "x"'
    """
    lines = said.strip().splitlines() or ["no connection"]
    reasons = [line.strip() for line in lines if "Is the server running" not in line]
    reason = re.sub(r"^.*failed: (FATAL:\s*)?", "", reasons[-1] if reasons else lines[0])
    return f"{reason}: is the server running?" if len(reasons) < len(lines) else reason


def create_book(url: str, unfinished: str = "", *, distributed: bool = False) -> bool:
    """Make an empty book in a database that has none, or one without a partner: its making was interrupted.

    With `unfinished`, why, the book is refused to whoever opens it until that is taken away (`UNFINISHED`).
    With `distributed` its tables are spread over the nodes of a Citus cluster; whether they are is the answer.
    """
    if distributed:
        with connect(url) as connection, translated():
            postgres_distributed.have_extension(connection)
    with connect(url) as connection, translated(), _migrating(connection):
        if _version(connection) is None:
            _refuse_strangers(connection, url)
            _apply(connection, 0, distributed=distributed)
        elif _unfinished(connection) or connection.execute("SELECT 1 FROM partner LIMIT 1").fetchone():
            raise Refusal(errors.CONFLICT, Flaw("db", f"there is a book at {shown(url)} already"))
        elif distributed:
            postgres_distributed.distribute(connection)
        if unfinished:
            connection.execute("INSERT INTO book VALUES (%s, %s)", (UNFINISHED, unfinished))
        return postgres_distributed.is_distributed(connection)


def begin_copy(url: str, why: str, *, distributed: bool = False) -> bool:
    """Make a book that is unfinished, and why, where there is none; one that is so for the same reason may be there.

    Whether it is distributed: one that was begun otherwise is refused where that is asked for.
    """
    with connect(url) as connection, translated():
        begun = _version(connection) == migrations.LATEST and _unfinished(connection) == why
        spread = postgres_distributed.is_distributed(connection)
    if not begun:
        return create_book(url, why, distributed=distributed)
    if distributed and not spread:
        said = "this was begun without --distributed: go on without it, or give an empty database"
        raise Refusal(errors.CONFLICT, Flaw("distributed", said))
    return spread


def has_book(url: str) -> bool:
    """Whether a whole book is in a database, be it an older one."""
    with connect(url) as connection, translated():
        whole = _version(connection) is not None and not _unfinished(connection)
        return whole and connection.execute("SELECT 1 FROM partner LIMIT 1").fetchone() is not None


def remove_book(url: str) -> None:
    """Remove a book's tables from a database, whole or not; nothing else that is there."""
    with connect(url) as connection, translated(), _migrating(connection):
        if _version(connection) is None:
            return
        for name in reversed(migrations.names()):
            found = connection.execute("SELECT relkind = 'v' FROM pg_class WHERE oid = to_regclass(%s)", (name,))
            for (is_view,) in found.fetchall():
                drop = sql.SQL("DROP VIEW {}" if is_view else "DROP TABLE {}")
                connection.execute(drop.format(sql.Identifier(name)))


def _refuse_strangers(connection: Connection[Any], url: str) -> None:
    """Refuse a schema where something else has a name of ours."""
    for name in migrations.names():
        if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,):
            said = f"{shown(url)} has a table {name} of somebody else's: give an empty database"
            raise Refusal(errors.BOOK_FOREIGN, Flaw("db", said))


def book_of(url: str) -> tuple[int, bool]:
    """The version of the book in a database, and whether it is a distributed one; a Refusal where there is none."""
    with connect(url) as connection, translated():
        return known_version(connection, url), postgres_distributed.is_distributed(connection)


def known_version(connection: Connection[Any], url: str) -> int:
    """The same over a connection."""
    version = _version(connection)
    if version is None:
        said = f"there is no book at {shown(url)}; make one with tollbook init"
        raise Refusal(errors.BOOK_FOREIGN, Flaw("db", said))
    if why := _unfinished(connection):
        raise Refusal(errors.BOOK_FOREIGN, Flaw("db", f"the book at {shown(url)} is not whole: {why}"))
    return version


def migrate_book(url: str) -> tuple[int, int]:
    """Bring a book to the present version, one host at a time; the versions before and after.

    Steps only add: a server of the version before goes on reading, and is refused writing.
    """
    with connect(url) as connection, translated(), _migrating(connection):
        before = known_version(connection, url)
        if before > migrations.LATEST:
            said = f"{shown(url)} is of version {before}, newer than this Tollbook's {migrations.LATEST}"
            raise Refusal(errors.BOOK_VERSION, Flaw("db", said))
        _apply(connection, before, distributed=postgres_distributed.is_distributed(connection))
        return before, migrations.LATEST


@contextmanager
def _migrating(connection: Connection[Any]) -> Iterator[None]:
    """One transaction, which no two hosts are in at once."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (migrations.APPLICATION_ID,))
        yield


def _apply(connection: Connection[Any], version: int, *, distributed: bool) -> None:
    for number in range(version + 1, migrations.LATEST + 1):
        for statement in migrations.for_postgres(number):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO book VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (SCHEMA_VERSION, str(number)),
        )
    if distributed:
        postgres_distributed.distribute(connection)


def _version(connection: Connection[Any]) -> int | None:
    """The version of the book that is there; None where there is none."""
    if connection.execute("SELECT to_regclass('book'), to_regclass('event_seen')").fetchone() != ("book", "event_seen"):
        return None
    row = connection.execute("SELECT value FROM book WHERE name = %s", (SCHEMA_VERSION,)).fetchone()
    return int(row[0]) if row else None


def _unfinished(connection: Connection[Any]) -> str:
    """Why the book that is there is not whole; nothing where it is."""
    row = connection.execute("SELECT value FROM book WHERE name = %s", (UNFINISHED,)).fetchone()
    return str(row[0]) if row else ""
