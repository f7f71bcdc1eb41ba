"""A query string, taken apart strictly: percent-encoding, UTF-8, known names, each once.

The usual parsers decode bad bytes to U+FFFD and keep the first or the last of two equal names; here each of
these is a 400, so that a typo in `filter` never answers everything.
"""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal, together

_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Argument:
    """One `name=value`, decoded, with the text as it was received."""

    name: str
    value: str
    text: str


def read_arguments(query: str, known: Iterable[str], *, strict: bool = True) -> tuple[Argument, ...]:
    """The arguments of a query string in the order given; names outside `known` are dropped if not strict.

    Refuses bytes that are not UTF-8, stray `%`, NUL, unknown names (with the nearest known one) and
    repeated ones; without `strict` the last of two equal names counts.

    >>> [a.value for a in read_arguments("filter=status%20eq+open&limit=1", ("filter", "limit"))]
    ['status eq open', '1']
    """
    if not query:
        return ()
    arguments, refusals = sift_arguments(query, known, strict=strict)
    if refusals:
        raise together(refusals)
    return arguments


def sift_arguments(
    query: str, known: Iterable[str], *, strict: bool = True
) -> tuple[tuple[Argument, ...], list[Refusal]]:
    """As `read_arguments`, with the refusals of names beside what can be read, so that all can be told at once."""
    known = tuple(known)
    segments = [segment for segment in query.split("&") if segment]
    if len(segments) > limits.ARGUMENTS_MAX:
        raise Refusal(errors.QUERY_MALFORMED, Flaw(None, f"more than {limits.ARGUMENTS_MAX} query arguments"))
    arguments = [_argument(segment) for segment in segments]
    latest = {argument.name: argument for argument in arguments if argument.name in known}
    kept = tuple(argument for argument in arguments if latest.get(argument.name) is argument)
    return kept, list(_wrong_names(arguments, known)) if strict else []


def _wrong_names(arguments: list[Argument], known: tuple[str, ...]) -> Iterator[Refusal]:
    counts = Counter(argument.name for argument in arguments)
    if unknown := [name for name in counts if name not in known]:
        flaws = (Flaw(name, "unknown query argument" + nearest(name, known)) for name in unknown)
        yield Refusal(errors.ARGUMENT_UNKNOWN, *flaws)
    if repeated := [name for name, count in counts.items() if count > 1 and name in known]:
        yield Refusal(errors.ARGUMENT_REPEATED, *(Flaw(name, "this query argument stands twice") for name in repeated))


def nearest(name: str, known: Iterable[str]) -> str:
    """What to add to "unknown …": the nearest known name as a question, or nothing.

    >>> nearest("Limit", ["limit", "offset"])
    '; did you mean limit?'
    """
    folded = {choice.lower(): choice for choice in known}
    close = difflib.get_close_matches(name.lower().strip("[]"), folded, n=1)
    return f"; did you mean {folded[close[0]]}?" if close else ""


def _argument(segment: str) -> Argument:
    name, _, value = segment.partition("=")
    return Argument(_decoded(name, None), _decoded(value, name), segment)


def _decoded(text: str, field: str | None) -> str:
    if _STRAY_PERCENT.search(text):
        raise Refusal(errors.QUERY_MALFORMED, Flaw(field, "a % must be followed by two hexadecimal digits"))
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeError:
        raise Refusal(errors.QUERY_MALFORMED, Flaw(field, "the query is not valid UTF-8")) from None
    if "\0" in decoded:
        raise Refusal(errors.QUERY_MALFORMED, Flaw(field, "the query holds a NUL character"))
    return decoded
