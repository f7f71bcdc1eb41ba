"""The book's schema, as numbered steps; each runs in one transaction with its version stamp."""

import sqlite3
from importlib import resources

APPLICATION_ID = 0x544F4C4C  # "TOLL", in the file's header
STEPS = ("0001_book", "0002_invoices", "0003_billing")
LATEST = len(STEPS)


def apply(connection: sqlite3.Connection, to: int) -> None:
    """Bring an open book from its version to a later one."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number in range(version + 1, to + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(STEPS[number - 1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _statements(step: str) -> list[str]:
    text = resources.files(__package__).joinpath(f"{step}.sqlite.sql").read_text(encoding="utf-8")
    bare = "\n".join(line.partition("--")[0] for line in text.splitlines())
    return [statement for part in bare.split(";") if (statement := part.strip())]
