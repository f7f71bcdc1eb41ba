"""Everybody who serves the list: how each is started, asked, and understood.

A candidate turns a case into requests in its own idiom, and its own envelope back into a `Page`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import expected, tollbook
from benchmarks.expected import Invoice, Page, WrongAnswerError, check_envelope, open_above_one
from benchmarks.load import Caller, Request
from benchmarks.machine import find, on_cpu
from benchmarks.peers.normalised import token_of
from benchmarks.processes import HOST, Server, free_port, serving

LIST_PATH = "/core/v2/billing/invoices"


@dataclass(frozen=True, slots=True)
class Case:
    """A question that every candidate is asked."""

    name: str
    limit: int
    keep: Callable[[Invoice], bool] | None = None


CASES = (
    Case("limit=10", 10),
    Case("limit=100", 100),
    Case("filter", 10, open_above_one),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One server of the comparison."""

    name: str
    title: str
    start: Callable[[], AbstractContextManager[Server]]
    request: Callable[[Case, str], Request]
    """What to ask for the first page of a partner."""
    read: Callable[[bytes, Case, Page], Page]
    """The answer as a page; the wanted one is there to check the envelope by."""
    whole: bool = True
    """Whether it answers whole invoices; else only their sids are compared."""


@dataclass(frozen=True, slots=True)
class Material:
    """The files that the candidates are started on."""

    folder: Path
    peer_book: Path
    book: tollbook.Book | None
    partners: list[str]
    pages: dict[str, bytes] = field(default_factory=dict)
    """By case: one page as the best of the candidates answered it; nginx serves these bytes."""

    def log(self, name: str) -> Path:
        """Where a server's output goes."""
        return self.folder / f"{name}.log"


def candidates(material: Material) -> list[Candidate]:
    """Those that can run here, Tollbook first."""
    found = [fastapi_candidate(material), _django(material)]
    if material.book is not None:
        book = material.book
        found.insert(0, tollbook_candidate("tollbook", book, lambda: tollbook.serve(book, material.log("tollbook"))))
    return found


def tollbook_candidate(
    name: str, book: tollbook.Book, start: Callable[[], AbstractContextManager[Server]]
) -> Candidate:
    """Tollbook with a book, started somehow."""

    def request(case: Case, partner: str) -> Request:
        narrowed = "&filter=status%20eq%20open%20and%20amount%20gt%201" if case.keep else ""
        return Request(f"{LIST_PATH}?limit={case.limit}{narrowed}", book.tokens[partner])

    return Candidate(
        name,
        "**Tollbook**",
        start,
        request,
        lambda body, case, want: read_contract(name, body, case.limit, 0, want),
    )


def read_contract(who: str, body: bytes, limit: int, offset: int, want: Page) -> Page:
    """A page out of the envelope of the wire contract."""
    answer = json.loads(body)
    check_envelope(who, answer, limit, offset, want)
    return Page(answer["items"], answer["total"])


def fastapi_candidate(material: Material, env: Mapping[str, str] | None = None) -> Candidate:
    """FastAPI and SQLAlchemy, on another database where the environment names one."""

    def request(case: Case, partner: str) -> Request:
        narrowed = "&status=open&amount_gt=1" if case.keep else ""
        return Request(f"{LIST_PATH}?limit={case.limit}{narrowed}", token_of(partner))

    def start() -> AbstractContextManager[Server]:
        port = free_port()
        options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools"]
        command = ["uvicorn", "benchmarks.peers.fastapi_app:app", *options, "--no-access-log"]
        return _python(material, "fastapi", command, port, env)

    return Candidate(
        "fastapi",
        "FastAPI + SQLAlchemy + pydantic",
        start,
        request,
        lambda body, case, want: read_contract("fastapi", body, case.limit, 0, want),
    )


def _django(material: Material) -> Candidate:
    def request(case: Case, partner: str) -> Request:
        narrowed = "&status=open&amount__gt=1" if case.keep else ""
        return Request(f"{LIST_PATH}?limit={case.limit}{narrowed}", token_of(partner))

    def start() -> AbstractContextManager[Server]:
        port = free_port()
        # Threads, because gunicorn's plain worker closes the connection after every answer.
        options = ["-b", f"{HOST}:{port}", "-w", "1", "-k", "gthread", "--threads", "4", "--no-control-socket"]
        command = ["gunicorn", "benchmarks.peers.django_app:application", *options]
        return _python(material, "django", command, port)

    def read(body: bytes, case: Case, want: Page) -> Page:
        answer = json.loads(body)
        return Page(answer["results"], answer["count"])

    return Candidate("django", "Django REST Framework + django-filter", start, request, read)


def _python(
    material: Material, name: str, command: list[str], port: int, more: Mapping[str, str] | None = None
) -> AbstractContextManager[Server]:
    """A peer by its module, in the environment of the benchmarks, on the first CPU."""
    env = {"PEER_BOOK": str(material.peer_book), "PYTHONPATH": str(tollbook.ROOT), **(more or {})}
    whole = [*on_cpu(0), sys.executable, "-m", *command]
    return serving(whole, material.log(name), port, env)


def validate(candidate: Candidate, server: Server, wanted: dict[str, list[Invoice]]) -> dict[str, bytes]:
    """Compares every case for every sampled partner; the first answer of each case."""
    first: dict[str, bytes] = {}
    caller = Caller(server.port)
    for case in CASES:
        for partner, invoices in wanted.items():
            want = expected.page(invoices, case.limit, case.keep)
            body = caller.get(candidate.request(case, partner))
            who = f"{candidate.name}, {case.name}, partner {partner}"
            _compare(who, candidate, candidate.read(body, case, want), want)
            first.setdefault(case.name, body)
    caller.close()
    return first


def _compare(who: str, candidate: Candidate, got: expected.Page, want: expected.Page) -> None:
    if candidate.whole:
        expected.compare(who, got, want)
        return
    sids = [[item["invoice_sid"] for item in page.items] for page in (got, want)]
    if got.total != want.total or sids[0] != sids[1]:
        raise WrongAnswerError(f"{who}: total {got.total} or sids differ from the source ({want.total})")


NGINX_CONF = """
{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16;
    keepalive_requests 1000000000;
    types {{ application/json json; }}
    client_body_temp_path {folder}/nginx-tmp; proxy_temp_path {folder}/nginx-tmp;
    fastcgi_temp_path {folder}/nginx-tmp; uwsgi_temp_path {folder}/nginx-tmp;
    scgi_temp_path {folder}/nginx-tmp;
    server {{
        listen {host}:{port};
        root {folder}/pages;
    }}
}}
"""


def nginx(material: Material) -> Candidate:
    """The ceiling: `material.pages` as static files."""
    folder = material.folder.resolve()

    def start() -> AbstractContextManager[Server]:
        port = free_port()
        (folder / "pages").mkdir(exist_ok=True)
        for case, content in material.pages.items():
            (folder / "pages" / f"{case}.json").write_bytes(content)
        conf = folder / "nginx.conf"
        user = "user root;\n" if os.geteuid() == 0 else ""
        conf.write_text(NGINX_CONF.format(user=user, folder=folder, host=HOST, port=port))
        command = [*on_cpu(0), str(find("nginx")), "-p", str(folder), "-c", str(conf)]
        return serving(command, material.log("nginx"), port)

    def read(body: bytes, case: Case, want: Page) -> Page:
        if body != material.pages[case.name]:
            raise WrongAnswerError(f"nginx, {case.name}: not the bytes of the page")
        return want

    return Candidate(
        "nginx",
        "nginx, one such page as a static file",
        start,
        lambda case, partner: Request(f"/{case.name}.json", "unused"),
        read,
    )
