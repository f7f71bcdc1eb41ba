"""Section D end to end: hostile values in bodies. Money, dates and texts are tested by themselves in tests/unit."""

import json
import time
from urllib.parse import quote

import pytest
from tests.api.client import CORE, FORM, INVOICES, PARTNERS, Reply, World
from tests.making import CHILD, MILLION, OPERATOR, invoice, item, put, sid

from tollbook import limits


def send(world: World, body: bytes, token: str = "") -> Reply:
    return world.post(PARTNERS, token or world.token(OPERATOR), body=body, Content_Type="application/json")


def is_malformed(reply: Reply) -> bool:
    return (reply.status, reply.code) == (400, "body_malformed")


@pytest.mark.parametrize("digits", ["1e999999999", "1e3000000", "9" * 5000, "0." + "1" * 5000, "-1e-9999999"])
@pytest.mark.parametrize("quoted", [True, False])
def test_d1_a_long_or_clever_number_costs_nothing(world: World, digits: str, quoted: bool) -> None:
    text = f'"{digits}"' if quoted else digits
    start = time.monotonic()
    reply = send(world, f'{{"name":"x","spending_limit":{text}}}'.encode())
    assert (reply.status, [flaw["field"] for flaw in reply.json["errors"]]) == (422, ["spending_limit"])
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "-Infinity", "nan", "1.", ".5", "+5", "01", "0x10", "'x'", "undefined", "{}}", "1,2", "tru"],
)
def test_d3_what_is_not_json_is_refused(world: World, text: str) -> None:
    assert is_malformed(send(world, f'{{"name":"x","spending_limit":{text}}}'.encode()))


@pytest.mark.parametrize("text", ["-0.0", "1e400", "true", "-0", "1.0000000"])
def test_d3_json_that_is_no_amount_is_refused(world: World, text: str) -> None:
    reply = send(world, f'{{"name":"x","spending_limit":{text}}}'.encode())
    assert (reply.status, reply.code) == (422, "object_invalid")


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b'{"attributes":' + b'{"a":' * 9 + b"1" + b"}" * 10, b"[" * 9 + b"]" * 9],
    ids=["arrays", "objects", "nine deep", "nine arrays"],
)
def test_d4_deep_nesting_is_400(world: World, body: bytes) -> None:
    assert is_malformed(send(world, body))


def test_d4_wide_bodies_are_read_up_to_the_limit(world: World) -> None:
    many = json.dumps({"name": "x"} | {f"k{number}": 1 for number in range(50_000)}).encode()
    assert len(many) < limits.BODY_BYTES_MAX
    start = time.monotonic()
    reply = send(world, many)
    assert reply.status == 422
    assert len(reply.json["errors"]) == limits.FLAWS_MAX
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("digits", [4299, 4301, 100_000])
def test_d5_a_huge_integer_is_no_defect(world: World, digits: int) -> None:
    reply = send(world, b'{"name":' + b"1" * digits + b"}")
    assert (reply.status, reply.code) == (422, "object_invalid")


@pytest.mark.parametrize("body", [b'{"name":"a","name":"b"}', b'{"name":"a","attributes":{"k":"1","\\u006b":"2"}}'])
def test_d6_a_key_that_stands_twice_is_400(world: World, body: bytes) -> None:
    assert is_malformed(send(world, body))


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '"\\udfff\\ud800"', '{"\\ud800":1}', '["\\udc00"]'], ids=["low", "swapped", "key", "within"]
)
def test_d7_half_a_surrogate_pair_is_400(world: World, text: str) -> None:
    assert is_malformed(send(world, f'{{"name":{text}}}'.encode()))
    assert send(world, b'{"name":"\\ud83d\\ude00"}').json["name"] == "\U0001f600"


@pytest.mark.parametrize(
    "body", [b'{"name":"\xff"}', b'{"name":"\xc0\xae"}', b'{"name":"\xed\xa0\x80"}', b"\xff\xfe{\x00}\x00"]
)
def test_d7_a_body_is_utf8(world: World, body: bytes) -> None:
    assert is_malformed(send(world, body))


def test_d7_a_byte_order_mark_is_no_json(world: World) -> None:
    assert is_malformed(send(world, b'\xef\xbb\xbf{"name":"x"}'))


@pytest.mark.parametrize(
    "name", ["a\\u0000b", "a\\u0007", "\\u202egnp", "x" * 10_000, "e\\u0301", "\\ud83d\\ude00" * 201]
)
def test_d8_texts_are_clean_and_bounded(world: World, name: str) -> None:
    reply = send(world, f'{{"name":"{name}"}}'.encode())
    assert (reply.status, [flaw["field"] for flaw in reply.json["errors"]]) == (422, ["name"])


def spellings(of: str) -> list[str]:
    bare = of.replace("-", "")
    return [of.upper(), bare, f"{{{of}}}", f"urn:uuid:{of}", f" {of}", f"{of}\n", f"{bare[:4]}-{bare[4:]}", of + "-"]


@pytest.mark.parametrize("number", range(8))
def test_d9_a_sid_has_one_spelling(world: World, number: int) -> None:
    known = "abcdef00-0000-4000-8000-000000000abc"
    put(world.store, invoice(1, CHILD, invoice_sid=known))
    other = spellings(known)[number]
    token = world.token(CHILD)
    assert world.get(f"{INVOICES}/{known}", token).status == 200
    quoted = other.replace("{", "%7B").replace("}", "%7D").replace(" ", "%20").replace("\n", "%0A")
    assert world.get(f"{INVOICES}/{quoted}", token).status == 404
    assert world.get(f"{INVOICES}?after={quoted}", token).status == 404
    body = json.dumps({"name": "x", "parent_sid": other}).encode()
    assert send(world, body).status == 422


@pytest.mark.parametrize(
    "text", ["2024-W01-1", "20240101", "0000-01-01", "10000-01-01", "2024-01-01T24:00:00", "2024-01-01T00:00:60",
             "2024-01-01T00:00:00+24:00", "2024-02-30", "2024-1-1", "2024-01-01T00:00"]
)  # fmt: skip
def test_d10_a_date_is_one_of_the_contracts_forms(shelf: World, text: str) -> None:
    reply = shelf.get(f"{INVOICES}?filter={quote(f'date_created gt {text}')}", shelf.token())
    assert (reply.status, reply.code) == (400, "filter_unfit")


def test_d11_sums_of_the_greatest_amounts_stay_exact(world: World) -> None:
    greatest = 10**16 - 1  # 9999999999.999999
    put(world.store, *(invoice(n, CHILD, amount=greatest, balance_forward=-greatest) for n in range(1, 30)))
    answer = world.get(f"{INVOICES}?limit=1&filter=amount%20eq%209999999999.999999", world.token(CHILD)).json
    assert (answer["total"], answer["items"][0]["amount"]) == (29, "9999999999.999999")
    shown = world.get(f"{PARTNERS}/{CHILD}", world.token(CHILD)).json
    assert shown["balance"] == "9999999999.999999"


def test_d12_many_tiny_lines_are_shown_exactly(world: World) -> None:
    lines = (*(item(amount=1, usage=0) for _ in range(1000)), item(amount=-MILLION, usage=-1))
    put(world.store, invoice(1, CHILD, invoice_items=lines, amount=1000 - MILLION))
    shown = world.get(f"{INVOICES}/{sid(1)}", world.token(CHILD)).json
    assert shown["amount"] == "-0.999"
    assert [line["amount"] for line in shown["invoice_items"][-2:]] == ["0.000001", "-1"]


def test_d13_a_body_cannot_set_what_it_must_not(world: World) -> None:
    for name in ("partner_sid", "balance", "date_created", "display_id", "daily_spent_amount", "is_operator", "origin"):
        assert send(world, json.dumps({"name": "x", name: "1"}).encode()).status == 422
    form = b"grant_type=password&username=child&password=x&partner_sid=1"
    reply = world.post(f"{CORE}/oauth/token", body=form, Content_Type=FORM)
    assert (reply.status, reply.code) == (400, "argument_unknown")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "<script>", "{{7*7}}", "%s%n", "../../etc/passwd", "x\\u2028y"])
def test_d14_a_name_is_data_everywhere(world: World, name: str) -> None:
    made = send(world, f'{{"name":"{name}"}}'.encode())
    assert made.json["name"] == json.loads(f'"{name}"')
    listed = world.get(f"{PARTNERS}?order=date_created%20desc&limit=1000", world.token(OPERATOR))
    assert made.json["name"] in [partner["name"] for partner in listed.json["items"]]
