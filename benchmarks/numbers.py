"""Medians, ranges, requirements: how a number is said, the same everywhere."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """What the rounds gave: never one number alone."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Median and range.

        >>> print(spread([1234.5, 1100, 1300]), "|", spread([0.123, 0.1, 0.2]), "|", spread([9]))
        1,234 [1,100..1,300] | 0.123 [0.1..0.2] | 9 [9..9]
        """
        return f"{short(self.median)} [{short(self.low)}..{short(self.high)}]"


def spread(values: Iterable[float]) -> Spread:
    """The median and the range of some values, at least one."""
    found = list(values)
    return Spread(statistics.median(found), min(found), max(found))


def ratio(upper: Sequence[float], lower: Sequence[float]) -> Spread:
    """Ratio of the medians; its range is that of the ratios within each round.

    >>> print(ratio([10, 30, 20], [1, 2, 2]))
    10 [10..15]
    """
    each = [a / b for a, b in zip(upper, lower, strict=True)]
    between = statistics.median(upper) / statistics.median(lower)
    return Spread(between, min(*each, between), max(*each, between))


def short(value: float) -> str:
    """Three significant digits, thousands marked; infinite is what never came.

    >>> [short(v) for v in (0, 0.04567, 9.999, 12.34, 987.6, 12345.6)]
    ['0', '0.0457', '10', '12.3', '988', '12,346']
    >>> short(math.inf)
    'no answer'
    """
    if math.isinf(value):
        return "no answer"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A bound that a release has to keep; `at_least` or else at most."""

    says: str
    value: Spread
    bound: float
    at_least: bool
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the median keeps the bound."""
        median = self.value.median
        return median >= self.bound if self.at_least else median <= self.bound

    def row(self) -> list[str]:
        """A row of the table of requirements."""
        sign = "≥" if self.at_least else "≤"
        verdict = "pass" if self.holds else "**FAIL**"
        return [self.says, f"{sign} {short(self.bound)}{self.unit}", f"{self.value}", verdict]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A part of the report, and the bounds that it judges."""

    title: str
    text: str
    requirements: list[Requirement]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in markdown; all but the first column right-aligned."""
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)
