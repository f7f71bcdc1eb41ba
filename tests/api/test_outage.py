"""Row A16 over the wire: the real server while its database is ended, stopped and started again."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.postgres_servers import command, end_connections, own_server, start, until
from tests.hostile.process import Server

from tollbook.clock import SystemClock
from tollbook.operations.books import create_book, operator_caller
from tollbook.operations.tokens import Wish, grant_to
from tollbook.store import postgres_server

pytestmark = pytest.mark.postgres


@pytest.fixture
def database() -> Iterator[postgres_server.Server]:
    with own_server() as made:
        yield made


def test_a16_nothing_but_503_while_the_database_is_gone_and_all_is_well_again(
    database: postgres_server.Server, tmp_path: Path
) -> None:
    command(database, "CREATE DATABASE book TEMPLATE template0")
    founded = create_book(database.url("book"), SystemClock())
    token = grant_to(founded.store, operator_caller(founded.store), founded.operator.partner_sid, Wish()).access_token
    founded.store.close()
    assert token is not None
    server = Server(tmp_path / "book", "--db", database.url("book"))
    made: list[str] = []
    heard: list[tuple[int | None, str | None]] = []
    over = threading.Event()

    def load(number: int) -> None:
        place = 0
        while not over.is_set():
            place += 1
            name = f"{number} {place}"
            said = server.say(post(token, name))
            heard.append((said.status, said.headers.get("retry-after")))
            if said.status == 200:
                made.append(name)
            said = server.get("/core/v2/partners?limit=5", token)
            heard.append((said.status, said.headers.get("retry-after")))

    threads = [threading.Thread(target=load, args=(number,)) for number in range(3)]
    try:
        for thread in threads:
            thread.start()
        for fault in ("ended", "fast", "immediate"):
            time.sleep(0.5)
            if fault == "ended":
                end_connections(database)
                continue
            database.stop(fault)
            until(lambda: server.get("/health/ready").status == 503)
            assert server.get("/health/live").status == 200
            start(database)
            until(lambda: server.get("/health/ready").status == 200)
        time.sleep(0.5)
        over.set()
        for thread in threads:
            thread.join(30)
        listed: list[str] = []
        while True:  # page by page: a quick machine makes more than one page holds
            path = f"/core/v2/partners?limit=1000&order=name%20asc&offset={len(listed)}"
            page = json.loads(server.get(path, token).body)
            listed += [partner["name"] for partner in page["items"]]
            if not page["has_more"]:
                break
        code, _ = server.stop()
    finally:
        over.set()
        server.kill()
    assert code == 0
    assert set(heard) == {(200, None), (503, "1")}
    assert len(listed) == page["total"]
    assert set(made) <= set(listed)
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "the database is back" in log
    assert len([line for line in log.splitlines() if "cannot be reached" in line]) < 12


def post(token: str, name: str) -> bytes:
    body = json.dumps({"name": name}).encode()
    head = f"POST /core/v2/partners HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
