"""What a client may ask of a list or a record: filters, orders, projections, related partners; and how it errs."""

from urllib.parse import quote

import pytest
from tests.api.client import INVOICES, PARTNERS, TOKENS, World, refusal
from tests.making import CHILD, GRANDCHILD, OPERATOR, RESELLER, sid

ONE = f"{INVOICES}/{sid(8)}"


def numbers(world: World, condition: str, token: str | None = None) -> list[int]:
    """The numbers of the invoices that a filter keeps, in order."""
    reply = world.get(f"{INVOICES}?limit=1000&order=invoice_sid&filter={quote(condition)}", token or world.token())
    assert reply.status == 200, reply.body
    assert reply.json["total"] == len(reply.json["items"])
    return [int(found[:8], 16) for found in reply.sids()]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("amount eq 0.380", [3]),
        ("amount lt 0", [4]),
        ("amount gt 9.999999", [6, 8]),
        ("amount in (1, 2.00, -5)", [1, 2, 4, 5]),
        ("status eq closed", [1, 2]),
        ("status ne open", [1, 2, 6]),
        ("status in ('void', \"closed\")", [1, 2, 6]),
        ("status LIKE 'C%'", []),
        ("status ilike 'C%'", [1, 2]),
        ("status like 'clos__'", [1, 2]),
        ("paid eq true", [1]),
        ("date_charge_expected eq null", [6]),
        ("date_charged ne null", [1]),
        ("date_created ge 2025-01-23", [8, 9]),
        ("date_created eq 2025-01-19T14:00:00+02:00", [4, 5]),
        ("display_id gt 006 and display_id le 008", [7, 8]),
        ("invoice_items.type eq did", [3]),
        ("invoice_items.direction eq null", [3]),
        ("invoice_items.usage bit 60", [8]),
        ("invoice_items.usage lt 100", [3, 8]),
        ("tax_items.jurisdiction ne federal", [7]),
        ("pay_items.amount lt 0", [4]),
        (f"invoice_sid eq {sid(7)}", [7]),
        ("partner.name like 'Acme%'", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("partner.city eq Kern", []),
        (f"partner_sid eq {RESELLER}", []),
    ],
)
def test_a_filter_keeps_what_it_says(shelf: World, condition: str, kept: list[int]) -> None:
    assert numbers(shelf, condition) == kept


def test_a_filter_never_widens_sight(shelf: World) -> None:
    narrow = shelf.token(RESELLER, "invoices.read")
    assert numbers(shelf, "", narrow) == [20, 21]
    assert numbers(shelf, f"partner_sid eq {GRANDCHILD}", narrow) == []
    assert numbers(shelf, f"partner.parent_sid eq {RESELLER}", narrow) == []
    assert numbers(shelf, f"partner_sid eq {GRANDCHILD}", shelf.token(RESELLER)) == [30]


@pytest.mark.parametrize(
    ("condition", "code", "message"),
    [
        ("amout gt 1", "filter_unknown_field", "position 1: unknown attribute amout; did you mean amount?"),
        ("paid eq true and nme eq x", "filter_unknown_field", "position 18: unknown attribute nme"),
        ("amount eq abc", "filter_unfit", "position 11: expected a plain decimal like -12.5, with at most 10 digits"),
        ("amount like '1%'", "filter_unfit", "position 8: like does not fit amount, which is money"),
        ("paid eq yes", "filter_unfit", "position 9: expected true or false"),
        ("date_created gt yesterday", "filter_unfit", "position 17: expected a date like 2024-10-31"),
        ("status eq 'open", "filter_syntax", "position 11: the quote opened here is not closed"),
        ("status eq open or paid eq true", "filter_syntax", "position 16: expected and, found or; conditions are"),
        ("(status eq open)", "filter_syntax", "position 1: ( is not in the language"),
        ("not paid eq true", "filter_syntax", "position 1: not is not in the language"),
        ("status is open", "filter_syntax", "position 8: expected an operator (eq, ne,"),
        ("status eq", "filter_syntax", "position 10: expected a value, found the end"),
        ("invoice_items eq 1", "filter_unfit", "position 1: invoice_items cannot be compared itself"),
        ("status gt null", "filter_unfit", "position 11: null goes with eq and ne only"),
        ("status eq \u201copen\u201d", "filter_syntax", "position 11: a typographic quote"),
    ],
)
def test_a_filter_error_names_field_code_and_position(shelf: World, condition: str, code: str, message: str) -> None:
    reply = shelf.get(f"{INVOICES}?filter={quote(condition)}", shelf.token())
    assert (reply.status, reply.code, reply.json["message"]) == (400, code, "bad request")
    (flaw,) = reply.json["errors"]
    assert list(flaw) == ["field", "message", "reference_sid"]
    assert flaw["field"] == "filter"
    assert flaw["message"].startswith(message)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("amout", "unknown attribute amout; did you mean amount?"),
        ("amount up", "expected amount, amount asc or amount desc, found amount up"),
        ("amount desc, amount asc", "an attribute stands twice"),
        ("amount,", "an attribute is missing"),
        ("invoice_items", "invoice_items has no order of its own"),
        ("invoice_items.amount", "invoice_items.amount has no order of its own"),
        ("partner", "partner has no order of its own"),
        ("amount,status,paid,display_id", "more than 3 attributes"),
        ("shuffle,amount", "shuffle stands alone"),
        ("partner.password_hash", "unknown attribute partner.password_hash"),
    ],
)
def test_c10_an_order_that_cannot_be_is_refused(shelf: World, order: str, message: str) -> None:
    reply = shelf.get(f"{INVOICES}?order={quote(order)}", shelf.token())
    assert (reply.status, reply.code) == (400, "order_invalid")
    (flaw,) = reply.json["errors"]
    assert flaw["field"] == "order"
    assert flaw["message"].startswith(message)


def test_several_wrong_arguments_are_told_together(shelf: World) -> None:
    query = "limit=x&offset=-1&filter=nme+eq+1&order=up&with_related=1"
    reply = shelf.get(f"{INVOICES}?{query}", shelf.token())
    assert reply.status == 400
    assert sorted(flaw["field"] for flaw in reply.json["errors"]) == [
        "filter", "limit", "offset", "order", "with_related"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["include_fields", "includeFields"])
def test_include_shows_only_what_it_names(shelf: World, name: str) -> None:
    single = shelf.get(f"{ONE}?{name}=amount,invoice_items.type,invoice_items.nothing,nonsense", shelf.token())
    assert single.body == b'{"amount":"100","invoice_items":[{"type":"toll"},{"type":"toll"}]}'
    listed = shelf.get(f"{INVOICES}?limit=1&{name}=display_id", shelf.token()).json
    assert listed["items"] == [{"display_id": "009"}]
    assert list(listed) == ["count", "has_more", "items", "limit", "offset", "pagination", "total"]


@pytest.mark.parametrize("name", ["exclude_fields", "excludeFields"])
def test_exclude_leaves_out_what_it_names(shelf: World, name: str) -> None:
    whole = shelf.get(ONE, shelf.token()).json
    shown = shelf.get(f"{ONE}?{name}=amount,%20tax_items.amount,nonsense", shelf.token()).json
    assert shown == {k: v for k, v in whole.items() if k != "amount"} | {
        "tax_items": [{k: v for k, v in line.items() if k != "amount"} for line in whole["tax_items"]]
    }
    assert list(shown) == [name for name in whole if name != "amount"]


def test_include_comes_first_then_exclude(shelf: World) -> None:
    query = (
        "exclude_fields=invoice_items.usage,amount&include_fields=amount,status,invoice_items.usage,invoice_items.type"
    )
    listed = shelf.get(f"{INVOICES}?limit=1&order=amount+desc&{query}", shelf.token())
    expected = {"invoice_items": [{"type": "toll"}, {"type": "toll"}], "status": "open"}
    assert listed.json["items"] == [expected]
    assert shelf.get(f"{ONE}?{query}", shelf.token()).json == expected


def test_a_projection_reaches_into_the_related_partner(shelf: World) -> None:
    query = "with_related=true&include_fields=partner.name,invoice_sid"
    assert shelf.get(f"{ONE}?{query}", shelf.token()).json == {
        "invoice_sid": sid(8),
        "partner": {"name": "Acme & Søn"},
    }
    without = shelf.get(f"{ONE}?with_related=true&exclude_fields=partner", shelf.token())
    assert without.body == shelf.get(ONE, shelf.token()).body


def test_an_alias_given_beside_its_name_is_a_repeat(shelf: World) -> None:
    reply = shelf.get(f"{INVOICES}?include_fields=amount&includeFields=paid", shelf.token())
    assert (reply.status, reply.code) == (400, "argument_repeated")
    assert reply.json["errors"][0]["field"] == "include_fields"


@pytest.mark.parametrize("target", [INVOICES, ONE, TOKENS])
@pytest.mark.parametrize("value", ["yes", "1", "", "tru"])
def test_with_related_is_true_or_false(shelf: World, target: str, value: str) -> None:
    reply = shelf.get(f"{target}?with_related={value}", shelf.token())
    assert reply.body == refusal("bad request", ("with_related", "expected true or false"))


def test_with_related_embeds_the_partner_of_each_record(shelf: World) -> None:
    listed = shelf.get(f"{INVOICES}?with_related=TRUE&limit=1000", shelf.token(OPERATOR)).json["items"]
    assert {item["partner"]["partner_sid"] for item in listed} == {CHILD, RESELLER, GRANDCHILD}
    assert all(item["partner"]["partner_sid"] == item["partner_sid"] for item in listed)
    seen = shelf.get(f"{PARTNERS}/{CHILD}", shelf.token(OPERATOR)).json
    assert next(item["partner"] for item in listed if item["partner_sid"] == CHILD) == seen
    assert "partner" not in shelf.get(f"{INVOICES}?with_related=False&limit=1", shelf.token()).json["items"][0]


def test_tokens_embed_their_partner_too(world: World) -> None:
    granted = world.granted(CHILD)
    single = world.get(f"{TOKENS}/{granted['token_sid']}?with_related=true", granted["access_token"]).json
    listed = world.get(f"{TOKENS}?with_related=true", granted["access_token"]).json["items"]
    assert single["partner"]["partner_sid"] == CHILD
    assert listed == [single]
    names = list(single)
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("target", "query", "field", "hint"),
    [
        (INVOICES, "fliter=status+eq+open", "fliter", "; did you mean filter?"),
        (INVOICES, "Limit=1", "Limit", "; did you mean limit?"),
        (INVOICES, "limit%5B%5D=1", "limit[]", "; did you mean limit?"),
        (ONE, "limit=1", "limit", ""),
        (PARTNERS, "with_related=true", "with_related", ""),
        (f"{PARTNERS}/{CHILD}", "fields=name", "fields", ""),
        ("/core/v2/oauth/whoami", "with_related=true", "with_related", ""),
        ("/health/live", "x=1", "x", ""),
    ],
)
def test_b9_an_unknown_argument_is_refused_with_the_nearest(
    shelf: World, target: str, query: str, field: str, hint: str
) -> None:
    reply = shelf.get(f"{target}?{query}", shelf.token())
    assert (reply.status, reply.code) == (400, "argument_unknown")
    (flaw,) = reply.json["errors"]
    assert flaw["field"] == field
    assert flaw["message"].startswith("unknown query argument" + hint)


def test_b9_an_argument_that_stands_twice_is_refused(shelf: World) -> None:
    reply = shelf.get(f"{INVOICES}?limit=1&limit=1", shelf.token())
    assert reply.body == refusal("bad request", ("limit", "this query argument stands twice"))
    assert reply.code == "argument_repeated"


def test_wrong_names_and_wrong_values_are_told_together(shelf: World) -> None:
    query = "foo=1&limit=-1&order=nope&after=&after=&filter=status+is+x&includeFields=a&include_fields=b"
    reply = shelf.get(f"{INVOICES}?{query}", shelf.token())
    assert (reply.status, reply.code) == (400, "argument_unknown")
    fields = [flaw["field"] for flaw in reply.json["errors"]]
    assert fields == ["foo", "after", "include_fields", "filter", "order", "limit"]


def test_without_strict_query_unknown_arguments_are_tolerated(tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.api.client import make_world
    from tests.api.shelf import fill_shelf

    world = make_world(tmp_path_factory.mktemp("lenient"), strict_query=False)
    fill_shelf(world)
    reply = world.get(f"{INVOICES}?limit=9&fliter=x&limit=2&utm=1", world.token())
    assert (reply.status, reply.json["limit"], reply.json["count"]) == (200, 2, 2)
    assert world.get(f"{INVOICES}/{sid(1)}?fields=amount", world.token()).status == 200
    assert world.get(f"{INVOICES}?filter=nme+eq+1", world.token()).status == 400
