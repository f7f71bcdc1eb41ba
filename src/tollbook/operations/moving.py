"""A book copied into another store: a file into a PostgreSQL database, or back.

The source is read in one snapshot and stays as it is. The copy appears when it is whole and every row of it was read
again and is the source's. What was interrupted is gone on with: each act notes the table and the key that it came to.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from tollbook import errors, limits
from tollbook.clock import Clock
from tollbook.errors import Flaw, Refusal
from tollbook.store import Mark, Reads, Store, Table, appear, open_copy, tables

Watch = Callable[[int, int | None], None]
"""Told now and then how many rows are done, of how many: each is copied, and read again."""


def move(
    source: Store,
    dest: str,
    clock: Clock,
    watch: Watch = lambda done, total: None,
    *,
    distributed: bool = False,
) -> dict[str, int]:
    """Copy a book to a place where nothing is; how many rows each table has. It takes as long as it takes.

    With `distributed` the copy is spread over the nodes of a cluster, whose coordinator the place is.
    """
    source.read_deadline_seconds = math.inf
    with source.reading() as book, closing(open_copy(dest, clock, distributed=distributed)) as copy:
        copy.read_deadline_seconds = math.inf
        book.refuse_newer()
        counted = book.count_rows()
        total = 2 * sum(counted.values())
        mark = _begun(copy, book.operator_sid())
        for table in tables():
            if _is_before(table.name, mark.table):
                continue
            for piece in _pieces(book, table, mark.after if table.name == mark.table else None):
                mark = _put(copy, table, piece, mark)
                watch(mark.rows, total)
        copy.act(lambda act: act.put_about(book.about()))
        _compare(book, copy, lambda done: watch(total // 2 + done, total))
        appear(copy, dest)
    return counted


def _begun(copy: Store, operator_sid: str) -> Mark:
    """How far the copying has come that is to be gone on with."""
    with copy.reading() as book:
        mark = book.mark()
    if mark is None:
        mark = Mark(operator_sid, tables()[0].name, None, 0)
        copy.act(lambda act: act.advance(None, mark))
    if mark.operator_sid != operator_sid:
        raise Refusal(errors.CONFLICT, Flaw("dest", "another book was being moved there; give another place"))
    return mark


def _is_before(name: str, other: str) -> bool:
    names = [table.name for table in tables()]
    return names.index(name) < names.index(other)


def _pieces(book: Reads, table: Table, after: tuple[Any, ...] | None) -> Iterator[list[tuple[Any, ...]]]:
    """A table's rows in the parts that are written in one act; one whose rows refer to one another is one part."""
    rows = book.rows_of(table, after)
    at_once = None if table.refers_to_itself else limits.MOVED_ROWS
    while piece := list(islice(rows, at_once)):
        yield piece


def _put(copy: Store, table: Table, rows: list[tuple[Any, ...]], before: Mark) -> Mark:
    key = tuple(rows[-1][table.columns.index(column)] for column in table.key)
    to = Mark(before.operator_sid, table.name, key, before.rows + len(rows))

    def do(act: Any) -> None:
        act.advance(before, to)
        act.put_rows(table, rows)

    copy.act(do)
    return to


def _compare(book: Reads, copy: Store, watch: Callable[[int], None]) -> None:
    """A Refusal unless the copy has exactly the source's rows."""
    done = 0
    with copy.reading() as made:
        wrong = [] if made.about() == book.about() else ["book"]
        for table in tables():
            found = book.digest_of(table)
            wrong += [] if made.digest_of(table) == found else [table.name]
            done += found[0]
            watch(done)
    if wrong:
        said = f"the copy differs in {', '.join(wrong)}: the book was changed since the move began; remove the copy"
        raise Refusal(errors.CONFLICT, Flaw("dest", said))
