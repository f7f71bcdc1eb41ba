"""What a record of usage may say: every attribute, what must be there, what is let go, what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.making import CHILD, OPERATOR

from tollbook.billing.events import CallEvent, MessageEvent, UsageEvent
from tollbook.clock import format_instant, parse_instant
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.records import SHAPES, changed_record, from_row, read_party, read_record
from tollbook.query.records import Number
from tollbook.query.strict_json import parse_json

CALL = {
    "dr_sid": "c1", "direction": "outbound", "number_src": "+1 310 555 0100", "number_dst": "442071838750",
    "date_start": "2024-12-24T09:58:10.120Z", "date_stop": "2024-12-24T12:00:05+02:00",
}  # fmt: skip
MESSAGE = {
    "dr_sid": "m1", "direction": "outbound", "number_src": "12345", "number_dst": "+44 20 7183 8750",
    "date_sent": "2024-12-24T10:00:00Z",
}  # fmt: skip
USAGE = {"dr_sid": "u1", "type": "lookup", "quantity": Number("3"), "date": "2024-12-24T10:00:00Z"}
SAMPLES: dict[Any, dict[str, Any]] = {"call": CALL, "message": MESSAGE, "usage": USAGE}
START, STOP = parse_instant("2024-12-24T09:58:10.120Z"), parse_instant("2024-12-24T10:00:05Z")

every_kind = pytest.mark.parametrize("kind", SAMPLES)


def decoded(record: dict[str, Any]) -> Any:
    """A record as a strict reader decodes it from JSON."""
    return parse_json(json.dumps(record).encode())


def flaws_of(kind: Any, /, **changes: Any) -> dict[str | None, str]:
    """What is wrong with the sample when it is changed so; ... takes an attribute out."""
    record = {name: value for name, value in {**SAMPLES[kind], **changes}.items() if value is not ...}
    read = read_record(kind, record, CHILD)
    assert isinstance(read, tuple), read
    return {flaw.field: flaw.message for flaw in read}


def test_the_least_that_a_call_says() -> None:
    assert read_record("call", CALL, CHILD) == CallEvent(
        dr_sid="c1", partner_sid=CHILD, direction="outbound", number_src="13105550100", number_dst="442071838750",
        date_start=START, date_stop=STOP,
    )  # fmt: skip


def test_all_that_a_call_may_say() -> None:
    more = {
        "partner_sid": OPERATOR, "number_billing": "+499", "number_external": "", "date_talk": "2024-12-24T10:00:00Z",
        "duration": "114.88", "duration_billing": "120", "jurisdiction": "A", "price": 0.0125, "sipcause": 200,
    }  # fmt: skip
    assert read_record("call", decoded(CALL | more), CHILD) == CallEvent(
        dr_sid="c1", partner_sid=OPERATOR, direction="outbound", number_src="13105550100", number_dst="442071838750",
        date_start=START, date_stop=STOP, number_billing="499", number_external="anonymous",
        date_talk=parse_instant("2024-12-24T10:00:00Z"), duration=114_880_000_000, duration_billing=120,
        jurisdiction="intrastate", price=12_500_000, sipcause=200,
    )  # fmt: skip


def test_the_least_and_the_most_that_a_message_says() -> None:
    least = MessageEvent(
        dr_sid="m1", partner_sid=CHILD, direction="outbound", number_src="12345", number_dst="442071838750",
        date_sent=parse_instant("2024-12-24T10:00:00Z"),
    )  # fmt: skip
    assert read_record("message", MESSAGE, CHILD) == least
    more = {
        "type": "mms", "number_group_dst": ["+331", "332"], "sender_class": "toll_free", "mcc": "310", "mnc": "26",
        "date_start": "2024-12-24T09:00:00Z", "date_stop": "2024-12-24T11:00:00Z", "message_segments": 2,
        "price": "1", "status": "delivered", "number_src": "Acme Søn", "text": "not counted where segments are told",
    }  # fmt: skip
    assert read_record("message", decoded(MESSAGE | more), CHILD) == replace(
        least, type="mms", number_group_dst=("331", "332"), sender_class="toll_free", mcc="310", mnc="26",
        date_start=parse_instant("2024-12-24T09:00:00Z"), date_stop=parse_instant("2024-12-24T11:00:00Z"),
        message_segments=2, price=10**9, status="delivered", number_src="Acme Søn",
    )  # fmt: skip


def test_all_that_other_usage_may_say() -> None:
    more = {"direction": "inbound", "country_code": "USA", "price": Number("0.5"), "kind": "usage"}
    assert read_record("usage", USAGE | more, CHILD) == UsageEvent(
        dr_sid="u1", partner_sid=CHILD, type="lookup", quantity=3, date=parse_instant("2024-12-24T10:00:00Z"),
        direction="inbound", country_code="USA", price=500_000_000,
    )  # fmt: skip


@pytest.mark.parametrize(("text", "segments"), [("", 1), ("a" * 161, 2), ("ш" * 71, 2)])
def test_of_a_text_only_its_segments_are_kept(text: str, segments: int) -> None:
    read = read_record("message", MESSAGE | {"text": text}, CHILD)
    assert isinstance(read, MessageEvent)
    assert read.message_segments == segments


@every_kind
def test_null_is_as_good_as_absent(kind: Any) -> None:
    shape = SHAPES[kind]
    unsaid = dict.fromkeys({*shape.readers, *shape.answered} - set(SAMPLES[kind]))
    assert read_record(kind, SAMPLES[kind] | unsaid, CHILD) == read_record(kind, SAMPLES[kind], CHILD)


@every_kind
def test_what_only_an_answer_has_is_let_go(kind: Any) -> None:
    assert {"date_insert", "rate", "invoice_sid", "partner"} <= SHAPES[kind].answered
    answered = dict.fromkeys(SHAPES[kind].answered, "whatever")
    assert read_record(kind, SAMPLES[kind] | answered, CHILD) == read_record(kind, SAMPLES[kind], CHILD)


@every_kind
def test_what_must_be_there(kind: Any) -> None:
    for name in SHAPES[kind].required:
        assert flaws_of(kind, **{name: ...}) == flaws_of(kind, **{name: None}) == {name: "is missing"}
    assert read_record(kind, {}, None) == tuple(
        Flaw(name, "is missing") for name in (*SHAPES[kind].required, "partner_sid")
    )


@every_kind
def test_d13_an_unknown_attribute_is_refused_null_or_not(kind: Any) -> None:
    assert flaws_of(kind, prise="1") == {"prise": "unknown attribute; did you mean price?"}
    assert flaws_of(kind, status_of_invoice=None).keys() == {"status_of_invoice"}


@pytest.mark.parametrize("record", [None, [], "x", Number("1"), True])
def test_a_record_is_an_object(record: Any) -> None:
    assert read_record("call", record, CHILD) == (Flaw(None, "expected an object, the record"),)


WRONG: dict[tuple[str, str], tuple[Any, ...]] = {
    ("call", "dr_sid"): ("", "a b", "é", "a\u0000", "x" * 65, Number("7"), ["a"]),
    ("call", "partner_sid"): ("me", "", OPERATOR.upper(), Number("1")),
    ("call", "direction"): ("Inbound", "out", "", True, Number("1")),
    ("call", "number_dst"): ("", "anonymous", "0207", "1" * 16, "12", Number("12125550100")),
    ("call", "number_src"): ("x" * 65, "a\u0000", "\u202eAcme", Number("1"), {}, ["1"]),
    ("call", "number_billing"): ("", "Acme", "+0"),
    ("call", "date_stop"): (
        "2024-12-24", "2024-12-24T10:00:00", "2024-13-01T00:00:00Z", "1999-01-01T00:00:00Z", "2024-12-24T10:00:60Z",
        "2024-12-24T24:00:00Z", "20241224T100000Z", Number("1734651001000"), "٢٠٢٤-12-24T10:00:00Z",
        "2024-12-24T10:00:00+23:60", "2024-W52-2T10:00:00Z",
    ),
    ("call", "duration"): ("-1", "1e3", ".5", "5.", "", " 1", "1_0", "NaN", "١", True, "0" * 10),
    ("call", "duration_billing"): ("60.5", "-60", "", "1e2", "0" * 10, False),
    ("call", "jurisdiction"): ("X", "Interstate", "", Number("1")),
    ("call", "price"): ("-1", "1e-3", "", "0.0000000001", "1234567", "$1", True, "1,5"),
    ("call", "sipcause"): ("200", Number("1.0"), Number("1000"), Number("-1"), Number("-0"), True),
    ("message", "type"): ("SMS", "rcs", ""),
    ("message", "mcc"): ("31", "3100", "31a", Number("310")),
    ("message", "mnc"): ("2", "2600", Number("26")),
    ("message", "message_segments"): (Number("0"), Number("256"), "1", Number("1.0")),
    ("message", "text"): ("a" * (153 * 255 + 1), Number("1"), ["a"]),
    ("message", "number_group_dst"): ("331", ["Acme"], [Number("331")], [["331"]], ["331"] * 1001),
    ("message", "sender_class"): ("alpha", ""),
    ("message", "status"): ("not delivered", "", "x" * 65),
    ("usage", "type"): ("", "a b", "toll", "sms", "credit", "adjustment", "did", "sms_enablement"),
    ("usage", "quantity"): ("3", Number("-1"), Number("1.5"), Number("1000000000001"), True),
    ("usage", "country_code"): ("US", "usa", "USAX"),
    ("usage", "kind"): ("call", "message", ""),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "value"), [(*key, value) for key in WRONG for value in WRONG[key]])
def test_a_wrong_value_is_named_by_its_field(kind: Any, name: str, value: Any) -> None:
    found = flaws_of(kind, **{name: value})
    assert list(found) == [name]
    assert found[name]


def test_values_that_do_not_go_together() -> None:
    early, late = "2024-12-24T09:00:00Z", "2024-12-24T11:00:00Z"
    assert flaws_of("call", date_stop=early) == {"date_stop": "is before date_start"}
    assert flaws_of("call", date_talk=late) == {"date_talk": "date_stop is before date_talk"}
    month = {"date_talk": "2024-11-01T00:00:00Z", "date_start": "2024-11-01T00:00:00Z"}
    assert list(flaws_of("call", **month)) == ["date_talk"]
    assert flaws_of("message", date_start=late, date_stop=early) == {"date_stop": "is before date_start"}


def test_all_flaws_are_told_at_once_up_to_the_bound() -> None:
    assert len(flaws_of("call", dr_sid="", price="x", number_dst=None, more=1)) == 4
    assert len(flaws_of("call", **{f"unknown_{number}": 1 for number in range(500)})) == 100


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("+1 (212) 555-0100", "12125550100"), ("12345", "12345"), ("911", "911"), ("Acme & Søn", "Acme & Søn"),
        ("", "anonymous"), ("  ", "anonymous"), ("anonymous", "anonymous"), ("0207 183 8750", "0207 183 8750"),
        ("sip:user@example.com", "sip:user@example.com"), (" Acme ", "Acme"), ("12", "12"), ("1" * 16, "1" * 16),
    ],
)  # fmt: skip
def test_a_party_that_need_not_be_rated(told: str, kept: str) -> None:
    assert read_party(told) == kept


@given(st.text(max_size=70))
def test_a_party_is_kept_or_refused_and_read_again_as_itself(text: str) -> None:
    try:
        kept = read_party(text)
    except ValueError:
        return
    assert kept
    assert read_party(kept) == kept


# Corrections.


def event(kind: Any, **more: Any) -> Any:
    return read_record(kind, SAMPLES[kind] | more, CHILD)


def test_a_correction_changes_what_it_names() -> None:
    call = event("call", price="1", number_billing="499")
    changed = changed_record("call", call, {"price": None, "date_stop": "2024-12-24T10:01:00Z", "partner_sid": CHILD})
    assert changed == replace(call, price=None, date_stop=parse_instant("2024-12-24T10:01:00Z"))
    assert changed_record("call", call, {}) == call
    counted = changed_record("message", event("message", message_segments=Number("9")), {"text": "a" * 161})
    assert counted == event("message", message_segments=Number("2"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dr_sid": "other"}, "dr_sid"), ({"partner_sid": OPERATOR}, "partner_sid"), ({"dr_sid": None}, "dr_sid"),
        ({"date_stop": None}, "date_stop"), ({"price": "x"}, "price"), ({"prise": "1"}, "prise"),
        ({"date_stop": "2024-12-24T09:00:00Z"}, "date_stop"),
    ],
)  # fmt: skip
def test_a_correction_that_cannot_be(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        changed_record("call", event("call"), changes)
    assert [flaw.field for flaw in refused.value.flaws] == [field]
    assert refused.value.problem.status == 422


# Rows of text.


def test_a_row_says_what_its_json_would() -> None:
    call = {name: str(value) for name, value in CALL.items()} | {"price": "", "sipcause": "16", "rate": "0.1"}
    assert read_record("call", from_row("call", call), CHILD) == event("call", sipcause=Number("16"))
    group = {**MESSAGE, "number_src": "", "number_group_dst": "+331; 332", "message_segments": "3", "status": ""}
    assert read_record("message", from_row("message", group), CHILD) == event(
        "message", number_src="", number_group_dst=["331", "332"], message_segments=Number("3")
    )
    assert read_record("usage", from_row("usage", USAGE), CHILD) == event("usage")
    assert read_record("call", from_row("call", call | {"sipcause": "x"}), CHILD) == (
        Flaw("sipcause", "expected a whole number"),
    )


@given(st.integers(0, 2_000_000_000_000), st.integers(0, 10**9), st.integers(0, 999_999))
def test_what_is_written_is_read_back(ms: int, price: int, nanoseconds: int) -> None:
    instant = START + ms % (30 * 86_400_000)
    text = f"{price // 10**9}.{price % 10**9:09}"
    call = event("call", date_stop=format_instant(instant), date_start=format_instant(START), price=text,
                 duration=f"{nanoseconds}.5")  # fmt: skip
    assert (call.date_stop, call.price, call.duration) == (instant, price, nanoseconds * 10**9 + 5 * 10**8)
