"""Which number is rated, where it is, and that our short cuts answer what libphonenumber answers."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.billing.countries import ALPHA_3, ASSIGNED
from tollbook.billing.numbers import (
    country_of,
    external_number,
    is_toll_free,
    normalised,
    rated_number,
    read_jurisdiction,
)

digits = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)
north_american = st.from_regex(r"1[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True)


def library_country(number: str) -> str | None:
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{number}"))
    except phonenumbers.NumberParseException:
        return None
    return ALPHA_3.get(region) if region else None


def test_every_region_of_the_numbering_plans_has_its_alpha_3_code() -> None:
    assert set(phonenumbers.SUPPORTED_REGIONS) <= set(ALPHA_3)
    assert len(ASSIGNED) == len(set(ASSIGNED.values())) == 249
    assert all(len(two) == 2 and len(three) == 3 for two, three in ALPHA_3.items())
    assert (ALPHA_3["US"], ALPHA_3["CH"], ALPHA_3["XK"], ALPHA_3["AC"]) == ("USA", "CHE", "XKX", "SHN")


@given(st.one_of(digits, north_american))
def test_the_country_is_the_librarys(number: str) -> None:
    assert country_of(number) == library_country(number)


@given(north_american)
def test_north_american_toll_free_is_the_librarys(number: str) -> None:
    kind = phonenumbers.number_type(phonenumbers.parse(f"+{number}"))
    assert is_toll_free(number) == (kind == phonenumbers.PhoneNumberType.TOLL_FREE)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("12125550100", "USA"), ("14165550100", "CAN"), ("18765550100", "JAM"), ("17875550100", "PRI"),
        ("77012345678", "KAZ"), ("79012345678", "RUS"), ("441481960194", "GGY"), ("442071838750", "GBR"),
        ("38349123456", "XKX"), ("390612345678", "ITA"), ("4930123456", "DEU"),
        ("80012345678", None), ("88210000000", None), ("15555550100", None), ("2105550100", None), ("999", None),
        ("33123", None), ("6834000", "NIU"), ("anonymous", None), ("Acme", None), ("", None), ("٤٤٢٠٧١٨٣٨٧٥٠", None),
    ],
)  # fmt: skip
def test_countries(number: str, country: str | None) -> None:
    assert country_of(number) == country


@pytest.mark.parametrize(
    ("number", "free"),
    [
        ("18005550100", True), ("18335550100", True), ("18885550100", True), ("18995550100", False),
        ("12125550100", False), ("80012345678", True), ("448081570192", True), ("442071838750", False),
        ("498001234567", True), ("390612345678", False), ("999", False),
        ("anonymous", False), ("", False), ("Call 18005550100", False),
    ],
)  # fmt: skip
def test_toll_free(number: str, free: bool) -> None:
    assert is_toll_free(number) == free


@pytest.mark.parametrize(
    ("direction", "src", "dst", "billing", "rated", "external"),
    [
        ("outbound", "12125550100", "442071838750", None, "442071838750", "442071838750"),
        ("outbound", "12125550100", "18005550100", None, "18005550100", "18005550100"),
        ("inbound", "442071838750", "12125550100", None, "12125550100", "442071838750"),
        ("inbound", "442071838750", "18005550100", None, "442071838750", "442071838750"),
        ("inbound", "442071838750", "18005550100", "13105550100", "13105550100", "442071838750"),
        ("outbound", "12125550100", "442071838750", "13105550100", "13105550100", "442071838750"),
    ],
)
def test_which_number_is_rated_and_which_is_outside(direction, src, dst, billing, rated, external) -> None:
    assert rated_number(direction, src, dst, billing) == rated
    assert external_number(direction, src, dst) == external
    assert external_number(direction, src, dst, "4930123456") == "4930123456"


@given(digits)
def test_a_number_is_its_own_normal_form(number: str) -> None:
    assert normalised(number) == normalised(f"+{number}") == number


def test_signs_between_digits_are_dropped() -> None:
    assert normalised("+1 (212) 555-01.00") == "12125550100"


@pytest.mark.parametrize(
    "text",
    ["", "+", "12", "0044207183875", "1234567890123456", "٣١٢٣٤٥", "+1 212 555 0100 x5", "1e10", "sip:123", "1-" * 40],
)
def test_what_is_no_international_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="international number"):
        normalised(text)


def test_jurisdictions_by_word_or_letter() -> None:
    assert [read_jurisdiction(letter) for letter in "EATIU"] == [
        "interstate", "intrastate", "toll_free", "international", "indeterminate",
    ]  # fmt: skip
    assert read_jurisdiction("toll_free") == "toll_free"
    with pytest.raises(ValueError, match="expected one of interstate"):
        read_jurisdiction("e")
