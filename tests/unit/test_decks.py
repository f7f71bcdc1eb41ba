"""Rate decks as carriers send them: what is understood, what is told, and that nothing is guessed in silence."""

import itertools
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tollbook import errors, limits
from tollbook.billing.sheets import CallDeck, CallRate, Conversion, MessageRate, Service, SheetVersion, UsagePrice
from tollbook.errors import Refusal
from tollbook.mediation.deck_cells import (
    read_increments,
    read_mccmnc,
    read_mnc,
    read_prefixes,
    read_price,
    read_sender,
)
from tollbook.mediation.deck_headings import TARGETS, delimiter_of, plain
from tollbook.mediation.decks import DeckFile, read_deck
from tollbook.money import format_rate


def deck(*lines: str, service: Service = "calls", **more: Any) -> DeckFile:
    return read_deck("\n".join(lines).encode(), service, **more)


def refused(data: bytes, service: Service = "calls", **more: Any) -> str:
    with pytest.raises(Refusal) as caught:
        read_deck(data, service, **more)
    assert caught.value.problem is errors.OBJECT_INVALID
    (flaw,) = caught.value.flaws
    assert flaw.field == "file"
    return flaw.message


def understood(found: DeckFile) -> dict[str, str]:
    return {column.target: column.heading for column in found.headings.columns}


def told(found: DeckFile) -> list[tuple[int, str | None, str]]:
    return [tuple(bad) for bad in found.bad]  # type: ignore[misc]


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


# Which column is what.


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        ("Code,Rate", {"prefix": "Code", "price": "Rate"}),
        ("area,Price per min", {"prefix": "area", "price": "Price per min"}),
        ("Destination Code,Destination,USD/min", {
            "prefix": "Destination Code", "country": "Destination", "price": "USD/min",
        }),
        ("DIAL_CODE,Cost per minute ($)", {"prefix": "DIAL_CODE", "price": "Cost per minute ($)"}),
        ("Country Code,Country,Rate", {"prefix": "Country Code", "country": "Country", "price": "Rate"}),
        ("code,rate,minimum,increment", {
            "prefix": "code", "price": "rate", "billing_minimum": "minimum", "billing_increment": "increment",
        }),
        ("code,rate,initial,subsequent", {
            "prefix": "code", "price": "rate", "billing_minimum": "initial", "billing_increment": "subsequent",
        }),
        ("code,rate,increments,initial,next", {
            "prefix": "code", "price": "rate", "billing_minimum": "initial", "billing_increment": "next",
        }),
        ("code,rate,increments,next", {
            "prefix": "code", "price": "rate", "increments": "increments",
        }),
        ("code,npanxx,rate", {"prefix": "code", "price": "rate"}),
    ],
)  # fmt: skip
def test_headings_that_real_decks_use(headings: str, expected: dict[str, str]) -> None:
    cells = {"prefix": "44", "price": "1", "country": "UK", "npanxx": "201200"}
    found = deck(headings, ",".join(cells.get(target, "6") for target in _targets(headings, expected)))
    assert understood(found) == expected
    assert set(found.headings.unused) == set(headings.split(",")) - set(expected.values())


def _targets(headings: str, expected: dict[str, str]) -> list[str]:
    by_heading = {heading: target for target, heading in expected.items()}
    return [by_heading.get(heading, "") for heading in headings.split(",")]


def test_a_country_code_is_what_the_line_below_says() -> None:
    found = deck("Country Code,Prefix,Rate", "GB,44,1")
    assert understood(found) == {"country_code": "Country Code", "prefix": "Prefix", "price": "Rate"}
    found = deck("Country Code,Prefix,Rate", "44,447,1")
    assert understood(found) == {"prefix": "Prefix", "price": "Rate"}
    assert found.headings.unused == ("Country Code",)


@pytest.mark.parametrize("service", TARGETS)
def test_no_heading_means_two_things(service: Service) -> None:
    names = [name for names in TARGETS[service].values() for name in names]
    assert len(set(names)) == len(names)
    for name in names:
        assert name in plain(name)


def test_what_is_told_goes_before_what_is_guessed() -> None:
    lines = ("Rate,Old Rate,Number,Code", "1,2,44,x")
    found = deck(*lines, told={"prefix": "number", "price": "#2"})
    assert understood(found) == {"price": "Old Rate", "prefix": "Number"}
    assert found.headings.unused == ("Rate", "Code")
    (rate,) = found.rates
    assert isinstance(rate, CallRate)
    assert (rate.prefix, rate.rate) == ("44", 2 * 10**9)


@pytest.mark.parametrize(
    ("text", "mapping", "said"),
    [
        ("", {}, "the file is empty"),
        ("\n\n", {}, "the file is empty"),
        ("a,b\n1,2", {}, "line 1: no column for prefix or npanxx; name it with --map prefix=…; its headings are a, b"),
        ("code\n1", {}, "no column for price or interstate or intrastate or indeterminate; name it with --map price="),
        ("code,rate,cost\n1,2,3", {}, "more than one column may be the price: rate (#2), cost (#3); say which with"),
        ("code,code,rate\n1,2,3", {}, "more than one column may be the prefix: code (#1), code (#2)"),
        ("code,rate\n1,2", {"price": "Cost"}, "line 1: no column, or more than one, is called Cost"),
        ("code,rate\n1,2", {"price": "#3"}, "no column, or more than one, is called #3"),
        ("code,rate,rate\n1,2,3", {"price": "rate"}, "no column, or more than one, is called rate"),
        ("code,rate\n1,2", {"pric": "rate"}, "--map knows no pric; did you mean price?; a deck of calls has prefix,"),
        ("code,rate (EUR)\n1,2", {}, "the column rate (EUR) is not in USD, as the book is"),
        ("code,€/min\n1,2", {}, "the column €/min is not in USD, as the book is"),
        ("code,rate in cents\n1,2", {}, "no column for price"),
        ("," * limits.DECK_COLUMNS_MAX + "code,rate\n1,2", {}, "more than 200 columns"),
    ],
)
def test_a_deck_whose_columns_are_not_clear_is_refused(text: str, mapping: dict[str, str], said: str) -> None:
    assert said in refused(text.encode(), told=mapping)


def test_two_names_of_a_country_are_no_doubt() -> None:
    assert deck("code,rate,description,Description", "44,1,a,b").rates == (
        CallRate(prefix="44", rate=10**9, country_name="a"),
    )


def test_a_heading_stands_within_the_first_lines() -> None:
    title = ["A title"] * (limits.DECK_HEADING_LINES_MAX - 1)
    assert deck(*title, "code,rate", "1,2").headings.line == limits.DECK_HEADING_LINES_MAX
    assert "A title" in refused("\n".join(["A title", *title, "code,rate", "1,2"]).encode())


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


# Cells.

billionths = st.integers(0, 10**15 - 1)


@given(billionths, st.sampled_from(["{}", "${}", "$ {}", "{} $", "USD {}", "{} USD", "{}USD"]), st.integers(0, 4))
def test_prices_in_every_dress(price: int, dress: str, zeros: int) -> None:
    text = format_rate(price)
    text = f"{text}{'' if '.' in text else '.'}{'0' * zeros}"
    for written in {text, text.removeprefix("0") if price and text.startswith("0.") else text}:
        assert read_price(dress.format(written)) == price
        assert read_price(dress.format(written.replace(".", ",")), comma=True) == price


@pytest.mark.parametrize(
    "text",
    ["", "$", ".", ",", "-1", "+1", "1e3", "1.2.3", "0x1", "1 2", "٣", "NaN", "1_0", "1,000.5", "$$1", "US$1 $", "1%"],
)
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read_price(text, comma=True)


def test_a_decimal_comma_where_commas_part_cells_is_told() -> None:
    with pytest.raises(ValueError, match="decimal comma"):
        read_price("0,5")
    found = deck("code,rate", '44,"0,5"')
    assert "decimal comma" in found.bad[0].reason


@pytest.mark.parametrize(("text", "currency"), [("€1", "USD"), ("1 EUR", "USD"), ("£1", "EUR"), ("USD 1", "EUR")])
def test_another_currency_is_told(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"the book is in {currency}"):
        read_price(text, currency)


def test_the_books_own_currency_is_read() -> None:
    assert read_price("€0.5", "EUR") == read_price("0.5 EUR", "EUR") == read_price("¥0.5", "JPY") == 5 * 10**8
    assert read_price("$0.5", "CAD") == 5 * 10**8


seconds = st.integers(1, limits.BLOCK_SECONDS_MAX)


@given(st.integers(0, limits.BLOCK_SECONDS_MAX), seconds, st.sampled_from("/-:+;|"), st.sampled_from(["", " "]))
def test_increments_in_every_dress(minimum: int, increment: int, sign: str, blank: str) -> None:
    assert read_increments(f"{minimum}{blank}{sign}{blank}{increment}") == (minimum, increment)
    assert read_increments(f"{minimum}s{sign}{increment}s") == (minimum, increment)
    assert read_increments(str(increment)) == (increment, increment)


@given(st.text("0123456789/-: sx.,", max_size=8))
def test_increments_are_two_numbers_or_nothing(text: str) -> None:
    try:
        minimum, increment = read_increments(text)
    except ValueError:
        return
    assert 0 <= minimum <= limits.BLOCK_SECONDS_MAX
    assert 1 <= increment <= limits.BLOCK_SECONDS_MAX
    assert text.startswith(str(minimum)) or text.lstrip("0").startswith(str(minimum).lstrip("0"))


@pytest.mark.parametrize("text", ["", "/", "6/", "/6", "1/1/1", "0", "6/0", "86401", "1/86401", "60.5", "a", "٦/٦"])
def test_what_are_no_increments(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_increments(text)


codes = st.from_regex(r"[1-9][0-9]{0,6}", fullmatch=True)


@given(st.lists(codes, min_size=1, max_size=9), st.sampled_from([",", ", ", ";", " | ", "\n"]), st.booleans())
def test_several_codes_in_one_cell(found: list[str], delimiter: str, plus: bool) -> None:
    assert read_prefixes(delimiter.join(f"{'+' if plus else ''}{code}" for code in found)) == found


@given(codes, st.integers(0, 300))
def test_ranges_are_every_code_between(first: str, more: int) -> None:
    last = str(int(first) + more)
    assume(len(last) == len(first))
    assert read_prefixes(f"{first}-{last}") == [str(int(first) + n) for n in range(more + 1)]
    assert read_prefixes(f"{first} – {last}", "1")[-1] == f"1{last}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("44x", "a code of digits"), ("4.4", "a code of digits"), ("44*", "a code of digits"),
        ("٤٤", "a code of digits"),
        ("4429-4420", "a range rises"), ("1000000-9999999", "holds at most 10000 codes"), ("1-22", "as many digits"),
        (",", "a code of digits"), (";".join(f"{n}000-{n}999" for n in range(10, 21)), "more than 10000 codes"),
        ("1" * 21, "a code of digits"),
    ],
)  # fmt: skip
def test_what_are_no_codes(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_prefixes(text)


@pytest.mark.parametrize("text", ["", "*", "any", "Default", "ANY", "other"])
def test_the_catch_all_is_written_in_many_ways(text: str) -> None:
    assert read_prefixes(text) == [None]
    assert read_mnc(text) is None
    assert read_mccmnc(text) == (None, None)
    assert read_sender(text) is None


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("Short Code", "short_code"), ("short_code", "short_code"), ("10DLC", "toll"), ("toll-free", "toll_free"),
        ("Toll", "toll"),
    ],
)  # fmt: skip
def test_senders(text: str, sender: str) -> None:
    assert read_sender(text) == sender
    with pytest.raises(ValueError, match="expected short code"):
        read_sender(text + "x")


@pytest.mark.parametrize(
    ("line", "found"), [("a,b;c", ","), ("a;b;c,d", ";"), ('"a,b,c";d', ";"), ("a\tb", "\t"), ("", ",")]
)
def test_the_delimiter_is_what_stands_most_often_outside_quotes(line: str, found: str) -> None:
    assert delimiter_of(line) == found


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
