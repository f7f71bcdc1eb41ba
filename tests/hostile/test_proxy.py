"""docs/operations/nginx.conf, run by nginx in front of the real server: what a proxy adds to section B."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.api.client import INVOICES, PARTNERS
from tests.hostile.conftest import Book
from tests.hostile.process import Heard, Server, hear, request

pytestmark = pytest.mark.xdist_group("proxy")

CONF = Path(__file__).resolve().parents[2] / "docs" / "operations" / "nginx.conf"
JSON = "Content-Type: application/json"
WAIT_SECONDS = 2
"""What the test makes of the file's ten seconds."""


class Proxy(NamedTuple):
    """nginx at a port, the server behind it, and the operator's token."""

    port: int
    server: Server
    token: str

    def connect(self) -> socket.socket:
        """A connection to nginx."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=15)

    def say(self, text: bytes) -> Heard:
        """Send bytes to nginx and hear the answer."""
        with self.connect() as sock:
            sock.sendall(text)
            return hear(sock)


@pytest.fixture(scope="session")
def nginx() -> str:
    """The program, installed if that is possible; without it what is left out is said at the end of the run."""
    if shutil.which("nginx") is None and shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["update"], ["install", "-y", "--no-install-recommends", "nginx-light"]):
            subprocess.run(["apt-get", "-qq", *command], capture_output=True, timeout=300, check=False)
    found = shutil.which("nginx")
    if found is None:
        pytest.skip(
            "LEFT OUT: docs/operations/nginx.conf was not tried, there is no nginx: apt-get install nginx-light"
        )
    return found


@pytest.fixture
def proxy(nginx: str, start: Callable[..., Server], book_file: Book) -> Iterator[Proxy]:
    """nginx with the documented file in front of a server; only ports and waits are other than written."""
    server = start("--trusted-proxy", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = _wrapped(book_file.path.parent, server.port, port)
    checked = subprocess.run([nginx, "-t", "-c", str(conf)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    running = subprocess.Popen([nginx, "-c", str(conf)])
    made = Proxy(port, server, book_file.token)
    try:
        _wait(made)
        yield made
    finally:
        running.terminate()
        running.wait(timeout=10)


def _wrapped(directory: Path, server_port: int, port: int) -> Path:
    """A whole configuration around the documented part, with its files in a directory of the test's own."""
    text = CONF.read_text()
    for written, tried in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:8080", f"127.0.0.1:{server_port}"),
        ("client_header_timeout 10s", f"client_header_timeout {WAIT_SECONDS}s"),
        ("client_body_timeout 10s", f"client_body_timeout {WAIT_SECONDS}s"),
    ):
        assert text.count(written) == 1, written
        text = text.replace(written, tried)
    (directory / "tollbook.conf").write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    conf.write_text(
        f"{user} daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;\n"
        f"events {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; {temporary} include {directory}/tollbook.conf; }}\n"
    )
    return conf


def _wait(proxy: Proxy) -> None:
    for _ in range(200):
        try:
            proxy.connect().close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nginx does not listen")


def test_answers_come_through_with_links_to_the_host_that_was_asked(proxy: Proxy) -> None:
    text = request(
        "GET", f"{INVOICES}?limit=1", proxy.token, "X-Forwarded-Host: evil.example", "X_Forwarded_Host: evil"
    )
    heard = proxy.say(text.replace(b"Host: 127.0.0.1\r\n", b"Host: billing.example:8443\r\n", 1))
    assert heard.status == 200
    assert heard.headers["link"] == f'<http://billing.example:8443{INVOICES}?limit=1&offset=1>; rel="next"'
    assert "etag" in heard.headers
    again = proxy.say(request("GET", f"{INVOICES}?limit=1", proxy.token, f"If-None-Match: {heard.headers['etag']}"))
    assert again.status in (200, 304)
    refused = proxy.say(request("GET", INVOICES, "guess"))
    assert (refused.status, refused.headers["x-error-code"]) == (401, "credentials_wrong")


def test_b1_b3_silence_is_closed_in_time(proxy: Proxy) -> None:
    with proxy.connect() as silent, proxy.connect() as half:
        start = time.monotonic()
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-")
        assert hear(silent).closed
        assert hear(half).closed
        assert time.monotonic() - start < WAIT_SECONDS + 3


def test_b2_slow_bodies_wait_in_the_proxy_and_not_in_the_server(proxy: Proxy) -> None:
    head = request("POST", PARTNERS, proxy.token, JSON, "Content-Length: 100")
    body = b'{"name":"quick"}'
    whole = request("POST", PARTNERS, proxy.token, JSON, f"Content-Length: {len(body)}") + body
    with ExitStack() as stack:
        held = [stack.enter_context(proxy.connect()) for _ in range(40)]
        for sock in held:
            sock.sendall(head + b"abc")
        assert proxy.say(whole).status == 200  # the server's two places for bodies are free
        assert proxy.server.say(whole).status == 200
        end = time.monotonic() + WAIT_SECONDS + 5
        while len(select.select(held, [], [], 0.1)[0]) < len(held):
            assert time.monotonic() < end
    assert proxy.say(whole).status == 200


def test_b14_one_address_holds_so_many_requests_and_no_more(proxy: Proxy) -> None:
    head = request("POST", PARTNERS, proxy.token, JSON, "Content-Length: 100")
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(proxy.connect()).sendall(head + b"abc")
        end = time.monotonic() + WAIT_SECONDS
        heard = proxy.say(request("GET", INVOICES, proxy.token))
        while heard.status != 429:
            assert time.monotonic() < end
            heard = proxy.say(request("GET", INVOICES, proxy.token))
        assert heard.headers["retry-after"] == "1"
        assert json.loads(heard.body)["message"] == "too many requests"


def test_b4_b6_large_heads_are_refused(proxy: Proxy) -> None:
    assert proxy.say(request("GET", f"{INVOICES}?{'x' * 20_000}", proxy.token)).status == 414
    assert proxy.say(request("GET", f"{INVOICES}?{'x' * 9_000}", proxy.token)).headers["x-error-code"] == "url_too_long"
    assert proxy.say(request("GET", INVOICES, proxy.token, f"X: {'a' * 20_000}")).status == 400


def test_b10_a_large_body_is_413_unread_in_the_documented_form(proxy: Proxy) -> None:
    with proxy.connect() as sock:
        sock.sendall(request("POST", PARTNERS, proxy.token, JSON, "Content-Length: 10000000"))
        heard = hear(sock)
    assert (heard.status, heard.headers["x-error-code"]) == (413, "body_too_large")
    assert list(json.loads(heard.body)) == ["message", "errors"]


def test_b7_a_chunked_body_reaches_the_server_with_a_length(proxy: Proxy) -> None:
    head = request("POST", PARTNERS, proxy.token, JSON, "Transfer-Encoding: chunked")
    assert proxy.say(head + b'e\r\n{"name":"part"\r\n1\r\n}\r\n0\r\n\r\n').status == 200


def test_without_a_server_the_answer_is_503_in_the_documented_form(proxy: Proxy) -> None:
    assert proxy.server.stop()[0] == 0
    heard = proxy.say(request("GET", INVOICES, proxy.token))
    assert (heard.status, heard.headers["retry-after"]) == (503, "1")
    assert json.loads(heard.body)["message"] == "service unavailable"


def test_every_refusal_of_the_file_is_a_documented_one() -> None:
    from tollbook.errors import PROBLEMS

    known = {(problem.status, problem.message) for problem in PROBLEMS}
    bodies = re.findall(r"return ([0-9]+) '(.+)';", CONF.read_text())
    assert len(bodies) == 3
    for status, body in bodies:
        assert (int(status), json.loads(body)["message"]) in known
        assert list(json.loads(body)["errors"][0]) == ["field", "message", "reference_sid"]
