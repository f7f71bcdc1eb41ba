"""A book in a PostgreSQL database: made, found, brought to another version, each under one lock."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal
from tollbook.store import migrations
from tollbook.store.postgres_faults import is_lost, translated, translation
from tollbook.store.postgres_session import adapt

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


def shown(url: str) -> str:
    """A URL as a person may see it: without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", re.sub(r"([?&]password=)[^&]*", r"\1***", url))


def _unreachable(url: str, error: psycopg.Error) -> Exception:
    if is_lost(error) or isinstance(error, psycopg.OperationalError):
        lines = str(error).strip().splitlines()
        flaw = Flaw("db", f"{shown(url)}: {lines[-1].strip() if lines else 'no connection'}")
        return Refusal(errors.STORE_UNAVAILABLE, flaw, retry_after=limits.RETRY_AFTER_SECONDS)
    return translation(error)


def create_book(url: str) -> None:
    """Make an empty book in a database that has none, or one without a partner: its making was interrupted."""
    with connect(url) as connection, translated(), _migrating(connection):
        if _version(connection) is None:
            _refuse_strangers(connection, url)
            _apply(connection, 0)
        elif connection.execute("SELECT 1 FROM partner LIMIT 1").fetchone():
            raise Refusal(errors.CONFLICT, Flaw("db", f"there is a book at {shown(url)} already"))


def _refuse_strangers(connection: Connection[Any], url: str) -> None:
    """Refuse a schema where something else has a name of ours."""
    for name in migrations.names():
        if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,):
            said = f"{shown(url)} has a table {name} of somebody else's: give an empty database"
            raise Refusal(errors.BOOK_FOREIGN, Flaw("db", said))


def book_version(url: str) -> int:
    """The version of the book in a database; a Refusal where there is none."""
    with connect(url) as connection, translated():
        return known_version(connection, url)


def known_version(connection: Connection[Any], url: str) -> int:
    """The same over a connection."""
    version = _version(connection)
    if version is None:
        said = f"there is no book at {shown(url)}; make one with tollbook init --db"
        raise Refusal(errors.BOOK_FOREIGN, Flaw("db", said))
    return version


def migrate_book(url: str) -> tuple[int, int]:
    """Bring a book to the present version, one host at a time; the versions before and after.

    Steps only add: a server of the version before goes on reading, and is refused writing.
    """
    with connect(url) as connection, translated(), _migrating(connection):
        before = known_version(connection, url)
        _apply(connection, before)
        return before, max(before, migrations.LATEST)


@contextmanager
def _migrating(connection: Connection[Any]) -> Iterator[None]:
    """One transaction, which no two hosts are in at once."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (migrations.APPLICATION_ID,))
        yield


def _apply(connection: Connection[Any], version: int) -> None:
    for number in range(version + 1, migrations.LATEST + 1):
        for statement in migrations.for_postgres(number):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO book VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (SCHEMA_VERSION, str(number)),
        )


def _version(connection: Connection[Any]) -> int | None:
    """The version of the book that is there; None where there is none."""
    if connection.execute("SELECT to_regclass('book'), to_regclass('event_seen')").fetchone() != ("book", "event_seen"):
        return None
    row = connection.execute("SELECT value FROM book WHERE name = %s", (SCHEMA_VERSION,)).fetchone()
    return int(row[0]) if row else None
