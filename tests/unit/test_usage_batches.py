"""Bodies of usage: the quick way and the strict way give one answer; what a body may hold."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.making import CHILD, OPERATOR
from tests.unit.test_usage_records import CALL, MESSAGE, SAMPLES

from tollbook import errors, limits
from tollbook.billing.events import CallEvent
from tollbook.errors import Refusal
from tollbook.mediation import batches
from tollbook.mediation.batches import read_body, read_text, read_values
from tollbook.mediation.records import SHAPES, from_row, read_record
from tollbook.query.strict_json import parse_json

PLAIN: dict[Any, dict[str, Any]] = {
    "call": CALL | {"date_stop": "2024-12-24T10:00:05.004Z", "number_src": "+13105550100", "sipcause": 200},
    "message": MESSAGE | {"number_dst": "442071838750", "text": "hello"},
    "usage": SAMPLES["usage"] | {"quantity": 3},
}
every_kind = pytest.mark.parametrize("kind", PLAIN)


def strictly(kind: Any, text: bytes, partner_sid: str | None) -> Any:
    """The answer of the strict way, item by item."""
    try:
        value = parse_json(text)
    except ValueError:
        return "malformed"
    if not isinstance(value, dict):
        return "malformed"
    if "items" in value:
        assert isinstance(value["items"], list)
        return [read_record(kind, record, partner_sid) for record in value["items"]]
    return [read_record(kind, value, partner_sid)]


def quickly(kind: Any, text: bytes, partner_sid: str | None) -> Any:
    try:
        return [each.read for each in read_body(kind, text, partner_sid).given]
    except Refusal as refusal:
        return "malformed" if refusal.problem is errors.BODY_MALFORMED else refusal


# JSON texts of values, right and wrong and nearly right, and texts of objects that a careless decoder takes.

written = st.one_of(
    st.sampled_from([value for kind in PLAIN for value in PLAIN[kind].values()]).map(json.dumps),
    st.sampled_from([
        "null", "0", "-0", "1", "200", "999", "1000", "3.0", "1e2", "0.0025", "-1", "12345678901234567890", "true",
        '""', '" "', '"0"', '"60"', '"4.25015"', '"1e3"', '"inbound"', '"+1 212 555 0100"', '"anonymous"', '"Acme"',
        '"2024-12-24T10:00:00Z"', '"2024-12-24T10:00:00.5Z"', '"2024-12-24T10:00:60Z"', '"2024-12-24t10:00:00.000z"',
        '"2024-12-24T10:00:00.000+01:00"', '"2024-02-30T10:00:00.000Z"', '"1999-12-31T23:59:59.999Z"', '"a\\":b"',
        '"\\u0041"', '"\\ud83d"', '"\\u0000"', '"12345"', '"0123"', '"1234567890123456"', '"x :y"', '"-0,"',
        "[]", '["331","332"]', '["331",["332"]]', "[[[[[[[[[[[]]]]]]]]]]]", "{}", '{"name":"A"}', '"٣٣١"',
        f'"{OPERATOR}"', f'"{OPERATOR.upper()}"', '"2024-12-24T10:00:00,000Z"', '"2024-12-24T1١:00:00Z"',
    ]),
)  # fmt: skip
space = st.sampled_from(["", "", "", " ", "\n", "\t "])


@st.composite
def objects(draw: Any, kind: Any) -> str:
    """The text of a record: the sample with some attributes said otherwise, twice, not at all, or unknown ones."""
    names = st.sampled_from([*SHAPES[kind].readers, *SHAPES[kind].answered, "unknown", "items_"])
    changed = draw(st.lists(st.tuples(names, written), max_size=4))
    twice = draw(st.integers(0, 19)) == 0
    said = {name: json.dumps(value) for name, value in PLAIN[kind].items()}
    pairs = [*said.items(), *changed] if twice else list({**said, **dict(changed)}.items())
    gap, colon = draw(space), draw(st.sampled_from([":", ":", ": ", " :", "\n:"]))
    return "{" + ",".join(f'{gap}"{name}"{colon}{value}' for name, value in pairs) + "}"


@every_kind
@given(data=st.data())
@settings(max_examples=300)
def test_both_ways_give_one_answer(kind: Any, data: st.DataObject) -> None:
    records = data.draw(st.lists(objects(kind), min_size=1, max_size=4))
    partner_sid = data.draw(st.sampled_from([CHILD, None]))
    several = f'{data.draw(space)}{{"items":[{",".join(records)}]}}'.encode("utf-8", "surrogatepass")
    assert quickly(kind, several, partner_sid) == strictly(kind, several, partner_sid)
    one = records[0].encode("utf-8", "surrogatepass")
    assert quickly(kind, one, partner_sid) == strictly(kind, one, partner_sid)


@given(st.data())
def test_d6_a_key_that_stands_twice_is_never_overlooked(data: st.DataObject) -> None:
    colons = st.sampled_from([":", ": ", " :", "\t:", "\n :"])
    texts = st.sampled_from(['"x"', '"\\":"', '" :"', '"a:"', "1"])
    keys = data.draw(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=8))
    pairs = [f'"{key}"{data.draw(colons)}{data.draw(texts)}' for key in keys]
    body = f'{{"items":[{{{",".join(pairs[:3])}}},{{{",".join(pairs[3:])}}}]}}'.encode()
    if len(set(keys[:3])) < len(keys[:3]) or len(set(keys[3:])) < len(keys[3:]):
        assert quickly("call", body, CHILD) == "malformed"


@every_kind
def test_a_plain_body_goes_the_quick_way(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is sent by: else the quick way would be tested and never taken."""
    bodies = [
        json.dumps({"items": [PLAIN[kind]] * 3}, **style) for style in ({}, {"separators": (",", ":")}, {"indent": 1})
    ]
    expected = [read_record(kind, parse_json(json.dumps(PLAIN[kind]).encode()), CHILD)] * 3
    monkeypatch.setattr(batches, "parse_json", None)
    monkeypatch.setattr(batches, "read_record", None)
    for body in bodies:
        assert quickly(kind, body.encode(), CHILD) == expected


@every_kind
@given(st.text(max_size=400) | st.text("abc€^ё", max_size=400))
def test_a_text_of_any_kind_is_counted_alike(kind: Any, text: str) -> None:
    body = json.dumps(MESSAGE | {"text": text}).encode("utf-8", "surrogatepass")
    assert quickly("message", body, CHILD) == strictly("message", body, CHILD)


def test_one_bad_record_leaves_the_others_alone() -> None:
    items = [PLAIN["call"] | {"dr_sid": f"c{number}"} for number in range(5)]
    items[2] |= {"price": "free"}
    items[3] = "no record"  # type: ignore[call-overload]
    given_ = read_body("call", json.dumps({"items": items}).encode(), CHILD).given
    assert [each.dr_sid for each in given_] == ["c0", "c1", "c2", None, "c4"]
    assert [isinstance(each.read, CallEvent) for each in given_] == [True, True, False, False, True]


@pytest.mark.parametrize("sid", ['"a b"', "7", "null", "[]"])
def test_a_sid_that_cannot_be_read_is_not_told(sid: str) -> None:
    (one,) = read_body("call", f'{{"dr_sid":{sid}}}'.encode(), CHILD).given
    assert one.dr_sid is None
    assert isinstance(one.read, tuple)


@pytest.mark.parametrize(
    ("text", "problem", "field", "words"),
    [
        (b"", errors.BODY_MALFORMED, None, "at least {}"),
        (b"[]", errors.BODY_MALFORMED, None, "expected a JSON object"),
        (b"null", errors.BODY_MALFORMED, None, "expected a JSON object"),
        (b'{"items":[}', errors.BODY_MALFORMED, None, "not valid JSON"),
        (b'{"items":[{"a":1,"a":2}]}', errors.BODY_MALFORMED, None, "stands twice"),
        (b'{"items":[]}', errors.OBJECT_INVALID, "items", "expected 1 to 1000 records"),
        (b'{"items":null}', errors.OBJECT_INVALID, "items", "expected an array"),
        (b'{"items":{}}', errors.OBJECT_INVALID, "items", "expected an array"),
        (b'{"items":[{}],"price":"1"}', errors.OBJECT_INVALID, "price", "does not go with items"),
        (b'{"items":[' + b",".join([b"{}"] * 1001) + b"]}", errors.BODY_TOO_LARGE, "items", "at most 1000"),
    ],
)
def test_a9_a_body_that_holds_no_records(text: bytes, problem: errors.Problem, field: str | None, words: str) -> None:
    with pytest.raises(Refusal, match=re.escape(words)) as refused:
        read_body("call", text, CHILD)
    assert (refused.value.problem, refused.value.flaws[0].field) == (problem, field)


def test_a_thousand_records_that_say_all_they_can_fit_into_a_body() -> None:
    longest = {
        "dr_sid": "0b3f1e8e-7c55-4bb1-8a35-6a3a1c1f2c02", "partner_sid": OPERATOR, "direction": "outbound",
        "number_src": "+123456789012345", "number_dst": "+123456789012345", "number_billing": "+123456789012345",
        "number_external": "+123456789012345", "date_start": "2024-12-24T10:00:00.000+00:00",
        "date_talk": "2024-12-24T10:00:00.000+00:00", "date_stop": "2024-12-24T10:00:00.000+00:00",
        "date_insert": "2024-12-24T10:00:00.000Z", "duration": "123456.123456789", "duration_billing": "123456789",
        "jurisdiction": "indeterminate", "price": "123456.123456789", "rate": "123456.123456789", "sipcause": 200,
        "invoice_sid": OPERATOR,
    }  # fmt: skip
    assert longest.keys() == (SHAPES["call"].readers.keys() | SHAPES["call"].answered) - {"partner"}
    body = json.dumps({"items": [longest] * limits.USAGE_BATCH_MAX}).encode()
    assert len(body) < limits.BODY_BYTES_MAX
    assert len(read_body("call", body, None).given) == limits.USAGE_BATCH_MAX


def test_a_line_is_read_as_a_body_is() -> None:
    line = json.dumps(PLAIN["call"]).encode()
    assert read_text("call", line, CHILD) == read_body("call", line, CHILD).given[0]
    assert read_text("call", b"{", CHILD).read[0].message.startswith("not valid JSON")  # type: ignore[index]
    assert read_text("call", b'{"a":1,"a":2}', CHILD).read[0].message == "the key a stands twice"  # type: ignore[index]
    row = {name: str(value) for name, value in PLAIN["call"].items()}
    assert read_values("call", from_row("call", row), CHILD) == read_text("call", line, CHILD)
