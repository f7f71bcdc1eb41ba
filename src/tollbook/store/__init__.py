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

import sys
from pathlib import Path
from typing import Any

from tollbook import errors, limits
from tollbook.clock import Clock
from tollbook.errors import Flaw, Refusal
from tollbook.store import book_files, sqlite
from tollbook.store.answers import Kept
from tollbook.store.auditing import EVERYBODY, Span, Stored
from tollbook.store.contract import Store
from tollbook.store.copying import MOVED_TO, Mark, Table, tables
from tollbook.store.paging import Page, Row, cursor_of
from tollbook.store.planning import is_one_statement
from tollbook.store.reads import Login, Reads
from tollbook.store.sharing import Alike
from tollbook.store.sheet_rows import Sheet, VersionHead
from tollbook.store.urls import UNFINISHED, is_served, shown, store_path
from tollbook.store.writes import Access, Standing, Writes

__all__ = [
    "EVERYBODY",
    "Access",
    "Alike",
    "Kept",
    "Login",
    "Mark",
    "Page",
    "Reads",
    "Row",
    "Sheet",
    "Span",
    "Standing",
    "Store",
    "Stored",
    "Table",
    "VersionHead",
    "Writes",
    "appear",
    "create_store",
    "cursor_of",
    "finish_store",
    "has_book",
    "is_one_statement",
    "is_served",
    "migrate_served",
    "open_copy",
    "open_store",
    "remove_book",
    "shown",
    "store_failed",
    "store_path",
    "tables",
]


def create_store(url: str, clock: Clock, unfinished: str = "", *, distributed: bool = False) -> Store:
    """Make an empty book and open it.

    One that a server has may be `unfinished`, for a reason: refused to whoever opens it until `finish_store`; and
    `distributed`, spread over the nodes of that server's cluster.
    """
    if is_served(url):
        spread = _postgres().postgres_books.create_book(url, unfinished, distributed=distributed)
        store: Store = _postgres().PostgresStore(url, clock, distributed=spread)
        return store
    if distributed:
        raise Refusal(errors.SETTING_INVALID, Flaw("distributed", "expected --db postgresql://: a file is one"))
    sqlite.create_book(store_path(url))
    return open_store(url, clock)


_MOVING = "a move to it is under way, or was interrupted: tollbook move goes on with it"


def open_copy(url: str, clock: Clock, *, distributed: bool = False) -> Store:
    """Open the copy of a book in the making, or begin one where nothing is; nobody else sees it until `appear`.

    With `distributed` it is begun as a book that is spread over a cluster; one that is so already stays so.
    """
    if is_served(url):
        postgres = _postgres()
        spread = postgres.postgres_books.begin_copy(url, _MOVING, distributed=distributed)
        store: Store = postgres.PostgresStore(url, clock, distributed=spread)
        return store
    if distributed:
        raise Refusal(errors.SETTING_INVALID, Flaw("distributed", "expected DEST postgresql://: a file is one"))
    book_files.refuse_present(store_path(url))
    part = _part_of(url)
    if not part.exists():
        sqlite.create_book(part)
    copy = sqlite.open_book(part, clock)
    copy.expect_much(limits.IMPORT_CACHE_KIB, limits.IMPORT_LOG_PAGES)
    return copy


def appear(copy: Store, url: str) -> None:
    """Close a copy, which is whole, and let it be the book at its place."""
    copy.act(lambda act: act.drop_book(MOVED_TO))
    finish_store(copy)
    copy.close()
    if not is_served(url):
        book_files.put_first(_part_of(url), store_path(url))


def _part_of(url: str) -> Path:
    path = store_path(url)
    return path.with_name(path.name + ".moving")


def finish_store(store: Store) -> None:
    """Let a book that was `unfinished` be opened by everybody."""
    store.act(lambda act: act.drop_book(UNFINISHED))


def has_book(url: str) -> bool:
    """Whether a whole book is where a URL leads, be it an older one."""
    if is_served(url):
        found: bool = _postgres().postgres_books.has_book(url)
        return found
    return store_path(url).exists()


def remove_book(url: str) -> None:
    """Remove a book, with all that is in it."""
    if is_served(url):
        _postgres().postgres_books.remove_book(url)
    else:
        book_files.remove_book(store_path(url))


def migrate_served(url: str) -> tuple[int, int]:
    """Bring a book that a server has to the present version; the versions before and after."""
    versions: tuple[int, int] = _postgres().postgres_books.migrate_book(url)
    return versions


def open_store(url: str, clock: Clock, read_url: str = "") -> Store:
    """Open a book of the present version; a Refusal says what else is there.

    With `read_url` its `reading()` asks that replica, and may not know of acts of the last moment.
    """
    if is_served(url):
        store: Store = _postgres().open_book(url, clock, read_url)
        return store
    if read_url:
        raise Refusal(errors.SETTING_INVALID, Flaw("db_read", "a replica goes with a postgresql:// book only"))
    return sqlite.open_book(store_path(url), clock)


def _postgres() -> Any:
    """The other store, whose driver nobody has to load who has no use for it."""
    from tollbook.store import postgres

    return postgres


def store_failed(error: BaseException) -> bool:
    """Whether an act met a full disk, a lock, damage or a lost server, or is undone already: no more may be tried."""
    served = "tollbook.store.postgres" in sys.modules and _postgres().store_failed(error)
    return sqlite.store_failed(error) or served
