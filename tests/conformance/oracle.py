"""A plain-Python reading of filters and orders, over records as a client sees them.

It shares no code with the program and knows nothing of it but the contract's words: what it says is what the
store must answer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

Record = dict[str, Any]
"""A record in wire form, its partner's record under `partner`."""

ANY = object()
"""`%` in a pattern: any characters, or none."""

ONE = object()
"""`_` in a pattern: exactly one character."""

MONEY = re.compile(
    r"amount|amount_due|amount_tax|balance.*|charge_at|prepay_amount|.*_limit|daily_spent_amount|price|rate|duration.*"
)
_FOLDED = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True)
class Wanted:
    """One condition as it is meant. `value` is None for null, a tuple for `in`, a tuple of parts for a pattern."""

    path: str
    operator: str
    value: Any


def holds(record: Record, wanted: Wanted) -> bool:
    """Whether a record satisfies a condition; of an array, whether any element does."""
    return any(_compare(wanted.operator, value, wanted.value) for value in _values(record, wanted.path))


def ordered(records: Iterable[Record], keys: list[tuple[str, bool]], *ties: str) -> list[Record]:
    """Records by (path, descending) keys; null lowest, ties by sid (or by what is named) as the last key runs."""
    result = list(records)
    told = [(tie, keys[-1][1]) for tie in ties or ("invoice_sid",) if tie not in dict(keys)]
    for path, descending in reversed([*keys, *told]):
        result.sort(key=lambda record, path=path: _rank(_values(record, path)[0]), reverse=descending)  # type: ignore[misc]
    return result


def _rank(value: Any) -> tuple[Any, ...]:
    return (False,) if value is None else (True, value)


def _values(record: Record, path: str) -> list[Any]:
    first, _, rest = path.partition(".")
    inner = record.get(first)
    if isinstance(inner, list):
        return [element.get(rest) and typed(rest, element[rest]) for element in inner] if rest else list(inner)
    if isinstance(inner, dict):
        return [inner.get(rest)] if first == "attributes" else _values(inner, rest)
    return [None if inner is None else typed(first, inner)]


def typed(name: str, value: Any) -> Any:
    """A wire value as what it compares as."""
    if MONEY.fullmatch(name):
        return Decimal(value)
    return datetime.fromisoformat(value) if name.startswith("date_") else value


def _compare(operator: str, actual: Any, value: Any) -> bool:
    if value is None:
        return (actual is None) is (operator == "eq")
    if operator == "ne":
        return bool(actual != value)
    if actual is None:
        return False
    if operator in ("like", "ilike"):
        return _matches(actual, value, folded=operator == "ilike")
    comparisons = {
        "eq": lambda: actual == value,
        "lt": lambda: actual < value,
        "le": lambda: actual <= value,
        "gt": lambda: actual > value,
        "ge": lambda: actual >= value,
        "in": lambda: actual in value,
        "bit": lambda: actual & value == value,
    }
    return bool(comparisons[operator]())


def _matches(actual: str, parts: tuple[Any, ...], *, folded: bool) -> bool:
    pieces = [".*" if part is ANY else "." if part is ONE else re.escape(_fold(part, folded)) for part in parts]
    return re.fullmatch("".join(pieces), _fold(actual, folded), re.DOTALL) is not None


def _fold(text: str, folded: bool) -> str:
    return text.translate(_FOLDED) if folded else text
