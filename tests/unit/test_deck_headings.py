"""Which column of a deck is what: by the headings that real decks use, by what is told, never by a guess."""

import pytest
from tests.unit.decks import deck, refused, understood

from tollbook import limits
from tollbook.billing.sheets import CallRate, Service
from tollbook.mediation.deck_headings import TARGETS, plain


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
        ("code,rate,min/inc", {"prefix": "code", "price": "rate", "increments": "min/inc"}),
        ("code,rate,minimum seconds,increment (sec)", {
            "prefix": "code", "price": "rate", "billing_minimum": "minimum seconds",
            "billing_increment": "increment (sec)",
        }),
        ("code,rate,min sec,next (s)", {
            "prefix": "code", "price": "rate", "billing_minimum": "min sec", "billing_increment": "next (s)",
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
