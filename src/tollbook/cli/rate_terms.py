"""Steps and bands of time as they are shown: as a JSON deck has them, and in words."""

from collections.abc import Sequence
from typing import Any

from tollbook.billing.bands import Band, TimeBands
from tollbook.billing.sheets import BandPrice, Step
from tollbook.mediation.json_decks import DAYS
from tollbook.money import format_rate


def steps_record(steps: Sequence[Step]) -> list[dict[str, Any]] | None:
    """A rate's steps; null where it has none."""
    return [
        {
            "from_second": step.from_second,
            "price": format_rate(step.rate),
            "billing_increment": step.billing_increment,
            "bands": bands_record(step.bands),
        }
        for step in steps
    ] or None


def bands_record(bands: Sequence[BandPrice]) -> list[dict[str, Any]] | None:
    """A rate's prices within bands of time; null where it has none."""
    return [
        {
            "band": price.band,
            "price": format_rate(price.rate),
            "connection_fee": None if price.connection_fee is None else format_rate(price.connection_fee),
        }
        for price in bands
    ] or None


def times_record(times: TimeBands | None) -> dict[str, Any] | None:
    """A version's bands of time."""
    if times is None:
        return None
    holidays = [day.isoformat() for day in times.holidays]
    return {"zone": times.zone, "holidays": holidays, "bands": [_band_record(band) for band in times.bands]}


def _band_record(band: Band) -> dict[str, Any]:
    return {
        "name": band.name,
        "weekdays": [DAYS[day] for day in band.weekdays],
        "holidays": band.holidays,
        "from": _clock(band.from_minute),
        "to": _clock(band.to_minute),
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def in_words(value: Any) -> Any:
    """A rate's steps or bands in words, for a table; any other value as it is.

    >>> in_words([{"from_second": 600, "price": "0.008", "billing_increment": 60, "bands": None}])
    'from 600 s 0.008 by 60 s'
    """
    if not isinstance(value, list):
        return value
    return ", ".join(_step_in_words(each) if "from_second" in each else _price_in_words(each) for each in value)


def _step_in_words(step: dict[str, Any]) -> str:
    bands = f" ({in_words(step['bands'])})" if step["bands"] else ""
    return f"from {step['from_second']} s {step['price']} by {step['billing_increment']} s{bands}"


def _price_in_words(price: dict[str, Any]) -> str:
    fee = f" and {price['connection_fee']} a call" if price["connection_fee"] is not None else ""
    return f"{price['band']} {price['price']}{fee}"


def times_in_words(times: TimeBands | None) -> list[str]:
    """A version's bands of time, a line each."""
    if times is None:
        return []
    return [
        f"{band.name}: {_when(band)}, {_clock(band.from_minute)} to {_clock(band.to_minute)} {times.zone}"
        for band in times.bands
    ]


def _when(band: Band) -> str:
    days = [DAYS[day] for day in band.weekdays]
    return " ".join([*days, *(["holidays"] if band.holidays else [])])
