"""The query strings of a list's `next` and `previous` page.

Every argument is kept in the order given with its text as received; the effective `limit` takes its place, and
`offset` (or the cursor, on a list asked for by cursor) comes last.
"""

from functools import lru_cache
from urllib.parse import quote

from tollbook import limits
from tollbook.query.listing import ListQuery

_SAFE = "/:@!$'()*,;"
_MOVING = ("offset", "after", "before")


@lru_cache(limits.PLANS_REMEMBERED_MAX)
def at_offset(asked: ListQuery, offset: int) -> str:
    """The query string of the page that starts at `offset`."""
    return _page(asked, f"offset={offset}")


def at_cursor(asked: ListQuery, name: str, cursor: str | None) -> str:
    """The query string of the page `after` or `before` a record; without a cursor, of the first page."""
    return _page(asked, f"{name}={quote(cursor, safe=_SAFE)}" if cursor else "")


def _page(asked: ListQuery, last: str) -> str:
    limit = f"limit={asked.limit}"
    kept = [
        limit if argument.name == "limit" else argument.text
        for argument in asked.arguments
        if argument.name not in _MOVING
    ]
    if limit not in kept:
        kept.append(limit)
    return "&".join([*kept, last] if last else kept)
