"""The headings of rate decks: which column is what, by the names that carriers give them, or as one is told.

Nothing is taken twice, and nothing is chosen between two prices: whoever imports the deck then says which.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from tollbook import errors, limits
from tollbook.billing.sheets import Service
from tollbook.errors import Flaw, Refusal
from tollbook.query.arguments import nearest

DELIMITERS: Final = ",;\t|"

_COUNTRY = {
    "country_code": ("iso", "iso code", "iso3", "iso2", "iso country", "country iso", "country iso code", "alpha 3"),
    "country": (
        "country", "country name", "destination", "destination name", "dest name", "dest", "description", "location",
        "region", "zone", "area name", "name",
    ),
}  # fmt: skip
_PREFIX = (
    "prefix", "prefixes", "dial code", "dialcode", "dial codes", "dialing code", "dialling code", "dial prefix",
    "destination code", "dest code", "destination prefix", "dst prefix", "number prefix", "code", "codes", "breakout",
    "breakouts", "area code", "areacode", "area codes", "city code", "area",
)  # fmt: skip
_EACH = ("min", "minute", "sms", "mms", "message", "msg", "segment", "unit")
_PRICE = (
    "price", "rate", "cost", "tariff", "charge", "amount", "cur", "new rate", "new price", "current rate",
    "current price", "sell rate", "unit price", "rates", "prices",
    *(f"{word} {each}" for word in ("price", "rate", "cost", "charge", "cur") for each in _EACH),
    *(f"{word} per {each}" for word in ("price", "rate", "cost", "charge", "cur") for each in _EACH),
    *(f"per {each}" for each in _EACH),
)  # fmt: skip


def _jurisdiction(*words: str) -> tuple[str, ...]:
    return tuple(f for w in words for f in (w, f"{w} rate", f"{w} price", f"{w} cost", f"rate {w}", f"price {w}"))


def _seconds(*names: str) -> tuple[str, ...]:
    return tuple(
        form for name in names for form in (name, f"{name} seconds", f"{name} secs", f"{name} sec", f"{name} s")
    )


_EFFECTIVE = (
    "effective date", "effective", "effective from", "date effective", "valid from", "start date", "from date",
    "activation date",
)  # fmt: skip
_CALLS: dict[str, tuple[str, ...]] = {
    "prefix": _PREFIX,
    "npanxx": ("npanxx", "npa nxx", "npanxxx", "npa nxx x", "npa"),
    "price": _PRICE,
    "interstate": _jurisdiction("interstate", "inter state", "inter"),
    "intrastate": _jurisdiction("intrastate", "intra state", "intra"),
    "indeterminate": _jurisdiction("indeterminate", "indeterminant", "indet", "undetermined"),
    "toll_free": _jurisdiction("toll free", "tollfree"),
    "international": _jurisdiction("international"),
    "increments": _seconds(
        "increments", "increment", "billing increment", "billing increments", "billing", "billing interval",
        "billing intervals", "billing terms", "billing structure", "interval", "intervals", "rounding", "inc", "pulse",
        "min inc", "initial subsequent", "initial next", "first next",
    ),
    "billing_minimum": _seconds(
        "billing minimum", "minimum", "initial", "first interval", "first increment", "initial increment",
        "initial interval", "minimum duration", "min duration", "minimum time", "min time", "interval 1", "interval1",
        "increment 1", "period 1", "first", "initial period", "initial block", "min seconds",
        "min secs", "min sec",
    ),
    "billing_increment": _seconds(
        "next interval", "next increment", "next", "subsequent", "subsequent interval", "subsequent increment",
        "additional increment", "interval n", "intervaln", "interval 2", "increment n", "increment 2", "period n",
        "period 2", "second interval", "recurring increment", "subsequent block", "additional",
    ),
    "connection_fee": (
        "connection fee", "setup fee", "set up fee", "connect fee", "connection charge", "connect charge",
        "setup charge", "call setup fee", "connection cost", "connection", "setup",
    ),
    "charge_minimum": ("minimum charge", "min charge", "minimum price", "min price"),
    "charge_maximum": ("maximum charge", "max charge", "maximum price", "max price"),
    **_COUNTRY,
    "effective": _EFFECTIVE,
}  # fmt: skip
_MESSAGES: dict[str, tuple[str, ...]] = {
    "mcc": ("mcc", "mobile country code"),
    "mnc": ("mnc", "mobile network code"),
    "mccmnc": ("mccmnc", "mcc mnc", "plmn", "imsi", "hni"),
    "prefix": _PREFIX,
    "price": _PRICE,
    "sender_class": (
        "sender class", "sender", "sender type", "sender id type", "number type", "source type", "origin type", "type",
        "class",
    ),
    **_COUNTRY,
    "network": ("network", "network name"),
    "operator": ("operator", "operator name", "carrier", "carrier name"),
    "effective": _EFFECTIVE,
}  # fmt: skip
_USAGE: dict[str, tuple[str, ...]] = {
    "type": ("type", "usage type", "item", "event", "service", "product"),
    "price": _PRICE,
    "multiply_by": ("multiply by", "multiply", "times"),
    "divide_by": ("divide by", "divide", "per", "per units"),
    "rounding": ("rounding", "round"),
    "effective": _EFFECTIVE,
}
TARGETS: Final[dict[Service, dict[str, tuple[str, ...]]]] = {
    "calls": _CALLS,
    "sms": _MESSAGES,
    "mms": _MESSAGES,
    "usage": _USAGE,
}
"""By service: what a column may be, and the headings that say so, the plainest first."""

NEEDED: dict[Service, tuple[tuple[str, ...], ...]] = {
    "calls": (("prefix", "npanxx"), ("price", "interstate", "intrastate", "indeterminate")),
    "sms": (("mcc", "mccmnc", "prefix"), ("price",)),
    "mms": (("mcc", "mccmnc", "prefix"), ("price",)),
    "usage": (("type",), ("price",)),
}
"""Of each group a deck has at least one."""

_CURRENCIES = {
    **{code.lower(): code for code in ("USD", "EUR", "GBP", "CAD", "AUD", "CHF", "SEK", "NOK", "DKK", "INR", "ZAR")},
    "€": "EUR",
    "£": "GBP",
    "$": None,  # many a currency's
}
_PRICED = frozenset(
    ("price", "connection_fee", "charge_minimum", "charge_maximum", "interstate", "intrastate", "indeterminate")
)
_OF_PEOPLE = frozenset(("country", "country_code", "network", "operator", "effective"))
_WORDS = re.compile(r"[^\W_]+|[$€£]")
_COUNTRY_CODE = ("country code", "countrycode")


class Column(NamedTuple):
    """A column that is understood: what it is, its heading and its place, from 1."""

    target: str
    heading: str
    number: int


class Headings(NamedTuple):
    """The heading line: where it stands and ends, what parts its cells, the columns understood, and the others."""

    line: int
    delimiter: str
    cells: tuple[str, ...]
    columns: tuple[Column, ...]
    unused: tuple[str, ...]

    def has(self, target: str) -> bool:
        """Whether there is such a column."""
        return any(column.target == target for column in self.columns)


def find_headings(lines: Sequence[str], service: Service, told: Mapping[str, str]) -> Headings:
    """The heading line among a deck's first lines; `told` says by heading or as `#3` which column is what.

    422 where no line has the columns that are needed, or where two could be the price.
    """
    _check_told(service, told)
    missing: str | None = None
    for number, line in enumerate(lines[: limits.DECK_HEADING_LINES_MAX], 1):
        if not line.strip():
            continue
        delimiter = delimiter_of(line)
        cells = cells_of(line, delimiter)
        following = next((each for each in lines[number:] if each.strip(delimiter + " \r\n\t")), "")
        found, doubt = _understood(cells, cells_of(following, delimiter), service, told)
        lacking = _lacking(found, service, told, cells)
        if not lacking:
            if doubt:
                raise _refusal(doubt)
            taken = {column.number for column in found}
            unused = tuple(cell for at, cell in enumerate(cells, 1) if at not in taken and cell)
            return Headings(number, delimiter, tuple(cells), tuple(found), unused)
        missing = missing or f"line {number}: {lacking}; its headings are {', '.join(filter(None, cells))}"
    raise _refusal(missing or "the file is empty")


def delimiter_of(line: str) -> str:
    r"""What parts the cells of a line: of `,`, `;`, tab and `|` the one that stands most often outside quotes.

    >>> delimiter_of('Code;"Price, USD";Name'), delimiter_of("Code\tPrice"), delimiter_of("Code")
    (';', '\t', ',')
    """
    outside = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of one line, without blanks around them; none of one that cannot be read."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:
        return []


def plain(heading: str) -> tuple[str, str]:
    """A heading as it is compared: its words, currencies as `cur`; and the same without currencies.

    >>> plain("Price (USD)"), plain("$/min"), plain("Dial_Code")
    (('price cur', 'price'), ('cur min', 'min'), ('dial code', 'dial code'))
    """
    words = ["cur" if word in _CURRENCIES else word for word in _WORDS.findall(heading.lower())]
    return " ".join(words), " ".join(word for word in words if word != "cur")


def foreign_currency(headings: Headings, currency: str) -> str | None:
    """The heading of a column of prices that names another currency than the book's."""
    for column in headings.columns:
        named = {_CURRENCIES[word] for word in _WORDS.findall(column.heading.lower()) if word in _CURRENCIES} - {None}
        if column.target in _PRICED and named and named != {currency}:
            return column.heading
    return None


def _understood(
    cells: list[str], following: list[str], service: Service, told: Mapping[str, str]
) -> tuple[list[Column], str]:
    """The columns of a heading line and what is in doubt; the line after it tells which kind a country's code is."""
    chosen = {target: number for target, heading in told.items() if (number := _place(heading, cells))}
    candidates: dict[str, list[tuple[int, int]]] = {}
    for number, cell in enumerate(cells, 1):
        if number in chosen.values():
            continue
        below = following[number - 1] if number <= len(following) else ""
        if guess := _guess(cell, below, service):
            candidates.setdefault(guess[0], []).append((guess[1], number))
    doubt = ""
    for target, found in candidates.items():
        if target in told:
            continue
        found.sort()
        if len(found) > 1 and (target == "price" or (found[0][0] == found[1][0] and target not in _OF_PEOPLE)):
            named = ", ".join(f"{cells[number - 1]} (#{number})" for _, number in found)
            doubt = f"more than one column may be the {target}: {named}; say which with --map {target}=…"
        chosen[target] = found[0][1]
    _settle(chosen, told)
    in_place = sorted(chosen.items(), key=lambda choice: choice[1])
    return [Column(target, cells[number - 1], number) for target, number in in_place], doubt


def _settle(chosen: dict[str, int], told: Mapping[str, str]) -> None:
    """Of columns that say the same in two ways, keep one way: what is told, else the plainer."""
    if "billing_minimum" in chosen and "increments" in chosen.keys() - told.keys():
        chosen.setdefault("billing_increment", chosen.pop("increments"))
    for kept, others in _SAYS_IT_ALL.items():
        if kept in chosen:
            for other in chosen.keys() & others - told.keys():
                del chosen[other]


_SAYS_IT_ALL: dict[str, frozenset[str]] = {
    "prefix": frozenset(("npanxx",)),
    "mcc": frozenset(("mccmnc",)),
    "increments": frozenset(("billing_minimum", "billing_increment")),
}


def _guess(cell: str, below: str, service: Service) -> tuple[str, int] | None:
    """What a column is by its heading, and how plainly it says so: 0 is plainest."""
    for form in plain(cell):
        if form in _COUNTRY_CODE:
            dialled = below.lstrip("+").isdigit() and "prefix" in TARGETS[service]
            return ("prefix", len(_PREFIX)) if dialled else ("country_code", 0)
        for target, names in TARGETS[service].items():
            if form in names:
                return target, names.index(form)
    return None


def _place(heading: str, cells: Sequence[str]) -> int | None:
    """The number of the column that is told: by its heading, or as `#3`."""
    if heading.startswith("#") and heading[1:].isdecimal():
        return int(heading[1:]) if 1 <= int(heading[1:]) <= len(cells) else None
    exact = [number for number, cell in enumerate(cells, 1) if cell == heading]
    folded = [number for number, cell in enumerate(cells, 1) if cell.lower() == heading.strip().lower()]
    found = exact or folded
    return found[0] if len(found) == 1 else None


def _lacking(found: Iterable[Column], service: Service, told: Mapping[str, str], cells: Sequence[str]) -> str:
    """What keeps a line from being the heading; nothing where it is."""
    has = {column.target for column in found}
    for target, heading in told.items():
        if target not in has:
            return f"no column, or more than one, is called {heading}"
    for group in NEEDED[service]:
        if not has & set(group):
            return f"no column for {' or '.join(group)}; name it with --map {group[0]}=…"
    if len(cells) > limits.DECK_COLUMNS_MAX:
        return f"more than {limits.DECK_COLUMNS_MAX} columns"
    return ""


def _check_told(service: Service, told: Mapping[str, str]) -> None:
    for target in told:
        if target not in TARGETS[service]:
            known = ", ".join(TARGETS[service])
            hint = nearest(target, TARGETS[service])
            raise _refusal(f"--map knows no {target}{hint}; a deck of {service} has {known}")


def _refusal(said: str) -> Refusal:
    return Refusal(errors.OBJECT_INVALID, Flaw("file", said))
