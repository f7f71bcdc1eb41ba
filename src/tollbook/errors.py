"""The one exception, and THE table of every problem a client or an operator can meet.

Nothing else in the program decides a status or the words of `message`: a rule that refuses something
names a `Problem` and the flaws it found. The table is served in the reference (`/openapi.json`,
`docs/errors.md`); a problem's code travels in the header `X-Error-Code`, never in the body.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Problem:
    """One row of the table: what went wrong, its HTTP status and the body's `message`."""

    code: str
    status: int
    message: str
    when: str


class Flaw(NamedTuple):
    """One entry of a body's `errors`: the field (or None), what is wrong with it, a sid it concerns."""

    field: str | None
    message: str
    reference_sid: str | None = None


class Refusal(Exception):
    """The one exception of this program: something was refused, and why.

    `flaws` may be empty. `retry_after` is in seconds; `allow` lists methods for a 405.
    """

    def __init__(
        self,
        problem: Problem,
        *flaws: Flaw,
        retry_after: int | None = None,
        allow: Iterable[str] = (),
    ) -> None:
        super().__init__(problem, flaws)
        self.problem = problem
        self.flaws = flaws
        self.retry_after = retry_after
        self.allow = tuple(allow)

    def __str__(self) -> str:
        said = "; ".join(f"{f.field}: {f.message}" if f.field else f.message for f in self.flaws)
        return said or self.problem.message


def together(refusals: Sequence[Refusal]) -> Refusal:
    """Several refusals told as one: the first one's problem, with what is wrong in all of them."""
    return Refusal(refusals[0].problem, *(flaw for refusal in refusals for flaw in refusal.flaws))


_table: dict[str, Problem] = {}


def _problem(code: str, status: int, message: str, when: str) -> Problem:
    problem = _table[code] = Problem(code, status, message, when)
    return problem


_BAD = "bad request"
_BUSY = "service unavailable"

QUERY_MALFORMED = _problem("query_malformed", 400, _BAD, "the query string is not valid UTF-8 or not percent-encoded")
ARGUMENT_UNKNOWN = _problem(
    "argument_unknown", 400, _BAD, "a query argument has no meaning here; the nearest known name is given"
)
ARGUMENT_REPEATED = _problem("argument_repeated", 400, _BAD, "a query argument stands twice")
ARGUMENT_INVALID = _problem("argument_invalid", 400, _BAD, "a query argument's value cannot be understood")
FILTER_SYNTAX = _problem("filter_syntax", 400, _BAD, "a filter cannot be read; the position is given")
FILTER_UNKNOWN_FIELD = _problem(
    "filter_unknown_field", 400, _BAD, "a filter names an attribute that the list does not return"
)
FILTER_UNFIT = _problem("filter_unfit", 400, _BAD, "a filter's operator or value does not fit the attribute's type")
FILTER_TOO_LARGE = _problem(
    "filter_too_large", 400, _BAD, "a filter has too many characters, conditions, choices or wildcards"
)
ORDER_INVALID = _problem("order_invalid", 400, _BAD, "order names an unknown attribute or direction, or too many keys")
BODY_MALFORMED = _problem(
    "body_malformed", 400, _BAD, "a body is not JSON or form data, has a key twice, or is nested too deep"
)
LENGTH_WRONG = _problem(
    "length_wrong", 400, _BAD, "a body is shorter than its Content-Length, or the length is not a number"
)
REQUEST_MALFORMED = _problem("request_malformed", 400, _BAD, "a header cannot be understood")
CREDENTIALS_MISSING = _problem(
    "credentials_missing", 401, "unauthorized", "no Authorization header, or none that is understood"
)
CREDENTIALS_WRONG = _problem(
    "credentials_wrong", 401, "bad credentials", "a token or password that is wrong, expired or revoked"
)
SCOPE_MISSING = _problem(
    "scope_missing", 403, "forbidden", "the token has no sufficient scope; those that would do are named"
)
OPERATOR_ONLY = _problem("operator_only", 403, "forbidden", "something that concerns everybody: the operator's alone")
SPENDING_BLOCKED = _problem(
    "spending_blocked", 403, "forbidden", "a partner passed a spending limit, and the book's spending_policy is block"
)
ITEM_UNKNOWN = _problem("item_unknown", 404, "no item error", "no such sid within the caller's sight")
RATE_UNKNOWN = _problem(
    "rate_unknown", 404, "no item error", "no sheet, or none of its lines, has a price for what is asked; never zero"
)
PATH_UNKNOWN = _problem("path_unknown", 404, "not found", "no such path")
METHOD_UNKNOWN = _problem(
    "method_unknown", 405, "method not allowed", "the path has no such method; Allow lists those it has"
)
REQUEST_TIMEOUT = _problem("request_timeout", 408, "request timeout", "a request did not arrive in time")
CONFLICT = _problem("conflict", 409, "conflict", "what was asked contradicts what is recorded")
ARCHIVED = _problem(
    "archived", 409, "conflict", "a detail record of a month that was put away: that has to be restored first"
)
LENGTH_REQUIRED = _problem(
    "length_required", 411, "length required", "a request with Transfer-Encoding, or a body without Content-Length"
)
BODY_TOO_LARGE = _problem("body_too_large", 413, "payload too large", "a body over the limit")
URL_TOO_LONG = _problem("url_too_long", 414, "uri too long", "a path and query over the limit")
MEDIA_TYPE = _problem("media_type", 415, "unsupported media type", "a body of another Content-Type, or an encoded one")
OBJECT_INVALID = _problem(
    "object_invalid", 422, "object validation error", "a well-formed body with wrong values, one entry a field"
)
IDEMPOTENCY_MISMATCH = _problem(
    "idempotency_mismatch",
    422,
    "object validation error",
    "an Idempotency-Key that came with another request before: another method, path, query or body",
)
HEADERS_TOO_LARGE = _problem("headers_too_large", 431, "request header fields too large", "a header over the limit")
TOO_MANY_FAILURES = _problem(
    "too_many_failures", 429, "too many requests", "too many wrong credentials from one address, or in all"
)
INTERNAL = _problem("internal", 500, "internal error", "a defect of this server; the request id finds it in the log")
STORE_BUSY = _problem("store_busy", 503, _BUSY, "another write holds the book; try again")
WRITE_PLACES_TAKEN = _problem(
    "write_places_taken", 503, _BUSY, "as many writes are done or wait as may at once; try again"
)
STORE_FULL = _problem("store_full", 503, _BUSY, "the book cannot be written: disk full, read-only or failing")
STORE_UNAVAILABLE = _problem("store_unavailable", 503, _BUSY, "the book cannot be read")
ARCHIVE_UNAVAILABLE = _problem(
    "archive_unavailable", 503, _BUSY, "a file of archived detail records is missing or damaged; it is named"
)
QUERY_TOO_EXPENSIVE = _problem("query_too_expensive", 503, _BUSY, "a list did not finish within the deadline")
BODY_SLOTS_TAKEN = _problem(
    "body_slots_taken", 503, _BUSY, "as many bodies are being read as may be at once; try again"
)
PASSWORD_SLOTS_TAKEN = _problem(
    "password_slots_taken", 503, _BUSY, "as many passwords are being verified as may be at once; try again"
)
BOOK_FOREIGN = _problem("book_foreign", 503, _BUSY, "the file is not a Tollbook book, or is damaged")
BOOK_VERSION = _problem("book_version", 503, _BUSY, "the book was written by a newer or an older Tollbook")
SETTING_INVALID = _problem(
    "setting_invalid", 400, _BAD, "a setting of the server is wrong; said on the command line only"
)
SOURCE_BROKEN = _problem(
    "source_broken", 503, _BUSY, "a server that invoices are pulled from fails; said on the command line only"
)

PROBLEMS: tuple[Problem, ...] = tuple(_table.values())


def no_item() -> Refusal:
    """What is answered for an unknown sid and, byte for byte, for one outside the caller's sight."""
    return Refusal(ITEM_UNKNOWN, Flaw(None, "cannot find item by sid"))
