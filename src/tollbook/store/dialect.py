"""What the databases say differently in a list's conditions. Everything else is one SQL, which both understand.

Text compares by code point in both: SQLite compares bytes, and on PostgreSQL all columns of text have collation "C".
"""

from typing import Final

import msgspec

from tollbook.query.filters import Operator


class Dialect(msgspec.Struct, frozen=True):
    """How a database looks into JSON and makes it, and matches patterns."""

    name: str
    map_entry: str
    words: str
    array_of: str
    explain: str
    quoted_key: bool  # whether an entry of a MAP is named by a path
    globs: bool  # whether LIKE folds ASCII, and what minds case is GLOB
    hinted: bool  # whether it walks the index that it is told to; else it chooses by what it knows of its tables
    parted: bool = False  # whether a table lies in parts, so that what was found first can be joined to none of them

    def map_key(self, key: str) -> str:
        """What names an entry of a MAP; a key has no quote in it (the scanner lets none pass)."""
        return f'$."{key}"' if self.quoted_key else key

    def pattern(self, operator: Operator, expression: str, pattern: str) -> tuple[str, str]:
        """The text and the parameter of a match."""
        if operator is not Operator.ILIKE and self.globs:
            return f"{expression} GLOB ?", _glob(pattern)
        match = "LIKE" if self.globs or operator is not Operator.ILIKE else "ILIKE"
        return rf"{expression} {match} ? ESCAPE '\'", pattern


SQLITE: Final = Dialect(
    "sqlite",
    map_entry="json_extract({column}, ?)",
    words="json_each({column})",
    explain="EXPLAIN QUERY PLAN",
    array_of="json_group_array(json_array({parts}))",
    quoted_key=True,
    globs=True,
    hinted=True,
)
POSTGRES: Final = Dialect(
    "postgres",
    map_entry='({column}::jsonb ->> ?) COLLATE "C"',
    words='(SELECT value COLLATE "C" AS value FROM jsonb_array_elements_text({column}::jsonb))',
    explain="EXPLAIN",
    array_of="coalesce(json_agg(json_build_array({parts})), '[]')::text",
    quoted_key=False,
    globs=False,
    hinted=False,
)
CITUS: Final = msgspec.structs.replace(POSTGRES, name="citus", parted=True)


def _glob(pattern: str) -> str:
    translated: list[str] = []
    literal = False
    for character in pattern:
        if not literal and character == "\\":
            literal = True
            continue
        if not literal and character in "%_":
            translated.append("*" if character == "%" else "?")
        else:
            translated.append(f"[{character}]" if character in "*?[" else character)
        literal = False
    return "".join(translated)
