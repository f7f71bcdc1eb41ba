"""Rate decks, as carriers send them, to the lines of a sheet.

A deck is a CSV file in UTF-8 with a heading line; `deck_headings` tells which column is what, `deck_cells` reads the
cells. What cannot be read is told with its line and column; what was understood is told before anything is written.
"""

import csv
import io
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from msgspec.structs import replace

from tollbook import errors, limits
from tollbook.billing.bands import TimeBands
from tollbook.billing.numbers import Jurisdiction
from tollbook.billing.sheets import CallRate, Conversion, MessageRate, Rate, Service, UsagePrice
from tollbook.errors import Flaw, Refusal
from tollbook.mediation import deck_cells
from tollbook.mediation.deck_headings import Headings, find_headings, foreign_currency
from tollbook.money import Rounding
from tollbook.query.records import read_text, read_word

_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")
_WATCHED = 1_000  # lines between two words to whoever watches
_JURISDICTIONS: tuple[Jurisdiction, ...] = get_args(Jurisdiction)
BLANK_IS_SOMETHING = frozenset(("prefix", "npanxx", "mcc", "mnc", "mccmnc", "sender_class"))
"""Columns whose blank cells are for everything."""
_MAY_BE_BLANK = frozenset(
    (
        *("connection_fee", "charge_minimum", "charge_maximum", "country", "country_code", "network", "operator"),
        *("multiply_by", "divide_by", "rounding", *_JURISDICTIONS),
    )
)
_NOT_READ = "effective"

Values = dict[str, Any]
Told = tuple[str, str, Any, Callable[[Any], Any]]
"""What a line says in one place: what it is, what the deck calls it, what stands there, and how that is read."""


class BadLine(NamedTuple):
    """Something that cannot be read: its line, the column's heading (None: the line itself), and why."""

    line: int
    column: str | None
    reason: str


class DeckFile(NamedTuple):
    """A deck as it was understood; `bad` holds the first flaws of `bad_lines` lines, `notes` what a person may miss.

    `counted` is the word for what has a number in it.
    """

    headings: Headings
    rates: tuple[Rate, ...]
    bad: list[BadLine]
    bad_lines: int
    lines: int
    notes: list[str]
    messages_by: Literal["network", "prefix"]
    counted: str = "line"
    times: TimeBands | None = None


def read_deck(
    data: bytes,
    service: Service,
    told: Mapping[str, str] | None = None,
    *,
    currency: str = "USD",
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> DeckFile:
    """The lines of a deck; 422 where the file as a whole cannot be understood.

    >>> deck = read_deck(b"Dial Code;Price;Billing\\n44;0,0025;6/6\\n*;0,1;60/60\\n", "calls")
    >>> [(rate.prefix, rate.rate, rate.billing_minimum) for rate in deck.rates], deck.bad
    ([('44', 2500000, 6), (None, 100000000, 60)], [])
    """
    text = _decoded(data)
    lines = text.split("\n")
    headings = find_headings(lines[: limits.DECK_HEADING_LINES_MAX + 100], service, told or {})
    if other := foreign_currency(headings, currency):
        raise _refusal(f"the column {other} is not in {currency}, as the book is")
    reading = Reading(headings, service, currency)
    below = io.StringIO(text, newline="")
    for _ in range(headings.line):
        below.readline()
    for number, cells in _rows(below, headings, reading):
        if number % _WATCHED == 0:
            watch(number, len(lines))
        reading.take(number, cells)
    return reading.deck()


def _decoded(data: bytes) -> str:
    if len(data) > limits.DECK_BYTES_MAX:
        raise _refusal(f"more than {limits.DECK_BYTES_MAX} bytes")
    if data.startswith(_OTHER_BOMS):
        raise _refusal("the file is in UTF-16: save it as UTF-8")
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start + (len(_BOM) if data.startswith(_BOM) else 0)
        line = data.count(b"\n", 0, at) + 1
        said = f"line {line}: byte {at + 1} of the file, 0x{data[at]:02x}, is not UTF-8: save the deck as UTF-8"
        raise _refusal(said) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _rows(below: io.StringIO, headings: Headings, reading: "Reading") -> Iterator[tuple[int, list[str]]]:
    """Each record beneath the heading, by the line on which it begins; blank ones left out."""
    reader = csv.reader(below, delimiter=headings.delimiter, skipinitialspace=True, strict=True)
    while True:
        number = headings.line + reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            said = f"cannot be parted into cells: {error}; what follows is not read"
            reading.refuse([BadLine(number, None, said)])
            return
        if any(cells):
            yield number, cells


class Reading:
    """What was read of a deck so far; its lines are counted as `counted`."""

    def __init__(self, headings: Headings, service: Service, currency: str, counted: str = "line") -> None:
        self._headings = headings
        self._counted = counted
        self._make: Callable[[Values], list[Rate]] = _MAKERS[service]
        self._columns = [
            (column.target, column.heading, column.number - 1, reader_of(column.target, currency, headings.delimiter))
            for column in headings.columns
            if column.target != _NOT_READ and counted == "line"
        ]
        self.by_network = headings.has("mcc") or headings.has("mccmnc")
        if self.by_network:
            self._columns = [column for column in self._columns if column[0] != "prefix"]
        self._seen: dict[Hashable, tuple[int, Rate]] = {}
        self._bad: list[BadLine] = []
        self._bad_lines = self._lines = self._twice = 0

    def take(self, number: int, cells: list[str]) -> None:
        """Read one line of a table."""
        told = [
            (what, heading, cells[at] if at < len(cells) else "", read) for what, heading, at, read in self._columns
        ]
        more = any(cells[len(self._headings.cells) :])
        self.take_told(number, told, [BadLine(number, None, "has more cells than the heading")] if more else [])

    def take_told(self, number: int, told: Iterable[Told], flaws: Sequence[BadLine]) -> None:
        """Read one line by what it says in each place; `flaws` are known of it already."""
        self._lines += 1
        values: Values = {}
        flaws = list(flaws)
        for target, heading, cell, read in told:
            if cell == "" and target not in BLANK_IS_SOMETHING:
                if target not in _MAY_BE_BLANK:
                    flaws.append(BadLine(number, heading, "is blank"))
                continue
            try:
                values[target] = read(cell)
            except ValueError as error:
                found = f"; found {deck_cells.shown(cell)}" if isinstance(cell, str) else ""
                flaws.append(BadLine(number, heading, f"{error}{found}"))
        if flaws:
            self.refuse(flaws)
        else:
            self._keep(number, values)

    def _keep(self, number: int, values: Values) -> None:
        try:
            rates = self._make(values)
        except ValueError as error:
            self.refuse([BadLine(number, None, str(error))])
            return
        for rate in rates:
            key = _key(rate)
            line, known = self._seen.setdefault(key, (number, rate))
            if known is rate:
                continue
            if _unnamed(known) != _unnamed(rate):
                self.refuse(
                    [BadLine(number, None, f"{_called(rate)} stands in {self._counted} {line} with other terms")]
                )
                return
            self._twice += 1
        if len(self._seen) > limits.DECK_LINES_MAX:
            raise _refusal(f"more than {limits.DECK_LINES_MAX} rates")

    def refuse(self, flaws: list[BadLine]) -> None:
        """Note a line that cannot be taken."""
        self._bad_lines += 1
        self._bad += flaws[: limits.IMPORT_ERRORS_SHOWN_MAX - len(self._bad)]

    def deck(self) -> DeckFile:
        """All of it."""
        rates = tuple(rate for _, rate in self._seen.values())
        by_prefix = self._make is _message_rates and not self.by_network
        by: Literal["network", "prefix"] = "prefix" if by_prefix else "network"
        return DeckFile(
            self._headings, rates, self._bad, self._bad_lines, self._lines, list(self._notes()), by, self._counted
        )

    def _notes(self) -> Iterator[str]:
        headings = self._headings
        if headings.has(_NOT_READ):
            yield "the deck's own dates are not read: --effective says from when it holds"
        if headings.has("npanxx"):
            yield "codes of the North American plan have a 1 put in front"
        if self._make is _call_rates:
            yield from _notes_of_calls(headings)
        if self.by_network and headings.has("prefix"):
            yield "lines go by network; the column of prefixes is not read"
        if self._twice:
            yield f"{self._twice} codes stand twice with the same terms, and are taken once"


def _notes_of_calls(headings: Headings) -> Iterator[str]:
    if not (headings.has("increments") or headings.has("billing_increment")):
        yield "no column of increments: calls are billed by the second"
    if not headings.has("price"):
        base = "indeterminate" if headings.has("indeterminate") else "dearest"
        yield f"no column of prices for every jurisdiction: a call without one has the {base} price"


def reader_of(target: str, currency: str, delimiter: str) -> Callable[[str], Any]:
    """How the cells of a column are read."""
    if target in _PRICES:
        return lambda cell: deck_cells.read_price(cell, currency, comma=delimiter != ",")
    return _READERS[target]


def _country_code(cell: str) -> str:
    code = deck_cells.country_code(cell.upper())
    if code is None:
        raise ValueError("expected a country's code, ISO 3166-1 alpha-2 or alpha-3")
    return code


def _country(cell: str) -> tuple[str | None, str | None]:
    code, name = deck_cells.read_country(cell)
    return code, None if name is None else _text(name)


def _text(cell: str) -> str:
    return read_text(unicodedata.normalize("NFC", cell))


def _factor(cell: str) -> int:
    if not (cell.isascii() and cell.isdecimal() and 1 <= len(cell) <= limits.INTEGER_DIGITS_MAX and int(cell)):
        raise ValueError("expected a whole number of at least 1")
    return int(cell)


def _rounding(cell: str) -> Rounding | None:
    word = cell.lower().replace(" ", "_")
    if word == "none":
        return None
    if word not in get_args(Rounding):
        raise ValueError("expected none, up, down or half_up")
    return word  # type: ignore[return-value]


_PRICES = frozenset(("price", "connection_fee", "charge_minimum", "charge_maximum", *_JURISDICTIONS))
_READERS: dict[str, Callable[[str], Any]] = {
    "prefix": deck_cells.read_prefixes,
    "npanxx": lambda cell: deck_cells.read_prefixes(cell, "1"),
    "increments": deck_cells.read_increments,
    "billing_minimum": deck_cells.read_minimum,
    "billing_increment": deck_cells.read_increment,
    "country": _country,
    "country_code": _country_code,
    "mcc": deck_cells.read_mcc,
    "mnc": deck_cells.read_mnc,
    "mccmnc": deck_cells.read_mccmnc,
    "sender_class": deck_cells.read_sender,
    "network": _text,
    "operator": _text,
    "type": read_word,
    "multiply_by": _factor,
    "divide_by": _factor,
    "rounding": _rounding,
}


def _call_rates(values: Values) -> list[Rate]:
    jurisdictions = {name: values[name] for name in _JURISDICTIONS if name in values}
    rate = values.get("price")
    if rate is None:
        if not jurisdictions:
            raise ValueError("has no price")
        rate = jurisdictions.get("indeterminate", max(jurisdictions.values()))
    minimum, increment = values.get("increments") or (
        values.get("billing_minimum", 0),
        values.get("billing_increment", 1),
    )
    code, name = _named(values)
    line = CallRate(
        prefix=None,
        rate=rate,
        billing_minimum=minimum,
        billing_increment=increment,
        connection_fee=values.get("connection_fee", 0),
        charge_minimum=values.get("charge_minimum", 0),
        charge_maximum=values.get("charge_maximum"),
        country_code=code,
        country_name=name,
        steps=values.get("steps", ()),
        bands=values.get("bands", ()),
        jurisdictions=jurisdictions,
    )
    prefixes = values["prefix"] if "prefix" in values else values["npanxx"]
    return [line if prefix is None else replace(line, prefix=prefix) for prefix in prefixes]


def _message_rates(values: Values) -> list[Rate]:
    mcc, mnc = values.get("mccmnc") or (values.get("mcc"), values.get("mnc"))
    if mnc is not None and mcc is None:
        raise ValueError(f"the network code {mnc} has no country code")
    code, name = _named(values)
    line = MessageRate(
        price=values["price"],
        sender_class=values.get("sender_class"),
        mcc=mcc,
        mnc=mnc,
        country_code=code,
        country_name=name,
        network=values.get("network"),
        operator=values.get("operator"),
    )
    return [line if prefix is None else replace(line, prefix=prefix) for prefix in values.get("prefix", (None,))]


def _usage_prices(values: Values) -> list[Rate]:
    times, through = values.get("multiply_by"), values.get("divide_by")
    if times is not None and through is not None:
        raise ValueError("a quantity is multiplied or divided, not both")
    conversion = None
    if (by := times or through) is not None:
        how: Literal["multiply", "divide"] = "multiply" if times else "divide"
        conversion = Conversion(how=how, by=by, rounding=values.get("rounding"))
    return [UsagePrice(type=values["type"], price=values["price"], conversion=conversion)]


_MAKERS: dict[Service, Callable[[Values], list[Rate]]] = {
    "calls": _call_rates,
    "sms": _message_rates,
    "mms": _message_rates,
    "usage": _usage_prices,
}


def _named(values: Values) -> tuple[str | None, str | None]:
    """The country's code and name: a column of codes goes before a code in a column of countries."""
    code, name = values.get("country", (None, None))
    return values.get("country_code", code), name


def _key(rate: Rate) -> Hashable:
    """What may stand once in a deck; networks are one and the same with and without zeros in front."""
    if isinstance(rate, CallRate):
        return rate.prefix
    if isinstance(rate, UsagePrice):
        return rate.type
    return rate.sender_class, rate.mcc, None if rate.mnc is None else int(rate.mnc), rate.prefix


def _called(rate: Rate) -> str:
    if isinstance(rate, UsagePrice):
        return f"the type {rate.type}"
    if isinstance(rate, CallRate) or rate.prefix is not None:
        return f"the prefix {rate.prefix or 'catch-all'}"
    return f"the network {' '.join(filter(None, (rate.sender_class, rate.mcc, rate.mnc))) or 'catch-all'}"


def _unnamed(rate: Rate) -> Rate:
    """A rate without what does not change a price."""
    if isinstance(rate, CallRate):
        return replace(rate, country_code=None, country_name=None)
    if isinstance(rate, MessageRate):
        return replace(rate, country_code=None, country_name=None, network=None, operator=None, mnc=None)
    return rate


def _refusal(said: str) -> Refusal:
    return Refusal(errors.OBJECT_INVALID, Flaw("file", said))
