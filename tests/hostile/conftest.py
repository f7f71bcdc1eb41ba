"""A served book that wire tests share, servers of a test's own, and the worlds of the API's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.api.client import make_world
from tests.api.conftest import shelf, world
from tests.api.shelf import fill_shelf
from tests.hostile.process import Server
from tests.making import OPERATOR
from tests.stores import file_of

__all__ = ["book_file", "served", "shelf", "start", "world"]

YEARS = 20 * 366 * 86_400
"""Seconds that a token must live: the book's clock stands still in 2025, the server's does not."""


class Book(NamedTuple):
    """A book's file and a token of its operator, with every scope."""

    path: Path
    token: str


class Served(NamedTuple):
    """A running server and the operator's token."""

    server: Server
    token: str


@pytest.fixture
def book_file(tmp_path: Path) -> Book:
    """A book with the shelf's invoices, closed."""
    return make_book(tmp_path)


def make_book(directory: Path) -> Book:
    """Make such a book in a directory."""
    made = make_world(directory)
    fill_shelf(made)
    token = made.token(OPERATOR, expires_in=YEARS)
    made.store.close()
    return Book(file_of(made.store), token)


@pytest.fixture
def start(book_file: Book) -> Iterator[Callable[..., Server]]:
    """Starts servers on the book, and ends them with the test."""
    started: list[Server] = []

    def run(*flags: str, **more: object) -> Server:
        started.append(Server(book_file.path, *flags, **more))  # type: ignore[arg-type]
        return started[-1]

    yield run
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests that leave it as it was."""
    book = make_book(tmp_path_factory.mktemp("served"))
    server = Server(book.path)
    yield Served(server, book.token)
    code, _ = server.stop()
    server.kill()
    assert code == 0
