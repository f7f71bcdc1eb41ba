"""Values of bodies and files: what each reader takes, and that what is written can be read again."""

import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.making import NOW, invoice, item, partner, payment, sid, token

from tollbook import limits
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS, Field, Kind, Resource
from tollbook.query.records import (
    READERS,
    Number,
    decode_json,
    encode_json,
    read_boolean,
    read_date,
    read_decimal,
    read_integer,
    read_map,
    read_money,
    read_sid,
    read_text,
    read_word,
    read_words,
    wire_record,
)

NO_VALUES: list[Any] = [None, [], {}, (), b"x", object()]
NOT_TEXTS: list[Any] = [*NO_VALUES, True, 5, Number("5")]

each_reader = pytest.mark.parametrize("kind", READERS, ids=lambda kind: kind.name)


def wire(resource: Resource, record: Any) -> dict[str, Any]:
    return wire_record(resource.fields, lambda name: getattr(record, name))


# Out.


def test_an_invoice_on_the_wire() -> None:
    shown = wire(INVOICES, invoice(1, invoice_items=(item(), item(direction=None)), pay_items=(payment(),)))
    assert list(shown) == [field.name for field in INVOICES.fields]
    assert shown["amount"] == "0.37"
    assert shown["date_charged"] is None
    assert shown["paid"] is False
    assert "direction" in shown["invoice_items"][0]
    assert "direction" not in shown["invoice_items"][1]
    assert shown["pay_items"] == [{"amount": "100", "date_created": "2025-01-15T12:00:00.000Z", "type": "visa"}]


def test_e9_secrets_are_null_once_a_token_is_made() -> None:
    shown = wire(TOKENS, token(1, access_token="shown once", refresh_token="shown once"))
    assert (shown["access_token"], shown["refresh_token"]) == (None, None)
    assert shown["scopes"] == ["invoices.read"]


def test_a_partner_on_the_wire() -> None:
    shown = wire(PARTNERS, partner(1, attributes={"county": "Kern"}, balance=-450_000))
    assert shown["attributes"] == {"county": "Kern"}
    assert shown["balance"] == "-0.45"
    assert shown["charge_at"] is None


@given(st.booleans() | st.integers(0, 1))
def test_a_boolean_column_is_a_boolean_on_the_wire(value: Any) -> None:
    (shown,) = wire_record((Field("paid", Kind.BOOLEAN, ""),), lambda _: value).values()
    assert shown is bool(value)


money = st.integers(-(10**16) + 1, 10**16 - 1)
instants = st.integers(946_684_800_000, 4_133_980_799_999)


@given(money, instants, st.booleans(), st.integers(-(10**15) + 1, 10**15 - 1))
def test_law_11_what_is_written_can_be_read(amount: int, instant: int, boolean: bool, usage: int) -> None:
    values = {"amount": amount, "date_created": instant, "paid": boolean}
    fields = tuple(INVOICES.by_name[name] for name in values)
    shown = decode_json(encode_json(wire_record(fields, values.__getitem__)))
    assert {field.name: READERS[field.kind](shown[field.name]) for field in fields} == values
    assert read_integer(Number(usage)) == usage


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_law_11_decimals_are_text_that_reads_back(billionths: int) -> None:
    (shown,) = wire_record((Field("rate", Kind.DECIMAL, ""),), lambda _: billionths).values()
    assert read_decimal(shown) == read_decimal(Number(shown)) == billionths
    assert Decimal(shown) * 10**9 == billionths


# In.


@each_reader
def test_d3_a_reader_takes_no_other_kind(kind: Kind) -> None:
    fitting: dict[Kind, Any] = {Kind.MAP: {}, Kind.WORDS: []}
    for value in NO_VALUES:
        if kind in fitting and value == fitting[kind]:
            continue
        with pytest.raises(ValueError, match=r"^expected "):
            READERS[kind](value)


@pytest.mark.parametrize("read", [read_text, read_word, read_sid, read_date])
def test_d3_texts_are_not_numbers_or_booleans(read: Any) -> None:
    for value in NOT_TEXTS:
        with pytest.raises(ValueError, match=r"^expected "):
            read(value)


@pytest.mark.parametrize("value", ["", "a", "Åre", "🎺", "a" * 200, "=HYPERLINK(1)", "<b>", "../..", "%s", "עברית"])
def test_d8_texts_for_people(value: str) -> None:
    assert read_text(value) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a" * 201, "at most 200 characters"),
        ("🎺" * 201, "at most 200 characters"),
        ("e\u0301", "normal form NFC"),
        ("\u212b", "normal form NFC"),
        *((text, "control characters") for text in ("a\0", "a\n", "\x1b[1m", "\x7f", "\x85", "\ud800", "\ue000")),
        *((text, "unassigned") for text in ("\uffff", "\ufdd0", "\U000e0080")),
        *((f"a{mark}b", "direction of writing") for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"),
    ],
)
def test_d7_d8_what_is_no_text_for_people(value: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_text(value)


@given(st.text(max_size=250))
def test_d8_every_text_that_is_taken_can_be_stored_and_printed(value: str) -> None:
    try:
        taken = read_text(value)
    except ValueError:
        return
    assert taken == value == unicodedata.normalize("NFC", value)
    assert decode_json(encode_json(taken)) == value
    assert len(value.splitlines()) <= 1
    assert len(value) <= limits.NAME_CHARS_MAX


@pytest.mark.parametrize("value", ["open", "sms_enablement", "~!", "a" * 64])
def test_words(value: str) -> None:
    assert read_word(value) == value


@pytest.mark.parametrize("value", ["", "a b", "é", "a\n", "\u2028", "a" * 65, "\0", "a\t"])
def test_d8_what_is_no_word(value: str) -> None:
    with pytest.raises(ValueError, match=r"visible ASCII|at most 64"):
        read_word(value)


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        lambda text: text.replace("-", ""),
        lambda text: "{" + text + "}",
        lambda text: "urn:uuid:" + text,
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text[:-1],
        lambda text: text.replace("-", "", 1) + "-",
        lambda text: text[:-1] + "g",
        lambda text: text[:-1] + "١",
    ],
)
def test_d9_other_spellings_of_a_uuid(spell: Any) -> None:
    canonical = "4169705e-4284-482f-8e72-e962a8aaad9d"
    assert read_sid(canonical) == canonical
    with pytest.raises(ValueError, match="lower-case UUID"):
        read_sid(spell(canonical))


@pytest.mark.parametrize(
    ("value", "amount"), [("0.37", 370_000), (Number("0.370"), 370_000), (Number("5.0"), 5_000_000)]
)
def test_money_is_a_canonical_text_or_a_number_by_its_digits(value: str, amount: int) -> None:
    assert read_money(value) == amount


@pytest.mark.parametrize(
    "value",
    [
        *NO_VALUES,
        True,
        5,
        0.37,
        "0.370",
        "1e2",
        "",
        "NaN",
        "-0",
        *map(Number, ("1e400", "-0.0", "-0", "1E2", "9" * 11)),
    ],
)
def test_d1_d3_what_is_no_money(value: Any) -> None:
    with pytest.raises(ValueError, match=r"expected (an amount|a plain|the shortest)|zero has no sign"):
        read_money(value)


@pytest.mark.parametrize("value", ["2024-10-31", "2024-10-31T18:00:00Z", "2024-10-31T18:00:00.000+00:00", Number("1")])
def test_d10_dates_of_a_file_are_canonical(value: Any) -> None:
    assert read_date("2025-01-15T12:00:00.000Z") == NOW
    with pytest.raises(ValueError, match="expected a date like"):
        read_date(value)


@pytest.mark.parametrize(
    ("value", "number"), [("0", 0), ("-5", -5), ("9" * 15, 10**15 - 1), ("-" + "9" * 15, 1 - 10**15)]
)
def test_integers(value: str, number: int) -> None:
    assert read_integer(Number(value)) == number


@pytest.mark.parametrize("value", ["1.0", "1e3", "-0", "9" * 16, "9" * 5_000, "-" + "9" * 16, "--1", "1.", "٣", ""])
def test_d3_d5_what_is_no_integer(value: str) -> None:
    with pytest.raises(ValueError, match="expected a whole number"):
        read_integer(Number(value))


@pytest.mark.parametrize("value", ["5", True, 5, 5.0, None])
def test_d3_integers_are_numbers(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a whole number"):
        read_integer(value)


@pytest.mark.parametrize("value", [0, 1, "true", Number("1"), None, "", []])
def test_d3_booleans_are_booleans(value: Any) -> None:
    assert read_boolean(True) is True
    with pytest.raises(ValueError, match="expected true or false"):
        read_boolean(value)


def test_maps_hold_texts_under_words() -> None:
    assert read_map({"county": "Kern", "tax.id": ""}) == {"county": "Kern", "tax.id": ""}
    most = {f"k{number}": "" for number in range(limits.ATTRIBUTES_MAX)}
    assert read_map(most) == most


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a b": "x"}, "visible ASCII"),
        ({"": "x"}, "visible ASCII"),
        ({"a": None}, "expected a text"),
        ({"a": {}}, "expected a text"),
        ({"a": "x" * 201}, "at most 200"),
        ({f"k{number}": "" for number in range(51)}, "at most 50 entries"),
        ([["a", "b"]], "expected an object"),
    ],
)
def test_d8_what_is_no_map(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_map(value)


def test_arrays_of_words() -> None:
    assert read_words([]) == ()
    assert read_words(["b", "a"]) == ("b", "a")
    for value, said in ((["a", "a"], "stands twice"), ([1], "visible ASCII"), ("ab", "an array"), (("a",), "an array")):
        with pytest.raises(ValueError, match=said):
            read_words(value)


def test_d9_made_sids_are_canonical() -> None:
    assert read_sid(sid(7)) == sid(7)
