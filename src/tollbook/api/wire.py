"""Answers to bytes: the list envelope, the error body, entity tags, compression.

Everything that decides what an answer looks like on the wire, whatever the endpoint.
"""

import gzip
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

import falcon
import msgspec
from xxhash import xxh3_128_hexdigest

from tollbook import errors, limits
from tollbook.clock import format_instant
from tollbook.errors import Flaw, Problem, Refusal
from tollbook.operations.reading import Listed
from tollbook.query import links
from tollbook.query.listing import ListQuery
from tollbook.query.records import encode_json

JSON = "application/json"
_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


Beside = tuple[bytes, bytes, bytes]


class Answer(msgspec.Struct, frozen=True):
    """What an endpoint answers: a body of one media type, or none with 204. `next_url` makes a Link."""

    body: bytes = b""
    status: int = 200
    media_type: str = JSON
    next_url: str | None = None
    cache_control: str = "private, no-cache"
    headers: tuple[tuple[str, str], ...] = ()


def list_answer(asked: ListQuery, page: Listed, url: str, beside: Beside = (b"", b"", b"")) -> Answer:
    """The documented envelope around a page; `url` is the list's own, without a query.

    `beside` are further keys, each with a comma after it: before `count`, before `has_more` and before `total`.
    """
    pagination = {name: f"{url}?{query}" for name, query in _pages(asked, page)}
    body = b'{%s"count":%d,%s"has_more":%s,"items":[%s],"limit":%d,"offset":%d,"pagination":%s,%s"total":%s}' % (
        beside[0],
        len(page.documents),
        beside[1],
        b"true" if page.has_next else b"false",
        b",".join(page.documents),
        asked.limit,
        asked.offset,
        encode_json(pagination),
        beside[2],
        encode_json(page.total),
    )
    before = page.archived_before
    headers = () if before is None else (("X-Archived-Before", format_instant(before)[:10]),)
    return Answer(body, next_url=pagination.get("next"), headers=headers)


def _pages(asked: ListQuery, page: Listed) -> Iterable[tuple[str, str]]:
    if asked.shuffle:
        return
    if asked.cursor is None:
        if page.has_next:
            yield "next", links.at_offset(asked, asked.offset + asked.limit)
        if page.has_previous:
            yield "previous", links.at_offset(asked, max(0, _reached(asked, page) - asked.limit))
        return
    if page.has_next:
        yield "next", links.at_cursor(asked, "after", page.last)
    if page.has_previous:
        yield "previous", links.at_cursor(asked, "before", page.first)


def _reached(asked: ListQuery, page: Listed) -> int:
    """How many records lie before the page; no more than there are, where they are counted."""
    return asked.offset if page.total is None else min(asked.offset, page.total)


def error_body(problem: Problem, flaws: Iterable[Flaw]) -> bytes:
    """The documented error body, keys in the documented order."""
    entries = [flaw._asdict() for flaw in flaws] or [Flaw(None, problem.when)._asdict()]
    return encode_json({"message": problem.message, "errors": entries})


def say(response: falcon.Response, problem: Problem, flaws: Iterable[Flaw]) -> None:
    """Answer with a problem of the table."""
    response.status = problem.status
    response.content_type = JSON
    response.data = error_body(problem, flaws)
    response.set_header("X-Error-Code", problem.code)
    response.set_header("Cache-Control", "no-store")


def send(request: falcon.Request, response: falcon.Response, answer: Answer) -> None:
    """Put an answer on the wire: tagged, compressed where that helps, or 304 where the client has it."""
    response.status = answer.status
    response.set_header("Cache-Control", answer.cache_control)
    for name, value in answer.headers:
        response.set_header(name, value)
    if answer.next_url:
        response.set_header("Link", f'<{_in_header(answer.next_url)}>; rel="next"')
    if answer.status == 204:
        return
    if request.method not in ("GET", "HEAD"):
        response.content_type = answer.media_type
        response.data = answer.body
        return
    response.set_header("Vary", "Accept-Encoding, Authorization")
    tag = xxh3_128_hexdigest(answer.body)
    zipped = len(answer.body) >= limits.GZIP_BYTES_MIN and _takes_gzip(request.env.get("HTTP_ACCEPT_ENCODING"))
    if zipped:
        tag += "-gzip"
    response.set_header("ETag", f'"{tag}"')
    if _has(request.env.get("HTTP_IF_NONE_MATCH"), tag):
        response.status = 304
        return
    response.content_type = answer.media_type
    if zipped:
        response.set_header("Content-Encoding", "gzip")
    response.data = gzip.compress(answer.body, compresslevel=4, mtime=0) if zipped else answer.body


_ZERO = re.compile(r"q=0(\.0{0,3})?")
_URL_SAFE = "%:/?&=+,;@[]!$'()*~-._"
_URL_UNSAFE = re.compile(r"[^A-Za-z0-9%:/?&=+,;@\[\]!$'()*~\-._]")


@lru_cache(limits.PLANS_REMEMBERED_MAX)
def _in_header(url: str) -> str:
    """A URL with what might end a header's value percent-encoded; nearly always as it is."""
    return quote(url, safe=_URL_SAFE) if _URL_UNSAFE.search(url) else url


def _takes_gzip(header: str | None) -> bool:
    """Whether Accept-Encoding lets an answer be gzip: what it says of gzip itself goes before `*`."""
    if not header:
        return False
    takes: dict[str, bool] = {}
    for part in header.lower().split(","):
        coding, _, weight = part.partition(";")
        takes[coding.strip()] = not _ZERO.fullmatch(weight.replace(" ", ""))
    return takes.get("gzip", takes.get("*", False))


def _has(header: str | None, tag: str) -> bool:
    """Whether If-None-Match names the tag; RFC 9110, 13.1.2: weakness does not matter here."""
    if header is None:
        return False
    if header.strip() == "*":
        return True
    tags = (found[1] for found, _ in zip(_TAG.finditer(header), range(limits.ENTITY_TAGS_MAX), strict=False))
    return tag in tags


def base_url(request: falcon.Request, public_url: str, *, trusted: bool) -> str:
    """Where the links of an answer point: the configured base, else the request's own host.

    `X-Forwarded-Proto` and `X-Forwarded-Host` count only from a trusted proxy.
    """
    if public_url:
        return public_url.rstrip("/")
    scheme, host = request.env["wsgi.url_scheme"], request.env.get("HTTP_HOST", "")
    if trusted:
        scheme = request.get_header("X-Forwarded-Proto") or scheme
        host = request.get_header("X-Forwarded-Host") or host
    if scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise Refusal(errors.REQUEST_MALFORMED, Flaw("Host", "expected a host name, with or without a port"))
    return f"{scheme}://{host}"
