"""A list's query string as a whole: sizes, order, cursors, and every flaw named in one refusal."""

import pytest
from tests.making import sid

from tollbook import errors, limits
from tollbook.errors import Problem, Refusal
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS, Kind, Resource
from tollbook.query.listing import ListQuery, parse_list, parse_order, parse_view


def refused(query: str, resource: Resource = INVOICES, **how: bool) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse_list(query, resource, **how)
    return caught.value


def ordered(asked: ListQuery) -> list[tuple[str, bool]]:
    return [(".".join(field.name for field in key.path), key.descending) for key in asked.order]


@pytest.mark.parametrize("resource", [INVOICES, PARTNERS, TOKENS], ids=lambda resource: resource.name)
@pytest.mark.parametrize("query", ["", "&", "filter", "filter=", "order=&limit=&offset=&after=&before=", "filter=%20"])
def test_what_is_not_asked_is_the_default(query: str, resource: Resource) -> None:
    asked = parse_list(query, resource)
    assert (asked.limit, asked.offset, asked.conditions, asked.cursor, asked.shuffle) == (10, 0, (), None, False)
    assert ordered(asked) == [("date_created", True)]
    assert asked.projection is None
    assert asked.with_related is False


@pytest.mark.parametrize(("text", "limit"), [("0", 10), ("", 10), ("1", 1), ("1000", 1000), ("007", 7), ("%30", 10)])
def test_c11_limits(text: str, limit: int) -> None:
    assert parse_list(f"limit={text}", INVOICES).limit == limit


@pytest.mark.parametrize(
    "text",
    ["-1", "1001", "1e3", "٣", "%2B5", "+5", "5%20", "5+", "1.0", "1_0", "0x1", "99999999999999999999", "a", "²", "-0",
     "%0a5", "5%0a", "9" * 5_000, "null", "١٠"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["limit", "offset"])
def test_c11_what_is_no_limit_or_offset(name: str, text: str) -> None:
    if (name, text) == ("offset", "1001"):
        text = str(2**53 + 1)
    refusal = refused(f"{name}={text}")
    assert refusal.problem is errors.ARGUMENT_INVALID
    assert [flaw.field for flaw in refusal.flaws] == [name]
    assert refusal.flaws[0].message.startswith("expected a whole number from 0 to ")


@pytest.mark.parametrize("offset", [0, 1, 2**53])
def test_c11_offsets(offset: int) -> None:
    assert parse_list(f"offset={offset}", INVOICES).offset == offset


@pytest.mark.parametrize("offset", [2**53 + 1, 2**63, 2**64])
def test_c11_offsets_that_no_store_could_hold(offset: int) -> None:
    assert refused(f"offset={offset}").flaws[0].message == f"expected a whole number from 0 to {limits.OFFSET_MAX}"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("amount", [("amount", False)]),
        ("amount%20asc", [("amount", False)]),
        ("amount+DESC", [("amount", True)]),
        ("status,amount%20desc,%20paid%20", [("status", False), ("amount", True), ("paid", False)]),
        ("partner.name desc", [("partner.name", True)]),
        ("invoice_sid desc", [("invoice_sid", True)]),
        ("%20", [("date_created", True)]),
    ],
)
def test_order(text: str, keys: list[tuple[str, bool]]) -> None:
    assert ordered(parse_list(f"order={text}", INVOICES)) == keys


@pytest.mark.parametrize("resource", [INVOICES, PARTNERS, TOKENS], ids=lambda resource: resource.name)
def test_every_attribute_but_arrays_and_maps_can_be_ordered_by(resource: Resource) -> None:
    for path in resource.paths():
        field = resource.by_name[path.split(".")[0]]
        inner = field.part(path.split(".")[1]) if "." in path else field
        assert inner is not None
        can = field.kind is not Kind.ROWS and inner.kind not in (Kind.ROWS, Kind.WORDS, Kind.MAP, Kind.OBJECT)
        if can:
            assert parse_order(path, resource)[0].path[-1] is inner
        else:
            assert f"{path} has no order of its own" in refused(f"order={path}", resource).flaws[0].message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("amount desc,amount asc", "an attribute stands twice"),
        ("amount,amount", "an attribute stands twice"),
        ("amount,paid,status,display_id", "more than 3 attributes"),
        (",".join(["amount"] * 50), "more than 3 attributes"),
        ("amont", "unknown attribute amont; did you mean amount?"),
        ("Amount", "unknown attribute Amount; did you mean amount?"),
        ("amount.", "unknown attribute amount."),
        ("amount.x", "unknown attribute amount.x"),
        ("partner.nam", "unknown attribute partner.nam; did you mean partner.name?"),
        ("partner.name.x", "unknown attribute partner.name.x"),
        ("partner.", "unknown attribute partner."),
        ("partner.attributes.county", "unknown attribute partner.attributes.county"),
        ("__class__", "unknown attribute __class__"),
        ("invoice_items.nonsense", "unknown attribute invoice_items.nonsense"),
        ("invoice_items.amount", "invoice_items.amount has no order of its own"),
        ("amount up", "expected amount, amount asc or amount desc, found amount up"),
        ("amount desc desc", "expected amount, amount asc or amount desc, found amount desc desc"),
        ("desc", "unknown attribute desc"),
        ("amount,", "an attribute is missing"),
        (",", "an attribute is missing"),
        ("shuffle,amount", "shuffle stands alone"),
        ("amount,shuffle", "shuffle stands alone"),
        ("shuffle desc", "shuffle stands alone"),
        ("amount; drop table invoice", "expected amount;, amount; asc or amount; desc, found amount; drop table"),
        ("-amount", "unknown attribute -amount; did you mean amount?"),
    ],
)
def test_c10_what_is_no_order(text: str, said: str) -> None:
    refusal = refused(f"order={text.replace('&', '%26')}")
    assert refusal.problem is errors.ORDER_INVALID
    (flaw,) = refusal.flaws
    assert flaw.field == "order"
    assert flaw.message.startswith(said)


@pytest.mark.parametrize("text", ["shuffle", "%20shuffle%20"])
def test_c10_shuffle_stands_alone(text: str) -> None:
    assert parse_list(f"order={text}", INVOICES).shuffle is True


@pytest.mark.parametrize("name", ["after", "before"])
def test_c13_a_cursor_is_taken_as_it_is(name: str) -> None:
    for text in (sid(1), "forged", "%20", "x" * 1_000):
        asked = parse_list(f"{name}={text}&offset=0", INVOICES)
        assert asked.cursor == getattr(asked, name) == text.replace("%20", " ")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"after={sid(1)}&before={sid(2)}", "after: after and before cannot both be given"),
        (f"after={sid(1)}&offset=1", "after: after does not go with a non-zero offset"),
        (f"before={sid(1)}&offset=1", "before: before does not go with a non-zero offset"),
        (f"before={sid(1)}&order=shuffle", "before: before does not go with order=shuffle"),
    ],
)
def test_cursors_stand_without_offset_shuffle_and_each_other(query: str, said: str) -> None:
    refusal = refused(query)
    assert refusal.problem is errors.ARGUMENT_INVALID
    assert str(refusal) == said


@pytest.mark.parametrize(("text", "value"), [("true", True), ("TRUE", True), ("False", False), ("false", False)])
def test_with_related(text: str, value: bool) -> None:
    assert parse_list(f"with_related={text}", INVOICES).with_related is value
    assert parse_view(f"with_related={text}", INVOICES).with_related is value


@pytest.mark.parametrize("text", ["", "1", "yes", "t", "true%20"])
def test_with_related_is_true_or_false(text: str) -> None:
    refusal = refused(f"with_related={text}")
    assert str(refusal) == "with_related: expected true or false"


def test_with_related_is_unknown_where_nothing_is_related() -> None:
    assert refused("with_related=true", PARTNERS).problem is errors.ARGUMENT_UNKNOWN


def test_every_flaw_is_told_at_once() -> None:
    names = ",".join(["a"] * 101)
    refusal = refused(
        f"limit=x&offset=-1&order=nonsense&filter=nonsense&with_related=maybe&include_fields={names}"
        f"&exclude_fields={names}&after=a&before=b"
    )
    told = ["filter", "order", "limit", "offset", "include_fields", "exclude_fields", "with_related", "after"]
    assert sorted(flaw.field or "" for flaw in refusal.flaws) == sorted(told)
    assert refusal.problem is errors.FILTER_UNKNOWN_FIELD


def test_every_flaw_of_a_view_is_told_at_once() -> None:
    names = ",".join(["a"] * 101)
    with pytest.raises(Refusal) as caught:
        parse_view(f"with_related=maybe&exclude_fields={names}", INVOICES)
    assert {flaw.field for flaw in caught.value.flaws} == {"exclude_fields", "with_related"}


def test_a_view_shows_what_it_is_asked_to() -> None:
    view = parse_view("includeFields=amount,paid&excludeFields=paid", INVOICES)
    assert view.projection is not None
    assert view.projection.apply({"amount": "1", "paid": True, "status": "open"}) == {"amount": "1"}
    assert parse_view("", INVOICES).projection is None


@pytest.mark.parametrize("name", ["limit", "filter", "after"])
def test_a_view_is_no_list(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_view(f"{name}=1", INVOICES)
    assert caught.value.problem is errors.ARGUMENT_UNKNOWN


@pytest.mark.parametrize("parse", [parse_list, parse_view])
def test_b9_an_alias_is_the_same_argument(parse) -> None:
    with pytest.raises(Refusal) as caught:
        parse("include_fields=amount&includeFields=paid", INVOICES)
    assert caught.value.problem is errors.ARGUMENT_REPEATED
    assert str(caught.value) == "include_fields: includeFields says it a second time"
    asked = parse("include_fields=amount&includeFields=paid", INVOICES, strict=False)
    assert asked.projection.apply({"amount": "1", "paid": True}) == {"paid": True}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("filter=%ff", errors.QUERY_MALFORMED),
        ("fitler=status%20eq%20open", errors.ARGUMENT_UNKNOWN),
        ("limit=1&limit=2", errors.ARGUMENT_REPEATED),
        ("filter=x%20eq%201", errors.FILTER_UNKNOWN_FIELD),
        ("filter=paid%20gt%201", errors.FILTER_UNFIT),
    ],
)
def test_b9_a_flaw_keeps_its_own_problem(query: str, problem: Problem) -> None:
    assert refused(query).problem is problem


def test_the_same_request_is_parsed_once() -> None:
    assert parse_list("limit=3", INVOICES) is parse_list("limit=3", INVOICES)
    assert parse_list("limit=3", INVOICES) is not parse_list("limit=3", PARTNERS)
