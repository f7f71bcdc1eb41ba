"""The only code that knows SQL. `open_store(url)` gives the book; the contract of every store is this.

A store has `reading()` and `writing()`, each a context, and `act(do)`.

- `reading()` is one snapshot: what is read within it belongs together. It takes no lock that a writer waits
  for, and has one deadline, past which its statements are stopped with `query_too_expensive`.
- `writing()` is one act at one instant, `now`: when the context ends the act is durable, or it left no trace.
  Writers wait for each other for a bounded time, then get `store_busy`. Nothing is acknowledged before.
- `act(do)` is the same for a function of one act, which may share its commit and its instant with others. They are
  run one after another, each as if those before were committed; one that raises leaves no trace and stops no other.
- An act that is `Alike` may be done in one go with others of its kind that share its commit: they answer as if they had
  come one after another. A store need not do so.
- Within an act, what `with act.savepoint():` wraps is undone if it raises. `now` is the book's instant: it never goes
  back, and in a sandbox stands still until it is moved. `wall` is the machine's, for logins and tokens.
- Records are seen through a `Sight`; what is outside it does not exist: not in a list, not in its total, not
  by its sid, not as a cursor.
- Text compares by code point, null is lower than everything and equals only null, `like` minds case, `ilike`
  folds ASCII only.
- A driver's error becomes a `Refusal` here and nowhere else.

The conformance suite holds every store to this.
"""

from pathlib import Path

from tollbook import errors
from tollbook.clock import Clock
from tollbook.errors import Flaw, Refusal
from tollbook.store import sqlite
from tollbook.store.answers import Kept
from tollbook.store.auditing import EVERYBODY, Span, Stored
from tollbook.store.paging import Page, Row, cursor_of
from tollbook.store.reads import Login, Reads
from tollbook.store.sharing import Alike
from tollbook.store.sheet_rows import Sheet, VersionHead
from tollbook.store.sqlite import SqliteStore, store_failed
from tollbook.store.writes import Access, Standing, Writes

Store = SqliteStore

__all__ = [
    "EVERYBODY",
    "Access",
    "Alike",
    "Kept",
    "Login",
    "Page",
    "Reads",
    "Row",
    "Sheet",
    "Span",
    "Standing",
    "Store",
    "Stored",
    "VersionHead",
    "Writes",
    "create_store",
    "cursor_of",
    "open_store",
    "store_failed",
    "store_path",
]


def store_path(url: str) -> Path:
    """The file that a book's path or `sqlite:` URL names."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    if scheme != "sqlite":
        raise Refusal(errors.SETTING_INVALID, Flaw("db", f"no store for {scheme}: give a path or sqlite:///path"))
    return Path(rest)


def create_store(url: str, clock: Clock) -> Store:
    """Make an empty book and open it."""
    sqlite.create_book(store_path(url))
    return open_store(url, clock)


def open_store(url: str, clock: Clock) -> Store:
    """Open a book of the present version; a Refusal says what else is there."""
    return sqlite.open_book(store_path(url), clock)
