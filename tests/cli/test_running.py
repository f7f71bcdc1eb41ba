"""`tollbook bill` and what is about how partners are billed: as a person and as a script sees it."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ran, Tollbook
from tests.engine import Engine, call
from tests.making import sid

from tollbook.billing.sheets import CallRate
from tollbook.money import parse_rate

NOW = "2024-11-20T10:00:00Z"
CLOSED = "2024-12-20T00:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A sandbox beside the command line's folder, with a rate of 1 a minute for outbound calls."""
    made = Engine(tmp_path, NOW, close_delay_seconds=0, sandbox=True)
    made.sheet(CallRate(prefix=None, rate=parse_rate("1")))
    return made


@pytest.fixture
def run(engine: Engine, tollbook: Tollbook) -> Tollbook:
    """Runs a command on that book."""
    return lambda *words: tollbook(*words, "--db", engine.store.url)


def use(engine: Engine, partner_sid: str, dr_sid: str, minutes: int, stop: str = NOW) -> None:
    (outcome,) = engine.record(call(partner_sid, dr_sid, stop, seconds=60 * minutes))
    assert outcome.result in ("accepted", "parked")


def lines(ran: Ran) -> list[list[str]]:
    """The words of each line that was printed."""
    return [line.split() for line in ran.out.splitlines()]


def test_a_dry_run_shows_each_invoice_beside_the_one_before_and_changes_nothing(engine: Engine, run: Tollbook) -> None:
    beta, acme = engine.partner("Beta"), engine.partner("acme")
    use(engine, acme, "a", 1200)
    use(engine, beta, "b", 3)
    engine.run(CLOSED)
    use(engine, acme, "c", 100, CLOSED)
    engine.at("2025-01-20T00:00:00Z")
    before = engine.invoices(acme)
    ran = run("bill", "--dry-run")
    assert ran.status == 0
    assert lines(ran)[2:4] == [
        ["acme", "002", "2025-01-19", "100.00", "1,200.00", "-1,100.00"],
        ["Beta", "002", "2025-01-19", "0.00", "3.00", "-3.00"],
    ]
    assert lines(ran)[-2:] == [
        ["total", "2", "100.00", "1,203.00", "-1,103.00"],
        ["2", "invoices", "would", "be", "issued,", "100.00", "USD;", "2", "partners", "looked", "at"],
    ]
    assert engine.invoices(acme) == before


def test_a_run_closes_what_is_due_and_the_next_finds_nothing(engine: Engine, run: Tollbook) -> None:
    acme = engine.partner("Acme")
    use(engine, acme, "a", 5)
    engine.at(CLOSED)
    made = run("bill", "--json").json
    (issued,) = made.pop("issued")
    assert made == {
        "dry_run": False, "currency": "USD", "partners": 1, "invoices": 1, "amount": "5", "amount_before": "0",
        "partners_unrated": 0, "left_alone": [], "parked": [],
    }  # fmt: skip
    assert (issued["partner_sid"], issued["amount"], issued["amount_before"]) == (acme, "5", None)
    assert run("bill").out == "0 invoices issued; 0 partners looked at\n"


def test_a_run_of_one_partner_leaves_the_others(engine: Engine, run: Tollbook) -> None:
    one, other = engine.partner("One"), engine.partner("Other")
    for partner_sid in (one, other):
        use(engine, partner_sid, "a", 1)
    engine.at(CLOSED)
    assert run("bill", "--partner", one, "--json").json["invoices"] == 1
    assert [engine.figures(each, "status")[0] for each in (one, other)] == [("closed",), ("open",)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bill", "run", "X"), "sid: a run takes no invoices"),
        (("bill", "approve"), "sid: give the invoices to approve, and nothing else"),
        (("bill", "withdraw", "X", "--dry-run"), "sid: give the invoices to withdraw, and nothing else"),
        (("bill", "approve", sid(9)), "cannot find item by sid"),
        (("bill", "--partner", sid(9)), "cannot find item by sid"),
        (("partner", "billing", sid(9)), "cannot find item by sid"),
        (("partner", "start-billing", sid(9)), "cannot find item by sid"),
        (("partner", "hold", sid(9), "--reason", "x"), "cannot find item by sid"),
        (("partner", "needs-approval", sid(9), "yes"), "cannot find item by sid"),
        (("journal", sid(9)), "cannot find item by sid"),
        (("book", "set", "close_delay", "1"), "name: unknown setting; did you mean close_delay_seconds?"),
        (("book", "set", "close_delay_seconds", "-1"), "expected a whole number from 0 to 2678400"),
        (("book", "set", "usage_age_days_max", "soon"), "expected a whole number from 1 to 36525"),
        (("book", "set", "spending_policy", "shout"), "expected one of warn, block, charge"),
    ],
)
def test_what_cannot_be_says_why(engine: Engine, run: Tollbook, words: tuple[str, ...], said: str) -> None:
    ran = run(*words)
    assert ran.status == 1
    assert said in ran.err


def test_invoices_that_need_an_approval_are_listed_until_they_have_it(engine: Engine, run: Tollbook) -> None:
    careful, held = engine.partner("Careful", needs_approval=True), engine.partner("Held")
    for partner_sid in (careful, held):
        use(engine, partner_sid, "a", 2)
    assert "on hold" in run("partner", "hold", held, "--reason", "disputed").err
    engine.at(CLOSED)
    invoice_sid = engine.invoices(careful)[0]["invoice_sid"]
    ran = run("bill")
    assert ["Careful", "001", "2.00", "approval", invoice_sid] in lines(ran)
    assert ["Held", "001", "2.00", "hold", engine.invoices(held)[0]["invoice_sid"]] in lines(ran)
    assert run("bill", "approve", invoice_sid).err == f"invoice {invoice_sid} is approved\n"
    assert lines(run("partner", "billing", careful))[-2][3:5] == ["2024-12-20,", "approved"]
    assert run("bill", "withdraw", invoice_sid, "--json").json == {"invoice_sids": [invoice_sid], "approved": False}
    assert run("bill", "--json").json["invoices"] == 0
    run("bill", "approve", invoice_sid)
    assert run("partner", "release", held, "--json").json["status"] == "billed"
    assert run("bill", "--json").json["invoices"] == 2
    assert run("partner", "needs-approval", careful, "no", "--json").json["needs_approval"] is False


def test_a_partner_shows_how_it_is_billed(engine: Engine, run: Tollbook) -> None:
    acme = engine.partner("Acme", cycle="weekly")
    use(engine, acme, "a", 90)
    engine.record(call(acme, "b", NOW, direction="inbound"))
    assert "1 partner has records without a rate" in run("bill", "--dry-run").err
    shown = dict(words.split(maxsplit=1) for words in run("partner", "billing", acme).out.splitlines()[2:8])
    assert {name: value.strip() for name, value in shown.items()} == {
        "partner": "Acme",
        "status": "billed",
        "cycle": "weekly since 2024-11-20",
        "balance": "-90.00 USD, postpay",
        "next": "due  2024-11-26 23:30:00",
        "unrated": "1 record without a rate yet",
    }
    record = run("partner", "billing", acme, "--json").json
    assert record["invoices_open"][0]["date_closes"] == "2024-11-27T00:00:00.000Z"
    assert (record["usage_unrated"], record["usage_parked"], record["balance"]) == (1, 0, "-90")


def test_a_partner_is_parked_told_and_freed(engine: Engine, run: Tollbook) -> None:
    acme = engine.partner("Acme")
    engine.record(*(call(acme, f"huge {n}", NOW, price=parse_rate("999999")) for n in range(101)))
    use(engine, acme, "small", 1)
    engine.pay(acme, "7")
    ran = run("partner", "billing", acme)
    assert ["waiting", "102", "records", "and", "payments", "of", "7"] in lines(ran)
    assert any(words[:2] == ["status", "parked:"] for words in lines(ran))
    (notice,) = run("notices", "--json").json
    assert (notice["kind"], notice["partner_sid"], notice["date_answered"]) == ("parked", acme, None)
    ran = run("partner", "unpark", acme)
    assert ran.status == 1
    assert re.search("parked: .*; why: law 1: .* beyond any bound", ran.err)
    assert run("partner", "unpark", engine.partner("Other")).status == 1


def test_notices_are_listed_until_they_are_answered(engine: Engine, run: Tollbook) -> None:
    acme = engine.partner("Acme", spending_limit=5_000_000)
    assert (run("notices").out, run("notices").err) == ("", "there is nothing to tell\n")
    use(engine, acme, "a", 6)
    assert lines(run("notices"))[2] == ["2024-11-20", "Acme", "spending", "limit", "owes", "more", "than", "5"]
    engine.pay(acme, "6")
    assert run("notices", "--json").json == []
    assert lines(run("notices", "--all"))[2][-2:] == ["5;", "answered"]
    use(engine, acme, "b", 6)
    assert [notice["kind"] for notice in run("notices", "--json").json] == ["spending_limit"]
    run("partner", "set", acme, "spending_limit=")
    assert run("notices", "--json").json == []


def test_a_partner_is_given_limits_and_terms(engine: Engine, run: Tollbook) -> None:
    acme = engine.partner("Acme")
    made = run("partner", "set", acme, "payment_type=prepay", "prepay_amount=50", "spending_limit=7.5", "--json").json
    assert (made["payment_type"], made["prepay_amount"], made["spending_limit"]) == ("prepay", "50", "7.5")
    assert run("partner", "set", acme, "spending_limit=").err == "Acme is changed: spending_limit\n"
    assert run("partner", "show", acme, "--json").json["spending_limit"] is None
    assert run("partner", "set", acme, "prepay").err == "tollbook: value: expected NAME=VALUE, found prepay\n"
    assert run("partner", "set", acme, "spending_limit=-1").err == "tollbook: spending_limit: cannot be negative\n"
    assert run("partner", "set", acme, "limit=1").err.startswith("tollbook: limit: unknown attribute")


def test_moving_the_clock_says_what_closed(engine: Engine, run: Tollbook) -> None:
    engine.partner("Acme")
    assert run("clock", "advance", "1d").err == ""
    assert run("clock", "advance", "30d").err == "1 invoice closed and issued: tollbook invoices\n"


def test_the_journal_of_a_partner_and_of_an_invoice(engine: Engine, run: Tollbook) -> None:
    acme = engine.partner("Acme")
    run("partner", "hold", acme, "--reason", "disputed")
    run("partner", "release", acme)
    engine.run(CLOSED)
    entries = run("journal", acme, "--json").json
    moves = [entry["move"] for entry in entries]
    assert moves == ["start_billing", "hold", "release", "open", "open", "close", "settle"]
    assert (entries[1]["who"], entries[1]["why"]) == (engine.operator.partner_sid, "disputed")
    invoice_sid = engine.invoices(acme)[0]["invoice_sid"]
    told = lines(run("journal", invoice_sid))[2:]
    assert [words[2:4] for words in told] == [["001", "open"], ["001", "close"], ["001", "settle"]]
    assert run("journal", engine.operator.partner_sid).err == "tollbook: the operator gets no invoices\n"


def test_a_partner_with_a_cycle_of_its_own(engine: Engine, run: Tollbook) -> None:
    made = run(
        "partner", "add", "--name", "Acme", "--cycle", "quarter", "--from", "2024-11-01", "--needs-approval", "--json"
    ).json
    shown = run("partner", "billing", made["partner_sid"], "--json").json
    assert (shown["cycle"], shown["date_begins"], shown["needs_approval"]) == (
        "quarter",
        "2024-11-01T00:00:00.000Z",
        True,
    )
    ran = run("partner", "add", "--name", "Acme", "--from", "2020-01-01")
    assert ran.err == "tollbook: from: is older than 730 days (the book's usage_age_days_max)\n"
    assert run("partner", "add", "--name", "Acme", "--from", "soon").err.startswith("tollbook: from: expected a date")


def test_a_partner_is_not_billed_until_it_is_told(engine: Engine, run: Tollbook) -> None:
    partner_sid = run("partner", "add", "--name", "Acme", "--unbilled", "--json").json["partner_sid"]
    ran = run("partner", "billing", partner_sid)
    assert ran.err == f"tollbook: Acme is not billed; tollbook partner start-billing {partner_sid} begins it\n"
    ran = run("partner", "start-billing", partner_sid, "--from", "2024-11-15", "--anchor", "2024-11-01")
    assert ["cycle", "monthly", "since", "2024-11-15,", "counted", "from", "2024-11-01"] in lines(ran)
    assert lines(ran)[-1][:2] == ["001", "2024-11-30"]
    assert "is billed already" in run("partner", "start-billing", partner_sid).err


def test_rating_anew_shows_the_difference_and_applies_it_when_told(engine: Engine, run: Tollbook) -> None:
    acme = engine.partner("Acme")
    use(engine, acme, "a", 10)
    use(engine, acme, "b", 1)
    words = ("rerate", "--partner", acme, "--from", "2024-11-20", "--to", "2024-11-21")
    assert run(*words).out == "no price changes\n"
    engine.sheet(CallRate(prefix=None, rate=parse_rate("0.5")), effective="2024-11-01")
    ran = run(*words)
    assert lines(ran)[2:] == [["a", "10", "5", "-5"], ["b", "1", "0.5", "-0.5"], [], ["2", "in", "all", *_TOTALS]]
    assert "nothing is changed" in ran.err
    assert engine.balance(acme) == "-11"
    assert run(*words, "--apply").err == "tollbook: reason: give the reason: it is kept with every record\n"
    made = run(*words, "--apply", "--reason", "wrong deck", "--json").json
    assert (made["applied"], made["records"], made["before"], made["after"]) == (True, 2, "11", "5.5")
    assert engine.balance(acme) == "-5.5"


_TOTALS = ["11", "5.5", "-5.5"]


def test_a_shorter_delay_closes_what_is_due_by_it(tmp_path: Path, tollbook: Tollbook) -> None:
    engine = Engine(tmp_path, NOW, close_delay_seconds=86_400, sandbox=True)
    engine.partner("Acme")
    engine.run(CLOSED)
    engine.at("2024-12-20T01:00:00Z")
    url = engine.store.url
    assert tollbook("bill", "--db", url, "--json").json["invoices"] == 0
    shown: dict[str, Any] = tollbook("book", "set", "close_delay_seconds", "3600", "--db", url, "--json").json
    assert shown == {"close_delay_seconds": "3600", "spending_policy": "warn", "usage_age_days_max": "730"}
    assert tollbook("bill", "--db", url, "--json").json["invoices"] == 1
    assert tollbook("book", "show", "--db", url, "--json").json == {"currency": "USD"} | shown
    ran = tollbook("book", "show", "--db", url)
    assert ["close_delay_seconds", "3600"] in [words[:2] for words in lines(ran)]
