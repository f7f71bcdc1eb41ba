"""A whole account from a compatible server: its list of invoices, page by page along `pagination.next`.

Each page is committed with the address of the next one, so that a pull that breaks off goes on where it was. The
server is not trusted: it is asked over http or https only, never anywhere else than where it was first asked,
for a bounded time and a bounded number of tries.
"""

import hashlib
import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from tollbook import __version__, errors, limits
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.json_files import Place, split
from tollbook.operations.importing import Importing, Report, read_pieces
from tollbook.query.strict_json import parse_json
from tollbook.store import Store

_PATH = "/core/v2/billing/invoices"
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PIECE_BYTES = 65_536
_PORTS = {"http": 80, "https": 443}

Watch = Callable[[int, int | None], None]
"""Told after each page how many records were read, of how many."""


class Answer(NamedTuple):
    """One HTTP answer: its status, the seconds that it asks to wait, its body."""

    status: int
    retry_after: int | None
    body: bytes


class Page(NamedTuple):
    """One page: its text, its records' number, where the next one is, and how many there are in all."""

    text: bytes
    next: str | None
    total: int | None


def start_of(url: str) -> str:
    """The list's address from what a person gives: the address itself, or the server's.

    >>> start_of("https://api.example.com")
    'https://api.example.com/core/v2/billing/invoices?limit=1000'
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        parts, known = urlsplit(""), False
    if not known:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("from_url", "expected an address that begins with https://"))
    if parts.username is not None or parts.password is not None:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("from_url", "an address holds no secret: give --token-file"))
    path = parts.path.rstrip("/")
    if path in ("", "/core/v2"):
        path = _PATH
    query = parts.query or f"limit={limits.LIMIT_MAX}"
    return parts._replace(path=path, query=query, fragment="").geturl()


@dataclass(slots=True)
class Source:
    """A server to pull from: where to begin, the token, and how to wait between two tries."""

    url: str
    token: str
    wait: Callable[[float], None] = time.sleep  # seconds, not money


def pull_invoices(
    store: Store,
    source: Source,
    report: Report,
    *,
    keep_going: bool = False,
    under: str | None = None,
    restart: bool = False,
    watch: Watch = lambda done, total: None,
) -> bool:
    """Pull the list to its end; False where it stopped at a page with a bad record.

    The page with the bad record is not written, those before it are; with `keep_going` what is good is written.
    """
    start = start_of(source.url)
    remembered = _remembered_as(start)
    at: str | None = start
    if not restart:
        with store.reading() as book:
            at = book.settings().get(remembered, start)
    pages = 0
    while at is not None:
        pages += 1
        if pages > limits.FETCH_PAGES_MAX:
            raise _broken(at, "the list does not end")
        page = fetch_page(source, at)
        if page.next is not None:
            _check_origin(start, page.next)
            if page.next == at:
                raise _broken(at, "the next page is this page again")
        if not _write(store, report, remembered, at, page, keep_going=keep_going, under=under):
            return False
        watch(report.read, page.total)
        at = page.next
    return True


def _write(
    store: Store,
    report: Report,
    remembered: str,
    at: str,
    page: Page,
    *,
    keep_going: bool,
    under: str | None,
) -> bool:
    """Commit one page with the address of the next; whether to go on."""
    bad = report.bad_records
    batch = list(read_pieces(report, split(Place(at), page.text)))
    with store.writing() as act:
        importing = Importing(act, report, under)
        settled = importing.settle(batch)
        if report.bad_records > bad and not keep_going:
            return False
        importing.put(settled)
        if page.next is None:
            act.drop_book(remembered)
        else:
            act.set_book(remembered, page.next)
    report.count(importing)
    return True


def _remembered_as(start: str) -> str:
    """The name under which the book remembers how far a pull came; an address may be private, so its digest."""
    return "pull:" + hashlib.sha256(start.encode()).hexdigest()[:32]


def fetch_page(source: Source, url: str) -> Page:
    """One page of the list, tried again where that can help."""
    trouble = ""
    for attempt in range(limits.FETCH_TRIES_MAX):
        try:
            answer = _fetch(url, source.token)
        except (OSError, http.client.HTTPException) as error:
            trouble, pause = f"{type(error).__name__}: {error}", None
        else:
            if answer.status not in _AGAIN:
                return _page(url, answer)
            trouble, pause = f"the server answered {answer.status}", answer.retry_after
        if attempt + 1 < limits.FETCH_TRIES_MAX:
            source.wait(min(2**attempt if pause is None else pause, limits.FETCH_WAIT_SECONDS_MAX))
    raise _broken(url, f"{trouble}, {limits.FETCH_TRIES_MAX} times in a row; run the same command to go on from here")


def _fetch(url: str, token: str) -> Answer:
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=limits.FETCH_SILENCE_SECONDS_MAX)
    try:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
            "User-Agent": f"tollbook/{__version__}",
        }
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, _seconds(response.getheader("Retry-After")), _body(response))
    finally:
        connection.close()


def _body(response: http.client.HTTPResponse) -> bytes:
    """An answer's body, up to just over the bound; an error where it is cut off or takes too long."""
    end = time.monotonic() + limits.FETCH_SECONDS_MAX
    body = bytearray()
    while len(body) <= limits.FETCH_BYTES_MAX and (piece := response.read1(_PIECE_BYTES)):
        body += piece
        if time.monotonic() > end:
            raise TimeoutError(f"the answer took more than {limits.FETCH_SECONDS_MAX} s")
    if response.length and len(body) <= limits.FETCH_BYTES_MAX:
        raise http.client.IncompleteRead(b"", response.length)
    return bytes(body)


def _seconds(text: str | None) -> int | None:
    """The seconds of a Retry-After; None for none, or for a date."""
    return int(text[:6]) if text and text.isascii() and text.isdigit() else None


def _page(url: str, answer: Answer) -> Page:
    if answer.status in (401, 403):
        raise _broken(url, f"the server answered {answer.status}: is the token right, and may it read invoices?")
    if answer.status != 200:
        raise _broken(url, f"the server answered {answer.status}")
    if len(answer.body) > limits.FETCH_BYTES_MAX:
        raise _broken(url, f"a page is longer than {limits.FETCH_BYTES_MAX} bytes")
    try:
        envelope = parse_json(answer.body)
    except ValueError as error:
        raise _broken(url, str(error)) from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("items"), list):
        raise _broken(url, "the answer is not a list of invoices")
    return Page(answer.body, _next(envelope), _total(envelope.get("total")))


def _next(envelope: dict[str, Any]) -> str | None:
    pagination = envelope.get("pagination")
    following = pagination.get("next") if isinstance(pagination, dict) else None
    return following if isinstance(following, str) and following else None


def _total(value: Any) -> int | None:
    text = value if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= limits.INTEGER_DIGITS_MAX else None


def _check_origin(start: str, following: str) -> None:
    """Refuse a next page elsewhere: the token is for one server."""
    try:
        here, there = _origin(urlsplit(start)), _origin(urlsplit(following))
    except ValueError:
        here, there = ("", "", 0), ("?", "", 0)
    if here != there:
        raise _broken(start, f"its next page is on another server, {following[:200]}; the token is not sent there")


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _broken(url: str, reason: str) -> Refusal:
    return Refusal(errors.SOURCE_BROKEN, Flaw("from_url", f"{url}: {reason}"))


def resumed(store: Store, url: str) -> bool:
    """Whether a pull from there broke off, and would now go on."""
    with store.reading() as book:
        return _remembered_as(start_of(url)) in book.settings()


__all__ = ["Source", "fetch_page", "pull_invoices", "resumed", "start_of"]
