"""Days, instants, and the periods that time is cut into, found by counting days."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

DAY = 86_400_000


def instant(day: date) -> int:
    """A day's midnight."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def day(at: int) -> date:
    """The day that holds an instant."""
    return date(1970, 1, 1) + timedelta(days=at // DAY)


def is_cut(that: date, cycle: str, begins: date) -> bool:
    """Whether time is cut on a day. Months: on the first one's day, or the last of a month that has no such day."""
    if cycle in ("weekly", "biweekly"):
        return (that - begins).days % (7 if cycle == "weekly" else 14) == 0
    if cycle == "monthly":
        return that.day == begins.day or (that.day < begins.day and (that + timedelta(days=1)).day == 1)
    if cycle == "semi_monthly":
        return that.day in (1, 16)
    months = {"calendar_month": range(1, 13), "quarter": (1, 4, 7, 10), "year": (1,)}[cycle]
    return that.day == 1 and that.month in months


@lru_cache(10_000)
def period(that: date, cycle: str, begins: date) -> tuple[date, date]:
    """The period that holds a day."""
    start, end = that, that + timedelta(days=1)
    while start > begins and not is_cut(start, cycle, begins):
        start -= timedelta(days=1)
    while not is_cut(end, cycle, begins):
        end += timedelta(days=1)
    return start, end
