"""JSON of strangers: digits kept, nothing doubled, nothing deep, no half characters."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.query.records import Number, encode_json
from tollbook.query.strict_json import parse_json

texts = st.text(st.characters(exclude_categories=["Cs"]))
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def depth(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: with_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_numbers(each) for each in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@given(values.filter(lambda value: depth(value) <= 8), st.booleans())
def test_what_is_json_is_read_as_it_is(value: Any, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == with_numbers(value)


@given(st.binary(max_size=40) | st.text(st.sampled_from('{}[]",:\\u0d8-.eE1 nulltrue'), max_size=30).map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        value = parse_json(text)
    except ValueError as error:
        value = str(error)
    assert json.dumps(value, ensure_ascii=False).encode()  # it can be stored, and told to the client


@pytest.mark.parametrize("text", ["1", "-0.0", "1.50", "1e400", "9" * 5_000])
def test_d3_d5_numbers_keep_their_digits(text: str) -> None:
    (number,) = parse_json(f"[{text}]".encode())
    assert isinstance(number, Number)
    assert number == text


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"a": NaN}'])
def test_d3_what_is_not_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not JSON$"):
        parse_json(text.encode())


@pytest.mark.parametrize("text", ["", "{", "[1,]", "{'a': 1}", "01", "1.", "nul", "{} {}", '"\n"', "\ufeff{}", "/**/1"])
def test_malformed_json_is_told_with_its_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not valid JSON at line \d+, column \d+: "):
        parse_json(text.encode())


@pytest.mark.parametrize("character", ["[", '{"a":', '[{"a":'])
def test_d4_a_hundred_thousand_brackets(character: str) -> None:
    with pytest.raises(ValueError, match=r"nested deeper than 8|not valid JSON"):
        parse_json(character.encode() * 100_000)
    with pytest.raises(ValueError, match="nested deeper than 8"):
        parse_json(b"[" * 900 + b"]" * 900)
    assert depth(parse_json(b"[" * 8 + b"]" * 8)) == 8
    with pytest.raises(ValueError, match="nested deeper than 8"):
        parse_json(b"[" * 9 + b"]" * 9)


@pytest.mark.parametrize("text", ['{"usage": 1, "usage": 9}', '{"a": {"usage": 1, "b": 2, "usage": 1}}'])
def test_d6_a_key_twice(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the key usage stands twice$"):
        parse_json(text.encode())


@pytest.mark.parametrize("text", [r'"\ud800"', r'["a\udfff"]', r'{"\ud800": 1}', r'{"a": "\ude00\ud83d"}'])
def test_d7_half_a_surrogate_pair(text: str) -> None:
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        parse_json(text.encode())
    assert parse_json(rb'"\ud83d\ude00"') == "😀"


def test_d6_d7_a_refusal_can_always_be_told() -> None:
    with pytest.raises(ValueError, match="stands twice") as caught:
        parse_json(rb'{"\ud800": 1, "\ud800": 2}')
    assert encode_json(str(caught.value))


@pytest.mark.parametrize("text", [b'"\xff"', b"\xed\xa0\x80", b'"\xc0\x80"', '"é"'.encode("utf-16")])
def test_d7_bytes_that_are_not_utf8(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not valid UTF-8 at byte [12]$"):
        parse_json(text)
