"""Rate decks as carriers send them: what is understood, what is told, and that nothing is guessed in silence.

Which column is what is in `test_deck_headings.py`, what a cell may hold in `test_deck_cells.py`.
"""

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decks import billionths, codes, deck, refused, told

from tollbook import limits
from tollbook.billing.sheets import CallDeck, CallRate, Conversion, MessageRate, SheetVersion, UsagePrice
from tollbook.errors import Refusal
from tollbook.mediation.decks import read_deck
from tollbook.money import format_rate

# Whole decks.


def test_a_plain_deck() -> None:
    found = deck("Prefix,Country,Rate,Increments", "44,United Kingdom,0.0025,60/60", "1,US,.01,6/6", "*,,1,1-1")
    assert found.rates == (
        CallRate(prefix="44", rate=2_500_000, billing_minimum=60, billing_increment=60, country_name="United Kingdom"),
        CallRate(prefix="1", rate=10_000_000, billing_minimum=6, billing_increment=6, country_code="USA"),
        CallRate(prefix=None, rate=1_000_000_000, billing_minimum=1),
    )
    assert (found.bad, found.notes, found.lines, found.headings.line) == ([], [], 3, 1)


def test_a_deck_from_a_spreadsheet() -> None:
    found = read_deck(
        "\ufeffExample Telecom – rates;;;;;\r\n;;;;;\r\n"
        'Destination Name;"Dial Code";"Rate, USD/min";First Interval;Next Interval;Effective Date\r\n'
        '"Åland, mobile";"358457;3584-3585";0,0125;30;6;01.01.2025\r\n;;;;;\r\n'.encode(),
        "calls",
        {"price": "Rate, USD/min"},
    )
    assert [(rate.prefix, rate.rate) for rate in found.rates if isinstance(rate, CallRate)] == [
        ("358457", 12_500_000), ("3584", 12_500_000), ("3585", 12_500_000)
    ]  # fmt: skip
    (first, *_) = found.rates
    assert isinstance(first, CallRate)
    assert (first.billing_minimum, first.billing_increment, first.country_name) == (30, 6, "Åland, mobile")
    assert (found.headings.line, found.headings.delimiter, found.lines) == (3, ";", 1)
    assert found.notes == ["the deck's own dates are not read: --effective says from when it holds"]


def test_a_deck_of_jurisdictions() -> None:
    found = deck(
        "NPANXX\tInterstate\tIntrastate Rate\tIndeterminate", "201200\t0.001\t0.002\t0.003", "201201\t0.001\t\t0.003"
    )
    (first, second) = found.rates
    assert isinstance(first, CallRate)
    assert isinstance(second, CallRate)
    assert (first.prefix, first.rate) == ("1201200", 3_000_000)
    assert first.jurisdictions == {"interstate": 1_000_000, "intrastate": 2_000_000, "indeterminate": 3_000_000}
    assert second.jurisdictions == {"interstate": 1_000_000, "indeterminate": 3_000_000}
    assert found.notes == [
        "codes of the North American plan have a 1 put in front",
        "no column of increments: calls are billed by the second",
        "no column of prices for every jurisdiction: a call without one has the indeterminate price",
    ]
    dearest = deck("code,inter,intra", "1201200,0.001,0.002", "1201201,,")
    assert [rate.rate for rate in dearest.rates if isinstance(rate, CallRate)] == [2_000_000]
    assert told(dearest) == [(3, None, "has no price")]


def test_a_deck_of_messages_by_network() -> None:
    found = deck(
        "Country,Country Code,MCC,MNC,Network,Operator,Sender Class,Price per SMS,Dial Code",
        "Czech Republic,CZE,230,4,,,,0.08533,420", "United States,us,310,*,All,AT&T,Short Code,0.01,1",
        "Rest,,,,,,any,0.2,", service="sms",
    )  # fmt: skip
    assert found.rates == (
        MessageRate(price=85_330_000, mcc="230", mnc="4", country_code="CZE", country_name="Czech Republic"),
        MessageRate(
            price=10_000_000, mcc="310", sender_class="short_code", country_code="USA", country_name="United States",
            network="All", operator="AT&T",
        ),
        MessageRate(price=200_000_000, country_name="Rest"),
    )  # fmt: skip
    assert found.messages_by == "network"
    assert found.notes == ["lines go by network; the column of prefixes is not read"]


def test_a_deck_of_messages_by_prefix_and_one_by_both_codes() -> None:
    found = deck("code,price", "44,0.04", ",0.1", service="mms")
    assert found.rates == (MessageRate(price=40_000_000, prefix="44"), MessageRate(price=100_000_000))
    assert found.messages_by == "prefix"
    found = deck("MCCMNC,price", "310260,0.04", "310,0.05", "310-2,1", service="sms")
    assert found.rates == (
        MessageRate(price=40_000_000, mcc="310", mnc="260"),
        MessageRate(price=50_000_000, mcc="310"),
    )
    assert [line for line, *_ in told(found)] == [4]


def test_a_deck_of_other_usage() -> None:
    found = deck(
        "Type,Price,Divide by,Multiply by,Rounding", "lookup,0.004,,,", "tts,0.01,1000,,up", "x,1,1,2,", "y,1,,3,none",
        "z,1,0,,sideways", service="usage",
    )  # fmt: skip
    assert found.rates == (
        UsagePrice(type="lookup", price=4_000_000),
        UsagePrice(type="tts", price=10_000_000, conversion=Conversion(how="divide", by=1000, rounding="up")),
        UsagePrice(type="y", price=10**9, conversion=Conversion(how="multiply", by=3)),
    )
    assert told(found) == [
        (4, None, "a quantity is multiplied or divided, not both"),
        (6, "Divide by", "expected a whole number of at least 1; found '0'"),
        (6, "Rounding", "expected none, up, down or half_up; found 'sideways'"),
    ]


def test_codes_of_countries_and_titles_that_look_like_headings() -> None:
    found = deck('A "broken title', "code,rate,iso,min seconds", "44,1,xx,86401", "45,1,gb,0")
    assert told(found) == [
        (3, "iso", "expected a country's code, ISO 3166-1 alpha-2 or alpha-3; found 'xx'"),
        (3, "min seconds", "expected a minimum of 0 to 86400 seconds; found '86401'"),
    ]
    assert found.rates == (CallRate(prefix="45", rate=10**9, country_code="GBR"),)
    assert deck("x" * 200_000, "code,rate", "44,1").headings.line == 2
    found = deck("mcc,mnc,price", "31,1,1", "310,1000,1", service="sms")
    assert [(line, column) for line, column, _ in told(found)] == [(2, "mcc"), (3, "mnc")]
    found = deck("code,rate,minimum", "44,1,1 m")
    assert told(found) == [(2, "minimum", "expected whole seconds like 60; found '1 m'")]


def test_charges_and_fees() -> None:
    found = deck("prefix,rate,setup fee,min charge,max charge", "44,0.01,0.02,0.03,0.04", "45,0.01,,,")
    assert found.rates == (
        CallRate(prefix="44", rate=10**7, connection_fee=2 * 10**7, charge_minimum=3 * 10**7, charge_maximum=4 * 10**7),
        CallRate(prefix="45", rate=10**7),
    )


# Files that are wrong as files.


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_not_utf_8_are_told(start: bytes) -> None:
    before = start + b"code,rate\n44,1\n45,"
    at = len(before) + 1
    assert refused(before + b"\xe9\n") == (
        f"line 3: byte {at} of the file, 0xe9, is not UTF-8: save the deck as UTF-8"
    )  # fmt: skip


def test_other_encodings_and_giants_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "UTF-16" in refused("code,rate\n1,2".encode("utf-16"))
    monkeypatch.setattr(limits, "DECK_BYTES_MAX", 10)
    assert "more than 10 bytes" in refused(b"code,rate\n1,2")
    monkeypatch.undo()
    monkeypatch.setattr(limits, "DECK_LINES_MAX", 2)
    assert "more than 2 rates" in refused(b"code,rate\n1-3,2")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_line_ends_and_delimiters(ends: str, delimiter: str) -> None:
    rows = [
        ["Code", "Rate", "Name"],
        ["44", "0.5", f'"a{delimiter}b\nc"'],
        ["45", "0.6", '"say ""x"""'],
        ["46", "x", ""],
    ]
    wrong = f"a{delimiter}b\nc"
    found = read_deck(ends.join(delimiter.join(row) for row in rows).encode(), "calls")
    assert told(found) == [
        (
            2,
            "Name",
            f"control characters and unassigned code points cannot stand here; found {wrong!r}",
        ),
        (5, "Rate", "expected a price like 0.0025; found 'x'"),
    ]
    assert [rate.country_name for rate in found.rates if isinstance(rate, CallRate)] == ['say "x"']


def test_an_open_quote_is_told_and_ends_the_reading() -> None:
    found = deck("code,rate,name", "44,1,a", '45,2,"b', "46,3,c")
    assert [(line, column) for line, column, _ in told(found)] == [(3, None)]
    assert "cannot be parted into cells" in found.bad[0].reason
    assert len(found.rates) == 1


# Lines that are wrong.


def test_every_bad_cell_is_told_with_its_line_column_and_reason() -> None:
    found = deck(
        "code,rate,increments", "44,free,60/60", "44x,1,", "4420-30,1,6/0", "45,1,1/1,left", "46,0.1234567891,1/1",
        "47,1000000,1/1", "48,-1,1/1", "49,1", "50,1,1/1",
    )  # fmt: skip
    plain_decimal = (
        "expected a plain decimal like 0.0025, not negative, with at most 6 digits before the point and 9 after"
    )
    assert told(found) == [
        (2, "rate", "expected a price like 0.0025; found 'free'"),
        (3, "code", "expected a code of digits like 4420, or a range like 4420-4429, not '44x'; found '44x'"),
        (3, "increments", "is blank"),
        (4, "code", "the ends of a range have as many digits as each other, unlike 4420-30; found '4420-30'"),
        (4, "increments", "expected an increment of 1 to 86400 seconds; found '6/0'"),
        (5, None, "has more cells than the heading"),
        (6, "rate", f"{plain_decimal}; found '0.1234567891'"),
        (7, "rate", f"{plain_decimal}; found '1000000'"),
        (8, "rate", "expected a price like 0.0025; found '-1'"),
        (9, "increments", "is blank"),
    ]  # fmt: skip
    assert (found.bad_lines, found.lines, len(found.rates)) == (8, 9, 1)


def test_many_bad_lines_are_counted_and_some_are_told() -> None:
    found = deck("code,rate", *(["x,y"] * 500))
    assert (found.bad_lines, len(found.bad)) == (500, limits.IMPORT_ERRORS_SHOWN_MAX)


def test_what_stands_twice_alike_is_taken_once_and_told() -> None:
    found = deck("code,rate,name", "44,1,UK", "44,1,United Kingdom", "44;45,1.0,x")
    assert [rate.prefix for rate in found.rates if isinstance(rate, CallRate)] == ["44", "45"]
    assert found.notes[-1] == "2 codes stand twice with the same terms, and are taken once"
    found = deck("code,rate", "44,1", "44,2", "*,1", ",3")
    assert told(found) == [
        (3, None, "the prefix 44 stands in line 2 with other terms"),
        (5, None, "the prefix catch-all stands in line 4 with other terms"),
    ]
    found = deck("mcc,mnc,price", "310,4,1", "310,04,2", "310,004,1", ",5,1", service="sms")
    assert told(found) == [
        (3, None, "the network 310 04 stands in line 2 with other terms"),
        (5, None, "the network code 5 has no country code"),
    ]
    found = deck("type,price", "tts,1", "tts,2", service="usage")
    assert told(found) == [(3, None, "the type tts stands in line 2 with other terms")]


# What is read can be rated with.


@given(st.dictionaries(codes, billionths, min_size=1, max_size=20), st.sampled_from(",;\t|"), st.permutations(range(3)))
def test_a_deck_becomes_lines_that_compile(prices: dict[str, int], delimiter: str, places: list[int]) -> None:
    rows = [["Dial Code", "Rate", "Increments"], *([code, format_rate(price), "6/6"] for code, price in prices.items())]
    text = "\n".join(delimiter.join(row[place] for place in places) for row in rows)
    found = read_deck(text.encode(), "calls")
    assert not found.bad
    assert {rate.prefix: rate.rate for rate in found.rates if isinstance(rate, CallRate)} == prices
    sheet = SheetVersion(
        rates_plan_sid="p", version_sid="v", name="n", service="calls", effective_date=0, rates=found.rates
    )
    compiled = CallDeck(sheet)
    assert all(compiled.find(code) for code in prices)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    for start in (b"", b"code,rate\n"):
        with suppress(Refusal):
            found = read_deck(start + data, "calls")
            assert found.bad_lines <= found.lines + 1


def test_it_says_how_far_it_has_come() -> None:
    seen: list[tuple[int, int]] = []
    lines = ["code,rate", *(f"{number},1" for number in range(1, 3_500))]
    deck(*lines, watch=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == [1_000, 2_000, 3_000]
    assert {total for _, total in seen} == {3_500}
    assert all(former < latter for former, latter in itertools.pairwise(seen))
