"""Decks as JSON documents: what a table can hold is read as a table's, steps and bands strictly."""

import json
from datetime import date
from typing import Any

import pytest

from tollbook.billing.bands import Band, TimeBands
from tollbook.billing.sheets import BandPrice, CallRate, Step
from tollbook.errors import Refusal
from tollbook.mediation.decks import DeckFile, read_deck
from tollbook.mediation.json_decks import is_json, read_json_deck

DAY = {"name": "day", "weekdays": ["mon", "fri"], "from": "08:00", "to": "20:00"}


def deck(*rates: Any, service: Any = "calls", **more: Any) -> DeckFile:
    return read_json_deck(json.dumps({"rates": rates, **more}).encode(), service)


def bad(*rates: Any, **more: Any) -> list[tuple[int, str | None, str]]:
    return [(each.line, each.column, each.reason) for each in deck(*rates, **more).bad]


def test_a_document_says_what_a_table_says() -> None:
    table = read_deck(
        b"Prefix,Price,Billing,Setup Fee,Country,Interstate\n44,0.01,60/60,0.02,GBR,0.5\n*,.4,1,,,\n", "calls"
    )
    written = deck(
        {
            "prefix": "44", "price": "0.01", "increments": "60/60", "connection_fee": 0.02, "country": "GBR",
            "interstate": 0.5,
        },
        {"prefix": None, "price": ".4", "billing_minimum": 1, "billing_increment": 1, "connection_fee": None},
    )  # fmt: skip
    assert written.rates == table.rates
    assert (written.bad, written.times) == ([], None)
    messages = deck({"mcc": "310", "mnc": "410", "price": 1}, {"mcc": None, "price": 2}, service="sms")
    assert messages.rates == read_deck(b"mcc,mnc,price\n310,410,1\n,,2\n", "sms").rates
    usage = deck({"type": "tts", "price": 1, "divide_by": 60, "rounding": "up"}, service="usage")
    assert usage.rates == read_deck(b"type,price,divide by,rounding\ntts,1,60,up\n", "usage").rates


def test_steps_and_bands() -> None:
    found = deck(
        {
            "prefix": "44", "price": "0.01",
            "steps": [{"from_second": 600, "price": 0.008, "billing_increment": 60,
                       "bands": [{"band": "day", "price": "0.007"}]}],
            "bands": [{"band": "day", "price": "0.02", "connection_fee": "0.1"}],
        },
        times={
            "bands": [DAY, {"name": "feast", "holidays": True}], "holidays": ["2025-12-25"], "zone": "Europe/Berlin",
        },
    )  # fmt: skip
    assert found.rates == (
        CallRate(
            prefix="44",
            rate=10_000_000,
            steps=(Step(from_second=600, rate=8_000_000, billing_increment=60, bands=(BandPrice("day", 7_000_000),)),),
            bands=(BandPrice("day", 20_000_000, 100_000_000),),
        ),
    )
    assert found.times == TimeBands(
        bands=(
            Band(name="day", weekdays=(0, 4), from_minute=480, to_minute=1200),
            Band(name="feast", holidays=True),
        ),
        holidays=(date(2025, 12, 25),),
        zone="Europe/Berlin",
    )


STEP = {"from_second": 60, "price": 1, "billing_increment": 1}


@pytest.mark.parametrize(
    ("rate", "column", "reason"),
    [
        (7, None, "expected an object"),
        ({"price": 1}, None, "has no prefix or npanxx"),
        ({"prefix": "44"}, None, "has no price or interstate or intrastate or indeterminate"),
        ({"prefix": "44", "price": 1, "prise": 1}, "prise", "is not known; did you mean price?"),
        ({"prefix": "44", "price": True}, "price", "expected a text or a number"),
        ({"prefix": "44", "price": "-1"}, "price", "expected a price like 0.0025; found '-1'"),
        ({"prefix": "44", "price": 1, "steps": {}}, "steps", "expected an array"),
        ({"prefix": "44", "price": 1, "steps": [7]}, "steps", "step 1: expected an object"),
        ({"prefix": "44", "price": 1, "steps": [{"price": 1}]}, "steps",
         "step 1: has no from_second, billing_increment"),
        ({"prefix": "44", "price": 1, "steps": [{**STEP, "from_second": "60"}]}, "steps",
         "step 1: from_second: expected a whole number"),
        ({"prefix": "44", "price": 1, "steps": [{**STEP, "price": "x"}]}, "steps",
         "step 1: price: expected a price like 0.0025"),
        ({"prefix": "44", "price": 1, "steps": [STEP, STEP]}, None,
         "expected at most 16 steps, each later than the one before"),
        ({"prefix": "44", "price": 1, "steps": [{**STEP, "billing_increment": 0}]}, None,
         "expected an increment of 1 to 86400 seconds"),
        ({"prefix": "44", "price": 1, "bands": [{"band": " ", "price": 1}]}, "bands", "band 1: band: is blank"),
        ({"prefix": "44", "price": 1, "bands": [{"band": "day", "price": 1, "fee": 1}]}, "bands",
         "band 1: fee is not known"),
    ],
)  # fmt: skip
def test_what_a_rate_cannot_say(rate: Any, column: str | None, reason: str) -> None:
    assert (2, column, reason) in bad({"prefix": "1", "price": 1}, rate)


def test_a_prefix_stands_once() -> None:
    assert bad({"prefix": "44", "price": 1}, {"prefix": "44", "price": 2}) == [
        (2, None, "the prefix 44 stands in rate 1 with other terms")
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not valid JSON at line 1"),
        (b"[]", "the deck: expected an object"),
        (b"{}", "the deck: has no rates"),
        (b'{"rates": 1}', "the deck: rates: expected an array"),
        (b'{"rates": [], "rates": []}', "the key rates stands twice"),
        (b'{"rates": [], "tines": {}}', "the deck: tines is not known; did you mean times?"),
        (b'{"rates": [], "times": {}}', "times: has no bands"),
        (b'{"rates": [], "times": {"bands": [{"name": "day", "from": "25:00"}]}}', "times: band 1: from: expected"),
        (b'{"rates": [], "times": {"bands": [{"name": "day", "from": "24:01"}]}}', "times: band 1: from: expected"),
        (b'{"rates": [], "times": {"bands": [{"name": "day", "from": "20:00", "to": "08:00"}]}}', "passes midnight"),
        (b'{"rates": [], "times": {"bands": [{"name": "day", "weekdays": ["monday"]}]}}', "expected days of mon"),
        (b'{"rates": [], "times": {"bands": [], "holidays": ["2025-02-30"]}}', "times: holidays: "),
        (b'{"rates": [], "times": {"bands": [], "holidays": ["x"]}}', "expected days like 2025-12-25"),
    ],
)
def test_what_a_document_cannot_say(data: bytes, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_json_deck(data, "calls")
    assert said in refused.value.flaws[0].message


def test_calls_alone_have_bands() -> None:
    with pytest.raises(Refusal) as refused:
        deck({"type": "tts", "price": 1}, service="usage", times={"bands": []})
    assert refused.value.flaws[0].message == "times: calls alone have bands of time"


def test_a_document_is_known_by_its_first_sign() -> None:
    assert [is_json(data) for data in (b'{"a"', b"\xef\xbb\xbf \n{", b"Prefix,Price", b"")] == [
        True,
        True,
        False,
        False,
    ]
