"""Instants to and from text, and clocks that never step back."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.clock import FixedClock, SystemClock, format_instant, parse_instant, parse_zoned_instant, read_instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = (datetime(2000, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
LAST = (datetime(2101, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1) - 1

instants = st.integers(FIRST, LAST)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59)

NEVER_A_DATE = [
    "", "2024", "2024-10", "20240101", "2024-W01-1", "2024-300", "2024-1-1", "24-01-01", "2024-13-01",
    "2024-00-10", "2024-02-30", "2023-02-29", "2024-01-32", "2024-01-01T24:00:00Z", "2024-06-30T23:59:60Z",
    "2024-01-01T12:60:00Z", "2024-01-01T12:00Z", "2024-01-01 12:00:00", "2024-01-01T12:00:00.Z",
    "2024-01-01T12:00:00.1234Z", "2024-01-01Z", "2024-01-01T12:00:00,5Z", "2024-01-01T12:00:00+24:00",
    "2024-01-01T12:00:00+10:60", "2024-01-01T12:00:00+2", "2024-01-01T12:00:00+0200",
    "2024-01-01T12:00:00 +02:00", "0000-01-01", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+23:59",
    "٢٠٢٤-01-01", "２０２４-01-01", "2024-01-01\n",
    " 2024-01-01", "2024-01-01T12:00:00Z\n", "yesterday", "now", "1734651001000", "-2024-01-01",
    "2024-01-01T12:00:00\u221202:00", "2024-01-01T12:00:00z+01:00",
]  # fmt: skip


def written(instant: int, offset_minutes: int = 0) -> str:
    """ISO 8601 text of an instant in a zone, made without the code under test."""
    local = EPOCH + timedelta(milliseconds=instant, minutes=offset_minutes)
    sign, away = ("-" if offset_minutes < 0 else "+"), abs(offset_minutes)
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03}{sign}{away // 60:02}:{away % 60:02}"


@given(instants)
def test_law_11_every_instant_reads_back_from_its_wire_form(instant: int) -> None:
    text = format_instant(instant)
    assert text == written(instant).replace("+00:00", "Z")
    assert read_instant(text) == parse_instant(text) == parse_zoned_instant(text) == instant


@given(instants, offsets)
def test_an_instant_is_the_same_in_every_zone(instant: int, offset: int) -> None:
    text = written(instant, offset)
    assert parse_instant(text) == parse_zoned_instant(text) == instant


@pytest.mark.parametrize(
    "text", ["2000-01-01T00:00:00+23:59", "2000-01-01T00:00:00+00:01", "2100-12-31T23:59:59-00:01"]
)
def test_d10_a_zone_does_not_carry_an_instant_out_of_bounds(text: str) -> None:
    """Otherwise the wire form that is served could not be read again."""
    with pytest.raises(ValueError, match="expected a year from 2000 to 2100"):
        parse_zoned_instant(text)


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "1999-12-31", "2101-01-01", "9999-12-31"])
def test_d10_a_question_may_name_any_year_a_record_may_not(day: str) -> None:
    text = f"{day}T00:00:00.000Z"
    assert format_instant(parse_instant(day)) == text
    for read in (read_instant, parse_zoned_instant):
        with pytest.raises(ValueError, match="expected a year from 2000 to 2100"):
            read(text)


@given(instants)
def test_no_zone_is_utc_and_no_time_is_midnight(instant: int) -> None:
    text = format_instant(instant)
    assert parse_instant(text.rstrip("Z")) == instant
    assert parse_instant(text[:19]) == instant // 1000 * 1000
    assert parse_instant(text[:10]) == instant // 86_400_000 * 86_400_000


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2024-10-31T18:00:00.5Z", "2024-10-31T18:00:00.500Z"),
        ("2024-10-31T18:00:00.25", "2024-10-31T18:00:00.250Z"),
        ("2024-10-31t18:00:00z", "2024-10-31T18:00:00.000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00.000Z"),
        ("2024-10-31T18:00:00-00:00", "2024-10-31T18:00:00.000Z"),
    ],
)
def test_other_spellings_of_an_instant(text: str, same: str) -> None:
    assert format_instant(parse_instant(text)) == same
    with pytest.raises(ValueError, match="expected a date like"):
        read_instant(text)


@pytest.mark.parametrize("text", NEVER_A_DATE)
@pytest.mark.parametrize("read", [read_instant, parse_instant, parse_zoned_instant])
def test_d10_what_is_no_date(read, text: str) -> None:
    with pytest.raises(ValueError, match=r"^(expected a |no such )"):
        read(text)


@pytest.mark.parametrize("text", ["2024-10-31", "2024-10-31T18:00:00", "2024-10-31T18:00:00.000"])
def test_d10_a_body_must_name_the_zone(text: str) -> None:
    with pytest.raises(ValueError, match="with time and zone"):
        parse_zoned_instant(text)


def test_a10_the_system_clock_never_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([5_000_000_000, 4_000_000_000, 6_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(told))
    clock = SystemClock()
    assert [clock.now() for _ in range(3)] == [5_000, 5_000, 6_000]


def test_a_fixed_clock_stands_still_until_it_is_set() -> None:
    clock = FixedClock(7)
    assert (clock.now(), clock.now()) == (7, 7)
    clock.instant = 9
    assert clock.now() == 9
