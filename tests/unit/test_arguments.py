"""Query strings taken apart strictly: nothing is guessed, dropped or repaired."""

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook import errors, limits
from tollbook.errors import Refusal
from tollbook.query.arguments import nearest, read_arguments

KNOWN = ("limit", "offset", "filter", "order", "include_fields", "includeFields")


def refused(query: str, **how: bool) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_arguments(query, KNOWN, **how)
    return caught.value


@given(st.text().filter(lambda text: "\0" not in text), st.sampled_from([quote, quote_plus]))
def test_every_value_arrives_as_it_was_meant(value: str, encode) -> None:
    segment = f"filter={encode(value)}"
    (argument,) = read_arguments(segment, KNOWN)
    assert (argument.name, argument.value, argument.text) == ("filter", value, segment)


def test_order_and_text_are_kept() -> None:
    read = read_arguments("order=a%20b&&limit&filter=x=y+z%2B&", KNOWN)
    assert [(a.name, a.value) for a in read] == [("order", "a b"), ("limit", ""), ("filter", "x=y z+")]
    assert [a.text for a in read] == ["order=a%20b", "limit", "filter=x=y+z%2B"]


def test_nothing_asked_is_nothing_read() -> None:
    assert read_arguments("", KNOWN) == read_arguments("&&", KNOWN) == ()


@pytest.mark.parametrize("text", ["%ff", "%C0%80", "%c0%af", "%ED%A0%80", "%F4%90%80%80", "%E2%82", "a%80b", "\ud800"])
@pytest.mark.parametrize("place", ["filter={}", "{}=1", "{}"])
@pytest.mark.parametrize("strict", [True, False])
def test_b8_bytes_that_are_not_utf8(text: str, place: str, strict: bool) -> None:
    refusal = refused(place.format(text), strict=strict)
    assert refusal.problem is errors.QUERY_MALFORMED
    assert refusal.flaws[0].message == "the query is not valid UTF-8"
    assert refusal.flaws[0].field == ("filter" if place == "filter={}" else None)


@pytest.mark.parametrize("text", ["%", "100%", "%%", "%2", "%g0", "%2g", "a%20%", "% 20", "%u0041", "%٣٣"])
@pytest.mark.parametrize("place", ["filter={}", "{}=1"])
def test_b8_a_lone_percent(text: str, place: str) -> None:
    refusal = refused(place.format(text))
    assert refusal.problem is errors.QUERY_MALFORMED
    assert "two hexadecimal digits" in refusal.flaws[0].message


@pytest.mark.parametrize("query", ["filter=a%00b", "%00=1", "filter=a\0b"])
def test_c14_nul_is_refused(query: str) -> None:
    refusal = refused(query)
    assert refusal.problem is errors.QUERY_MALFORMED
    assert "NUL" in refusal.flaws[0].message


@pytest.mark.parametrize(
    ("query", "field", "hint"),
    [
        ("limit[]=1", "limit[]", "limit"),
        ("Limit=1", "Limit", "limit"),
        ("fitler=x", "fitler", "filter"),
        ("includefields=x", "includefields", "include"),
        (" limit=1", " limit", "limit"),
        ("filter%20=1", "filter ", "filter"),
        ("=1", "", None),
        ("__class__=1", "__class__", None),
        ("%F0%9F%8E%BA=1", "🎺", None),
    ],
)
def test_b9_an_unknown_argument_is_named_with_its_nearest(query: str, field: str, hint: str | None) -> None:
    refusal = refused(query)
    assert refusal.problem is errors.ARGUMENT_UNKNOWN
    (flaw,) = refusal.flaws
    assert flaw.field == field
    assert flaw.message.startswith("unknown query argument")
    assert f"did you mean {hint}" in flaw.message if hint else "did you mean" not in flaw.message


def test_b9_all_unknown_arguments_are_named_at_once() -> None:
    assert [flaw.field for flaw in refused("x=1&limit=5&y=2").flaws] == ["x", "y"]


@pytest.mark.parametrize("query", ["limit=1&limit=2", "limit=1&limit=1", "limit&limit", "limit=1&%6cimit=2"])
def test_b9_the_same_argument_twice(query: str) -> None:
    refusal = refused(query)
    assert refusal.problem is errors.ARGUMENT_REPEATED
    assert refusal.flaws[0].field == "limit"


def test_b9_without_strictness_unknown_names_are_dropped_and_the_last_of_equals_counts() -> None:
    read = read_arguments("limit=1&x=9&order=a&limit=2&limit[]=3", KNOWN, strict=False)
    assert [argument.text for argument in read] == ["order=a", "limit=2"]


def test_b9_ten_thousand_arguments() -> None:
    most = "&".join(["limit=1"] * limits.ARGUMENTS_MAX)
    assert refused(most).problem is errors.ARGUMENT_REPEATED
    for strict in (True, False):
        refusal = refused(most + "&limit=1" * 10_000, strict=strict)
        assert refusal.problem is errors.QUERY_MALFORMED
        assert str(limits.ARGUMENTS_MAX) in refusal.flaws[0].message


def test_the_nearest_name_is_asked_for_or_nothing() -> None:
    assert nearest("OFFSET", KNOWN) == "; did you mean offset?"
    assert nearest("zzz", KNOWN) == ""
