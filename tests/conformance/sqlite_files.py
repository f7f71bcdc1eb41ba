"""What the tests of SQLite's file share: to open it, to change it behind the program's back, to expect a refusal."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.making import NOW

from tollbook.clock import FixedClock
from tollbook.errors import Problem, Refusal
from tollbook.store import Store, open_store


def opened(path: Path) -> Store:
    """The book in a file."""
    return open_store(str(path), FixedClock(NOW))


def refused(problem: Problem, do: Callable[[], object]) -> Refusal:
    """That something is refused with a problem; the refusal."""
    with pytest.raises(Refusal) as caught:
        do()
    assert caught.value.problem is problem
    return caught.value


@contextmanager
def changed(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes a book behind the program's back."""
    connection = sqlite3.connect(path)
    yield connection
    connection.commit()
    connection.close()
