"""Section C end to end: what a hostile query becomes. The language itself is tested in tests/unit."""

import sqlite3
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.client import INVOICES, NO_ITEM, PARTNERS, Reply, World
from tests.making import CHILD, GRANDCHILD, OPERATOR, RESELLER, invoice, item, partner, put, sid

from tollbook.query.fields import RESOURCES

QUOTES = [
    "x' or '1'='1",
    '"; DROP TABLE invoice; --',
    "x') UNION SELECT 1 --",
    "/* */",
    "\\' or 1=1 --",
]


def ask(world: World, condition: str, more: str = "", token: str | None = None) -> Reply:
    return world.get(f"{INVOICES}?limit=1000&order=invoice_sid&filter={quote(condition)}{more}", token or world.token())


def kept(world: World, condition: str) -> list[int]:
    reply = ask(world, condition)
    assert reply.status == 200, reply.body
    return [int(found[:8], 16) for found in reply.sids()]


def refused(reply: Reply, code: str) -> bool:
    return (reply.status, reply.code) == (400, code) and reply.json["errors"][0]["field"] == "filter"


@pytest.mark.parametrize("text", QUOTES)
def test_c1_injections_are_values_or_errors(shelf: World, text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert kept(shelf, f'status eq "{quoted}"') == []
    assert kept(shelf, f'status ne "{quoted}"') == list(range(1, 10))
    assert kept(shelf, f'partner.name like "{quoted}"') == []
    assert ask(shelf, f"status eq {text}").status == 400
    assert ask(shelf, f"{text} eq 1").status == 400
    for argument in ("order", "after", "include_fields"):
        reply = shelf.get(f"{INVOICES}?{argument}={quote(text)}", shelf.token())
        assert reply.status == {"order": 400, "after": 404, "include_fields": 200}[argument]
    assert shelf.get(f"{INVOICES}/{quote(text, safe='')}", shelf.token()).status == 404
    assert ask(shelf, 'status eq "a" --').status == 400


def test_c1_no_character_of_a_users_is_in_a_statement(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = "Tt4iNted"
    statements: list[str] = []
    connect = sqlite3.connect

    def watched(*arguments: Any, **more: Any) -> Any:
        connection = connect(*arguments, **more)
        return _Watched(connection, statements)

    monkeypatch.setattr(sqlite3, "connect", watched)
    world.store.close()
    put(world.store, invoice(1, OPERATOR, display_id=mark))
    token = world.token(OPERATOR)
    statements.clear()
    for condition in (
        f"status eq {mark}", f"status ne {mark}", f"status in ({mark}, b)", f"status like '{mark}%'",
        f"status ilike '_{mark}'", f"invoice_items.type eq {mark}", f"partner.attributes.{mark} eq {mark}",
        f"partner.available_scopes eq {mark}", f"partner.name gt {mark} and display_id le {mark}",
    ):  # fmt: skip
        assert ask(world, condition, "&with_related=true", token).status == 200
    world.get(f"{INVOICES}?after={mark}&include_fields={mark}", token)
    world.get(f"{INVOICES}/{mark}", token)
    world.get(INVOICES, mark)
    world.post(PARTNERS, token, json_body={"name": mark, "login": mark, "attributes": {mark: mark}})
    assert len(statements) > 20
    assert any("WHERE" in statement for statement in statements)
    assert not [statement for statement in statements if mark in statement]


class _Watched:
    """A connection that writes down each statement it is given, parameters apart."""

    def __init__(self, connection: sqlite3.Connection, statements: list[str]) -> None:
        self._connection = connection
        self._statements = statements

    def execute(self, statement: str, *more: object) -> sqlite3.Cursor:
        self._statements.append(statement)
        return self._connection.execute(statement, *more)  # type: ignore[arg-type]

    def executemany(self, statement: str, rows: object) -> sqlite3.Cursor:
        self._statements.append(statement)
        return self._connection.executemany(statement, rows)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


@pytest.mark.parametrize(
    "name",
    ["__class__", "partner.password_hash", "password_hash", "origin", "partner.__dict__", "rowid", "r.amount",
     "document", "partner.partner_sid.x", "amount.x", "invoice_items.invoice_sid", "1", "partner.", "."],
)  # fmt: skip
def test_c2_hidden_and_nonexistent_are_one(shelf: World, name: str) -> None:
    hidden, absent = ask(shelf, f"{name} eq 1"), ask(shelf, f"{'z' * len(name)} eq 1")
    assert refused(hidden, "filter_unknown_field")
    assert refused(absent, "filter_unknown_field")
    said = hidden.json["errors"][0]["message"].partition("; did you mean")[0]
    assert said == f"position 1: unknown attribute {name}"


def test_c3_conditions_and_characters_are_bounded(shelf: World) -> None:
    one = "paid eq false"
    assert ask(shelf, " and ".join([one] * 20)).status == 200
    for text in (" and ".join([one] * 21), "paid eq true and " * 10_000, "x" * 2001):
        if len(text) < 8000:
            assert refused(ask(shelf, text), "filter_too_large")
        else:
            assert ask(shelf, text).status == 414
    assert ask(shelf, f"status in ({','.join(['a'] * 200)})").status == 200
    assert refused(ask(shelf, f"status in ({','.join(['a'] * 201)})"), "filter_too_large")


@pytest.mark.parametrize("text", ["(" * 1000, "not " * 400, "paid eq true or paid eq false", "()", "paid eq (true)"])
def test_c4_what_is_not_in_the_language_is_told_so(shelf: World, text: str) -> None:
    assert refused(ask(shelf, text), "filter_syntax")


def test_c5_patterns_are_bounded_and_fast(shelf: World) -> None:
    assert ask(shelf, f"status like '{'%a' * 5}b'").status == 200
    assert ask(shelf, f"partner.name ilike '{'%_' * 5}{'_' * 80}'").status == 200
    assert refused(ask(shelf, f"status like '{'%a' * 6}b'"), "filter_too_large")
    assert refused(ask(shelf, f"status like '{'a' * 101}'"), "filter_too_large")


def test_c6_like_minds_case_and_ilike_folds_ascii_only(world: World) -> None:
    with world.store.writing() as act:
        act.add_partner(partner(0xC6, 0xA0, name="ÉA Telecom"))
    token = world.token(OPERATOR)
    for condition, total in (
        ("name like 'ÉA%'", 1), ("name like 'Éa%'", 0), ("name ilike 'Éa%'", 1), ("name ilike 'éa%'", 0),
        ("name ilike 'éA%'", 0), ("name like '%telecom'", 0), ("name ilike '%TELECOM'", 1),
    ):  # fmt: skip
        found = world.get(f"{PARTNERS}?filter={quote(condition)}", token).json
        assert (condition, found["total"]) == (condition, total)


def test_c7_wildcards_can_be_meant_literally(world: World) -> None:
    token = world.token(OPERATOR)  # a partner of the family is called acme%_1
    for condition, total in (
        (r"name like 'acme\%\_1'", 1), (r"name like 'acme\%\%1'", 0), ("name like 'acme__1'", 1),
        ("name eq 'acme%_1'", 1), ("name eq acme%_1", 1), (r"name like '%\\%'", 0), ("name like '*'", 0),
        ("name like '[a-z]cme%'", 0), ("name like 'acm?%'", 0),
    ):  # fmt: skip
        found = world.get(f"{PARTNERS}?filter={quote(condition)}", token).json
        assert (condition, found["total"]) == (condition, total)


@pytest.mark.parametrize(
    "condition",
    ["amount eq abc", "amount eq 1e2", "amount eq \u0663", "amount eq 0x1", "amount eq -0", "amount eq 12345678901",
     "date_created gt yesterday", "date_created gt 2024-13-01", "date_created gt 20240101", "paid eq yes", "paid eq 1",
     "date_created gt 2024-W01-1", "invoice_items.usage eq 1.0", "invoice_items.usage eq 9999999999999999",
     "invoice_items.usage bit -1", "amount bit 1", "amount in (1, x)", "status bit 1", "paid gt true"],
)  # fmt: skip
def test_c8_a_value_is_of_its_attributes_type(shelf: World, condition: str) -> None:
    assert refused(ask(shelf, condition), "filter_unfit")


def test_c8_amounts_compare_by_value(shelf: World) -> None:
    assert kept(shelf, "amount eq 0.380") == kept(shelf, 'amount eq "0.38"') == [3]
    assert kept(shelf, "amount gt 9") == [6, 8]  # as text 10 and 100 would come first
    assert kept(shelf, "amount lt 2 and amount gt -1") == [1, 3, 7, 9]


def test_c9_null_equals_null_only(shelf: World) -> None:
    assert kept(shelf, "date_charge_expected eq null") == [6]
    assert 6 in kept(shelf, "date_charge_expected ne 2025-01-01")
    assert 6 not in kept(shelf, "date_charge_expected lt 2100-01-01")
    assert kept(shelf, 'status eq "null"') == []


@pytest.mark.parametrize(
    "order", ["amount desc,amount asc", ",".join(["amount"] * 50), "shuffle,amount", "amount;drop"]
)
def test_c10_orders_are_bounded(shelf: World, order: str) -> None:
    reply = shelf.get(f"{INVOICES}?order={quote(order)}", shelf.token())
    assert (reply.status, reply.code) == (400, "order_invalid")


@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize(
    "cursor", [sid(1)[:-1], sid(1) + "0", sid(1).upper().replace("0", "O"), "1", "%25", sid(30), sid(20), "x" * 2000]
)
def test_c13_a_cursor_is_a_sid_in_sight(shelf: World, argument: str, cursor: str) -> None:
    reply = shelf.get(f"{INVOICES}?{argument}={cursor}", shelf.token(CHILD))
    assert (reply.status, reply.body) == (404, NO_ITEM)


@pytest.mark.parametrize(
    "text", ["\u201copen\u201d", "'open", '"open', "\u00abopen\u00bb", "op\u202een", "a\u00a0b", "a;b", "`a`"]
)
def test_c14_quotes_and_odd_characters_are_400_with_a_position(shelf: World, text: str) -> None:
    reply = ask(shelf, f"status eq {text}")
    assert refused(reply, "filter_syntax")
    assert "position" in reply.json["errors"][0]["message"]


def test_c14_empty_texts_and_much_space_are_fine_and_nul_is_not(shelf: World) -> None:
    assert kept(shelf, 'status eq ""') == []
    assert kept(shelf, "status" + " \t" * 500 + "eq closed") == [1, 2]
    assert kept(shelf, "   ") == list(range(1, 10))
    reply = ask(shelf, 'status eq "a\x00"')
    assert (reply.status, reply.code) == (400, "query_malformed")


@pytest.mark.parametrize("related", ["", "&with_related=true"])
def test_c15_partner_conditions_come_after_sight(shelf: World, related: str) -> None:
    narrow = shelf.token(RESELLER, "invoices.read")
    for condition in ("partner.name ne null", f"partner.partner_sid eq {GRANDCHILD}", "partner.parent_sid ne null"):
        reply = ask(shelf, condition, related, narrow)
        assert set(reply.sids()) <= {sid(20), sid(21)}
        assert reply.json["total"] == len(reply.sids())
    assert ask(shelf, f"partner.partner_sid eq {GRANDCHILD}", related, narrow).sids() == []


def test_c16_sights_differ_by_nothing_but_their_own(world: World) -> None:
    """Answers byte for byte are law 9, in tests/api/test_tenancy.py; here the hidden and the absent."""
    put(world.store, *(invoice(number, CHILD) for number in range(300, 320)))
    token = world.token(RESELLER, "invoices.read")
    for target in (sid(300), sid(999)):
        assert world.get(f"{INVOICES}/{target}", token).body == NO_ITEM


def test_c2_every_attribute_that_a_list_shows_can_be_asked_for(shelf: World) -> None:
    token = shelf.token(OPERATOR)
    for resource in RESOURCES:
        for path in resource.paths():
            place = resource.path.format(sub_type="toll", invoice_sid=sid(1))
            reply = shelf.get(f"/core/v2{place}?filter={path}%20ne%20null", token)
            compared = reply.status == 200 or reply.code == "filter_unfit"
            assert compared, (path, reply.body)


def test_c11_an_integer_beyond_the_stores_is_refused_and_its_bounds_are_not(world: World) -> None:
    put(world.store, invoice(1, OPERATOR, invoice_items=(item(usage=999_999_999_999_999),)))
    token = world.token(OPERATOR)
    assert ask(world, "invoice_items.usage ge 999999999999999", "", token).json["total"] == 1
    assert ask(world, "amount lt 9999999999.999999", "", token).json["total"] == 1
    assert ask(world, "invoice_items.usage ge 9223372036854775808", "", token).status == 400
