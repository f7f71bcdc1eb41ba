"""The admin address: metrics summed over the workers, by route template, and health; nothing else."""

import http.client
import socket
import time
from collections.abc import Callable

import pytest
from tests.api.client import CORE, INVOICES
from tests.hostile.conftest import Book
from tests.hostile.process import Server
from tests.making import sid

from tollbook import limits


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def counted(text: str, *labels: str) -> float:
    """The sum of the durations' counts whose labels hold all of these."""
    lines = [line for line in text.splitlines() if line.startswith("http_server_request_duration_seconds_count")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(label in line for label in labels))


@pytest.mark.parametrize("workers", [1, 2])
def test_metrics_are_summed_over_the_workers_by_template(
    start: Callable[..., Server], book_file: Book, workers: int
) -> None:
    port = free_port()
    server = start("--workers", str(workers), "--admin", f"127.0.0.1:{port}")
    for number in range(1, 41):
        server.get(f"{INVOICES}/{sid(number)}", book_file.token)
        server.get(INVOICES, f"guess{number}")
    server.say(b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n")
    status, text = ask(port, "/metrics")
    assert status == 200
    single = f'http_route="{INVOICES}/{{invoice_sid}}"'
    assert counted(text, single, '"GET"', '"200"') == 12
    assert counted(text, single, '"GET"', '"404"') == 28
    assert counted(text, f'http_route="{INVOICES}"', '"401"') + counted(text, f'http_route="{INVOICES}"', '"429"') == 40
    assert counted(text, 'http_request_method="_OTHER"', 'http_route="unknown"', '"404"') == 1
    assert "tollbook_failed_credentials_total 40.0" in text
    assert sid(1) not in text
    assert "http_server_active_requests 0.0" in text
    assert server.get("/metrics").status == 404


def test_e8_the_admin_address_tells_health_and_nothing_else(start: Callable[..., Server]) -> None:
    port = free_port()
    start("--admin", f"127.0.0.1:{port}")
    assert ask(port, "/health/live") == (200, "live\n")
    assert ask(port, "/health/ready") == (200, "ready\n")
    for path in ("/", "/metrics/../", f"{INVOICES}", "/debug", "/.git"):
        assert ask(port, path) == (404, "not found\n")


def test_a_server_with_an_admin_address_stops_in_order(start: Callable[..., Server]) -> None:
    port = free_port()
    server = start("--admin", f"127.0.0.1:{port}")
    begun = time.monotonic()
    assert ask(port, "/health/live")[0] == 200
    assert server.stop()[0] == 0
    assert time.monotonic() - begun < 5
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/health/live")


def test_an_admin_address_that_is_taken_is_refused_plainly(start: Callable[..., Server]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError, match="no server") as refused:
            start("--admin", f"127.0.0.1:{taken.getsockname()[1]}")
    assert "Traceback" not in str(refused.value)
    assert "cannot listen on" in str(refused.value)


def test_a_use_of_a_token_is_written_behind_the_requests_back(start: Callable[..., Server], book_file: Book) -> None:
    server = start()
    end = time.monotonic() + limits.ACCESS_FLUSH_SECONDS + 10
    own = b'"ip_last_accessed":"127.0.0.1","name":"a test\'s"'
    assert own not in server.get(f"{CORE}/oauth/whoami", book_file.token).body
    while own not in server.get(f"{CORE}/oauth/whoami", book_file.token).body:
        assert time.monotonic() < end
        time.sleep(0.1)
