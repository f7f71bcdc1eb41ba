"""One invoice's JSON to an `Invoice`: both ways give the same, and every flaw is told with its place (rows D)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.making import invoice, item, payment, tax

from tollbook.billing.model import Invoice
from tollbook.operations.invoice_records import BadRecord, as_served, read_invoice
from tollbook.query.fields import INVOICES
from tollbook.query.sample import SAMPLE
from tollbook.store.nouns import document

amounts = st.integers(-(10**16) + 1, 10**16 - 1)
instants = st.integers(946_684_800_000, 4_102_444_800_000)
words = st.sampled_from(["toll", "did", "sms", "a word with spaces", "größer", 'quo"te\\', ""])
items = st.builds(
    item,
    amount=amounts,
    country_code=st.none() | words,
    direction=st.none() | words,
    type=words,
    usage=st.integers(-(10**15) + 1, 10**15 - 1),
)
invoices = st.builds(
    invoice,
    number=st.integers(0, 20_000),
    amount=amounts,
    balance_forward=amounts,
    date_created=instants,
    date_charged=st.none() | instants,
    display_id=words,
    paid=st.booleans(),
    status=words,
    invoice_items=st.lists(items, max_size=3).map(tuple),
    pay_items=st.lists(st.builds(payment, amount=amounts), max_size=2).map(tuple),
    tax_items=st.lists(st.builds(tax, amount=amounts, type=words), max_size=2).map(tuple),
)


@given(invoices)
def test_what_is_served_reads_back_either_way(made: Invoice) -> None:
    text = document(INVOICES, made)
    assert as_served(text) == made
    loosely = json.dumps(json.loads(text), indent=1).encode()
    assert as_served(loosely) is None
    for read in (read_invoice(text), read_invoice(loosely)):
        assert (read.invoice, read.document, read.unknown) == (made, text, {})


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    record = json.loads(json.dumps(SAMPLE))
    change(record)
    return json.dumps(record).encode()


def test_the_sample_is_kept_to_the_letter() -> None:
    text = json.dumps(SAMPLE).encode()
    assert json.loads(read_invoice(text).document) == SAMPLE
    assert list(json.loads(read_invoice(text).document)) == [field.name for field in INVOICES.fields]


def test_unknown_attributes_are_counted_and_dropped_and_the_partner_is_let_go() -> None:
    def add(record: dict[str, Any]) -> None:
        record |= {"colour": 1, "partner": {"name": "x"}}
        for row in record["invoice_items"]:
            row["shape"] = None

    read = read_invoice(changed(add))
    assert dict(read.unknown) == {"colour": 1, "invoice_items.shape": 3}
    assert json.loads(read.document) == SAMPLE


def test_numbers_are_taken_by_their_digits() -> None:
    text = changed(lambda record: record.update(amount="@")).replace(b'"@"', b"0.3800")
    assert json.loads(read_invoice(text).document)["amount"] == "0.38"


def test_a_direction_of_null_is_absent() -> None:
    def null(record: dict[str, Any]) -> None:
        record["invoice_items"][2]["direction"] = None

    assert json.loads(read_invoice(changed(null)).document) == SAMPLE


AMOUNT = "expected a plain decimal"
WRONG: list[tuple[str, Any, str]] = [
    *[("amount", bad, AMOUNT) for bad in ("1e999999999", "NaN", "sNaN", "Infinity", "0x10", "+5", ".5", "5.")],
    *[("amount", bad, AMOUNT) for bad in ("1_000", " 1 ", "\u00a05", "1\n", "١٢", "１２", "", "12345678901")],
    ("amount", "-0", "zero has no sign"),
    ("amount", "0.370", "expected the shortest form, 0.37"),
    ("amount", None, "cannot be null"),
    ("amount", True, "expected an amount as a string"),
    ("amount_due", [], "expected an amount as a string"),
    *[("date_created", bad, "expected a date like") for bad in ("2024-W01-1", "20240101", "2024-12-19", 5, "")],
    ("date_created", "2024-12-19T23:30:01.000+00:00", "expected a date like"),
    ("date_created", "2024-12-19T23:59:60.000Z", "no such day or time"),
    ("date_created", "2024-12-19T24:00:00.000Z", "no such day or time"),
    ("date_created", "1999-12-31T23:59:59.000Z", "expected a year from"),
    ("date_created", "9999-12-19T23:30:01.000Z", "expected a year from"),
    *[("invoice_sid", bad, "expected a lower-case UUID") for bad in ("", "{x}", SAMPLE["invoice_sid"].upper(), 1)],
    ("invoice_sid", SAMPLE["invoice_sid"].replace("-", ""), "expected a lower-case UUID"),
    ("paid", "yes", "expected true or false"),
    ("paid", 1, "expected true or false"),
    ("status", "a\u0000b", "control characters"),
    ("status", "a\u202eb", "direction of writing"),
    ("status", "e\u0301", "NFC"),
    ("status", "x" * 201, "at most 200 characters"),
    ("status", 7, "expected a text"),
    ("invoice_items", {}, "expected an array of objects"),
    ("invoice_items", [5], "expected an object"),
    ("tax_items", None, "cannot be null"),
]


@pytest.mark.parametrize(("name", "value", "reason"), WRONG)
def test_d_a_wrong_value_is_told_with_its_field(name: str, value: Any, reason: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read_invoice(changed(lambda record: record.update({name: value})))
    (flaw,) = caught.value.flaws
    assert (flaw.field or "").startswith(name)
    assert reason in flaw.message


@pytest.mark.parametrize("name", [field.name for field in INVOICES.fields])
def test_every_documented_attribute_must_be_there(name: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read_invoice(changed(lambda record: record.pop(name)))
    assert [tuple(flaw[:2]) for flaw in caught.value.flaws] == [(name, "is missing")]


def test_all_flaws_are_told_with_index() -> None:
    def spoil(record: dict[str, Any]) -> None:
        record["amount"] = "1."
        record["invoice_items"][2]["amount"] = "1e3"
        record["invoice_items"][1]["usage"] = 1.5
        del record["tax_items"][0]["type"]

    with pytest.raises(BadRecord) as caught:
        read_invoice(changed(spoil))
    told = [flaw.field for flaw in caught.value.flaws]
    assert told == ["amount", "invoice_items[1].usage", "invoice_items[2].amount", "tax_items[0].type"]


@pytest.mark.parametrize(
    "usage", ["1e400", "NaN", "-Infinity", "1.0", "true", "-0", "-0.0", "1" * 16, "1" * 5000, '"1"']
)
def test_d3_d5_usage_is_a_whole_number(usage: str) -> None:
    with pytest.raises(BadRecord):
        read_invoice(json.dumps(SAMPLE).replace("8880", usage).encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not valid JSON"),
        (b"5", "expected an object"),
        (b"[]", "expected an object"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 20 + b"1" + b"}" * 20, "nested deeper"),
        (b'{"status":"\xff"}', "not valid UTF-8"),
        (b'{"status":"\\ud800"}', "surrogate"),
        (b'{"amount":"1","amount":"2"}', "stands twice"),
        (b"\x00", "not valid JSON"),
    ],
)
def test_d4_d6_d7_what_is_no_record_at_all(text: bytes, reason: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read_invoice(text)
    (flaw,) = caught.value.flaws
    assert flaw.field is None
    assert reason in flaw.message


def test_d6_a_key_that_stands_twice_is_noticed_in_a_text_that_looks_right() -> None:
    text = document(INVOICES, invoice(1)).replace(b'{"amount":', b'{"amount":"1","amount":', 1)
    with pytest.raises(BadRecord, match="stands twice"):
        read_invoice(text)
