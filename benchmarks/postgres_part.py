"""The list and usage on PostgreSQL: beside the same on SQLite, and beside FastAPI on the same server."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import candidates, cluster, expected, growth_part, tollbook, usage_data, usage_part
from benchmarks.candidates import CASES, Candidate, Material
from benchmarks.cluster import Cluster
from benchmarks.load import Rate, save_requests, wrk
from benchmarks.machine import Machine, on_cpu
from benchmarks.material import list_material, say
from benchmarks.numbers import Outcome, Requirement, ratio, spread, table
from benchmarks.peers import normalised_postgres
from benchmarks.processes import HOST, BenchError, Server, serving
from benchmarks.quiet import Quiet
from benchmarks.settings import Settings

REQUIRED = {"limit=10": 15.0}
"""How many times the FastAPI peer's rate Tollbook's has to be, both on PostgreSQL."""
FILTER_MS_MAX = 100
BATCHES_MIN = 8_000
SECOND_PROCESS_MIN = 1.6
SHARE_OF_A_CPU = 0.4
ONE, TWO, FILE, PEER = "one process", "two processes", "SQLite, one process", "FastAPI + SQLAlchemy + psycopg"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to serve a book."""

    name: str
    db: str
    workers: int = 1
    anywhere: bool = False
    """Not pinned: several processes may use all that is there."""

    def serve(self, log: Path, threads: int = 4) -> AbstractContextManager[Server]:
        """The server, pinned to the first CPU."""
        pinned = [] if self.anywhere else on_cpu(0)
        options = ["--host", HOST, "--port", "0", "--workers", str(self.workers), "--threads", str(threads)]
        return serving([*pinned, *tollbook.verb("serve", "--db", self.db, *options)], log, port=None)


def measure_list(settings: Settings, machine: Machine) -> Outcome:
    """The list, round after round."""
    material, ndjson = list_material(settings)
    if material.book is None:
        raise BenchError("there is no tollbook to measure")
    with cluster.running(settings.db, settings.folder) as server:
        book = _moved(server, f"list_{settings.invoices}", material.book, settings)
        peers = _peers(server, f"peers_{settings.invoices}", ndjson, material.partners)
        field_of = _field(material, book, peers)
        step = max(1, settings.partners // 20)
        wanted = expected.read(ndjson, material.partners[::step])
        for candidate in field_of.values():
            _validate(candidate, wanted)
        rates: dict[str, dict[str, list[Rate]]] = {name: defaultdict(list) for name in field_of}
        shares: dict[int, list[float]] = defaultdict(list)
        quiet = Quiet()
        for nth in range(settings.rounds):
            quiet.look()
            for name, candidate in field_of.items():
                say(f"round {nth + 1} of {settings.rounds}: {name}")
                with candidate.start() as running:
                    for case in CASES:
                        rates[name][case.name].append(_load(material, candidate, case, running.port, settings))
            for workers in (1, 2):
                shares[workers].append(_shared_out(material, field_of[ONE], str(book.db), workers, settings))
    return _list_outcome(settings, rates, shares, quiet)


def _field(material: Material, book: tollbook.Book, peers: str) -> dict[str, Candidate]:
    """By name, who is measured."""
    assert material.book is not None
    ways = (Way(ONE, str(book.db)), Way(TWO, str(book.db), workers=2, anywhere=True), Way(FILE, str(material.book.db)))
    found = {}
    for way in ways:
        asked = material.book if way.name == FILE else book
        found[way.name] = candidates.tollbook_candidate(
            way.name,
            asked,
            lambda way=way: way.serve(material.log("tollbook")),  # type: ignore[misc]
        )
    found[PEER] = candidates.fastapi_candidate(material, {"PEER_URL": peers})
    return found


def _validate(candidate: Candidate, wanted: dict[str, list[expected.Invoice]]) -> None:
    say(f"checking the answers of {candidate.name}")
    with candidate.start() as server:
        candidates.validate(candidate, server, wanted)


def _load(material: Material, candidate: Candidate, case: candidates.Case, port: int, settings: Settings) -> Rate:
    requests = (candidate.request(case, partner) for partner in material.partners)
    file = save_requests(material.folder / "postgres.requests", requests)
    wrk(port, file, settings.warmup)
    return wrk(port, file, settings.seconds)


def _moved(server: Cluster, name: str, source: tollbook.Book, settings: Settings) -> tollbook.Book:
    """A book in a database of its own, made once and kept."""
    if settings.fresh or not server.has(name):
        say(f"moving {source.db} into {name} …")
        server.drop(name)
        tollbook.command("move", str(source.db), server.make(f"{name}_part"))
        server.rename(f"{name}_part", name)
    return replace(source, db=server.url(name))


def _peers(server: Cluster, name: str, ndjson: Path, partners: Sequence[str]) -> str:
    if not server.has(name):
        say(f"filling {name} …")
        normalised_postgres.build(server.make(f"{name}_part"), ndjson, partners)
        server.rename(f"{name}_part", name)
    return server.url(name).replace("postgresql://", "postgresql+psycopg://")


def _shared_out(material: Material, candidate: Candidate, db: str, workers: int, settings: Settings) -> float:
    """Requests a second of `limit=10` where each process is given a part of a CPU: the database has room for more."""
    with held(SHARE_OF_A_CPU * workers) as hold, Way("", db, workers, anywhere=True).serve(material.log("share")) as up:
        if not hold(up.pid):
            return math.nan
        return _load(material, candidate, CASES[0], up.port, settings).per_second


@contextmanager
def held(processors: float) -> Iterator[Callable[[int], bool]]:
    """Hold a process and all beneath it to so many processors; whether that could be done."""
    from benchmarks.processes import tree

    group = Path("/sys/fs/cgroup/cpu/tollbook-bench")
    try:
        group.mkdir(exist_ok=True)
        (group / "cpu.cfs_quota_us").write_text(str(int(processors * 100_000)))
    except OSError:
        yield lambda pid: False
        return

    def hold(pid: int) -> bool:
        for member in tree(pid):
            (group / "cgroup.procs").write_text(str(member))
        return True

    try:
        yield hold
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(pid)
        group.rmdir()


def _list_outcome(
    settings: Settings, rates: dict[str, dict[str, list[Rate]]], shares: dict[int, list[float]], quiet: Quiet
) -> Outcome:
    head = (
        f"{settings.invoices:,} invoices of {settings.partners:,} partners. The serving process is on one CPU,"
        " PostgreSQL (1 GB of shared buffers, everything durable) and wrk with 16 connections on the other; two"
        f" processes, and they alone, may use both. {settings.rounds} rounds of {settings.seconds:g} s. {quiet}"
    )
    rows = []
    for name, of in rates.items():
        cells = [str(spread(rate.per_second for rate in of[case.name])) for case in CASES]
        base = [rate.per_second for rate in rates[PEER]["limit=10"]]
        rows.append([name, *cells, str(ratio([rate.per_second for rate in of["limit=10"]], base))])
    blocks = [head, table(["requests/s", *(case.name for case in CASES), "limit=10 × FastAPI"], rows)]
    bounds = [
        Requirement(
            f"PostgreSQL, {case}: × FastAPI",
            ratio(*([rate.per_second for rate in rates[who][case]] for who in (ONE, PEER))),
            bound,
            True,
        )
        for case, bound in REQUIRED.items()
    ]
    both = ratio([r.per_second for r in rates[TWO]["limit=10"]], [r.per_second for r in rates[ONE]["limit=10"]])
    said = (
        f"Two processes on both CPUs of this machine, PostgreSQL and wrk beside them: {both} × one: here it saturates."
    )
    if not any(math.isnan(rate) for of in shares.values() for rate in of):
        more = ratio(shares[2], shares[1])
        said += (
            f" Where each process is given {SHARE_OF_A_CPU:g} of a CPU, so that the database has room, one answers"
            f" {spread(shares[1])} and two answer {spread(shares[2])} requests a second."
        )
        bounds.append(
            Requirement("a second process, while the database has room: × one", more, SECOND_PROCESS_MIN, True)
        )
    return Outcome("The list on PostgreSQL", "\n\n".join([*blocks, said]), bounds)


def measure_growth(settings: Settings, machine: Machine) -> Outcome:
    """One partner with many invoices."""
    count = settings.growth[-1]
    source, facts = growth_part.prepare(count, settings)
    taken: dict[str, list[float]] = defaultdict(list)
    quiet = Quiet()
    with cluster.running(settings.db, settings.folder) as server:
        book = _moved(server, f"growth_{count}", source, settings)
        for nth in range(settings.rounds):
            quiet.look()
            say(f"round {nth + 1} of {settings.rounds}: {count:,} invoices of one partner")
            with Way(ONE, str(book.db)).serve(settings.folder / "growth.log") as up:
                for case, ms in growth_part.ask(up, count, facts, book, settings, check=nth == 0).items():
                    taken[case].append(ms)
    rows = [[case, str(spread(taken[case]))] for case in growth_part.CASES]
    text = (
        f"One partner has {count:,} invoices. Sequential requests on one connection, limit={growth_part.LIMIT}, total"
        f" included; median latency in ms. {quiet}\n\n" + table(["ms", f"{count:,}"], rows)
    )
    bound = Requirement(
        "PostgreSQL: filter with its exact total", spread(taken[growth_part.CASES[6]]), FILTER_MS_MAX, False, " ms"
    )
    return Outcome("One partner with a million invoices on PostgreSQL", text, [bound])


def measure_usage(settings: Settings, machine: Machine) -> Outcome:
    """Usage, round after round, on a copy of one database."""
    folder = settings.folder / "usage"
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, list[float]] = defaultdict(list)
    waited: dict[str, list[float]] = defaultdict(list)
    quiet = Quiet()
    with cluster.running(settings.db, settings.folder) as server:
        book = _furnished(server, folder, settings)
        for nth in range(settings.rounds):
            quiet.look()
            say(f"round {nth + 1} of {settings.rounds}: usage")
            for case, posted in _usage_round(server, folder, book, settings, nth):
                written[case].append(posted["records"] / posted["seconds"])
                waited[case].append(posted["p99_ms"])
    rows = [[case, str(spread(written[case])), str(spread(waited[case]))] for case in written]
    text = (
        f"As usage on SQLite, in a database of {usage_part.PARTNERS:,} partners; every commit is synced. One process is"
        " on one CPU, PostgreSQL and the clients on the other; two may use both."
        f" {settings.rounds} rounds of {settings.seconds:g} s. {quiet}\n\n"
        + table(["", "records/s", "p99 of a request, ms"], rows)
    )
    batches = f"{usage_part.BATCHES}, {ONE}"
    bounds = [Requirement(f"PostgreSQL, {batches}, a second", spread(written[batches]), BATCHES_MIN, True)]
    peer = f"{usage_part.BATCHES}, {PEER}"
    bounds.append(Requirement(f"PostgreSQL, {batches}: × FastAPI", ratio(written[batches], written[peer]), 1, True))
    return Outcome("Usage on PostgreSQL", text, bounds)


def _furnished(server: Cluster, folder: Path, settings: Settings) -> tollbook.Book:
    name, notes = "usage_base", folder / "usage_base.json"
    if settings.fresh or not (server.has(name) and notes.exists()):
        say(f"making a book of {usage_part.PARTNERS:,} partners …")
        url = server.make(name)
        operator = tollbook.initialise_at(url)
        sids = usage_part.furnish(url, operator, usage_part.PARTNERS, folder)
        server.settle(name)
        tollbook.note_at(notes, operator, dict.fromkeys(sids, operator))
    return tollbook.noted_at(notes, server.url(name))


def _usage_round(
    server: Cluster, folder: Path, book: tollbook.Book, settings: Settings, nth: int
) -> Iterator[tuple[str, dict[str, float]]]:
    sids, now = list(book.tokens), datetime.now(UTC)
    singles = usage_data.singles(sids[: usage_part.SOME], int(3_000 * settings.seconds), now, seed=10 * nth)
    bodies = usage_data.batches(sids[: usage_part.FEW], int(40_000 * settings.seconds), now, seed=10 * nth + 1)
    many = usage_data.batches(sids[: usage_part.SOME], int(40_000 * settings.seconds), now, seed=10 * nth + 2)
    for way, clients in ((ONE, usage_part.CLIENTS_BATCH), (TWO, 2 * usage_part.CLIENTS_BATCH)):
        how = {"clients": clients, "seconds": settings.seconds}
        for case, some in ((usage_part.BATCHES, bodies), (usage_part.MANY, many)):
            with _fresh(server, way, folder) as up:
                yield f"{case}, {way}", usage_part.post(folder, up, book, some, **how)  # type: ignore[arg-type]
        with _fresh(server, way, folder) as up:
            yield f"{usage_part.SINGLE}, {way}", usage_part.post_singly(folder, up, book, singles, settings.seconds)
    url = server.make("usage_peer").replace("postgresql://", "postgresql+psycopg://")
    with usage_part.peer(folder, {"PEER_USAGE_URL": url}) as up:
        usage_part.post(folder, up, book, bodies[:1], clients=1, seconds=60, path="/calls")  # the totals are there
        posted = usage_part.post(
            folder, up, book, bodies[1:], clients=usage_part.CLIENTS_BATCH, seconds=settings.seconds, path="/calls"
        )
        yield f"{usage_part.BATCHES}, {PEER}", posted


@contextmanager
def _fresh(server: Cluster, way: str, folder: Path) -> Iterator[Server]:
    """A server on a copy of the book."""
    url = server.make("usage_round", template="usage_base")
    server.execute("CHECKPOINT")
    two = way == TWO
    with Way(way, url, 2 if two else 1, anywhere=two).serve(folder / "serve.log", threads=64) as up:
        yield up
