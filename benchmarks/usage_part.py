"""Usage into the book: records a second that were acknowledged as durable, and what that costs those who read.

Each round begins with a copy of a book that has partners and a rate sheet and nothing else. A record is counted when
its answer came: then it is on disk, rated, and on its partner's invoice.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from benchmarks import tollbook, usage_data
from benchmarks.load import Rate, Request, save_requests, wrk, wrk_posts
from benchmarks.machine import Machine, find, on_cpu
from benchmarks.material import need_tollbook, say
from benchmarks.numbers import Outcome, Requirement, ratio, spread, table
from benchmarks.processes import HOST, BenchError, Server, free_port, serving
from benchmarks.quiet import Quiet
from benchmarks.settings import Settings

CALLS = "/core/v2/calls/call_drs"
PARTNERS = 1_000
FEW, SOME = 10, 50
CLIENTS_SINGLE = 32
CLIENTS_BATCH = 2
SINGLE, SPREAD = "single records", "single records of 1,000 partners"
BATCHES, PEER = "batches of 1,000", "batches of 1,000, FastAPI + SQLAlchemy"
ALONE, MANY = "batches of 1,000, each of one partner", "batches of 1,000, each of 50 partners"
IDLE, BUSY = "nobody writes", "15,000 records a second are written"
REQUIRED = {SINGLE: 1_500, BATCHES: 15_000}


def measure(settings: Settings, machine: Machine) -> Outcome:
    """All cases in turn, round after round."""
    need_tollbook()
    folder = settings.folder / "usage"
    folder.mkdir(parents=True, exist_ok=True)
    book = prepare(folder, PARTNERS, settings.fresh)
    written: dict[str, list[float]] = defaultdict(list)
    waited: dict[str, list[float]] = defaultdict(list)
    read: dict[str, list[Rate]] = defaultdict(list)
    quiet = Quiet()
    for nth in range(settings.rounds):
        quiet.look()
        say(f"round {nth + 1} of {settings.rounds}: usage")
        for case, posted in _round(folder, book, settings, machine, nth, read).items():
            written[case].append(posted["records"] / posted["seconds"])
            waited[case].append(posted["p99_ms"])
    return _outcome(settings, written, waited, read, quiet)


def prepare(folder: Path, partners: int, fresh: bool = False) -> tollbook.Book:
    """A book with so many partners, a rate sheet for all, and the operator's token."""
    db = folder / f"partners-{partners}.db"
    if fresh or not db.with_suffix(".json").exists():
        say(f"making a book of {partners:,} partners …")
        operator = tollbook.initialise(db)
        sids = furnish(str(db), operator, partners, folder)
        tollbook.note(db, operator, dict.fromkeys(sids, operator))
    return tollbook.noted(db)


def furnish(db: str, operator: str, partners: int, folder: Path) -> list[str]:
    """Give a new book its partners and its rate sheet; their sids."""
    sheet = folder / "deck.csv"
    sheet.write_text(usage_data.deck())
    tollbook.command(
        "import", "rates", str(sheet), "--db", db, "--name", "Bench", "--service", "calls",
        "--direction", "outbound", "--effective", "2020-01-01", "--default",
    )  # fmt: skip
    with serve(db, folder / "furnish.log") as server:
        return _add_partners(server.port, operator, partners)


def serve(db: Path | str, log: Path) -> AbstractContextManager[Server]:
    """The server on the first CPU, one worker, with threads for many clients."""
    listen = ["--host", HOST, "--port", "0", "--workers", "1", "--threads", "64"]
    return serving([*on_cpu(0), *tollbook.verb("serve", "--db", str(db), *listen)], log, port=None)


def _add_partners(port: int, operator: str, count: int) -> list[str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    headers = {"Authorization": f"Bearer {operator}", "Content-Type": "application/json"}
    sids = []
    for number in range(count):
        connection.request("POST", "/core/v2/partners", json.dumps({"name": f"Partner {number}"}), headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise BenchError(f"a partner was not made: {response.status} {answer[:300]!r}")
        sids.append(json.loads(answer)["partner_sid"])
    connection.close()
    return sids


def _round(
    folder: Path, book: tollbook.Book, settings: Settings, machine: Machine, nth: int, read: dict[str, list[Rate]]
) -> dict[str, dict[str, float]]:
    """One round: single records, batches, the peer, and readers beside a writer."""
    sids, now = list(book.tokens), datetime.now(UTC)
    found = {}
    some = sids[:SOME]
    for case, whose in ((SINGLE, some), (SPREAD, sids)):
        bodies = usage_data.singles(whose, int(6_000 * settings.seconds), now, seed=10 * nth)
        if "wrk" not in machine.missing:
            with _copied(folder, book) as db, serve(db, folder / "serve.log") as server:
                found[case] = post_singly(folder, server, book, bodies, settings.seconds)
    for case, number in ((ALONE, 1), (MANY, SOME), (BATCHES, FEW)):
        bodies = usage_data.batches(sids[:number], int(40_000 * settings.seconds), now, seed=10 * nth + 1)
        with _copied(folder, book) as db, serve(db, folder / "serve.log") as server:
            found[case] = post(folder, server, book, bodies, clients=CLIENTS_BATCH, seconds=settings.seconds)
    with peer(folder, {"PEER_USAGE_URL": f"sqlite:///{folder / 'peer.db'}"}) as server:
        post(folder, server, book, bodies[:1], clients=1, seconds=60, path="/calls")  # now the totals are there
        found[PEER] = post(
            folder, server, book, bodies[1:], clients=CLIENTS_BATCH, seconds=settings.seconds, path="/calls"
        )
    if "wrk" not in machine.missing:
        with _copied(folder, book) as db, serve(db, folder / "serve.log") as server:
            _readers(folder, server, book, bodies, settings, read)
    return found


@contextmanager
def _copied(folder: Path, book: tollbook.Book) -> Iterator[Path]:
    db = folder / "round.db"
    for old in folder.glob("round.db*"):
        old.unlink()
    tollbook.command("backup", str(db), "--db", str(book.db))
    yield db


@contextmanager
def peer(folder: Path, env: dict[str, str]) -> Iterator[Server]:
    """FastAPI and SQLAlchemy, on the database that the environment names."""
    for old in folder.glob("peer.db*"):
        old.unlink()
    port = free_port()
    options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    command = [*on_cpu(0), sys.executable, "-m", "uvicorn", "benchmarks.peers.fastapi_usage:app", *options]
    with serving(command, folder / "peer.log", port, env) as server:
        yield server


def post(
    folder: Path,
    server: Server,
    book: tollbook.Book,
    bodies: Sequence[bytes],
    *,
    clients: int,
    seconds: float,
    pace: float = 0.0,
    path: str = CALLS,
) -> dict[str, float]:
    """Post bodies from a process of its own, on the second CPU."""
    file = folder / "bodies"
    file.write_bytes(b"".join(body + b"\n" for body in bodies))
    plan = {
        "port": server.port,
        "path": path,
        "token": book.operator,
        "bodies": str(file),
        "skip": 0,
        "clients": clients,
        "seconds": seconds,
        "pace": pace,
        "cpu": 1 if find("taskset") else None,
    }
    command = [sys.executable, "-m", "benchmarks.posting"]
    done = subprocess.run(command, input=json.dumps(plan), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"the clients failed:\n{done.stderr[-2_000:]}")
    posted: dict[str, float] = json.loads(done.stdout)
    return posted


def post_singly(
    folder: Path, server: Server, book: tollbook.Book, bodies: Sequence[bytes], seconds: float
) -> dict[str, float]:
    """Post one record a request; each was new, or the book has fewer of them than were answered."""
    file = folder / "bodies"
    file.write_bytes(b"".join(body + b"\n" for body in bodies))
    rate = wrk_posts(server.port, CALLS, book.operator, file, seconds, CLIENTS_SINGLE)
    if rate.requests > len(bodies):
        raise BenchError("the prepared records ran out: the rate is higher than they are made for")
    return {"records": rate.requests, "seconds": rate.requests / rate.per_second, "p99_ms": rate.p99_ms}


def _readers(
    folder: Path,
    server: Server,
    book: tollbook.Book,
    bodies: Sequence[bytes],
    settings: Settings,
    read: dict[str, list[Rate]],
) -> None:
    """The list of invoices, first alone, then beside a writer at the required rate."""
    asked = save_requests(folder / "read.requests", [Request("/core/v2/billing/invoices?limit=10", book.operator)])
    half = len(bodies) // 2
    post(folder, server, book, bodies[:half], clients=1, seconds=settings.seconds / 2)
    read[IDLE].append(wrk(server.port, asked, settings.seconds))
    pace = usage_data.BATCH / REQUIRED[BATCHES]
    failed: list[BaseException] = []

    def write() -> None:
        try:
            post(folder, server, book, bodies[half:], clients=CLIENTS_BATCH, seconds=settings.seconds, pace=pace)
        except BaseException as error:
            failed.append(error)

    writing = Thread(target=write)
    writing.start()
    read[BUSY].append(wrk(server.port, asked, settings.seconds))
    writing.join()
    if failed:
        raise failed[0]


def _outcome(
    settings: Settings,
    written: dict[str, list[float]],
    waited: dict[str, list[float]],
    read: dict[str, list[Rate]],
    quiet: Quiet,
) -> Outcome:
    rows = [[case, str(spread(written[case])), str(spread(waited[case]))] for case in written]
    text = (
        f"A book of {PARTNERS:,} partners, one worker on one CPU, the clients on another; each record is on disk, rated"
        f" and on its partner's invoice when it is acknowledged. Unless told, single records are of {SOME} partners,"
        f" batches of {FEW}; single ones come from {CLIENTS_SINGLE} connections, batches from {CLIENTS_BATCH}. The peer"
        " stores and totals, with one price a country. "
        f"{settings.rounds} rounds of {settings.seconds:g} s. {quiet}\n\n"
        + table(["", "records/s", "p99 of a request, ms"], rows)
    )
    bounds = [
        Requirement(f"{case}, a second", spread(written[case]), bound, True)
        for case, bound in REQUIRED.items()
        if case in written
    ]
    bounds.append(Requirement(f"{BATCHES}: × FastAPI", ratio(written[BATCHES], written[PEER]), 1, True))
    if read:
        rates = {case: [rate.per_second for rate in read[case]] for case in (IDLE, BUSY)}
        lists = [[case, str(spread(rates[case]))] for case in rates]
        text += "\n\nThe operator's first page of invoices meanwhile:\n\n" + table(["while", "requests/s"], lists)
        bounds.append(Requirement("listing while writing: × alone", ratio(rates[BUSY], rates[IDLE]), 0.5, True))
    return Outcome("Usage", text, bounds)
