"""Starting and stopping the real server: its first line, its port, requests in flight, clients that leave."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.api.client import INVOICES, PARTNERS
from tests.hostile.conftest import Book
from tests.hostile.process import ROOT, Heard, Server, hear, request

pytestmark = pytest.mark.xdist_group("stopping")

JSON = "Content-Type: application/json"


def refused_start(book: Path, *flags: str) -> str:
    """What a server that does not start says; it must say it at once, plainly, and exit with an error."""
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tollbook", "serve", "--db", str(book), *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ended.returncode not in (0, -9)
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_idle_server_stops_at_once_and_in_order(
    start: Callable[..., Server], book_file: Book, workers: int, sign: signal.Signals
) -> None:
    server = start("--workers", str(workers))
    assert server.first_line == f"listening on http://127.0.0.1:{server.port}\n"
    assert len(server.workers()) >= workers
    for _ in range(20):
        assert server.get(INVOICES, book_file.token).status == 200
    code, seconds = server.stop(sign)
    assert code == 0
    assert seconds < 5
    with pytest.raises(ConnectionRefusedError):
        server.connect()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a15_a_request_in_flight_finishes_before_the_stop(
    start: Callable[..., Server], book_file: Book, sign: signal.Signals
) -> None:
    server = start("--stop-timeout", "8")
    found: list[Heard] = []
    with server.connect() as sock:
        body = b'{"name":"in flight"}'
        sock.sendall(request("POST", PARTNERS, book_file.token, JSON, f"Content-Length: {len(body)}") + body[:5])
        time.sleep(0.3)  # it is being read now
        waiting = threading.Thread(target=lambda: found.append(hear(sock)))
        stopping = threading.Timer(0.3, lambda: sock.sendall(body[5:]))
        waiting.start()
        stopping.start()
        code, seconds = server.stop(sign)
        waiting.join()
        stopping.join()
    assert code == 0
    assert [heard.status for heard in found] == [200]
    assert seconds < 8


def listening(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return False
    return True


def test_workers_end_with_a_first_process_that_was_killed(start: Callable[..., Server], book_file: Book) -> None:
    server = start("--workers", "2")
    server.stop(signal.SIGKILL)
    end = time.monotonic() + 10
    while listening(server) and time.monotonic() < end:
        time.sleep(0.1)
    assert not listening(server)
    again = start("--port", str(server.port))
    assert again.get(INVOICES, book_file.token).status == 200


def test_a15_a_client_that_leaves_before_the_answer_leaves_a_whole_act(
    start: Callable[..., Server], book_file: Book
) -> None:
    server = start()
    for number in range(20):
        body = f'{{"name":"left {number}","login":"left{number}"}}'.encode()
        text = request("POST", PARTNERS, book_file.token, JSON, f"Content-Length: {len(body)}") + body
        with server.connect() as sock:
            sock.sendall(text)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # leave with a reset
        again = server.say(text)
        assert again.status in (200, 422)  # made now, or the login was taken by the one that left
        found = server.get(f"{PARTNERS}?filter={quote(f'login eq left{number}')}", book_file.token)
        assert b'"total":1' in found.body


def test_a_taken_port_is_refused_with_a_clear_message(book_file: Book) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused_start(book_file.path, "--port", str(port))
    assert f"cannot listen on 127.0.0.1:{port}: address already in use; choose another with --port" in said


def test_a_port_that_another_server_of_ours_has_is_refused_too(start: Callable[..., Server], book_file: Book) -> None:
    server = start()
    said = refused_start(book_file.path, "--port", str(server.port))
    assert f"cannot listen on 127.0.0.1:{server.port}" in said
    assert server.get(INVOICES, book_file.token).status == 200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no book at"),
        (b"", "is not a Tollbook book"),
        (b"not a database at all" * 100, "is not a Tollbook book"),
        (b"SQLite format 3\0" + b"\0" * 4080, "is not a Tollbook book"),
    ],
    ids=["none", "empty", "text", "zeros"],
)
def test_a4_what_is_no_book_is_not_served(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "other.db"
    if content is not None:
        path.write_bytes(content)
    assert said in refused_start(path, "--port", "0")
    assert (path.read_bytes() if path.exists() else None) == content


def test_a4_a_book_whose_stamp_was_overwritten_is_not_served(book_file: Book) -> None:
    text = bytearray(book_file.path.read_bytes())
    text[68:72] = b"\0\0\0\0"  # application_id
    book_file.path.write_bytes(text)
    assert "is not a Tollbook book" in refused_start(book_file.path, "--port", "0")


def test_a_worker_that_dies_is_noticed(start: Callable[..., Server], book_file: Book) -> None:
    server = start()
    serving = server.workers()[-1]
    os.kill(serving, signal.SIGKILL)
    assert server.process.wait(timeout=30) == 1
    assert '"a worker ended unexpectedly"' in server.log.read_text()


def test_several_workers_share_a_port_of_the_systems_choice(start: Callable[..., Server], book_file: Book) -> None:
    server = start("--workers", "2")
    assert {server.get("/health/ready").status for _ in range(20)} == {200}
    revoked = server.say(request("GET", INVOICES, "guess"))
    assert revoked.status == 401
