"""Billing periods: half-open intervals of UTC days that touch, never overlap, and cover every instant.

Calendar arithmetic only, after billing rules 2. Nothing here reads a clock: an instant always comes in from the
transaction, in milliseconds. What depends on which invoices exist is not decided here.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Literal

from tollbook import limits
from tollbook.clock import DAY_MS, format_instant

CycleName = Literal["monthly", "weekly", "biweekly", "semi_monthly", "calendar_month", "quarter", "year"]
"""`monthly`, `weekly` and `biweekly` count from a partner's own day; the others follow the calendar."""

_SECOND_MS: Final = 1_000
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_DAYS: Final = {"weekly": 7, "biweekly": 14}
_CALENDAR_MONTHS: Final = {"calendar_month": 1, "quarter": 3, "year": 12}
_MID_MONTH: Final = 16  # a semi-monthly period starts on the 1st or here


def day_of(instant: int) -> date:
    """The UTC day that holds an instant."""
    return date.fromordinal(_EPOCH_ORDINAL + instant // DAY_MS)


def midnight(day: date) -> int:
    """The first instant of a UTC day.

    >>> format_instant(midnight(date(2024, 12, 20)))
    '2024-12-20T00:00:00.000Z'
    """
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY_MS


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """[start, end) in UTC days. The wire prints the second before `end`."""

    start: date
    end: date

    @property
    def date_start(self) -> int:
        """The first instant, as the wire's `date_billing_period_start`."""
        return midnight(self.start)

    @property
    def date_end(self) -> int:
        """The printed end, as the wire's `date_billing_period_end`: the next start minus one second."""
        return midnight(self.end) - _SECOND_MS

    def holds(self, instant: int) -> bool:
        """Whether usage that stopped at `instant` is billed here; 23:59:59.999 of the last day still is."""
        return midnight(self.start) <= instant < midnight(self.end)


def printed_period(date_start: int, date_end: int) -> Period:
    """The period that an invoice prints; ValueError if its ends are not whole UTC days.

    >>> printed_period(1734652800000, 1737331199000)
    Period(start=datetime.date(2024, 12, 20), end=datetime.date(2025, 1, 20))
    """
    if date_start % DAY_MS or (date_end + _SECOND_MS) % DAY_MS or date_end < date_start:
        raise ValueError("expected a period from midnight to the last second of a day, UTC")
    return Period(day_of(date_start), day_of(date_end + _SECOND_MS))


@dataclass(frozen=True, slots=True)
class Cycle:
    """How a partner's time is cut: a name, the first day that is billed, and the day the cuts are counted from.

    `begins` is the activation or the first day after imported invoices; a first period that would start before it
    is shorter. `anchor` is `begins` unless told otherwise.
    """

    name: CycleName
    begins: date
    anchor: date | None = None


def period_around(cycle: Cycle, instant: int) -> Period:
    """The period that holds an instant; ValueError before the cycle begins.

    A month that lacks the anchor's day ends on its last one, and the next period returns to the anchor:

    >>> since = Cycle("monthly", date(2025, 1, 31))
    >>> period_around(since, midnight(date(2025, 2, 28)))
    Period(start=datetime.date(2025, 2, 28), end=datetime.date(2025, 3, 31))
    """
    return _around(cycle, day_of(instant))


def period_after(cycle: Cycle, period: Period) -> Period:
    """The period that starts where one ends."""
    return _around(cycle, period.end)


def period_before(cycle: Cycle, period: Period) -> Period | None:
    """The period that ends where one starts; None before the first."""
    return _around(cycle, period.start - timedelta(days=1)) if period.start > cycle.begins else None


def periods_from(cycle: Cycle, day: date) -> Iterator[Period]:
    """The period around a day and all after it, without end."""
    period = _around(cycle, day)
    while True:
        yield period
        period = period_after(cycle, period)


def next_opens_at(period: Period) -> int:
    """When the invoice of the following period may open: 23:30 of the last day (documented sample).

    >>> format_instant(next_opens_at(Period(date(2024, 11, 20), date(2024, 12, 20))))
    '2024-12-19T23:30:00.000Z'
    """
    return midnight(period.end) - limits.NEXT_INVOICE_LEAD_SECONDS * _SECOND_MS


def closes_at(period: Period, close_delay_seconds: int = limits.CLOSE_DELAY_SECONDS_DEFAULT) -> int:
    """The first instant at which a billing run may close the period's invoice."""
    return midnight(period.end) + close_delay_seconds * _SECOND_MS


def untimely(instant: int, now: int, begins: date, age_days_max: int = limits.USAGE_AGE_DAYS_MAX_DEFAULT) -> str | None:
    """Why usage of an instant is refused, naming the limit; None if it is neither future, ancient nor too early.

    >>> untimely(90_000_000_001, 3_600_000, date(1970, 1, 1))
    'is more than 24 hours ahead of now, 1970-01-01T01:00:00.000Z'
    """
    if instant > now + limits.USAGE_AHEAD_SECONDS_MAX * _SECOND_MS:
        return f"is more than {limits.USAGE_AHEAD_SECONDS_MAX // 3600} hours ahead of now, {format_instant(now)}"
    if instant < now - age_days_max * DAY_MS:
        return f"is older than {age_days_max} days"
    if instant < midnight(begins):
        return f"is before the partner's activation, {begins}"
    return None


def is_late(instant: int, first_open: date) -> bool:
    """Whether an instant's invoice is closed or imported; `first_open` is the first day that none such covers."""
    return instant < midnight(first_open)


def strictly_after(last: int | None, now: int) -> int:
    """`now`, or a millisecond after the last one given: a partner's invoices have distinct `date_created`."""
    return now if last is None else max(now, last + 1)


@lru_cache(limits.PERIODS_REMEMBERED_MAX)
def _around(cycle: Cycle, day: date) -> Period:
    if day < cycle.begins:
        raise ValueError(f"billing begins on {cycle.begins}")
    number = _number(cycle, day)
    return Period(max(_cut(cycle, number), cycle.begins), _cut(cycle, number + 1))


def _number(cycle: Cycle, day: date) -> int:
    """Which cut is the last one at or before a day."""
    anchor = cycle.anchor or cycle.begins
    if cycle.name in _DAYS:
        return (day - anchor).days // _DAYS[cycle.name]
    if cycle.name in _CALENDAR_MONTHS:
        return _months(day) // _CALENDAR_MONTHS[cycle.name]
    if cycle.name == "semi_monthly":
        return 2 * _months(day) + (day.day >= _MID_MONTH)
    number = _months(day) - _months(anchor)
    return number if _cut(cycle, number) <= day else number - 1


def _cut(cycle: Cycle, number: int) -> date:
    """The day on which the period of a number starts."""
    anchor = cycle.anchor or cycle.begins
    if cycle.name in _DAYS:
        return anchor + timedelta(days=number * _DAYS[cycle.name])
    if cycle.name in _CALENDAR_MONTHS:
        return _month_day(number * _CALENDAR_MONTHS[cycle.name], 1)
    if cycle.name == "semi_monthly":
        return _month_day(number // 2, _MID_MONTH if number % 2 else 1)
    return _month_day(_months(anchor) + number, anchor.day)


def _months(day: date) -> int:
    return 12 * day.year + day.month - 1


def _month_day(months: int, day: int) -> date:
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))
