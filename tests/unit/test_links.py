"""The query strings of the pages next to a page: nothing lost, nothing reordered, the place last."""

import pytest
from tests.making import sid

from tollbook.query.fields import INVOICES
from tollbook.query.links import at_cursor, at_offset
from tollbook.query.listing import parse_list


@pytest.mark.parametrize(
    ("query", "following"),
    [
        ("", "limit=10&offset=7"),
        ("limit=1", "limit=1&offset=7"),  # as the documented sample
        ("limit=0", "limit=10&offset=7"),
        ("limit=", "limit=10&offset=7"),
        ("limit", "limit=10&offset=7"),
        ("%6cimit=007", "limit=7&offset=7"),
        ("limit=1&offset=3", "limit=1&offset=7"),
        ("offset=3&limit=1", "limit=1&offset=7"),
        ("offset=3", "limit=10&offset=7"),
        ("limit=2&filter=status+eq%20open&order=amount", "limit=2&filter=status+eq%20open&order=amount&offset=7"),
        ("filter=status eq \"open\"", "filter=status eq \"open\"&limit=10&offset=7"),
        ("includeFields=amount&with_related=TRUE", "includeFields=amount&with_related=TRUE&limit=10&offset=7"),
        ("filter=display_id eq 'limit=10'", "filter=display_id eq 'limit=10'&limit=10&offset=7"),
    ],
)  # fmt: skip
def test_the_effective_limit_stands_in_its_place_and_offset_last(query: str, following: str) -> None:
    assert at_offset(parse_list(query, INVOICES), 7) == following


@pytest.mark.parametrize("query", ["after={0}&limit=3&order=amount", "limit=3&offset=0&after={0}&order=amount"])
def test_a_list_asked_for_by_cursor_links_with_cursors(query: str) -> None:
    asked = parse_list(query.format(sid(1)), INVOICES)
    assert at_cursor(asked, "after", sid(2)) == f"limit=3&order=amount&after={sid(2)}"
    assert at_cursor(asked, "before", sid(2)) == f"limit=3&order=amount&before={sid(2)}"
    assert at_cursor(asked, "after", None) == "limit=3&order=amount"


def test_what_a_link_asks_for_is_the_same_list() -> None:
    asked = parse_list("filter=amount%20gt%201&limit=0&order=amount%20desc,status", INVOICES)
    following = parse_list(at_offset(asked, 10), INVOICES)
    assert (following.offset, following.limit) == (10, asked.limit)
    assert (following.conditions, following.order) == (asked.conditions, asked.order)


def test_b9_unknown_arguments_that_are_tolerated_do_not_travel() -> None:
    asked = parse_list("x=1&limit=2&limit=3", INVOICES, strict=False)
    assert at_offset(asked, 3) == "limit=3&offset=3"
