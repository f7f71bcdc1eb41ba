"""Rate decks as one JSON document: what a table can hold, and what it cannot, steps and bands of time.

    {"rates": [{"prefix": "44", "price": "0.011", "increments": "60/60", "steps": [...], "bands": [...]}, ...],
     "times": {"zone": "Europe/London", "holidays": ["2025-12-25"], "bands": [...]}}

A rate's members have the names of a CSV deck's columns, and are read as its cells are.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

from tollbook import errors, limits
from tollbook.billing.bands import Band, TimeBands
from tollbook.billing.sheets import BandPrice, Service, Step
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.deck_headings import NEEDED, TARGETS, Column, Headings
from tollbook.mediation.decks import BLANK_IS_SOMETHING, BadLine, DeckFile, Reading, Told, reader_of
from tollbook.query.arguments import nearest
from tollbook.query.records import read_boolean, read_integer, read_text, read_word
from tollbook.query.strict_json import parse_json

_BOM = b"\xef\xbb\xbf"
_WATCHED = 1_000  # rates between two words to whoever watches
_ALSO: Final = {"country_name": "country"}
"""Names under which `tollbook rates show` tells what a column has."""
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_json(data: bytes) -> bool:
    """Whether a deck is a JSON document and no table, by its first sign."""
    return data.removeprefix(_BOM).lstrip()[:1] == b"{"


def read_json_deck(
    data: bytes,
    service: Service,
    *,
    currency: str = "USD",
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> DeckFile:
    """The lines of a deck and its bands of time; 422 where the document as a whole cannot be understood.

    >>> deck = read_json_deck(b'{"rates": [{"prefix": "44", "price": "0.011", "increments": "60/60"}]}', "calls")
    >>> [(rate.prefix, rate.rate, rate.billing_minimum) for rate in deck.rates], deck.bad
    ([('44', 11000000, 60)], [])
    """
    try:
        document = _object(_parsed(data), "the deck", ("rates", "times"), ("rates",))
        rates = _at("the deck", "rates", _array, document)
        times = None if document.get("times") is None else _times(document["times"], service)
    except ValueError as error:
        raise Refusal(errors.OBJECT_INVALID, Flaw("file", str(error))) from None
    names = dict.fromkeys(str(_ALSO.get(name, name)) for rate in rates if isinstance(rate, Mapping) for name in rate)
    headings = Headings(0, ",", (), tuple(Column(name, name, n) for n, name in enumerate(names, 1)), ())
    reading = Reading(headings, service, currency, counted="rate")
    for number, rate in enumerate(rates, 1):
        if number % _WATCHED == 0:
            watch(number, len(rates))
        members = _Members(number, service, currency, reading.by_network)
        reading.take_told(number, members.told(rate), members.flaws)
    return reading.deck()._replace(times=times)


def _parsed(data: bytes) -> Any:
    if len(data) > limits.DECK_BYTES_MAX:
        raise ValueError(f"more than {limits.DECK_BYTES_MAX} bytes")
    return parse_json(data.removeprefix(_BOM))


class _Members:
    """What one rate says, member by member, and what is wrong with them as a whole."""

    def __init__(self, number: int, service: Service, currency: str, by_network: bool) -> None:
        self.flaws: list[BadLine] = []
        self._number = number
        self._service = service
        self._by_network = by_network
        self._currency = currency
        self._known = (*TARGETS[service], *_ALSO, *(("steps", "bands") if service == "calls" else ()))

    def told(self, rate: Any) -> list[Told]:
        """Each member with its reader; null is as if it were not there, but where nothing means something."""
        if not isinstance(rate, Mapping):
            self._flaw(None, "expected an object")
            return []
        for group in NEEDED[self._service]:
            if not any(name in rate for name in group):
                self._flaw(None, f"has no {' or '.join(group)}")
        return list(self._each(rate))

    def _each(self, rate: Mapping[str, Any]) -> Iterator[Told]:
        for name, value in rate.items():
            target = _ALSO.get(name, name)
            if name not in self._known:
                self._flaw(name, f"is not known{nearest(name, self._known)}")
            elif target in _TERMS and value is not None:
                yield target, name, value, partial(_TERMS[target], currency=self._currency)
            elif value is None or isinstance(value, str):
                if (value is not None or target in BLANK_IS_SOMETHING) and not self._is_passed_over(target):
                    yield target, name, (value or "").strip(), reader_of(target, self._currency, ",")
            else:
                self._flaw(name, "expected a text or a number")

    def _is_passed_over(self, target: str) -> bool:
        return target == "effective" or (target == "prefix" and self._by_network)

    def _flaw(self, name: str | None, reason: str) -> None:
        self.flaws.append(BadLine(self._number, name, reason))


# What a table cannot hold. Each reader says with a ValueError what it expected, and where.


def _steps(value: Any, currency: str) -> tuple[Step, ...]:
    return tuple(_step(each, f"step {n}", currency) for n, each in enumerate(_array(value), 1))


def _step(value: Any, where: str, currency: str) -> Step:
    needed = ("from_second", "price", "billing_increment")
    step = _object(value, where, (*needed, "bands"), needed)
    return Step(
        from_second=_at(where, "from_second", read_integer, step),
        rate=_at(where, "price", partial(_price, currency=currency), step),
        billing_increment=_at(where, "billing_increment", read_integer, step),
        bands=_at(where, "bands", partial(_band_prices, currency=currency), step, ()),
    )


def _band_prices(value: Any, currency: str) -> tuple[BandPrice, ...]:
    return tuple(_band_price(each, f"band {n}", currency) for n, each in enumerate(_array(value), 1))


def _band_price(value: Any, where: str, currency: str) -> BandPrice:
    price = _object(value, where, ("band", "price", "connection_fee"), ("band", "price"))
    read = partial(_price, currency=currency)
    return BandPrice(
        band=_at(where, "band", _name, price),
        rate=_at(where, "price", read, price),
        connection_fee=_at(where, "connection_fee", read, price, None),
    )


_TERMS: Final[dict[str, Callable[..., Any]]] = {"steps": _steps, "bands": _band_prices}


def _times(value: Any, service: Service) -> TimeBands:
    if service != "calls":
        raise ValueError("times: calls alone have bands of time")
    times = _object(value, "times", ("bands", "holidays", "zone"), ("bands",))
    bands = _at("times", "bands", _array, times)
    if len(bands) > limits.TIME_BANDS_MAX:
        raise ValueError(f"times: expected at most {limits.TIME_BANDS_MAX} bands")
    return TimeBands(
        bands=tuple(_band(each, f"times: band {number}") for number, each in enumerate(bands, 1)),
        holidays=_at("times", "holidays", _holidays, times, ()),
        zone=_at("times", "zone", read_word, times, "UTC"),
    )


def _band(value: Any, where: str) -> Band:
    band = _object(value, where, ("name", "weekdays", "holidays", "from", "to"), ("name",))
    begins, ends = _at(where, "from", _minute, band, 0), _at(where, "to", _minute, band, 24 * 60)
    if begins >= ends:
        raise ValueError(f"{where}: ends before it begins: one that passes midnight is two of one name")
    return Band(
        name=_at(where, "name", _name, band),
        weekdays=_at(where, "weekdays", _weekdays, band, ()),
        holidays=_at(where, "holidays", read_boolean, band, False),
        from_minute=begins,
        to_minute=ends,
    )


def _holidays(value: Any) -> tuple[date, ...]:
    days = _array(value)
    if len(days) > limits.HOLIDAYS_MAX:
        raise ValueError(f"expected at most {limits.HOLIDAYS_MAX} days")
    return tuple(map(_day, days))


def _day(value: Any) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("expected days like 2025-12-25")
    return date.fromisoformat(value)


def _weekdays(value: Any) -> tuple[int, ...]:
    days = _array(value)
    if not all(day in DAYS for day in days):
        raise ValueError(f"expected days of {', '.join(DAYS)}")
    return tuple(sorted({DAYS.index(day) for day in days}))


def _minute(value: Any) -> int:
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None or (minute := 60 * int(found[1]) + int(found[2])) > 24 * 60:
        raise ValueError("expected a time like 08:00, at most 24:00")
    return minute


def _name(value: Any) -> str:
    name = read_text(value)
    if not name.strip():
        raise ValueError("is blank")
    return name


def _price(value: Any, currency: str) -> int:
    if not isinstance(value, str):
        raise ValueError("expected a price like 0.0025")
    price: int = reader_of("price", currency, ",")(value)
    return price


def _at(where: str, name: str, read: Callable[[Any], Any], of: Mapping[str, Any], unless: Any = None) -> Any:
    """A member as its reader has it; `unless` where it is null or not there."""
    if of.get(name) is None:
        return unless
    try:
        return read(of[name])
    except ValueError as error:
        raise ValueError(f"{where}: {name}: {error}") from None


def _object(value: Any, where: str, known: Sequence[str], needed: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: expected an object")
    for name in value:
        if name not in known:
            raise ValueError(f"{where}: {name} is not known{nearest(name, known)}")
    if missing := [name for name in needed if value.get(name) is None]:
        raise ValueError(f"{where}: has no {', '.join(missing)}")
    return value


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("expected an array")
    return value
