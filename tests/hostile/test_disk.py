"""A3 and A5 end to end: the book cannot grow, or another process holds it, while the server runs."""

import json
import resource
import sqlite3
from collections.abc import Callable

from tests.api.client import INVOICES, PARTNERS
from tests.hostile.conftest import Book
from tests.hostile.process import Heard, Server, request

BIG = json.dumps({"name": "x" * 200, "attributes": {f"k{number}": "y" * 200 for number in range(50)}}).encode()


def post(server: Server, token: str, body: bytes = BIG) -> Heard:
    fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return server.say(request("POST", PARTNERS, token, *fields) + body, seconds=20)


def bound_files(server: Server, size: int) -> None:
    """Let no file of the workers grow beyond a size, as a quota would."""
    for pid in server.workers():
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))


def test_a3_a_book_that_cannot_grow_refuses_writes_reads_on_and_recovers(
    start: Callable[..., Server], book_file: Book
) -> None:
    server = start()
    assert post(server, book_file.token).status == 200
    wal = book_file.path.with_name(book_file.path.name + "-wal")
    bound_files(server, wal.stat().st_size)
    full = [post(server, book_file.token) for _ in range(3)]
    assert [heard.status for heard in full] == [503] * 3
    assert {heard.headers["x-error-code"] for heard in full} == {"store_full"}
    assert {heard.headers["retry-after"] for heard in full} == {"1"}
    assert server.get(INVOICES, book_file.token).status == 200
    total = json.loads(server.get(f"{PARTNERS}?limit=1", book_file.token).body)["total"]
    bound_files(server, resource.RLIM_INFINITY)
    assert post(server, book_file.token).status == 200
    assert json.loads(server.get(f"{PARTNERS}?limit=1", book_file.token).body)["total"] == total + 1


def test_a5_another_process_that_writes_delays_writes_and_no_reads(
    start: Callable[..., Server], book_file: Book
) -> None:
    server = start()
    other = sqlite3.connect(book_file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert server.get(INVOICES, book_file.token).status == 200
    heard = post(server, book_file.token)
    assert (heard.status, heard.headers["x-error-code"], heard.headers["retry-after"]) == (503, "store_busy", "1")
    other.execute("ROLLBACK")
    other.close()
    assert post(server, book_file.token).status == 200
