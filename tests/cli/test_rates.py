"""`tollbook import rates` and `tollbook rates`, as a person and as a script."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tollbook, book_url
from tests.engine import call

from tollbook.billing.rating import Rated
from tollbook.clock import SystemClock, format_instant, parse_instant
from tollbook.money import format_units
from tollbook.operations.books import operator_caller
from tollbook.operations.placing import rate
from tollbook.operations.recording import record
from tollbook.operations.sheets import Tariffs
from tollbook.store import open_store

DECK = (
    "Dial Code;Destination;Rate USD;Billing;Notes\n1;US;0,0025;6/6;x\n44;United Kingdom;0,01;60/60;\n*;Rest;0,5;1/1;\n"
)
SHEET = ("--name", "Retail", "--service", "calls", "--direction", "outbound")
IMPORT = ("import", "rates", "deck.csv", *SHEET, "--effective", "2025-01-01")
JSON_DECK = ("import", "rates", "deck.json", *SHEET, "--effective", "2025-01-01")
SID = "00000001-0000-4000-8000-000000000000"


@pytest.fixture
def deck(made: Any) -> str:
    Path("deck.csv").write_text(DECK, encoding="utf-8")
    return "deck.csv"


def taken(tollbook: Tollbook, *more: str, effective: str = "2025-01-01", name: str = "deck.csv") -> Any:
    ran = tollbook("import", "rates", name, *SHEET, "--effective", effective, "--json", *more)
    return ran.json


def test_a_deck_is_shown_then_written(deck: str, tollbook: Tollbook) -> None:
    words = ("import", "rates", deck, *SHEET, "--effective", "2025-01-01")
    ran = tollbook(*words, "--dry-run")
    assert ran.status == 0
    assert "Retail (outbound calls): 3 lines would be written as a new sheet from 2025-01-01T00:00:00.000Z" in ran.out
    assert [line.split()[:3] for line in ran.out.splitlines()[3:5]] == [
        ["prefix", "Dial", "Code"],
        ["country", "Destination", "2"],
    ]
    assert "not read: Notes" in ran.err
    assert "takes effect in the past" in ran.err
    assert tollbook("rates", "list", "--json").json == []
    ran = tollbook(*words)
    assert "3 lines written, a new sheet from" in ran.out
    assert "nobody has the sheet yet" in ran.err
    (sheet,) = tollbook("rates", "list", "--json").json
    assert (sheet["name"], sheet["lines"], sheet["versions"], sheet["assigned_to"]) == ("Retail", 3, 1, [])
    assert "in place of the version of that date" in tollbook(*words).out


def test_what_was_done_for_a_script(deck: str, made: Any, tollbook: Tollbook) -> None:
    found = taken(
        tollbook, "--default", "--assign", made["partner_sid"], "--rounding", "half_up:4", "--convention", "whole"
    )
    assert found["columns"] == [
        {"target": "prefix", "heading": "Dial Code", "number": 1},
        {"target": "country", "heading": "Destination", "number": 2},
        {"target": "price", "heading": "Rate USD", "number": 3},
        {"target": "increments", "heading": "Billing", "number": 4},
    ]
    assert (found["lines"], found["written"], found["new_sheet"], found["bad"]) == (3, True, True, 0)
    assert found["assigned_to"] == [made["partner_sid"], None]
    assert [finding["name"] for finding in found["findings"]] == ["dates"]
    shown = tollbook("rates", "show", "Retail", "--json").json
    assert shown["version_sid"] == found["version_sid"]
    assert shown["rates"][0] == {
        "prefix": "1", "price": "0.0025", "billing_minimum": 6, "billing_increment": 6, "connection_fee": None,
        "charge_minimum": None, "charge_maximum": None, "country_code": "USA", "country_name": None,
        "interstate": None, "intrastate": None, "indeterminate": None, "steps": None, "bands": None,
    }  # fmt: skip
    second = taken(tollbook, "--dry-run", effective="2025-02-01")
    assert (second["written"], second["new_sheet"], second["replaced_sid"]) == (False, False, None)


@pytest.mark.files
def test_a_json_deck_has_steps_and_bands_and_comes_back_as_it_was(made: Any, tollbook: Tollbook) -> None:
    written = {
        "rates": [
            {
                "prefix": None, "price": "0.01", "billing_minimum": 0, "billing_increment": 1, "connection_fee": None,
                "charge_minimum": None, "charge_maximum": None, "country_code": None, "country_name": None,
                "interstate": None, "intrastate": None, "indeterminate": None,
                "steps": [{"from_second": 60, "price": "0.005", "billing_increment": 60, "bands": None}],
                "bands": [{"band": "night", "price": "0.002", "connection_fee": "0"}],
            }
        ],
        "times": {
            "zone": "Europe/London", "holidays": ["2025-12-25"],
            "bands": [{"name": "night", "weekdays": ["mon", "sun"], "holidays": True, "from": "00:00", "to": "08:00"}],
        },
    }  # fmt: skip
    Path("deck.json").write_text(json.dumps(written), encoding="utf-8")
    words = ("import", "rates", "deck.json", *SHEET, "--effective", "2025-01-01", "--default")
    ran = tollbook(*words, "--dry-run")
    assert "1 lines would be written as a new sheet" in ran.out
    assert "from 60 s 0.005 by 60 s" in ran.out
    assert "night: mon sun holidays, 00:00 to 08:00 Europe/London" in ran.err
    assert tollbook(*words).status == 0
    shown = tollbook("rates", "show", "Retail", "--json").json
    assert {name: shown[name] for name in written} == written
    for when, seconds, price in (("2025-01-06T03", 30, "0.001"), ("2025-01-06T12", 30, "0.005"),
                                 ("2025-12-25T03", 30, "0.001"), ("2025-01-06T12", 90, "0.015")):  # fmt: skip
        assert charged(made, f"{when}:00:00Z", seconds) == price


def charged(made: Any, began: str, seconds: int) -> str:
    """What a call of so many seconds costs by the default sheet."""
    store = open_store("tollbook.db", SystemClock())
    stop = format_instant(parse_instant(began) + seconds * 1000)
    with store.reading() as book:
        rated = rate(call(made["partner_sid"], "x", stop, seconds=seconds), Tariffs(book))
    store.close()
    assert isinstance(rated, Rated)
    return format_units(rated.units)


def test_a_json_deck_is_judged_and_its_flaws_are_told(made: Any, tollbook: Tollbook) -> None:
    flawed = {"rates": [{"prefix": "44", "price": 1, "bands": [{"band": "dusk", "price": 1}]}]}
    Path("deck.json").write_text(json.dumps(flawed), encoding="utf-8")
    assert "band_unknown: 44 prices a band 'dusk' that is not there" in tollbook(*JSON_DECK).err
    Path("deck.json").write_text('{"rates": [{"prefix": "44", "price": "x"}]}', encoding="utf-8")
    ran = tollbook(*JSON_DECK)
    assert (ran.status, "rate 1: price: expected a price like 0.0025; found 'x'" in ran.err) == (1, True)
    assert "nothing was written: 1 of 1 rates are bad" in ran.err
    assert "a JSON deck has no columns" in tollbook(*JSON_DECK, "--map", "price=x").err
    Path("deck.json").write_text('{"rates": [{"prefix": "44", "price": 1}], "times": {"bands": [], "zone": "Mars"}}')
    assert "Mars" in tollbook(*JSON_DECK).err


def test_bad_lines_are_told_and_nothing_is_written(deck: str, tollbook: Tollbook) -> None:
    Path(deck).write_text(DECK + "4x;;-1;1/1;\n1;US;9;6/6;\n", encoding="utf-8")
    ran = tollbook("import", "rates", deck, *SHEET, "--effective", "2025-01-01")
    assert ran.status == 1
    assert "line 5: Dial Code: expected a code of digits" in ran.err
    assert "line 5: Rate USD: expected a price like 0.0025; found '-1'" in ran.err
    assert "line 6: the prefix 1 stands in line 2 with other terms" in ran.err
    assert "nothing was written: 2 of 5 lines are bad" in ran.err
    told = taken(tollbook)
    assert (told["bad"], told["written"], told["version_sid"]) == (2, False, None)
    assert told["errors"][0]["column"] == "Dial Code"
    assert tollbook("rates", "list", "--json").json == []
    Path(deck).write_text("code,rate\n" + "x,1\n" * 200, encoding="utf-8")
    assert "not every flaw is shown" in tollbook("import", "rates", deck, *SHEET, "--effective", "2025-01-01").err


def test_columns_may_be_told(deck: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(deck).write_text("Number,Old,New\n44,1,2\n,3,4\n", encoding="utf-8")
    ran = tollbook("import", "rates", deck, *SHEET, "--effective", "2025-01-01")
    assert (ran.status, ran.out) == (1, "")
    assert "no column for prefix or npanxx; name it with --map prefix=" in ran.err
    found = taken(tollbook, "--map", "prefix=Number", "--map", "price=#3")
    assert (found["unused"], found["lines"]) == (["Old"], 2)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"type,price\ntts,0.01\n")))
    words = (
        "import",
        "rates",
        "-",
        "--name",
        "Other",
        "--service",
        "usage",
        "--effective",
        "2025-01-01T12:00:00Z",
        "--default",
    )
    assert "Other (usage): 1 lines written" in tollbook(*words).out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"mcc,mnc,price\n310,26,0.01\n,,1\n")))
    sms = ("SMS", "--service", "sms", "--direction", "outbound")
    assert (
        "SMS (outbound sms): 2 lines written"
        in tollbook("import", "rates", "-", "--effective", "2025-01-01", "--name", *sms).out
    )


def test_sheets_are_given_to_partners(deck: str, made: Any, tollbook: Tollbook) -> None:
    taken(tollbook)
    ran = tollbook("rates", "assign", "Retail", made["partner_sid"], "--effective", "2025-03-01")
    assert ran.err == f"Retail is the sheet of {made['partner_sid']}\n"
    assert tollbook("rates", "assign", "Retail", "--default", "--json").json["assigned_to"] == [None]
    assert f"default {made['partner_sid']}" in tollbook("rates", "list").out
    assert tollbook("rates", "list", "--json").json[0]["assigned_to"] == [None, made["partner_sid"]]


def test_versions_are_shown_by_date(deck: str, tollbook: Tollbook) -> None:
    taken(tollbook)
    Path(deck).write_text("code,rate,name\n1,9,US\n44,0.01,\n", encoding="utf-8")
    taken(tollbook, effective="2090-01-01")
    ran = tollbook("rates", "show", "Retail", "--limit", "1")
    assert "catch-all" not in ran.out
    assert ran.err == "1 of 3 lines; --limit 0 shows all\n"
    assert "catch-all" in tollbook("rates", "show", "Retail").out
    later = tollbook("rates", "show", "Retail", "--at", "2091-01-01", "--limit", "0", "--json").json
    assert [(line["prefix"], line["price"]) for line in later["rates"]] == [("1", "9"), ("44", "0.01")]
    assert [version["used"] for version in later["versions"]] == [False, False]
    assert tollbook("rates", "show", "Retail", "--at", "2001-01-01", "--json").json["rates"][2]["prefix"] is None


def test_the_linter_speaks(deck: str, tollbook: Tollbook) -> None:
    taken(tollbook)
    ran = tollbook("rates", "lint", "Retail")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    Path(deck).write_text("code,rate\n1,9\n0044,0.01\n", encoding="utf-8")
    taken(tollbook, effective="2090-01-01")
    ran = tollbook("rates", "lint", "Retail")
    assert ran.status == 1
    assert "no_catch_all: the sheet has no catch-all" in ran.err
    assert "never_matches: 0044 starts with 0" in ran.err
    assert "jump: 1 moves by more than 50 %, from 0.0025 to 9" in ran.err
    names = [each["name"] for each in tollbook("rates", "lint", "Retail", "--jump-percent", "1000000", "--json").json]
    assert "jump" not in names
    ran = tollbook("rates", "lint", "Retail", "--at", "2026-01-01")
    assert "jump" not in ran.err
    assert "before a version" in ran.err


def test_many_findings_are_cut(deck: str, tollbook: Tollbook) -> None:
    Path(deck).write_text("code,rate\n" + "".join(f"0{n},1\n" for n in range(150)), encoding="utf-8")
    assert "findings more" in tollbook("import", "rates", deck, *SHEET, "--effective", "2090-01-01").err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("rates", "show", "None"), "no sheet is called None"),
        (("rates", "lint", "None"), "no sheet is called None"),
        (("rates", "assign", "None", SID), "no sheet is called None"),
        (("rates", "assign", "Retail"), "give SID… or --default"),
        (("rates", "assign", "Retail", SID), f"there is no partner {SID}"),
        (("rates", "assign", "Retail", "--default", "--effective", "soon"), "effective: expected a date"),
        (("rates", "lint", "Retail", "--at", "2001-01-01"), "no version of Retail holds then"),
        (("import", "rates", "none.csv", *SHEET, "--effective", "2025-01-01"), "none.csv: No such file"),
        (("import", "rates", "deck.csv", *SHEET, "--effective", "1999-01-01"), "expected a year from 2000 to 2100"),
        ((*IMPORT, "--map", "price"), "expected each column once"),
        ((*IMPORT, "--rounding", "up"), "such as half_up:4"),
        ((*IMPORT, "--rounding", "half:4"), "such as half_up"),
        ((*IMPORT, "--assign", SID), "there is no partner"),
        (("import", "rates", "deck.csv", *SHEET[:4], "--effective", "2025-01-01"), "direction: is inbound or outbound"),
        (("import", "rates", "deck.csv", *SHEET[:5], "inbound", "--effective", "2025-01-01"), "Retail prices outbound"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_refusals(words: tuple[str, ...], reason: str, deck: str, tollbook: Tollbook) -> None:
    taken(tollbook)
    ran = tollbook(*words)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("tollbook: ")
    assert reason in ran.err


def test_a_rate_finds_what_waited_for_it(deck: str, tollbook: Tollbook) -> None:
    partner_sid = tollbook("partner", "add", "--name", "Acme", "--json").json["partner_sid"]
    store = open_store(book_url(), SystemClock())
    now = format_instant(store.clock.now())
    calls = [call(partner_sid, number, now, seconds=60) for number in ("c1", "c2")]
    outcomes = store.act(lambda act: record(act, operator_caller(store), calls))
    store.close()
    assert [outcome.unrated for outcome in outcomes] == [True, True]
    assert taken(tollbook)["rated"] == 0
    ran = tollbook("rates", "assign", "Retail", partner_sid, "--effective", "2025-01-01")
    assert "2 records that had waited for a rate have one now" in ran.err
    assert tollbook("rates", "assign", "Retail", "--default", "--json").json["rated"] == 0
    assert tollbook("rates", "show", "Retail", "--json").json["versions"][0]["used"] is True
