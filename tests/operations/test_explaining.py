"""What is explained adds up, line by line, to the sums that were billed and the cents that are printed."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import PROVING
from tests.engine import UK, Engine, call, message
from tests.making import CHILD, GRANDCHILD, OPERATOR, RESELLER, invoice, put, sid
from tests.operations.random_bills import Life
from tests.stores import behind

from tollbook import limits
from tollbook.billing.bands import Band, TimeBands
from tollbook.billing.model import Caller
from tollbook.billing.scopes import SCOPES
from tollbook.billing.sheets import BandPrice, CallRate, PriceRounding
from tollbook.errors import Refusal
from tollbook.money import ITEM_UNITS, format_amount, item_amount, parse_rate
from tollbook.operations.correcting import rerate
from tollbook.operations.explaining import encode_tidy, explain_invoice, find_invoice
from tollbook.operations.explaining_records import explain_records
from tollbook.operations.invoice_records import read_invoice
from tollbook.query.records import decode_json, encode_json
from tollbook.query.sample import SAMPLE
from tollbook.store import Store
from tollbook.store.usage_sums import RATE_SUMS

NOW = "2024-12-20T10:00:00Z"
CLOSED = "2025-01-21T00:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = Engine(tmp_path, NOW)
    made.sheet(
        CallRate(prefix="1", rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60),
        CallRate(prefix="44", rate=parse_rate("0.0031"), billing_minimum=1, billing_increment=1),
        name="World",
    )
    return made


@pytest.fixture
def acme(engine: Engine) -> str:
    return engine.partner("Acme")


def explained(engine: Engine, partner_sid: str, place: int = -1) -> dict[str, Any]:
    found = explain_invoice(engine.store, engine.caller, engine.invoices(partner_sid)[place]["invoice_sid"])
    made: dict[str, Any] = decode_json(encode_tidy(found))
    return made


def value(text: str) -> Fraction:
    """What an exact text says."""
    sign = -1 if text.startswith("-") else 1
    decimals, _, rest = text.lstrip("-").strip("()").partition(" + ")
    return sign * (Fraction(decimals) + (Fraction(rest.split(" ")[0]) / 10**9 if rest else 0))


def assert_adds_up(served: dict[str, Any], found: dict[str, Any]) -> None:
    """What is explained is the invoice that is served, and each line the sum of what is behind it."""
    for name in ("invoice_items", "tax_items", "pay_items"):
        shown = [{key: each[key] for key in of} for of, each in zip(served[name], found[name], strict=True)]
        assert shown == served[name]
    for item in found["invoice_items"]:
        if item["credit"]:
            continue
        parts = [*item["rates"], *item["corrections"]]
        more = [item["more_corrections"]] if item["more_corrections"] else []
        units = sum(int(part["units"]) for part in [*parts, *more])
        assert units == int(item["units"])
        assert sum(part["usage"] for part in parts) == item["usage"] or more
        assert value(item["exact"]) == Fraction(units, ITEM_UNITS)
        assert format_amount(item_amount(units)) == item["amount"]
        assert item["words"] == [f"exact sum {item['exact']}, rounded once half up: {item['amount']}"]
        for part in parts:
            said = value(re.split(" = ", part["words"])[-1].partition(" (a ")[0].partition(" (anew")[0])
            assert said == value(part["exact"]) == Fraction(int(part["units"]), ITEM_UNITS)
        for rate in item["rates"]:
            assert said_product(rate["words"]) == Fraction(int(rate["units"]), ITEM_UNITS)
    (words,) = (line for line in found["balance"]["words"] if "=" in line)
    previous, amount, tax, paid, forward = map(Fraction, re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", words))
    assert previous + amount + tax - paid == forward == Fraction(served["balance_forward"])


def said_product(words: str) -> Fraction:
    """What the arithmetic of a rate's line comes to, worked out from its words."""
    _, _, line = words.partition(": ")
    if "came with the records" in line:
        return value(line.rpartition(" = ")[2])
    factors, _, rest = line.partition(" = ")
    found = re.match(r"(\d+)(?: s| segments?)? at ([\d.]+)( a minute)?", factors)
    assert found
    product = int(found[1]) * Fraction(found[2]) / (60 if found[3] else 1)
    shown, _, beside = rest.partition(", and ")
    assert value(shown) == product
    return product + (value(beside.partition(" by ")[0]) if beside else 0)


@given(seed=st.integers(0, 2**32), acts=st.integers(1, 60))
@settings(max_examples=300 if PROVING else 25, suppress_health_check=[HealthCheck.too_slow])
def test_every_line_of_any_book_adds_up(tmp_path_factory: pytest.TempPathFactory, seed: int, acts: int) -> None:
    life = Life(tmp_path_factory.mktemp("life"), seed).live(acts)
    for partner_sid in life.partners:
        for place, served in enumerate(life.engine.invoices(partner_sid)):
            assert_adds_up(served, explained(life.engine, partner_sid, place))
    life.engine.store.close()


def test_rates_are_told_with_sheet_prefix_seconds_and_product(engine: Engine, acme: str) -> None:
    engine.record(
        call(acme, "a", NOW, seconds=8881),
        call(acme, "b", NOW, seconds=61, number_dst=UK),
        call(acme, "c", NOW, price=5),
    )
    british, american = explained(engine, acme)["invoice_items"]
    (rate,) = british["rates"]
    assert (rate["prefix"], rate["rate"], rate["seconds_measured"], rate["usage"]) == ("44", "0.0031", "61", 61)
    assert rate["sheet"]["name"] == "World"
    assert rate["sheet"]["effective_date"] == "2020-01-01T00:00:00.000Z"
    assert british["words"] == ["exact sum 0.003151666 + 40/60 × 10⁻⁹, rounded once half up: 0"]
    assert [each["words"] for each in american["rates"]] == [
        "1 record: 8940 s at 0.0025 a minute (prefix 1) = 0.3725",
        "1 record: 60 s at prices that came with the records = 0.000000005",
    ]
    assert (american["rates"][1]["sheet"], american["rates"][1]["rate"]) == (None, None)


@pytest.mark.files
def test_an_items_records_are_one_range_of_the_key(engine: Engine) -> None:
    with behind(engine.store) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {RATE_SUMS}", ("p", 0, 1, "i"))]
    assert plan[0] == "SEARCH event USING PRIMARY KEY (partner_sid=? AND date>? AND date<?)"


def test_what_makes_a_price_other_than_a_product_is_named(engine: Engine) -> None:
    engine.sheet(
        CallRate(prefix=None, rate=parse_rate("0.01"), connection_fee=parse_rate("0.02"), billing_increment=60),
        name="Fees",
        effective=NOW,
        price_rounding=PriceRounding("up", 2),
    )
    acme = engine.partner("Acme")
    engine.record(call(acme, "a", "2024-12-20T10:30:00Z", seconds=90), call(acme, "b", "2024-12-20T10:31:00Z"))
    (item,) = explained(engine, acme)["invoice_items"]
    assert [rate["words"] for rate in item["rates"]] == [
        "2 records: 180 s at 0.01 a minute = 0.03, and 0.04 by connection fees and rounding each record = 0.07"
    ]


def test_bands_of_time_are_named_where_the_rate_has_a_price_for_one(engine: Engine) -> None:
    night = Band(name="night", weekdays=(0, 1, 2, 3, 4, 5, 6), from_minute=20 * 60)
    banded = CallRate(prefix="1", rate=parse_rate("0.01"), bands=(BandPrice(band="night", rate=parse_rate("0.005")),))
    engine.sheet(
        banded,
        CallRate(prefix="44", rate=parse_rate("0.01"), charge_minimum=parse_rate("0.0333")),
        name="Nights",
        effective=NOW,
        times=TimeBands(bands=(night,)),
        price_rounding=PriceRounding("up", 2),
    )
    acme = engine.partner("Acme")
    engine.record(
        call(acme, "a", "2024-12-20T19:59:30Z", seconds=61),
        call(acme, "b", "2024-12-20T20:00:00Z", seconds=60, number_dst=UK),
    )
    british, american = explained(engine, acme)["invoice_items"]
    assert " by bands of time and rounding each record = " in american["rates"][0]["words"]
    assert " by minimum charges and rounding each record = " in british["rates"][0]["words"]
    (record,) = explain_records(engine.store, engine.caller, "b")
    assert "minimum charge 0.0333 in place of 0.01" in record["words"]


def test_a_closed_invoice_is_explained_by_what_it_froze(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880), call(acme, "b", NOW, seconds=61, number_dst=UK))
    before = [item["rates"] for item in explained(engine, acme)["invoice_items"]]
    engine.run(CLOSED)
    engine.correct("a", call(acme, "a", NOW, seconds=60))
    engine.correct("a", call(acme, "a", NOW, seconds=120, number_dst=UK))
    engine.correct("b", None)
    assert [item["rates"] for item in explained(engine, acme, 0)["invoice_items"]] == before
    british, american = explained(engine, acme)["invoice_items"]
    assert [each["words"] for each in american["corrections"]] == [
        "record a: 8880 for 0.37 became 60 for 0.0025 = -0.3675 (a test)",
        "record a: 60 for 0.0025 became nothing = -0.0025 (a test)",
    ]
    assert [each["words"] for each in british["corrections"]] == [
        "record a: nothing became 120 for 0.0062 = 0.0062 (a test)",
        "record b: 61 for 0.003151666 + 40/60 × 10⁻⁹ became nothing = -(0.003151666 + 40/60 × 10⁻⁹) (a test)",
    ]
    assert american["corrections"][0]["who"] == engine.operator.partner_sid


def test_a_record_that_moves_to_an_open_period_is_taken_off_here_and_counted_there(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    engine.correct("a", call(acme, "a", CLOSED, seconds=60))
    toll, adjustment = explained(engine, acme)["invoice_items"]
    assert [each["words"] for each in toll["rates"]] == ["1 record: 60 s at 0.0025 a minute (prefix 1) = 0.0025"]
    assert [each["words"] for each in adjustment["corrections"]] == [
        "record a: 8880 for 0.37 became nothing = -0.37 (a test)"
    ]


def test_the_first_corrections_are_told_and_all_are_summed(
    engine: Engine, acme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EXPLAINED_CORRECTIONS_MAX", 2)
    engine.record(*(call(acme, f"c{n}", NOW, seconds=60 * n) for n in range(1, 6)))
    engine.run(CLOSED)
    for n in range(1, 6):
        engine.correct(f"c{n}", None)
    (item,) = explained(engine, acme)["invoice_items"]
    assert len(item["corrections"]) == 2
    assert item["more_corrections"]["words"] == "3 more corrections = -0.03"
    assert item["records"] == 5


def test_a_correction_after_a_void_moves_usage_alone(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run("2025-01-21T00:00:00Z")
    engine.void(engine.invoices(acme)[0]["invoice_sid"])
    engine.correct("a", call(acme, "a", NOW, seconds=60))
    (adjusted,) = (item for item in explained(engine, acme)["invoice_items"] if item["type"] == "adjustment")
    assert (adjusted["amount"], adjusted["usage"]) == ("0", -8820)
    assert adjusted["corrections"][0]["words"].startswith("record a of a void invoice: ")
    engine.sheet(CallRate(prefix="4", rate=1), effective="2021-01-01")
    engine.correct("a", call(acme, "a", NOW, seconds=90))
    assert engine.items(acme)[-1][4:] == (-8790, "0"), "nobody rates it any more, and it stays where it was"
    assert list(rerate(engine.store, acme, 0, 2**50, who="me", why="again")) == []


def test_credits_taxes_and_payments_say_what_they_are_of(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    engine.run(CLOSED)
    first = engine.invoices(acme)[0]["invoice_sid"]
    engine.adjust(acme, "credit_note", "0.30", invoice_sid=first)
    paid = engine.pay(acme, "5", provider="bank", reference="r1", date_value="2025-01-20T00:00:00Z", reason="thanks")
    engine.at("2025-01-21T00:00:01Z").pay(acme, "-1", refunds_sid=paid.payment_sid)
    engine.at("2025-01-21T00:00:02Z").adjust(acme, "goodwill", "2")
    found = explained(engine, acme)
    (credit,) = found["invoice_items"]
    assert credit["words"] == ["credit for invoice 001: a test"]
    assert credit["credit"]["invoice_sid"] == first
    assert [pay["words"] for pay in found["pay_items"]] == [
        "payment of 5 by visa, reference r1 of bank, value date 2025-01-20, thanks",
        f"refund of -1 by visa, of the payment {paid.payment_sid}",
        "goodwill of 2, a test",
    ]
    assert found["balance"]["words"] == ["0.37 carried over + -0.3 charged + 0 tax - 6 paid = -5.93", "nothing is due"]


def test_what_a_voiding_takes_back_is_told_from_what_it_gives(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880), call(acme, "b", NOW, seconds=600))
    engine.run(CLOSED)
    first = engine.invoices(acme)[0]["invoice_sid"]
    engine.adjust(acme, "credit_note", "0.30", invoice_sid=first)
    engine.correct("b", None)
    engine.void(first)
    said = {item["amount"]: item["words"][0] for item in explained(engine, acme)["invoice_items"][:-1]}
    assert said == {
        "-0.4": "credit for invoice 001: a test",
        "-0.3": "credit for invoice 001: a test",
        "0.3": "takes back a credit or correction of invoice 001: a test",
        "0.03": "takes back a credit or correction of invoice 001: a test",
    }


def test_who_did_it_is_told_to_those_who_know_of_them(engine: Engine, acme: str) -> None:
    engine.pay(acme, "5")
    sid_ = engine.invoices(acme)[0]["invoice_sid"]
    own = explain_invoice(engine.store, Caller(partner_sid=acme, scopes=frozenset(SCOPES)), sid_)
    assert [pay["who"] for pay in own["pay_items"]] == [None]
    assert [pay["who"] for pay in explained(engine, acme)["pay_items"]] == [engine.operator.partner_sid]


def test_an_invoice_that_its_records_do_not_make_says_so(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW), message(acme, "m", NOW))
    with engine.store.writing() as act:
        act.take_out([act.placed(acme, "a")])  # type: ignore[list-item]
    (item,) = explained(engine, acme)["invoice_items"]
    assert item["words"][1] == "its records add up to 0: tollbook check tells more"


def test_the_documented_sample_is_shown_verbatim_and_does_not_add_up(book: Store) -> None:
    put(book, read_invoice(encode_json(SAMPLE | {"partner_sid": CHILD})).invoice)
    found = explain_invoice(book, operator(), SAMPLE["invoice_sid"])
    assert found["origin"] == "imported"
    assert [item["words"] for item in found["invoice_items"]] == [["imported, shown verbatim"]] * 3
    assert found["invoice_items"][2]["direction"] is None
    assert found["balance"]["words"] == [
        "-351.91 carried over + 0.38 charged + 0.32 tax - 0 paid = -351.21",
        "the invoice says -0.45: it was imported, and is shown verbatim",
        "nothing is due",
    ]


def operator() -> Caller:
    return Caller(partner_sid=OPERATOR, scopes=frozenset(SCOPES), is_operator=True)


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        (Caller(partner_sid=GRANDCHILD, scopes=frozenset({"invoices.read"})), True),
        (Caller(partner_sid=RESELLER, scopes=frozenset({"invoices.read", "invoices.read_descendant"})), True),
        (Caller(partner_sid=RESELLER, scopes=frozenset({"invoices.read"})), False),
        (Caller(partner_sid=CHILD, scopes=frozenset(SCOPES)), False),
    ],
)
def test_what_is_out_of_sight_is_not_there(book: Store, caller: Caller, seen: bool) -> None:
    put(book, invoice(1, GRANDCHILD))
    if seen:
        assert explain_invoice(book, caller, sid(1))["display_id"] == "001"
        return
    with pytest.raises(Refusal) as refused:
        explain_invoice(book, caller, sid(1))
    assert refused.value.problem.status == 404


def test_an_invoice_is_found_by_its_partners_number_and_its_own(book: Store) -> None:
    put(book, invoice(1), invoice(4), invoice(12), invoice(13, display_id="012"))
    named = f"CX{0xA1:08}"
    assert find_invoice(book, operator(), sid(1)) == sid(1)
    assert find_invoice(book, operator(), f"{named}/004") == find_invoice(book, operator(), f"{named}/4") == sid(4)
    for text, status in ((f"{named}/012", 409), (f"{named}/5", 404), ('"/x', 404)):
        with pytest.raises(Refusal) as refused:
            find_invoice(book, operator(), text)
        assert refused.value.problem.status == status
