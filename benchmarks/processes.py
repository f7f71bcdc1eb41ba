"""Servers under test: started on loopback, watched, and stopped; only those started here.

A server gets a process group of its own and a file for its output. It is asked to end with SIGINT;
its group is killed if it has not ended in time.
"""

from __future__ import annotations

import http.client
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 10.0
HOST = "127.0.0.1"


class BenchError(Exception):
    """The measurement cannot go on; the message is for the person who runs it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on loopback."""

    pid: int
    port: int

    def memory_mb(self) -> float:
        """Proportional set size of the process and all beneath it, in MB (10^6 bytes)."""
        return sum(_pss_kb(pid) for pid in tree(self.pid)) * 1024 / 1e6

    def processor_seconds(self) -> float:
        """What the process and all beneath it have used of the processors so far."""
        return sum(_processor_ticks(pid) for pid in tree(self.pid)) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str],
    log: Path,
    port: int | None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Runs `command` until the block ends.

    `port` None: the command says itself where it listens, in the first line of its output.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        if port is None:
            port = _announced_port(process, log)
        _wait_until_listening(process, port, log)
        yield Server(process.pid, port)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process started here, politely first."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.terminate()
    with suppress(ProcessLookupError):
        # What its group still holds: the group is ours, made by start_new_session.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(command: Sequence[str], timeout: float = 600.0) -> str:
    """Runs a command to its end and answers its standard output; a failure is a BenchError."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise BenchError(
            f"`{' '.join(map(str, command[:6]))} …` ended with {done.returncode}:\n"
            + (done.stderr or done.stdout)[-2_000:]
        )
    return done.stdout


def tree(pid: int) -> list[int]:
    """The process and all its descendants that still live."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    return found


def resident_mb(pid: int) -> float:
    """Resident memory of a process tree in MB; shared pages count in each process."""
    total = 0
    for member in tree(pid):
        with suppress(OSError, IndexError):
            total += int(Path(f"/proc/{member}/statm").read_text().split()[1])
    return total * os.sysconf("SC_PAGE_SIZE") / 1e6


def children_seconds() -> float:
    """Processor time of all commands that ran to their end here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def written_mb(pid: int) -> float:
    """What a process has had written to the disk so far, in MB; 0 where that is not told."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1]) / 1e6
    return 0.0


def _pss_kb(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _processor_ticks(pid: int) -> int:
    with suppress(OSError):
        # The name in parentheses may hold blanks; user and system time are fields 14 and 15.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0


def _announced_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines(keepends=True):
            if line.startswith("listening on http://") and line.endswith("\n"):
                return int(line.rstrip().rstrip("/").rpartition(":")[2])
        time.sleep(0.02)
    raise BenchError(f"the server did not say where it listens:\n{_tail(log)}")


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=START_SECONDS_MAX)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
    raise BenchError(f"the server did not answer:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2_000:]
