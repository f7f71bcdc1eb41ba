"""Partners over HTTP: made, read, changed, replaced; what a body may not say; who may change what."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.client import INVOICES, NO_ITEM, PARTNERS, PASSWORD, Reply, World, basic, refusal
from tests.making import CHILD, GRANDCHILD, NOW, OPERATOR, RESELLER

from tollbook.billing.scopes import PARTNER_SCOPES, SCOPES
from tollbook.clock import format_instant
from tollbook.query.fields import PARTNERS as CATALOGUE

UNKNOWN = "ffffffff-ffff-4fff-8fff-ffffffffffff"


def make(world: World, body: dict[str, Any], owner: str = OPERATOR, *scopes: str) -> Reply:
    return world.post(PARTNERS, world.token(owner, *scopes), json_body=body)


def change(world: World, sid: str, body: dict[str, Any], by: str = OPERATOR, method: str = "PATCH") -> Reply:
    return world.ask(method, f"{PARTNERS}/{sid}", world.token(by), json_body=body)


def wrong(reply: Reply) -> dict[str, str]:
    """What a 422 says of each attribute."""
    assert (reply.status, reply.code) == (422, "object_invalid"), reply.body
    return {flaw["field"]: flaw["message"] for flaw in reply.json["errors"]}


def test_a_new_partner_has_every_documented_key_and_sensible_defaults(world: World) -> None:
    made = make(world, {"name": "New"}).json
    assert list(made) == [field.name for field in CATALOGUE.fields] == sorted(made)
    assert re.fullmatch(r"CX[0-9]{8}", made["display_id"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["partner_sid"])
    given = {"name", "display_id", "partner_sid"}
    assert {name: value for name, value in made.items() if value is not None and name not in given} == {
        "attributes": {}, "available_scopes": list(PARTNER_SCOPES), "balance": "0", "daily_spent_amount": "0",
        "date_created": format_instant(NOW), "parent_sid": OPERATOR, "payment_type": "postpay", "status": "active",
    }  # fmt: skip
    assert world.get(f"{PARTNERS}/{made['partner_sid']}", world.token(OPERATOR)).json == made


def test_money_is_a_string_or_a_number_read_by_its_digits(world: World) -> None:
    body = b'{"name":"x","spending_limit":12.30,"charge_at":"-0.5","prepay_amount":100,"daily_spending_limit":"7"}'
    made = world.post(PARTNERS, world.token(OPERATOR), body=body, Content_Type="application/json").json
    shown = {name: made[name] for name in ("spending_limit", "charge_at", "prepay_amount", "daily_spending_limit")}
    assert shown == {
        "spending_limit": "12.3", "charge_at": "-0.5", "prepay_amount": "100", "daily_spending_limit": "7"
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["1e3", "-0", "0.1234567", "12345678901", "-1", "1E2", "1.0e0", '"1e999999999"', '" 1"', '"+5"', '".5"', '"5."',
     '"1_000"', '"NaN"', '"\u0661"', '"\uff11"', "true", "[]", '""', '"0x10"', '"1\\n"', '"-0"'],
)  # fmt: skip
def test_d1_d2_an_amount_that_is_none_is_refused(world: World, text: str) -> None:
    body = f'{{"name":"x","spending_limit":{text}}}'.encode()
    reply = world.post(PARTNERS, world.token(OPERATOR), body=body, Content_Type="application/json")
    assert list(wrong(reply)) == ["spending_limit"]


@pytest.mark.parametrize("name", [field.name for field in CATALOGUE.fields if not field.writable])
def test_d13_what_is_read_only_cannot_be_set(world: World, name: str) -> None:
    for reply in (make(world, {"name": "x", name: "1"}), change(world, CHILD, {name: "1"})):
        assert wrong(reply) == {name: "is read only"}


@pytest.mark.parametrize("name", ["partner", "scopes", "password_hash", "is_operator", "__class__", "Name", ""])
def test_d13_unknown_attributes_are_refused(world: World, name: str) -> None:
    (message,) = wrong(make(world, {"name": "x", name: "1"})).values()
    assert message.startswith("unknown attribute")


def test_a_client_may_send_back_what_it_was_given(world: World) -> None:
    shown = world.get(f"{PARTNERS}/{CHILD}", world.token(CHILD)).json
    assert change(world, CHILD, shown, by=CHILD).json == shown
    assert change(world, CHILD, shown, by=CHILD, method="PUT").json == shown
    assert change(world, CHILD, shown | {"city": "Oslo"}, by=CHILD).json == shown | {"city": "Oslo"}


def test_an_empty_patch_changes_nothing(world: World) -> None:
    before = world.get(f"{PARTNERS}/{CHILD}", world.token(CHILD)).body
    assert change(world, CHILD, {}).body == before


def test_put_resets_what_it_does_not_name(world: World) -> None:
    change(world, CHILD, {"zip": "1", "spending_limit": "5", "payment_type": "prepay", "city": "Oslo"})
    after = change(world, CHILD, {"city": "Bergen"}, method="PUT").json
    assert (after["city"], after["zip"], after["spending_limit"], after["payment_type"]) == (
        "Bergen", None, None, "postpay"
    )  # fmt: skip
    assert (after["login"], after["parent_sid"], after["available_scopes"]) == ("child", OPERATOR, list(SCOPES))
    assert (after["name"], after["attributes"], after["company_name"]) == ("Acme & Søn", {}, None)


def test_a_partner_cannot_replace_its_own_commercial_terms(world: World) -> None:
    change(world, CHILD, {"spending_limit": "5", "payment_type": "prepay"})
    after = change(world, CHILD, {"city": "Bergen"}, by=CHILD, method="PUT").json
    assert (after["spending_limit"], after["payment_type"], after["city"]) == ("5", "prepay", "Bergen")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("available_scopes", ["invoices.read"]),
        ("payment_type", "prepay"),
        ("spending_limit", "1000"),
        ("daily_spending_limit", 5),
        ("status", "unverified"),
    ],
)
def test_commercial_terms_are_set_from_above(world: World, name: str, value: object) -> None:
    assert wrong(change(world, GRANDCHILD, {name: value}, by=GRANDCHILD)) == {name: "is set by a partner above"}
    assert change(world, GRANDCHILD, {name: value}, by=RESELLER).status == 200
    assert change(world, OPERATOR, {name: value}, by=OPERATOR).status == 200


@pytest.mark.parametrize("method", ["PATCH", "PUT", "GET"])
def test_e5_who_is_not_beneath_does_not_exist(world: World, method: str) -> None:
    for sid, by in ((RESELLER, CHILD), (OPERATOR, CHILD), (UNKNOWN, CHILD), (RESELLER, GRANDCHILD)):
        body: dict[str, Any] = {"json_body": {"city": "x"}} if method != "GET" else {}
        reply = world.ask(method, f"{PARTNERS}/{sid}", world.token(by), **body)
        assert (reply.status, reply.body) == (404, NO_ITEM)


def test_a_wrong_body_to_who_is_out_of_sight_tells_nothing_of_it(world: World) -> None:
    for body in ({"login": "child"}, {"nonsense": 1}, {"parent_sid": OPERATOR}):
        assert change(world, RESELLER, body, by=CHILD).body == change(world, UNKNOWN, body, by=CHILD).body == NO_ITEM


def test_a_parent_is_the_caller_or_beneath(world: World) -> None:
    assert make(world, {"name": "x"}, RESELLER).json["parent_sid"] == RESELLER
    assert make(world, {"name": "x", "parent_sid": ""}, RESELLER).json["parent_sid"] == RESELLER
    assert make(world, {"name": "x", "parent_sid": GRANDCHILD}, RESELLER).json["parent_sid"] == GRANDCHILD
    for parent in (OPERATOR, CHILD, UNKNOWN):
        assert wrong(make(world, {"name": "x", "parent_sid": parent}, RESELLER)) == {
            "parent_sid": "cannot find item by sid"
        }
    assert wrong(change(world, GRANDCHILD, {"parent_sid": OPERATOR})) == {"parent_sid": "a partner cannot be moved"}
    assert wrong(change(world, GRANDCHILD, {"parent_sid": None})) == {"parent_sid": "a partner cannot be moved"}


def test_a_tree_has_a_greatest_depth(world: World) -> None:
    parent, deep = GRANDCHILD, 2
    while (made := make(world, {"name": "x", "parent_sid": parent})).status == 200:
        parent, deep = made.json["partner_sid"], deep + 1
        assert deep <= 16
    assert wrong(made) == {"parent_sid": "more than 16 levels"}
    assert deep == 16


def test_scopes_are_never_more_than_the_givers(world: World) -> None:
    scopes = ("partners.create", "invoices.read", "oauth.read")
    assert sorted(make(world, {"name": "x"}, RESELLER, *scopes).json["available_scopes"]) == [
        "invoices.read", "oauth.read"
    ]  # fmt: skip
    asked = {"name": "x", "available_scopes": ["invoices.read", "invoices.manage"]}
    assert wrong(make(world, asked, RESELLER, *scopes)) == {"available_scopes": "more than you have: invoices.manage"}
    assert wrong(make(world, {"name": "x", "available_scopes": ["all"]})) == {"available_scopes": "unknown scope all"}
    assert wrong(make(world, {"name": "x", "available_scopes": ["a.b", "a.b"]})) == {
        "available_scopes": "a word stands twice"
    }


def test_a_login_is_unique_and_a_password_never_shown(world: World) -> None:
    made = make(world, {"name": "x", "login": "new", "password": "a long secret"})
    assert made.status == 200
    assert b"secret" not in made.body
    assert world.get(INVOICES, Authorization=basic("new", "a long secret")).status == 200
    assert wrong(make(world, {"name": "y", "login": "new"})) == {"login": "is taken"}
    assert wrong(change(world, CHILD, {"login": "new"})) == {"login": "is taken"}
    assert change(world, CHILD, {"login": "child"}).status == 200
    assert change(world, CHILD, {"login": None}).json["login"] is None
    assert world.get(INVOICES, Authorization=basic("child", PASSWORD)).status == 401
    assert make(world, {"name": "y", "login": "child"}).status == 200


@pytest.mark.parametrize(("by", "target"), [(CHILD, CHILD), (RESELLER, GRANDCHILD), (OPERATOR, OPERATOR)])
def test_e4_a_password_opens_no_more_than_its_setter_may(world: World, by: str, target: str) -> None:
    body = {"login": "mine", "password": "a long secret", "city": "Oslo"}
    narrow = world.token(by, "partners.update", "partners.read")
    message = wrong(world.ask("PATCH", f"{PARTNERS}/{target}", narrow, json_body=body))["password"]
    assert message.startswith("would open more than you have: invoices.manage, ")
    assert world.get(INVOICES, Authorization=basic("mine", "a long secret")).status == 401
    assert world.get(f"{PARTNERS}/{target}", narrow).json["city"] != "Oslo"
    assert change(world, target, body, by=by).status == 200
    assert world.get(INVOICES, Authorization=basic("mine", "a long secret")).status == 200


@pytest.mark.parametrize("password", ["short", "x" * 257, 12345678, None, ["a long secret"], ""])
def test_a_password_that_is_none_is_refused(world: World, password: object) -> None:
    assert list(wrong(change(world, CHILD, {"password": password}))) == ["password"]
    assert world.get(INVOICES, Authorization=basic("child", PASSWORD)).status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", None), ("name", "  "), ("name", "x" * 201), ("name", "a\u0000b"), ("name", "e\u0301"), ("name", {}),
        ("name", "\u202eevil"), ("country_code", "US"), ("country_code", "usa"), ("login", "a b"), ("login", "\u00e9"),
        ("login", "x" * 101), ("payment_type", "gift"), ("status", "closed"), ("attributes", {"a b": "x"}),
        ("attributes", {"a": 1}), ("attributes", {"a": {"b": "c"}}), ("attributes", None), ("parent_sid", "x"),
        ("parent_sid", "{" + CHILD + "}"), ("available_scopes", "invoices.read"), ("available_scopes", None),
        ("attributes", {f"k{number}": "" for number in range(51)}), ("spending_limit", "-1"), ("zip", 5),
    ],
)  # fmt: skip
def test_d8_d9_a_wrong_value_is_named(world: World, name: str, value: object) -> None:
    assert list(wrong(make(world, {"name": "x", name: value}))) == [name]


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "../../etc", "\u05d0"]
)
def test_d14_texts_are_kept_as_they_are_and_sent_as_json(world: World, text: str) -> None:
    made = make(world, {"name": text, "city": text})
    assert (made.json["name"], made.json["city"]) == (text, text)
    assert made.headers["content-type"] == "application/json"
    assert made.headers["x-content-type-options"] == "nosniff"
    found = world.get(f"{PARTNERS}?include_fields=name&order=date_created", world.token(OPERATOR))
    assert {"name": text} in found.json["items"]


def test_a_refused_body_leaves_no_trace(world: World) -> None:
    before = world.get(f"{PARTNERS}?limit=1000", world.token(OPERATOR)).body
    make(world, {"name": "x", "login": "child"})
    make(world, {"name": "x", "zip": 5})
    change(world, CHILD, {"city": "Oslo", "login": "reseller"})
    assert world.get(f"{PARTNERS}?limit=1000", world.token(OPERATOR)).body == before


def test_the_answer_to_a_write_can_be_projected(world: World) -> None:
    reply = world.post(f"{PARTNERS}?include_fields=name", world.token(OPERATOR), json_body={"name": "x"})
    assert reply.body == b'{"name":"x"}'
    before = world.get(PARTNERS, world.token(OPERATOR)).json["total"]
    refused = world.post(f"{PARTNERS}?include_field=name", world.token(OPERATOR), json_body={"name": "x"})
    assert (refused.status, refused.code) == (400, "argument_unknown")
    assert world.get(PARTNERS, world.token(OPERATOR)).json["total"] == before


def test_d6_a_key_that_stands_twice_is_refused(world: World) -> None:
    body = b'{"name":"x","city":"a","city":"b"}'
    reply = world.post(PARTNERS, world.token(OPERATOR), body=body, Content_Type="application/json; charset=utf-8")
    assert (reply.status, reply.body) == (400, refusal("bad request", (None, "the key city stands twice")))


def test_a_partner_is_filtered_by_what_the_list_shows(world: World) -> None:
    token = world.token(OPERATOR)
    make(world, {"name": "x", "attributes": {"county": "Kern", "b": "2"}})
    for condition, count in (
        ("attributes.county eq Kern", 2), ("attributes.none eq null", 5), ("available_scopes eq invoices.read", 5),
        ("parent_sid eq null", 1), ("login like '%child'", 2), ("balance eq 0", 5), ("name eq Reseller", 1),
    ):  # fmt: skip
        found = world.get(f"{PARTNERS}?filter={quote(condition)}", token)
        assert (condition, found.json["total"]) == (condition, count)
    hidden = world.get(f"{PARTNERS}?filter=password_hash%20ne%20null", token)
    assert hidden.code == "filter_unknown_field"
    assert json.loads(hidden.body)["errors"][0]["field"] == "filter"
