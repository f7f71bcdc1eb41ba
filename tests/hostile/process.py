"""The real server in a process of its own, and raw sockets to it.

Loopback only, a port of the system's choice, and an end for every process that was started here.
"""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30


class Heard(NamedTuple):
    """What came back on a socket: the status line's number (None without one), headers, body, and whether it ended."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    closed: bool


class Server:
    """One `tollbook serve`; `lines` holds what it printed before it answered."""

    def __init__(self, book: Path, *flags: str, environment: Mapping[str, str] | None = None) -> None:
        self.log = book.with_name("serve.log")
        command = [sys.executable, "-P", "-m", "tollbook", "serve", *flags]
        if "--db" not in flags:
            command += ["--db", str(book)]
        if "--port" not in flags:
            command += ["--port", "0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **(environment or {})},
            )
        self.first_line = self._first_line()
        found = re.fullmatch(r"listening on http://127\.0\.0\.1:([0-9]+)\n", self.first_line)
        if found is None:
            self.kill()
            raise AssertionError(f"no server: {self.first_line!r} {self.log.read_text()}")
        self.port = int(found[1])

    def _first_line(self) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        return self.process.stdout.readline().decode() if ready else ""

    def connect(self, seconds: float = 10) -> socket.socket:
        """A connection; its waits end after this long."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def say(self, text: bytes, seconds: float = 10) -> Heard:
        """Send bytes on a connection of their own and hear the answer to them."""
        with self.connect(seconds) as sock:
            with suppress(ConnectionError):  # it may have answered and gone before the end
                sock.sendall(text)
            return hear(sock)

    def get(self, target: str, token: str = "", *headers: str) -> Heard:
        """GET a target."""
        return self.say(request("GET", target, token, *headers))

    def workers(self) -> list[int]:
        """The processes that the first one started."""
        return _children(self.process.pid)

    def memory(self) -> int:
        """The workers' own memory, in bytes: what is not shared with others."""
        return sum(_private_bytes(pid) for pid in self.workers())

    def stop(self, sign: signal.Signals = signal.SIGTERM, seconds: float = 30) -> tuple[int, float]:
        """Signal the first process; its exit code, and how long it took."""
        start = time.monotonic()
        self.process.send_signal(sign)
        code = self.process.wait(timeout=seconds)
        return code, time.monotonic() - start

    def kill(self) -> None:
        """End what still runs; harmless where nothing does."""
        for pid in [*self.workers(), self.process.pid] if self.process.poll() is None else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        if self.process.stdout:
            self.process.stdout.close()


def request(method: str, target: str, token: str = "", *headers: str) -> bytes:
    """The head of a request, up to and with its empty line; the connection is to be closed after it."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def hear(sock: socket.socket) -> Heard:
    """Read one answer; without an answer, whether the other side closed or is merely silent."""
    text, closed = b"", False
    while not _is_whole(text):
        try:
            part = sock.recv(65536)
        except TimeoutError:
            break
        except ConnectionError:
            part = b""
        if not part:
            closed = True
            break
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/") else None
    return Heard(status, headers, body, closed)


def _is_whole(text: bytes) -> bool:
    head, end, body = text.partition(b"\r\n\r\n")
    if not end or head.startswith(b"HTTP/1.1 100"):
        return False
    length = re.search(rb"\r\ncontent-length: *([0-9]+)", head.lower())
    return length is not None and len(body) >= int(length[1])


def _children(pid: int) -> list[int]:
    found: Sequence[str] = []
    with suppress(OSError):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def _private_bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kib) for kib in re.findall(r"^Private_\w+: +([0-9]+) kB", text, re.MULTILINE)) * 1024
