"""A book spread over the nodes of a Citus cluster: which of its tables lies where, and that it does."""

from typing import Any, Final

import psycopg

from tollbook import errors
from tollbook.errors import Flaw, Refusal
from tollbook.store import migrations

EVERYWHERE: Final = frozenset(
    ("book", "partner", "partner_tree", "token", "sheet", "sheet_version", "call_rate", "message_rate", "usage_price",
     "sheet_assignment", "archive")
)  # fmt: skip
"""Tables that every node has whole: what is known of partners, their rates, and which months were put away."""
_KEYS: Final = {"directory": "sid"}
_FIRST: Final = "invoice"  # beside whose parts the others' lie


def key_of_table(table: str) -> str:
    """The column by which a table is spread, the first of its key; nothing for one that every node has whole."""
    return "" if table in EVERYWHERE else _KEYS.get(table, "partner_sid")


def have_extension(connection: Any) -> None:
    """Make a database able to spread tables; a Refusal where its server cannot."""
    row = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'citus'").fetchone()
    if row is None:
        raise _refused("this server has no extension citus: install it on every node, or leave out --distributed")
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS citus")
    except psycopg.Error as error:
        raise _refused(f"the extension citus cannot be had here: {error.diag.message_primary}") from error


def _refused(said: str) -> Refusal:
    return Refusal(errors.SETTING_INVALID, Flaw("distributed", said))


def is_distributed(connection: Any) -> bool:
    """Whether the book of a database is spread."""
    return _FIRST in _spread(connection)


def distribute(connection: Any) -> None:
    """Spread the tables that are not yet, within a transaction: all that one partner has lies on one node."""
    spread = _spread(connection)
    for table in migrations.tables():
        key = key_of_table(table)
        if table in spread:
            continue
        if not key:
            connection.execute("SELECT create_reference_table(%s)", (table,))
            continue
        beside = _FIRST if key == "partner_sid" and table != _FIRST else "none"
        connection.execute("SELECT create_distributed_table(%s, %s, colocate_with => %s)", (table, key, beside))


def _spread(connection: Any) -> set[str]:
    """The tables that are spread, or on every node."""
    if connection.execute("SELECT to_regclass('pg_catalog.pg_dist_partition')").fetchone() == (None,):
        return set()
    return {name for (name,) in connection.execute("SELECT logicalrelid::text FROM pg_dist_partition")}
