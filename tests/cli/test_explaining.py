"""`tollbook explain` at a terminal and for a pipe."""

import re
from pathlib import Path

import pytest
from tests.cli.conftest import Tollbook
from tests.engine import UK, Engine, call

from tollbook.billing.sheets import CallRate
from tollbook.money import parse_rate

NOW = "2024-12-20T10:00:00Z"


@pytest.fixture
def acme(tollbook: Tollbook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The display id of a partner with an adjusted, a paid and a credited invoice, in a book that commands find."""
    engine = Engine(tmp_path, NOW)
    engine.sheet(
        CallRate(prefix="1", rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60), name="United States"
    )
    engine.sheet(CallRate(prefix=None, rate=parse_rate("0.0031")), name="Elsewhere", to=[engine.operator.partner_sid])
    sid = engine.partner("Acme")
    engine.sheet(CallRate(prefix="1", rate=parse_rate("0.0025"), billing_minimum=60), name="United States", to=[sid])
    engine.record(call(sid, "a", NOW, seconds=8880), call(sid, "b", NOW, price=7), call(sid, "c", NOW, number_dst=UK))
    engine.run("2025-01-21T00:00:00Z")
    engine.correct("a", call(sid, "a", NOW, seconds=60))
    engine.pay(sid, "5", reference="r1")
    engine.correct("b", None)
    engine.store.close()
    monkeypatch.setenv("TOLLBOOK_DB", engine.store.url)
    return str(
        next(each["display_id"] for each in tollbook("partner", "list", "--json").json if each["name"] == "Acme")
    )


def terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))


def test_an_invoice_for_a_pipe(acme: str, tollbook: Tollbook) -> None:
    found = tollbook("explain", f"{acme}/001").json
    assert tollbook("explain", found["invoice_sid"], "--json").json == found
    assert found["display_id"] == "001"
    one = tollbook("explain", f"{acme}/1", "0").json
    assert one["invoice_items"] == found["invoice_items"][:1]


@pytest.mark.parametrize("columns", [60, 100])
def test_an_invoice_for_a_person(acme: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    terminal(monkeypatch, columns)
    first, second = tollbook("explain", f"{acme}/001").out, tollbook("explain", f"{acme}/002").out
    assert "Item 0: toll outbound USA, 2024-12-20 to 2025-01-19: 0.37" in first
    assert "rounded once half up: 0.37" in first
    assert "United States" in first
    assert "0.37 carried over" in " ".join(second.split())
    assert "reference r1" in " ".join(second.split())
    lines = re.sub(r"\x1b\[[0-9;]*m", "", first + second).splitlines()
    assert not [line for line in lines if len(line) > columns]
    assert ("exact price" in first) is (columns == 100)


def test_a_record_step_by_step(acme: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = tollbook("explain", "--record", "a").json
    assert (record["state"], record["invoice"]["adjusted"], record["price"]) == ("billed", True, "0.0025")
    terminal(monkeypatch, 200)
    told = tollbook("explain", "--record", "a").out
    assert "the partner's own since 2020-01-01" in told
    assert "the number asked is 12125550100, the called number" in told
    assert "the longest prefix that fits is 1" in told
    assert "record a: 8880 for 0.37 became 60 for 0.0025 = -0.3675 (a test)" in told
    assert "withdrawn" in tollbook("explain", "--record", "b").out
    assert (
        "has no rate yet: the sheet 'United States' has no rate for 442071838750"
        in tollbook("explain", "--record", "c").out
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give an invoice, or a record"),
        (("x", "--record", "y"), "give an invoice, or a record"),
        (("CX00000000/1",), "cannot find item by sid"),
        (("--record", "nothing"), "cannot find item by sid"),
    ],
)
def test_what_is_not_there_is_told(acme: str, tollbook: Tollbook, words: tuple[str, ...], said: str) -> None:
    ran = tollbook("explain", *words)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err


def test_an_item_that_is_not_there_is_told(acme: str, tollbook: Tollbook) -> None:
    assert "the invoice has 1 items, counted from 0" in tollbook("explain", f"{acme}/1", "5").err
