"""Keeping a book safe: copied while in use, verified before it is trusted, put back, brought up to date."""

import time
from pathlib import Path

from tollbook import errors
from tollbook.clock import Clock
from tollbook.errors import Flaw, Refusal
from tollbook.operations.findings import Audited
from tollbook.operations.verifying import Watch, check_book
from tollbook.store import Store, book_files, is_served, migrate_served, open_store, store_path


def back_up(store: Store, target: Path, *, replace: bool = False) -> None:
    """Copy a book to a file of its own; what is there is replaced only if that is wanted, and only when done."""
    source = store_path(store.url)
    if not target.exists():
        book_files.copy_book(source, target)
        return
    if not replace:
        raise Refusal(errors.CONFLICT, Flaw("file", f"{target} exists already; --yes replaces it"))
    if target.samefile(source):
        raise Refusal(errors.CONFLICT, Flaw("file", f"{target} is the book itself"))
    fresh = target.with_name(target.name + ".new")
    book_files.remove_book(fresh)
    book_files.copy_book(source, fresh)
    book_files.put_over(fresh, target)


def verify_backup(file: Path, clock: Clock, watch: Watch) -> Audited:
    """What is wrong with a backup; a Refusal where it is no book of this version."""
    store = open_store(str(file), clock)
    store.read_deadline_seconds = float("inf")  # time, not money
    try:
        return check_book(store, watch, thorough=True)
    finally:
        store.close()


def restore(file: Path, url: str) -> Path | None:
    """Put a verified backup in a book's place; where the replaced book is kept, if there was one."""
    target = store_path(url)
    if target.exists() and target.samefile(file):
        raise Refusal(errors.CONFLICT, Flaw("file", f"{file} is the book itself"))
    part = target.with_name(target.name + ".restoring")
    book_files.remove_book(part)
    try:
        book_files.copy_book(file, part)
        aside = beside(target, "replaced")
        return aside if book_files.put_in_place(part, target, aside) else None
    finally:
        book_files.remove_book(part)


def migrate(url: str) -> tuple[int, int, Path | None]:
    """Bring a book to this version: the versions before and after, and where the copy of before is.

    A book that a server has is not copied: the steps are one transaction there.
    """
    if is_served(url):
        return (*migrate_served(url), None)
    target = store_path(url)
    copy = beside(target, "before-migration")
    before, after = book_files.migrate_book(target, copy)
    return before, after, copy if before < after else None


def beside(path: Path, why: str) -> Path:
    """A name beside a book that nothing has yet; it says why and when."""
    stem = f"{path.name}.{why}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    names = (path.with_name(stem + (f"-{number}" if number else "")) for number in range(1000))
    return next(name for name in names if not name.exists())
