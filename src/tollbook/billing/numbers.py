"""Telephone numbers: their one spelling, which of a record's is rated, toll-free or not, and the country.

Inside, a number is its E.164 digits without a sign. What a number costs is not known here. The numbering plans are
those of `phonenumbers` (Google's libphonenumber metadata); nothing here asks a network.
"""

import re
from functools import cache, lru_cache
from typing import Final, Literal

import phonenumbers

from tollbook import limits
from tollbook.billing.countries import ALPHA_3

Direction = Literal["inbound", "outbound"]
Jurisdiction = Literal["interstate", "intrastate", "toll_free", "international", "indeterminate"]

JURISDICTIONS: Final[dict[str, Jurisdiction]] = {
    "E": "interstate",
    "A": "intrastate",
    "T": "toll_free",
    "I": "international",
    "U": "indeterminate",
}
"""The one-letter codes of files."""

_WRITTEN = re.compile(r"\+?([0-9][0-9 ().\-]{1,40})")
_APART = re.compile(r"[^0-9]")
_NORTH_AMERICAN = re.compile(r"1[2-9][0-9]{2}[2-9][0-9]{6}")
_NANP_TOLL_FREE: Final = frozenset(("1800", "1833", "1844", "1855", "1866", "1877", "1888"))  # NANPA, 8YY codes
_INTERNATIONAL_DIGITS_MIN: Final = 7  # Niue's, with its country code; fewer are a short code or an emergency number
_UNIVERSAL_FREEPHONE: Final = "800"  # ITU-T E.169.1


def normalised(text: str) -> str:
    """The digits of a number written in international form, with or without `+` and signs between.

    ValueError for anything else, a leading zero (no country code has one) or more than 15 digits (ITU-T E.164).

    >>> normalised("+1 (212) 555-0100"), normalised("442071838750")
    ('12125550100', '442071838750')
    """
    found = _WRITTEN.fullmatch(text)
    digits = _APART.sub("", found[1]) if found else ""
    if not 3 <= len(digits) <= limits.NUMBER_DIGITS_MAX or digits[0] == "0":
        raise ValueError(
            f"expected an international number like +12125550100, at most {limits.NUMBER_DIGITS_MAX} digits"
        )
    return digits


def read_jurisdiction(text: str) -> Jurisdiction:
    """A jurisdiction by its word or its letter; ValueError for any other.

    >>> read_jurisdiction("A"), read_jurisdiction("interstate")
    ('intrastate', 'interstate')
    """
    for letter, word in JURISDICTIONS.items():
        if text in (letter, word):
            return word
    raise ValueError(f"expected one of {', '.join(JURISDICTIONS.values())}, or {', '.join(JURISDICTIONS)}")


def is_number(text: str) -> bool:
    """Whether a party is told by digits, not as `anonymous` or by a sender's name.

    >>> is_number("12125550100"), is_number("anonymous"), is_number("")
    (True, False, False)
    """
    return text.isdigit() and text.isascii()


def is_toll_free(number: str) -> bool:
    """Whether calls to a number are paid by who is called, in any numbering plan.

    >>> is_toll_free("18005550100"), is_toll_free("12125550100"), is_toll_free("448081570192")
    (True, False, True)
    """
    if _NORTH_AMERICAN.fullmatch(number):
        return number[:4] in _NANP_TOLL_FREE
    return is_number(number) and _is_freephone(number)


def rated_number(direction: Direction, number_src: str, number_dst: str, number_billing: str | None = None) -> str:
    """The number that a sheet is asked for: `number_billing`, else the called one; inbound toll-free, the caller's.

    >>> rated_number("inbound", "442071838750", "18005550100")
    '442071838750'
    """
    if number_billing:
        return number_billing
    return number_src if direction == "inbound" and is_toll_free(number_dst) else number_dst


def external_number(direction: Direction, number_src: str, number_dst: str, number_external: str | None = None) -> str:
    """The number outside the partner's own: as told, else the caller's of an inbound and the called of an outbound."""
    return number_external or (number_src if direction == "inbound" else number_dst)


def country_of(number: str) -> str | None:
    """The country of an E.164 number, ISO 3166-1 alpha-3; None if it is unknown or no country's.

    A short code, a name and `anonymous` have none.

    >>> country_of("12125550100"), country_of("14165550100"), country_of("442071838750"), country_of("88210000000")
    ('USA', 'CAN', 'GBR', None)
    """
    if _NORTH_AMERICAN.fullmatch(number):
        # Area code and exchange decide; asking for them alone lets a million numbers share one answer.
        return _country(f"{number[:7]}0000")
    if len(number) < _INTERNATIONAL_DIGITS_MIN or not is_number(number):
        return None
    regions = _regions(number[:3])
    return ALPHA_3.get(regions[0]) if len(regions) == 1 else _country(number)


@cache
def _regions(start: str) -> tuple[str, ...]:
    """The regions that share the country calling code that three digits begin with; none if there is no such code."""
    by_code = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next((by_code[code] for digits in (1, 2, 3) if (code := int(start[:digits])) in by_code), ())


@lru_cache(limits.COUNTRIES_REMEMBERED_MAX)
def _country(number: str) -> str | None:
    region = phonenumbers.region_code_for_number(parsed) if (parsed := _parsed(number)) else None
    return ALPHA_3.get(region) if region else None


@lru_cache(limits.COUNTRIES_REMEMBERED_MAX)
def _is_freephone(number: str) -> bool:
    if number.startswith(_UNIVERSAL_FREEPHONE):
        return True
    parsed = _parsed(number)
    return parsed is not None and phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.TOLL_FREE


def _parsed(number: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        return None
