"""Bands of time: which price a second of a call has, by its day and hour.

A sheet names its bands and its holidays; a rate gives a price to a band's name. Days are UTC unless the sheet names
a zone, whose offset is handed in: this module reads no zone database.
"""

from collections.abc import Callable
from datetime import date
from typing import Final

import msgspec

from tollbook.billing.increments import Run
from tollbook.billing.periods import day_of, midnight
from tollbook.clock import DAY_MS

Offset = Callable[[int], int]
"""How many milliseconds local time is ahead of UTC at an instant."""

_MINUTE_MS: Final = 60_000
_DAY_MINUTES: Final = 1_440
_LOOK_MS: Final = 15 * _MINUTE_MS  # every zone since 2000 changes its offset at a quarter of an hour


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of the day [from_minute, to_minute) on some weekdays (0 is Monday), or on holidays.

    A band that passes midnight is two bands of one name.
    """

    name: str
    weekdays: tuple[int, ...] = ()
    holidays: bool = False
    from_minute: int = 0
    to_minute: int = _DAY_MINUTES

    def __post_init__(self) -> None:
        """ValueError for minutes or weekdays that are none."""
        if not 0 <= self.from_minute < self.to_minute <= _DAY_MINUTES:
            raise ValueError(f"expected from_minute before to_minute, both from 0 to {_DAY_MINUTES}")
        if not all(0 <= weekday <= 6 for weekday in self.weekdays):
            raise ValueError("expected weekdays from 0, Monday, to 6, Sunday")


class TimeBands(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet's bands, in order of precedence, its holidays as days, and the name of its zone."""

    bands: tuple[Band, ...] = ()
    holidays: tuple[date, ...] = ()
    zone: str = "UTC"


def utc(_: int) -> int:
    """The offset of UTC itself."""
    return 0


def band_at(times: TimeBands, instant: int, offset: Offset = utc) -> str | None:
    """The name of the band that holds an instant; a holiday wins over a weekday. None outside every band."""
    local = instant + offset(instant)
    day, minute = day_of(local), local % DAY_MS // _MINUTE_MS
    fitting = [band for band in times.bands if band.from_minute <= minute < band.to_minute]
    if day in times.holidays:
        for band in fitting:
            if band.holidays:
                return band.name
    return next((band.name for band in fitting if day.weekday() in band.weekdays), None)


def banded_runs(times: TimeBands, runs: list[Run], began: int, offset: Offset = utc) -> list[tuple[Run, str | None]]:
    """The runs of a call that began at an instant, cut so that each has one band: that in which its blocks begin."""
    found: list[tuple[Run, str | None]] = []
    for run in runs:
        while run.blocks:
            instant = began + run.begins * 1_000
            band = band_at(times, instant, offset)
            ahead = _same_band_until(times, instant, offset) - instant
            blocks = min(run.blocks, -(-ahead // (run.length * 1_000)))
            found.append((run._replace(blocks=blocks), band))
            run = Run(run.begins + blocks * run.length, run.length, run.blocks - blocks, run.step)
    return _joined(found)


def _same_band_until(times: TimeBands, instant: int, offset: Offset) -> int:
    """An instant up to which the band surely stays the same: an edge, midnight, or a look at the offset."""
    local = instant + offset(instant)
    start = midnight(day_of(local))
    edges = {edge for band in times.bands for edge in (band.from_minute, band.to_minute)}
    following = [start + edge * _MINUTE_MS for edge in (*edges, _DAY_MINUTES) if start + edge * _MINUTE_MS > local]
    edge = min(following) - local + instant
    return edge if offset is utc else min(edge, instant - instant % _LOOK_MS + _LOOK_MS)


def _joined(found: list[tuple[Run, str | None]]) -> list[tuple[Run, str | None]]:
    """Neighbours of one run and one band put together again."""
    joined: list[tuple[Run, str | None]] = []
    for run, band in found:
        if joined:
            last, last_band = joined[-1]
            if last_band == band and (last.length, last.step, last.ends) == (run.length, run.step, run.begins):
                joined[-1] = (last._replace(blocks=last.blocks + run.blocks), band)
                continue
        joined.append((run, band))
    return joined


def overlapping(times: TimeBands) -> list[tuple[Band, Band]]:
    """Pairs of bands that claim the same minute of the same kind of day; the former of a pair wins."""
    pairs = []
    for number, former in enumerate(times.bands):
        for latter in times.bands[number + 1 :]:
            shared = set(former.weekdays) & set(latter.weekdays) or (former.holidays and latter.holidays)
            if shared and former.from_minute < latter.to_minute and latter.from_minute < former.to_minute:
                pairs.append((former, latter))
    return pairs
