"""Periods touch, never overlap and cover every instant, whatever the cycle, the anchor and the calendar."""

from datetime import date, timedelta
from itertools import islice, pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook import limits
from tollbook.billing.periods import (
    Cycle,
    CycleName,
    Period,
    closes_at,
    day_of,
    is_late,
    midnight,
    next_opens_at,
    period_after,
    period_around,
    period_before,
    periods_from,
    printed_period,
    strictly_after,
    untimely,
)
from tollbook.clock import DAY_MS, format_instant, parse_instant

HOUR_MS = 3_600_000
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
names = st.sampled_from(get_args(CycleName))
cycles = st.builds(Cycle, names, days)


def starts(name: CycleName, begins: str, count: int = 5) -> list[str]:
    cycle = Cycle(name, date.fromisoformat(begins))
    return [str(period.start) for period in islice(periods_from(cycle, cycle.begins), count)]


@pytest.mark.parametrize(
    ("name", "begins", "expected"),
    [
        ("monthly", "2025-01-31", ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
        ("monthly", "2023-12-30", ["2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30"]),
        ("monthly", "2024-02-29", ["2024-02-29", "2024-03-29", "2024-04-29", "2024-05-29", "2024-06-29"]),
        ("monthly", "2024-11-20", ["2024-11-20", "2024-12-20", "2025-01-20", "2025-02-20", "2025-03-20"]),
        ("weekly", "2024-12-25", ["2024-12-25", "2025-01-01", "2025-01-08", "2025-01-15", "2025-01-22"]),
        ("biweekly", "2024-02-20", ["2024-02-20", "2024-03-05", "2024-03-19", "2024-04-02", "2024-04-16"]),
        ("semi_monthly", "2024-02-10", ["2024-02-10", "2024-02-16", "2024-03-01", "2024-03-16", "2024-04-01"]),
        ("calendar_month", "2023-12-15", ["2023-12-15", "2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]),
        ("quarter", "2024-02-29", ["2024-02-29", "2024-04-01", "2024-07-01", "2024-10-01", "2025-01-01"]),
        ("year", "2024-01-01", ["2024-01-01", "2025-01-01", "2026-01-01", "2027-01-01", "2028-01-01"]),
    ],
)
def test_each_cycle_cuts_where_its_name_says(name: CycleName, begins: str, expected: list[str]) -> None:
    assert starts(name, begins) == expected


def test_feb_29_returns_in_a_leap_year() -> None:
    cycle = Cycle("monthly", date(2023, 1, 29))
    assert period_around(cycle, midnight(date(2023, 2, 28))).start == date(2023, 2, 28)
    assert period_around(cycle, midnight(date(2024, 2, 29))).start == date(2024, 2, 29)


@given(cycles)
def test_law_4_periods_touch_and_never_overlap(cycle: Cycle) -> None:
    periods = list(islice(periods_from(cycle, cycle.begins), 30))
    assert periods[0].start == cycle.begins
    for former, latter in pairwise(periods):
        assert former.start < former.end == latter.start
        assert period_after(cycle, former) == latter
        assert period_before(cycle, latter) == former
    assert period_before(cycle, periods[0]) is None


@given(cycles, st.integers(0, 10**7), st.integers(0, DAY_MS - 1))
def test_every_instant_is_in_exactly_one_period(cycle: Cycle, later: int, within: int) -> None:
    instant = midnight(cycle.begins) + later % (40 * 366) * DAY_MS + within
    period = period_around(cycle, instant)
    assert period.holds(instant)
    assert not period_after(cycle, period).holds(instant)
    before = period_before(cycle, period)
    assert before is None or not before.holds(instant)


@given(days, days)
def test_the_monthly_cut_is_the_anchor_or_the_months_last_day(anchor: date, later: date) -> None:
    anchor, later = sorted((anchor, later))
    start = period_around(Cycle("monthly", anchor), midnight(later)).start
    assert start.day == anchor.day or (start.day < anchor.day and (start + timedelta(days=1)).day == 1)


@given(cycles)
def test_the_printed_period_reads_back(cycle: Cycle) -> None:
    period = period_around(cycle, midnight(cycle.begins))
    assert printed_period(period.date_start, period.date_end) == period


def test_the_documented_sample_period() -> None:
    period = period_around(Cycle("monthly", date(2024, 9, 20)), parse_instant("2024-12-24T10:00:00Z"))
    assert format_instant(period.date_start) == "2024-12-20T00:00:00.000Z"
    assert format_instant(period.date_end) == "2025-01-19T23:59:59.000Z"
    assert period.holds(parse_instant("2025-01-19T23:59:59.999Z"))
    assert not period.holds(parse_instant("2025-01-20T00:00:00Z"))


@pytest.mark.parametrize(("start", "end"), [(1, DAY_MS - 1000), (0, DAY_MS), (DAY_MS, -1000)])
def test_a_period_of_other_than_whole_days_is_none_of_ours(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="midnight"):
        printed_period(start, end)


def test_a_partner_taken_over_keeps_its_anchor_after_a_short_first_period() -> None:
    cycle = Cycle("monthly", date(2025, 3, 10), anchor=date(2024, 9, 20))
    first, second = islice(periods_from(cycle, cycle.begins), 2)
    assert (first, second) == (
        Period(date(2025, 3, 10), date(2025, 3, 20)),
        Period(date(2025, 3, 20), date(2025, 4, 20)),
    )
    with pytest.raises(ValueError, match="billing begins on 2025-03-10"):
        period_around(cycle, midnight(date(2025, 3, 9)))


def test_the_next_invoice_opens_half_an_hour_before_and_closing_waits_a_day() -> None:
    cycle = Cycle("monthly", date(2024, 11, 20))
    period = period_around(cycle, midnight(date(2024, 12, 1)))
    assert format_instant(closes_at(period)) == "2024-12-21T00:00:00.000Z"
    assert closes_at(period, 0) == midnight(period.end)
    assert format_instant(next_opens_at(period)) == "2024-12-19T23:30:00.000Z"


def test_a8_future_ancient_and_early_usage_is_refused_with_its_limit() -> None:
    now = parse_instant("2025-01-01T00:00:00Z")
    begins = date(2020, 1, 1)
    assert untimely(now + 24 * HOUR_MS, now, begins) is None
    assert untimely(now + 24 * HOUR_MS + 1, now, begins) == (
        "is more than 24 hours ahead of now, 2025-01-01T00:00:00.000Z"
    )
    assert untimely(now - 730 * DAY_MS, now, begins) is None
    assert untimely(now - 730 * DAY_MS - 1, now, begins) == "is older than 730 days"
    assert untimely(now - DAY_MS - 1, now, begins, age_days_max=1) == "is older than 1 days"
    assert untimely(now - 1, now, date(2025, 1, 1)) == "is before the partner's activation, 2025-01-01"
    assert limits.USAGE_AGE_DAYS_MAX_DEFAULT == 730


def test_late_is_what_a_closed_invoice_already_covers() -> None:
    assert is_late(midnight(date(2025, 1, 20)) - 1, date(2025, 1, 20))
    assert not is_late(midnight(date(2025, 1, 20)), date(2025, 1, 20))


def test_date_created_strictly_increases_though_many_are_made_at_once() -> None:
    assert (strictly_after(None, 5), strictly_after(5, 5), strictly_after(9, 5), strictly_after(3, 5)) == (5, 6, 10, 5)


@given(st.integers(946_684_800_000, 4_102_444_799_999))
def test_a_day_holds_its_instants(instant: int) -> None:
    assert midnight(day_of(instant)) <= instant < midnight(day_of(instant)) + DAY_MS
