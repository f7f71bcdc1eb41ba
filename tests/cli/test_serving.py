"""`serve` and `demo` as processes: the first line, the request that works as it is, the end by Ctrl-C."""

import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.cli.conftest import Tollbook
from tests.engine import Engine
from tests.operations.lines import exported

from tollbook.clock import DAY_MS, SystemClock, format_instant
from tollbook.query.sample import SAMPLE
from tollbook.store import open_store

ROOT = Path(__file__).resolve().parents[2]
OURS = {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}


class Started(NamedTuple):
    """A server at work: its process, its address, what it printed below, the seconds to its first line."""

    process: subprocess.Popen[str]
    url: str
    said: list[str]
    seconds: float  # time, not money


@contextmanager
def started(*arguments: str) -> Iterator[Started]:
    command = [sys.executable, "-m", "tollbook", *arguments]
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **OURS}
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        found = re.fullmatch(r"listening on (http://127\.0\.0\.1:[0-9]+)\n", first)
        assert found, first
        seconds = time.perf_counter() - began
        said = []
        if arguments[0] == "demo":
            for line in process.stdout:
                said.append(line.rstrip())
                if line.startswith("Ctrl-C"):
                    break
        try:
            yield Started(process, found[1], said, seconds)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


@pytest.mark.files
def test_the_demo_line_works_as_it_is(tollbook: Tollbook, tmp_path: Path) -> None:
    page: dict[str, Any] = {}
    for _ in range(2):
        with started("demo", "--port", "0", "--db", "demo.db") as demo:
            line, *_ = (line for line in demo.said if line.strip().startswith("curl "))
            words = shlex.split(line)
            url = next(word for word in words if word.startswith("http"))
            name, _, value = next(word for word in words if word.startswith("Authorization")).partition(": ")
            request = urllib.request.Request(url, headers={name: value})
            with urllib.request.urlopen(request) as answer:
                page = json.load(answer)
    assert page["items"] == [SAMPLE]
    assert (page["total"], page["has_more"]) == (4, True)


@pytest.mark.files
def test_the_demo_shows_how_to_watch_an_invoice_close(tmp_path: Path, tollbook: Tollbook) -> None:
    with started("demo", "--port", "0", "--db", "demo.db") as demo:
        _, *lines = (shlex.split(line) for line in demo.said if line.strip().startswith("curl "))
        clock, page = (json.loads(subprocess.run(line, capture_output=True, check=True).stdout) for line in lines)
    assert clock == {"now": "2025-02-15T12:00:00.000Z"}
    assert {record["date_issued"][:10] for record in page["items"]} == {"2025-02-15"}


@pytest.mark.files
def test_a_taken_port_is_said_with_what_to_do(tollbook: Tollbook) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = tollbook("demo", "--port", str(port), "--db", "demo.db")
    assert (ran.status, ran.out) == (1, "")
    assert f"{port}: address already in use" in ran.err
    assert f"for example --port {port + 1}" in ran.err


@pytest.mark.files
def test_the_demo_book_is_kept_out_of_the_way(
    tollbook: Tollbook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        tollbook("demo", "--port", str(taken.getsockname()[1]))
    assert (tmp_path / "data" / "tollbook" / "demo.db").exists()
    assert not (tmp_path / "demo.db").exists()


@pytest.mark.files
def test_a_demo_book_of_another_version_can_be_made_anew(
    tollbook: Tollbook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "tollbook").mkdir()
    tollbook("init", "--db", str(tmp_path / "tollbook" / "demo.db"))
    with closing(sqlite3.connect(tmp_path / "tollbook" / "demo.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
    ran = tollbook("demo", "--port", "0")
    assert ran.status == 1
    assert "db: or make the demo book anew: --fresh" in ran.err


@pytest.mark.files
@pytest.mark.parametrize("more", [(), ("--fresh",)])
def test_the_demo_leaves_a_book_of_ones_own_alone(
    tollbook: Tollbook, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    before = (tmp_path / "tollbook.db").read_bytes()
    monkeypatch.setenv("TOLLBOOK_DB", "tollbook.db")
    ran = tollbook("demo", "--port", "0", *more)
    assert (ran.status, ran.out) == (1, "")
    assert "tollbook.db is not a demo book, and is left as it is" in ran.err
    assert (tmp_path / "tollbook.db").read_bytes() == before


def test_a11_a_server_closes_what_is_due_by_itself_once_however_many_workers_look(tmp_path: Path) -> None:
    began = SystemClock().now() - 40 * DAY_MS
    engine = Engine(tmp_path, format_instant(began))
    partners = [engine.partner(f"Partner {number}") for number in range(3)]
    with started("serve", "--db", engine.store.url, "--port", "0", "--workers", "2", "--tick-seconds", "1"):
        ends = time.monotonic() + 30
        while not all(engine.figures(sid, "status")[:1] == [("closed",)] for sid in partners):
            assert time.monotonic() < ends
            time.sleep(0.1)
    for sid in partners:
        assert engine.figures(sid, "display_id", "status") == [("001", "closed"), ("002", "open")]
        assert engine.moves(sid).count("close") == 1
    engine.store.close()


@pytest.mark.files
def test_a_whole_account_is_pulled_from_a_tollbook(tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    tollbook("init", "--db", "copy.db")
    with started("demo", "--port", "0", "--db", "demo.db") as demo:
        (token,) = (line.split()[2] for line in demo.said if line.startswith("Operator token"))
        monkeypatch.setenv("TOLLBOOK_SOURCE_TOKEN", token)
        url = f"{demo.url}/core/v2/billing/invoices?limit=7&order=date_created"
        ran = tollbook("import", "invoices", "--from-url", url, "--db", "copy.db")
    assert (ran.status, ran.out) == (0, "40 records: 40 invoices new, 0 replaced\n")
    books = [open_store(name, SystemClock()) for name in ("demo.db", "copy.db")]
    assert exported(books[0]) == exported(books[1])
    for book in books:
        book.close()


def processors(server: Started) -> list[set[int]]:
    """The processors that each worker of a server may use."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [os.sched_getaffinity(int(pid)) for pid in children]


@pytest.mark.files
def test_each_worker_keeps_to_a_processor_of_its_own_where_there_are_enough(tollbook: Tollbook) -> None:
    usable = os.sched_getaffinity(0)
    tollbook("init")
    some = ["serve", "--port", "0", "--workers"]
    with started(*some, str(len(usable))) as server:
        kept = processors(server)
    assert sorted(cpu for each in kept for cpu in each) == sorted(usable)
    with started(*some, str(len(usable) + 1)) as server:
        assert processors(server) == [usable] * (len(usable) + 1)
    with started(*some, "1", "--no-cpu-affinity") as server:
        assert processors(server) == [usable]
