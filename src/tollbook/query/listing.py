"""A list's query string to a `ListQuery`, and the links from one page to the next.

Checked once here; behind this door nothing is text and nothing is checked again. A `ListQuery` is immutable
and remembered, so the same request costs no second parse.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal, together
from tollbook.query.arguments import Argument, nearest, sift_arguments
from tollbook.query.fields import SCALARS, Field, Kind, Resource
from tollbook.query.filters import Condition, parse_filter
from tollbook.query.projection import Projection, parse_projection

ALIASES = {"includeFields": "include_fields", "excludeFields": "exclude_fields"}
_SHOWN = ("include_fields", "exclude_fields", *ALIASES)
_CURSORS = ("after", "before")
LIST_ARGUMENTS = ("limit", "offset", "order", "filter", *_CURSORS)
_DIGITS = re.compile(r"[0-9]{1,16}")
_X = TypeVar("_X")


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One attribute to order by; `path` as in a condition."""

    path: tuple[Field, ...]
    descending: bool


@dataclass(frozen=True, slots=True, eq=False)
class ListQuery:
    """What a list was asked for. `order` does not hold the sid that breaks ties; empty means shuffled."""

    resource: Resource
    limit: int = limits.LIMIT_DEFAULT
    offset: int = 0
    order: tuple[OrderKey, ...] = ()
    shuffle: bool = False
    conditions: tuple[Condition, ...] = ()
    after: str | None = None
    before: str | None = None
    projection: Projection | None = None
    with_related: bool = False
    arguments: tuple[Argument, ...] = ()

    @property
    def cursor(self) -> str | None:
        """The sid that the page lies next to, if it was asked for by one."""
        return self.after or self.before


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How one record is to be shown."""

    projection: Projection | None = None
    with_related: bool = False


@lru_cache(limits.PLANS_REMEMBERED_MAX)
def parse_list(query: str, resource: Resource, *, strict: bool = True) -> ListQuery:
    """The list that a query string asks for; every wrong argument is named in one refusal."""
    reading, arguments = _take_arguments(query, (*names_of_list(resource), *names_of_view(resource)), strict)
    values = reading.values
    conditions: tuple[Condition, ...] = reading.take("filter", lambda text: parse_filter(text, resource), ())
    order: tuple[OrderKey, ...] = reading.take("order", lambda text: parse_order(text, resource), ())
    asked = ListQuery(
        resource,
        limit=reading.take("limit", _limit, 0) or resource.limit_default,
        offset=reading.take("offset", _offset, 0),
        order=order or parse_order(resource.default_order, resource),
        shuffle=values.get("order", "").strip() == "shuffle",
        conditions=conditions,
        after=values.get("after") or None,
        before=values.get("before") or None,
        projection=reading.take_projection(),
        with_related=reading.take("with_related", _boolean, False),
        arguments=arguments,
    )
    reading.refusals += _cursor_flaws(asked)
    reading.finish()
    return asked


@lru_cache(limits.PLANS_REMEMBERED_MAX)
def parse_view(query: str, resource: Resource, *, strict: bool = True) -> View:
    """How a query string asks for one record to be shown."""
    reading, _ = _take_arguments(query, names_of_view(resource), strict)
    view = View(reading.take_projection(), reading.take("with_related", _boolean, False))
    reading.finish()
    return view


def parse_order(text: str, resource: Resource) -> tuple[OrderKey, ...]:
    """The keys of an `order` text; none for blank text and for `shuffle`, which stands alone.

    >>> from tollbook.query.fields import INVOICES
    >>> [(k.path[0].name, k.descending) for k in parse_order("status, amount desc", INVOICES)]
    [('status', False), ('amount', True)]
    """
    if text.strip() in ("", "shuffle"):
        return ()
    parts = text.split(",")
    if len(parts) > limits.ORDER_KEYS_MAX:
        raise _order_refusal(f"more than {limits.ORDER_KEYS_MAX} attributes")
    keys = tuple(_order_key(part.split(), resource) for part in parts)
    if len({key.path for key in keys}) < len(keys):
        raise _order_refusal("an attribute stands twice")
    return keys


def _order_key(words: list[str], resource: Resource) -> OrderKey:
    if not words:
        raise _order_refusal("an attribute is missing")
    if words[0] == "shuffle":
        raise _order_refusal("shuffle stands alone")
    direction = words[1].lower() if len(words) > 1 else "asc"
    if len(words) > 2 or direction not in ("asc", "desc"):
        raise _order_refusal(f"expected {words[0]}, {words[0]} asc or {words[0]} desc, found {' '.join(words)}")
    first, dot, rest = words[0].partition(".")
    outer = resource.by_name.get(first)
    field = outer.part(rest) if outer and dot else outer
    if outer is None or field is None:
        raise _order_refusal(f"unknown attribute {words[0]}{nearest(words[0], resource.paths())}")
    if outer.kind is Kind.ROWS or field.kind not in SCALARS:
        raise _order_refusal(f"{words[0]} has no order of its own")
    return OrderKey((outer, field) if dot else (outer,), direction == "desc")


def _order_refusal(message: str) -> Refusal:
    return Refusal(errors.ORDER_INVALID, Flaw("order", message))


def names_of_list(resource: Resource) -> tuple[str, ...]:
    """The query arguments that say which records of that resource are listed."""
    return LIST_ARGUMENTS if resource.cursors else tuple(name for name in LIST_ARGUMENTS if name not in _CURSORS)


def names_of_view(resource: Resource) -> tuple[str, ...]:
    """The query arguments that say how a record of that resource is shown."""
    return (*_SHOWN, "with_related") if resource.related else _SHOWN


def _take_arguments(query: str, known: tuple[str, ...], strict: bool) -> tuple["_Reading", tuple[Argument, ...]]:
    arguments, refusals = sift_arguments(query, known, strict=strict)
    values: dict[str, str] = {}
    for argument in arguments:
        name = ALIASES.get(argument.name, argument.name)
        if name in values and strict:
            refusals.append(Refusal(errors.ARGUMENT_REPEATED, Flaw(name, f"{argument.name} says it a second time")))
        values[name] = argument.value
    return _Reading(values, refusals), arguments


class _Reading:
    """Takes values one by one and keeps every refusal, so that all are told at once."""

    def __init__(self, values: dict[str, str], refusals: list[Refusal]) -> None:
        self.values = values
        self.refusals = refusals

    def take(self, name: str, read: Callable[[str], _X], default: _X) -> _X:
        if name not in self.values:
            return default
        try:
            return read(self.values[name])
        except Refusal as refusal:
            self.refusals.append(refusal)
        except ValueError as error:
            self.refusals.append(Refusal(errors.ARGUMENT_INVALID, Flaw(name, str(error))))
        return default

    def take_projection(self) -> Projection | None:
        include, exclude = (self.values.get(name, "") for name in _SHOWN[:2])
        try:
            return parse_projection(include, exclude)
        except Refusal as refusal:
            self.refusals.append(refusal)
            return None

    def finish(self) -> None:
        if self.refusals:
            raise together(self.refusals)


def _limit(text: str) -> int:
    """A limit; 0 means the list's own."""
    if text == "":
        return 0
    if not _DIGITS.fullmatch(text) or int(text) > limits.LIMIT_MAX:
        raise ValueError(f"expected a whole number from 0 to {limits.LIMIT_MAX}")
    return int(text)


def _offset(text: str) -> int:
    if text == "":
        return 0
    if not _DIGITS.fullmatch(text) or int(text) > limits.OFFSET_MAX:
        raise ValueError(f"expected a whole number from 0 to {limits.OFFSET_MAX}")
    return int(text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("expected true or false")
    return text.lower() == "true"


def _cursor_flaws(asked: ListQuery) -> list[Refusal]:
    field = "after" if asked.after else "before"
    if asked.after and asked.before:
        message = "after and before cannot both be given"
    elif asked.cursor and asked.offset:
        message = f"{field} does not go with a non-zero offset"
    elif asked.cursor and asked.shuffle:
        message = f"{field} does not go with order=shuffle"
    else:
        return []
    return [Refusal(errors.ARGUMENT_INVALID, Flaw(field, message))]
