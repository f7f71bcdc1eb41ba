"""Clients that send half of something and wait: what they may hold, and that the others do not feel it.

Nothing here asserts a rate; what was measured stands in docs/operations/proxy.md.
"""

import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode

import pytest
from tests.api.client import CORE, FORM, INVOICES, PARTNERS
from tests.hostile.conftest import Book, Served
from tests.hostile.process import Server, hear, request

from tollbook import limits

pytestmark = pytest.mark.xdist_group("stalling")

JSON = "Content-Type: application/json"
STALLED = 200


@contextmanager
def stalled(server: Server, token: str, number: int, path: str = PARTNERS) -> Iterator[list[socket.socket]]:
    """Connections that each sent a whole head and 3 of 100 bytes of a body."""
    head = request("POST", path, token, JSON if path == PARTNERS else f"Content-Type: {FORM}", "Content-Length: 100")
    with ExitStack() as stack:
        held = [stack.enter_context(server.connect()) for _ in range(number)]
        for sock in held:
            sock.sendall(head + b"abc")
        yield held


def answered(held: list[socket.socket], number: int) -> list[socket.socket]:
    """Those that were answered, once that many were."""
    end = time.monotonic() + 20
    while len(ready := select.select(held, [], [], 0.1)[0]) < number:
        assert time.monotonic() < end, f"{len(ready)} answers"
    return ready


def test_b1_half_a_header_and_then_silence_is_closed_within_ten_seconds(served: Served) -> None:
    with served.server.connect(seconds=limits.HEADER_SECONDS_MAX + 4) as half, served.server.connect(14) as line:
        start = time.monotonic()
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        line.sendall(b"GE")
        assert hear(half).closed
        assert hear(line).closed
        assert limits.HEADER_SECONDS_MAX - 1 < time.monotonic() - start < 10


def test_b2_two_hundred_stalled_bodies_leave_reads_alone(start: Callable[..., Server], book_file: Book) -> None:
    server = start("--threads", "4")
    with stalled(server, book_file.token, STALLED) as held:
        refused = answered(held, STALLED - 2)
        assert len(refused) == STALLED - 2  # half of four threads hold a body each
        for sock in refused[:20]:
            heard = hear(sock)
            assert (heard.status, heard.headers["x-error-code"]) == (503, "body_slots_taken")
            assert heard.headers["retry-after"] == "1"
        for _ in range(200):
            assert server.get(f"{INVOICES}?limit=1", book_file.token).status == 200
        further = server.say(request("POST", PARTNERS, book_file.token, JSON, "Content-Length: 2") + b"{}", seconds=5)
        assert (further.status, further.headers["retry-after"]) == (503, "1")


def test_b2_credentials_are_checked_before_a_byte_of_the_body(start: Callable[..., Server], book_file: Book) -> None:
    server = start("--threads", "2")
    with stalled(server, "guess", 20) as held:
        assert {hear(sock).status for sock in held} == {401}
    narrow = request("POST", PARTNERS, "", JSON, "Content-Length: 100") + b"abc"
    assert server.say(narrow, seconds=5).headers["x-error-code"] == "credentials_missing"
    whole = server.say(request("POST", PARTNERS, book_file.token, JSON, "Content-Length: 2") + b"{}")
    assert whole.status == 422  # no place was taken by any of them


def test_b2_a_stalled_login_holds_no_more_than_another_body(start: Callable[..., Server], book_file: Book) -> None:
    server = start("--threads", "2")
    with stalled(server, "", 3, f"{CORE}/oauth/token") as held:
        assert {hear(sock).status for sock in answered(held, 2)} == {503}
        assert server.get(INVOICES, book_file.token).status == 200
    form = urlencode({"grant_type": "password", "username": "child", "password": "correct horse"}).encode()
    head = request("POST", f"{CORE}/oauth/token", "", f"Content-Type: {FORM}", f"Content-Length: {len(form)}")
    end = time.monotonic() + 10
    while server.say(head + form).status == 503:  # the stalled ones are gone, and their places free
        assert time.monotonic() < end
        time.sleep(0.05)
    assert server.say(head + form).status == 200


def test_b2_a_body_shorter_than_its_length_is_400(served: Served) -> None:
    with served.server.connect() as sock:
        sock.sendall(request("POST", PARTNERS, served.token, JSON, "Content-Length: 100") + b"abc")
        sock.shutdown(socket.SHUT_WR)
        heard = hear(sock)
    assert (heard.status, heard.headers["x-error-code"]) == (400, "length_wrong")
    assert b"97 bytes of the body are missing" in heard.body


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_b2_a_stalled_body_does_not_keep_a_stop_from_ending(
    start: Callable[..., Server], book_file: Book, sign: signal.Signals
) -> None:
    server = start("--stop-timeout", "2")
    with stalled(server, book_file.token, 4) as held:
        answered(held, 2)
        code, seconds = server.stop(sign)
    assert code == 0
    assert seconds < 2 + 3


def test_b3_two_thousand_idle_connections_leave_memory_flat(start: Callable[..., Server], book_file: Book) -> None:
    server = start()
    assert server.get(INVOICES, book_file.token).status == 200
    before = server.memory()
    with ExitStack() as stack:
        for _ in range(2000):
            stack.enter_context(server.connect())
        assert server.get(INVOICES, book_file.token).status == 200
        assert server.memory() - before < 32 * 1_048_576


def test_b14_idle_kept_connections_are_cheap_and_may_go_on(start: Callable[..., Server], book_file: Book) -> None:
    server = start()
    text = request("GET", f"{INVOICES}?limit=1", book_file.token).replace(b"Connection: close\r\n", b"")
    assert server.say(text).status == 200
    before = server.memory()
    with ExitStack() as stack:
        held = [stack.enter_context(server.connect()) for _ in range(1000)]
        for sock in held:
            sock.sendall(text)
            assert hear(sock).status == 200
        assert server.memory() - before < 64 * 1_048_576
        for sock in held[::100]:
            sock.sendall(text)
            assert hear(sock).status == 200


def test_b2_a_client_that_never_reads_its_answer_holds_no_thread(start: Callable[..., Server], book_file: Book) -> None:
    server = start("--threads", "2")
    text = request("GET", f"{INVOICES}?limit=1000&with_related=true", book_file.token)
    with ExitStack() as stack:
        for _ in range(50):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            sock.connect(("127.0.0.1", server.port))
            sock.sendall(text)
        for _ in range(50):
            assert server.get(f"{INVOICES}?limit=1", book_file.token).status == 200
