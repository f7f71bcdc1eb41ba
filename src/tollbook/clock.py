"""Instants: one integer of milliseconds since 1970 in UTC inside, ISO 8601 text outside.

Time enters a transaction once, from a `Clock`, and is handed on. Nothing here knows a business rule.
Leap seconds do not exist (a text with `:60` is refused), as in POSIX.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from tollbook import limits

SECOND_MS = 1_000
DAY_MS = 86_400_000

_CANONICAL = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z")
_WRITTEN = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,3}))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
_SPAN = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where a transaction gets its one instant from."""

    def now(self) -> int:
        """The present instant, in milliseconds since 1970 UTC."""
        ...


class SystemClock:
    """The machine's clock, never stepping back within a process."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """The present instant; the last one told if the machine's clock was set back."""
        self._last = max(self._last, time.time_ns() // 1_000_000)
        return self._last


class FixedClock:
    """A clock that stands still until it is set; for tests and reproducible books."""

    def __init__(self, instant: int) -> None:
        self.instant = instant

    def now(self) -> int:
        """The instant it was last set to."""
        return self.instant


def read_instant(text: str) -> int:
    """The instant that canonical wire text names, in milliseconds; ValueError for any other spelling.

    >>> read_instant("2024-12-19T23:30:01.000Z")
    1734651001000
    >>> read_instant("2024-12-19T23:30:01Z")
    Traceback (most recent call last):
    ValueError: expected a date like 2024-12-19T23:30:01.000Z
    """
    found = _CANONICAL.fullmatch(text)
    if found is None:
        raise ValueError("expected a date like 2024-12-19T23:30:01.000Z")
    year, month, day, *time_of_day = (int(part) for part in found.groups())
    return _recorded(_milliseconds(year, month, day, *time_of_day))


def parse_instant(text: str) -> int:
    """The instant that a person's or a client's text names; no zone is UTC, no time is midnight.

    Forms: `2024-10-31`, `2024-10-31T18:00:00`, either with up to three decimals of a second, and with
    `Z` or an offset such as `+02:00`. ValueError otherwise. It bounds a question, so any year will do.

    >>> parse_instant("2024-10-31") == parse_instant("2024-10-31T02:00:00+02:00")
    True
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError("expected a date like 2024-10-31 or 2024-10-31T18:00:00Z")
    *fields, fraction, zone = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in fields)
    milliseconds = int((fraction or "").ljust(3, "0")) - _offset_ms(zone)
    return _milliseconds(year, month, day, hour, minute, second, milliseconds)


def parse_recorded(text: str) -> int:
    """As `parse_instant`, for what a record may hold: ValueError outside 2000 to 2100 too.

    >>> parse_recorded("2025-02-01") == parse_recorded("2025-02-01T01:00:00+01:00")
    True
    """
    return _recorded(parse_instant(text))


def parse_zoned_instant(text: str) -> int:
    """The instant of an RFC 3339 date-time, which must name its zone, in 2000 to 2100 of UTC; ValueError otherwise."""
    found = _WRITTEN.fullmatch(text)
    if found is None or found[8] is None:
        raise ValueError("expected a date with time and zone, like 2024-10-31T18:00:00Z")
    return _recorded(parse_instant(text))


def parse_span(text: str) -> int:
    """A span of time in milliseconds: a whole number of seconds, minutes, hours, days or weeks; ValueError otherwise.

    >>> parse_span("36h") == parse_span("129600s")
    True
    >>> parse_span("1 month")
    Traceback (most recent call last):
    ValueError: expected a whole number with s, m, h, d or w, like 31d
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError("expected a whole number with s, m, h, d or w, like 31d")
    return int(found[1]) * _UNITS[found[2]]


def month_around(instant: int) -> tuple[int, int]:
    """The calendar month (UTC) that holds an instant: its first instant, and that of the next one.

    >>> month_around(1_735_000_000_000)
    (1733011200000, 1735689600000)
    """
    held = _EPOCH + timedelta(milliseconds=instant)
    year, month = held.year, held.month
    return _milliseconds(year, month, 1), _milliseconds(year + month // 12, month % 12 + 1, 1)


def in_range(instant: int) -> bool:
    """Whether a record may hold an instant: its year is one from 2000 to 2100.

    >>> in_range(0), in_range(1734651001000), in_range(10**20)
    (False, True, False)
    """
    return _FIRST <= instant < _END


def format_instant(instant: int) -> str:
    """The wire form, with exactly three decimals and `Z`.

    >>> format_instant(1734651001000)
    '2024-12-19T23:30:01.000Z'
    """
    day, of_day = divmod(instant, DAY_MS)
    return f"{_date(day)}T{_time(of_day)}"


def format_recorded(instant: int) -> str:
    """As `format_instant`, for what a record may hold: ValueError outside 2000 to 2100, as reading it back would be."""
    day, of_day = divmod(instant, DAY_MS)
    return f"{_recorded_date(day)}T{_time(of_day)}"


@lru_cache(limits.DAYS_REMEMBERED_MAX)
def _recorded_date(day: int) -> str:
    _recorded(day * DAY_MS)
    return _date(day)


@lru_cache(limits.DAYS_REMEMBERED_MAX)
def _date(day: int) -> str:
    """A day, counted from 1970, as text."""
    y, mo, d, *_ = time.gmtime(day * (DAY_MS // SECOND_MS))
    return f"{y:04}-{mo:02}-{d:02}"


@lru_cache(limits.TIMES_REMEMBERED_MAX)
def _time(of_day: int) -> str:
    """A time of day in milliseconds, as text with its zone."""
    seconds, ms = divmod(of_day, SECOND_MS)
    minutes, s = divmod(seconds, 60)
    return f"{_TWO[minutes // 60]}:{_TWO[minutes % 60]}:{_TWO[s]}.{ms:03}Z"


_TWO = tuple(f"{number:02}" for number in range(60))


def _milliseconds(y: int, mo: int, d: int, h: int = 0, mi: int = 0, s: int = 0, ms: int = 0) -> int:
    try:
        moment = datetime(y, mo, d, h, mi, s, tzinfo=UTC) + timedelta(milliseconds=ms)
    except (ValueError, OverflowError):
        raise ValueError("no such day or time in the calendar") from None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _recorded(instant: int) -> int:
    """An instant that a record may hold: dates far away are mistakes, not data."""
    if not in_range(instant):
        raise ValueError(f"expected a year from {limits.YEAR_MIN} to {limits.YEAR_MAX}")
    return instant


def _offset_ms(zone: str | None) -> int:
    if zone is None or zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("no such zone offset")
    return (hours * 60 + minutes) * (-60_000 if zone[0] == "-" else 60_000)


_FIRST, _END = _milliseconds(limits.YEAR_MIN, 1, 1), _milliseconds(limits.YEAR_MAX + 1, 1, 1)
