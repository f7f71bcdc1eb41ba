"""The book's schema, as numbered steps; each runs in one transaction with its version stamp.

The steps are written once, in SQL that both databases know but for the words of a table's kind, which are changed.
"""

import re
import sqlite3
from importlib import resources
from typing import Final

APPLICATION_ID = 0x544F4C4C  # "TOLL", in the file's header; the lock that PostgreSQL's migrations take
STEPS = ("0001_book", "0002_invoices", "0003_billing")
LATEST = len(STEPS)


def apply(connection: sqlite3.Connection, to: int) -> None:
    """Bring an open book from its version to a later one."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number in range(version + 1, to + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements(number):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def statements(number: int) -> list[str]:
    """The statements of a step, as SQLite takes them."""
    text = resources.files(__package__).joinpath(f"{STEPS[number - 1]}.sql").read_text(encoding="utf-8")
    bare = "\n".join(line.partition("--")[0] for line in text.splitlines())
    return [statement for part in bare.split(";") if (statement := part.strip())]


_TYPES: Final = {"INTEGER": "BIGINT", "BLOB": "BYTEA", "TEXT": 'TEXT COLLATE "C"'}
PARTITIONED: Final = {"event": "date"}
"""Tables that are one part a month, by which column; parts are made as they are needed."""


def for_postgres(number: int) -> list[str]:
    """The same as PostgreSQL takes them."""
    return [_for_postgres(statement) for statement in statements(number)]


def names() -> list[str]:
    """The tables and views of the present version."""
    made = (re.match(r"CREATE (?:TABLE|VIEW) (\w+)", text) for n in range(1, LATEST + 1) for text in statements(n))
    return [found[1] for found in made if found]


def tables() -> list[str]:
    """The tables of the present version, those that others refer to first."""
    made = (re.match(r"CREATE TABLE (\w+)", text) for n, _ in enumerate(STEPS, 1) for text in statements(n))
    return [found[1] for found in made if found]


def _for_postgres(statement: str) -> str:
    table = re.match(r"CREATE TABLE (\w+)", statement)
    if table is None:
        return statement
    by = PARTITIONED.get(table[1])
    kind = f" PARTITION BY RANGE ({by})" if by else ""
    typed = re.sub(r"\b(INTEGER|BLOB|TEXT)\b", lambda found: _TYPES[found[0]], statement)
    return typed.replace(" STRICT, WITHOUT ROWID", kind)
