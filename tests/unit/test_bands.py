"""Bands of time, against asking the calendar for each block by itself."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.billing.bands import Band, TimeBands, band_at, banded_runs, overlapping
from tollbook.billing.increments import Run, billed_runs
from tollbook.clock import parse_instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHIFT = parse_instant("2025-03-30T01:00:00Z")

minutes = st.integers(0, 96).map(lambda quarter: quarter * 15)
bands = st.builds(
    lambda name, weekdays, holidays, span: Band(
        name=name, weekdays=tuple(weekdays), holidays=holidays, from_minute=span[0], to_minute=span[1]
    ),
    st.sampled_from(["peak", "night", "weekend"]),
    st.sets(st.integers(0, 6)),
    st.booleans(),
    st.lists(minutes, min_size=2, max_size=2, unique=True).map(sorted),
)
times_strategy = st.builds(
    lambda bands, holidays: TimeBands(bands=tuple(bands), holidays=tuple(holidays)),
    st.lists(bands, max_size=4),
    st.sets(st.sampled_from([date(2025, 3, 29), date(2025, 3, 30), date(2025, 3, 31)])),
)
began_strategy = st.integers(SHIFT - 2 * 86_400_000, SHIFT + 2 * 86_400_000)


def summer(instant: int) -> int:
    """A zone an hour ahead, and two from the shift on."""
    return 7_200_000 if instant >= SHIFT else 3_600_000


def half_past(_: int) -> int:
    return -(3 * 60 + 30) * 60_000


def asked(times: TimeBands, instant: int, ahead: int) -> str | None:
    local = EPOCH + timedelta(milliseconds=instant + ahead)
    minute = local.hour * 60 + local.minute
    inside = [band for band in times.bands if band.from_minute <= minute < band.to_minute]
    holiday = [band.name for band in inside if band.holidays and local.date() in times.holidays]
    weekday = [band.name for band in inside if local.weekday() in band.weekdays]
    return next(iter([*holiday, *weekday]), None)


@given(times_strategy, began_strategy, st.integers(1, 5_000), st.sampled_from([1, 6, 60, 4_000]))
@pytest.mark.parametrize("offset", [lambda _: 0, summer, half_past])
def test_each_block_has_the_band_in_which_it_begins(offset, times, began, seconds, increment) -> None:
    runs = billed_runs(seconds, 30, increment)
    found = [
        (run.begins + number * run.length, run.length, band)
        for run, band in banded_runs(times, runs, began, offset)
        for number in range(run.blocks)
    ]
    expected = []
    for run in runs:
        for number in range(run.blocks):
            begins = run.begins + number * run.length
            instant = began + begins * 1000
            expected.append((begins, run.length, asked(times, instant, offset(instant))))
    assert found == expected


def test_utc_days_are_walked_edge_by_edge() -> None:
    night = Band(name="night", weekdays=tuple(range(7)), from_minute=0, to_minute=6 * 60)
    began = parse_instant("2025-01-01T05:59:30Z")
    assert banded_runs(TimeBands(bands=(night,)), billed_runs(180, 60, 60), began) == [
        (Run(0, 60, 1, 0), "night"),
        (Run(60, 60, 2, 0), None),
    ]


def test_a_holiday_wins_over_a_weekday_and_yields_where_it_has_no_band() -> None:
    times = TimeBands(
        bands=(
            Band(name="peak", weekdays=(0, 1, 2, 3, 4)),
            Band(name="holiday", holidays=True, from_minute=8 * 60, to_minute=20 * 60),
        ),
        holidays=(date(2025, 1, 1),),
    )
    assert band_at(times, parse_instant("2025-01-01T12:00:00Z")) == "holiday"
    assert band_at(times, parse_instant("2025-01-01T07:59:59.999Z")) == "peak"
    assert band_at(times, parse_instant("2025-01-02T12:00:00Z")) == "peak"
    assert band_at(times, parse_instant("2025-01-04T12:00:00Z")) is None


@pytest.mark.parametrize("terms", [(-1, 5), (5, 5), (6, 5), (0, 1441)])
def test_a_band_is_within_a_day(terms: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="from_minute before to_minute"):
        Band(name="x", from_minute=terms[0], to_minute=terms[1])


@pytest.mark.parametrize("weekday", [-1, 7])
def test_a_week_has_seven_days(weekday: int) -> None:
    with pytest.raises(ValueError, match="weekdays from 0"):
        Band(name="x", weekdays=(0, weekday))


def test_bands_that_claim_the_same_minutes_are_found() -> None:
    peak = Band(name="peak", weekdays=(0, 1), from_minute=480, to_minute=1200)
    late = Band(name="late", weekdays=(1, 2), from_minute=1199)
    after = Band(name="after", weekdays=(0, 1), from_minute=1200, holidays=True)
    feast = Band(name="feast", holidays=True, from_minute=1300)
    assert overlapping(TimeBands(bands=(peak, late, after, feast))) == [(peak, late), (late, after), (after, feast)]
