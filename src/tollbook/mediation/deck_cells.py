"""The cells of a rate deck: what carriers write for a price, a prefix, an increment, a network, a country.

Every reader takes a cell's text without blanks around it, and says with a ValueError what it expected.
"""

import re
from collections.abc import Iterable
from typing import Final

from tollbook import limits
from tollbook.billing.countries import ALPHA_3
from tollbook.billing.events import SenderClass
from tollbook.money import parse_rate

CATCH_ALL: Final = frozenset(("", "*", "any", "all", "default", "other", "rest"))
"""What a deck writes where a line is for everything that no other line matches."""

_SIGNS: Final = {"€": ("EUR",), "£": ("GBP",), "¥": ("CNY", "JPY")}  # `$` is many a currency's
_SIGN = re.compile(r"[$€£¥]|[A-Z]{3}")
_NUMERAL = re.compile(r"[0-9]*([.,])?[0-9]*")
_SECONDS = re.compile(r"([0-9]{1,6})\s*(?:s|sec|secs|seconds)?\.?", re.IGNORECASE)
_PAIR = re.compile(r"([0-9]{1,6})\s*s?\s*[/\-:+;|]\s*([0-9]{1,6})\s*s?", re.IGNORECASE)
_ALONE = re.compile(r"[0-9]{1,6}")
_APART = re.compile(r"[,;|\n]")
_CODE = re.compile(r"\+?([0-9]{1,20})")
_RANGE = re.compile(r"\+?([0-9]{1,20})\s*[-–]\s*\+?([0-9]{1,20})")
_DIGITS = re.compile(r"[0-9]+")
_LETTERS = re.compile(r"[A-Z]{2,3}")
_CODES = frozenset(ALPHA_3.values())

_SENDERS: Final[dict[str, SenderClass]] = {
    "short code": "short_code",
    "shortcode": "short_code",
    "sc": "short_code",
    "toll": "toll",
    "long code": "toll",
    "longcode": "toll",
    "10dlc": "toll",
    "local": "toll",
    "toll free": "toll_free",
    "tollfree": "toll_free",
    "tf": "toll_free",
}


def read_price(text: str, currency: str = "USD", *, comma: bool = False) -> int:
    """A price in billionths, with or without its currency; a decimal comma only where a `comma` cannot part cells.

    >>> read_price("$0.0025"), read_price(".005"), read_price("0,0025", comma=True), read_price("USD 1")
    (2500000, 5000000, 2500000, 1000000000)
    """
    plain = text
    if sign := _SIGN.search(text):
        if currency not in _SIGNS.get(sign[0], (sign[0], currency) if sign[0] == "$" else (sign[0],)):
            raise ValueError(f"a price in {sign[0]}, and the book is in {currency}")
        plain = _SIGN.sub("", text, count=1).strip()
    point = _NUMERAL.fullmatch(plain)
    if not plain or point is None:
        raise ValueError("expected a price like 0.0025")
    if point[1] == "," and not comma:
        raise ValueError("a decimal comma is not read in a file whose cells are parted by commas")
    whole, _, decimals = plain.replace(",", ".").partition(".")
    if not whole and not decimals:
        raise ValueError("expected a price like 0.0025")
    decimals = decimals.rstrip("0")
    return parse_rate(f"{whole or '0'}.{decimals}" if decimals else whole or "0")


def read_prefixes(text: str, before: str = "") -> list[str | None]:
    """The prefixes of a cell, None for the catch-all: one code, several, or ranges, each with `before` in front.

    >>> read_prefixes("44, 441"), read_prefixes("4420-4422"), read_prefixes("*"), read_prefixes("201200", "1")
    (['44', '441'], ['4420', '4421', '4422'], [None], ['1201200'])
    """
    if text.lower() in CATCH_ALL:
        return [None]
    found: list[str | None] = []
    for part in filter(None, (part.strip() for part in _APART.split(text))):
        found += (before + code for code in _codes(part))
        if len(found) > limits.DECK_CODES_PER_CELL_MAX:
            raise ValueError(f"more than {limits.DECK_CODES_PER_CELL_MAX} codes in one cell")
    if not found:
        raise ValueError("expected a code of digits")
    return found


def _codes(part: str) -> Iterable[str]:
    if single := _CODE.fullmatch(part):
        return (single[1],)
    between = _RANGE.fullmatch(part)
    if between is None:
        raise ValueError(f"expected a code of digits like 4420, or a range like 4420-4429, not {shown(part)}")
    first, last = between.groups()
    if len(first) != len(last):
        raise ValueError(f"the ends of a range have as many digits as each other, unlike {part}")
    low, high = int(first), int(last)
    if not low <= high < low + limits.DECK_CODES_PER_CELL_MAX:
        raise ValueError(f"a range rises, and holds at most {limits.DECK_CODES_PER_CELL_MAX} codes, unlike {part}")
    return (f"{number:0{len(first)}}" for number in range(low, high + 1))


def read_increments(text: str) -> tuple[int, int]:
    """The minimum and the increment in seconds that a cell such as `6/6`, `60-1` or `60` gives; one number is both.

    >>> read_increments("30/6"), read_increments("1-1"), read_increments("60")
    ((30, 6), (1, 1), (60, 60))
    """
    if _ALONE.fullmatch(text):
        return read_minimum(text), read_increment(text)
    found = _PAIR.fullmatch(text)
    if found is None:
        raise ValueError("expected increments in seconds like 60/60 or 30/6")
    return read_minimum(found[1]), read_increment(found[2])


def read_minimum(text: str) -> int:
    """The least that is billed of a call, in seconds."""
    seconds = _seconds(text)
    if seconds > limits.BLOCK_SECONDS_MAX:
        raise ValueError(f"expected a minimum of 0 to {limits.BLOCK_SECONDS_MAX} seconds")
    return seconds


def read_increment(text: str) -> int:
    """The seconds in which a call is billed."""
    seconds = _seconds(text)
    if not 1 <= seconds <= limits.BLOCK_SECONDS_MAX:
        raise ValueError(f"expected an increment of 1 to {limits.BLOCK_SECONDS_MAX} seconds")
    return seconds


def _seconds(text: str) -> int:
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise ValueError("expected whole seconds like 60")
    return int(found[1])


def read_mcc(text: str) -> str | None:
    """A mobile country code, three digits (ITU-T E.212); None for any."""
    return _network_code(text, 3, 3, "a mobile country code of three digits")


def read_mnc(text: str) -> str | None:
    """A mobile network code, one to three digits; None for any."""
    return _network_code(text, 1, 3, "a mobile network code of one to three digits")


def _network_code(text: str, least: int, most: int, expected: str) -> str | None:
    if text.lower() in CATCH_ALL:
        return None
    if not (_DIGITS.fullmatch(text) and least <= len(text) <= most):
        raise ValueError(f"expected {expected}")
    return text


def read_mccmnc(text: str) -> tuple[str | None, str | None]:
    """A network by both codes in one, the country's first.

    >>> read_mccmnc("310260"), read_mccmnc("23004"), read_mccmnc("310")
    (('310', '260'), ('230', '04'), ('310', None))
    """
    if text.lower() in CATCH_ALL:
        return None, None
    if not (_DIGITS.fullmatch(text) and 3 <= len(text) <= 6):
        raise ValueError("expected a mobile country code and a network code in one, like 310260")
    return text[:3], text[3:] or None


def read_sender(text: str) -> SenderClass | None:
    """A class of senders; None for any."""
    plain = re.sub(r"[\s_\-]+", " ", text.lower())
    if plain in CATCH_ALL:
        return None
    if plain not in _SENDERS:
        raise ValueError("expected short code, toll or toll free")
    return _SENDERS[plain]


def read_country(text: str) -> tuple[str | None, str | None]:
    """A country's code, ISO 3166-1 alpha-3, or else its name.

    >>> read_country("US"), read_country("GBR"), read_country("United Kingdom - Mobile")
    (('USA', None), ('GBR', None), (None, 'United Kingdom - Mobile'))
    """
    code = country_code(text)
    return (code, None) if code else (None, text or None)


def country_code(text: str) -> str | None:
    """The alpha-3 code of an alpha-2 or alpha-3 code; None for any other text."""
    if not _LETTERS.fullmatch(text):
        return None
    return ALPHA_3.get(text) if len(text) == 2 else text if text in _CODES else None


def shown(text: str) -> str:
    """A cell as a message shows it: quoted, and no longer than one can read."""
    return repr(text if len(text) <= limits.CELL_CHARS_SHOWN_MAX else text[: limits.CELL_CHARS_SHOWN_MAX] + "…")
