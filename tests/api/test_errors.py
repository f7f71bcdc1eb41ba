"""Errors: for each status the exact body, the code in its header, and nothing of the inside."""

import sqlite3
import threading
from typing import Any

import pytest
from tests.api.client import CORE, FORM, INVOICES, NO_ITEM, PARTNERS, TOKENS, World, refusal
from tests.making import CHILD, OPERATOR, RESELLER, invoice, put
from tests.stores import file_of, in_file

from tollbook import errors, limits
from tollbook.api import health
from tollbook.errors import Flaw, Refusal
from tollbook.operations import reading

UNKNOWN = "ffffffff-ffff-4fff-8fff-ffffffffffff"
MISSING = refusal("unauthorized", (None, "send Authorization: Bearer and a token"))
WRONG = refusal("bad credentials", (None, "the token is unknown, expired or revoked"))


@pytest.mark.parametrize(
    ("method", "target", "more", "status", "code", "body"),
    [
        ("GET", INVOICES + "?limit=x", {}, 400, "argument_invalid",
         refusal("bad request", ("limit", "expected a whole number from 0 to 1000"))),
        ("GET", INVOICES + "?filter=%ff", {}, 400, "query_malformed",
         refusal("bad request", ("filter", "the query is not valid UTF-8"))),
        ("GET", INVOICES + "?filter=%", {}, 400, "query_malformed",
         refusal("bad request", ("filter", "a % must be followed by two hexadecimal digits"))),
        ("GET", INVOICES + "?filter=%00", {}, 400, "query_malformed",
         refusal("bad request", ("filter", "the query holds a NUL character"))),
        ("POST", PARTNERS, {"body": b"[]", "Content_Type": "application/json"}, 400, "body_malformed",
         refusal("bad request", (None, "expected a JSON object"))),
        ("POST", PARTNERS, {"body": b"", "Content_Type": "application/json"}, 400, "body_malformed",
         refusal("bad request", (None, "expected a JSON object, at least {}"))),
        ("GET", f"{INVOICES}/{UNKNOWN}", {}, 404, "item_unknown", NO_ITEM),
        ("GET", f"{INVOICES}/nonsense", {}, 404, "item_unknown", NO_ITEM),
        ("GET", f"{PARTNERS}/{UNKNOWN}", {}, 404, "item_unknown", NO_ITEM),
        ("PATCH", f"{PARTNERS}/{UNKNOWN}", {"json_body": {}}, 404, "item_unknown", NO_ITEM),
        ("GET", f"{TOKENS}/{UNKNOWN}", {}, 404, "item_unknown", NO_ITEM),
        ("GET", f"{INVOICES}?after={UNKNOWN}", {}, 404, "item_unknown", NO_ITEM),
        ("GET", f"{INVOICES}/x/y", {}, 404, "path_unknown", refusal("not found", (None, "no such path"))),
        ("GET", "/", {}, 404, "path_unknown", refusal("not found", (None, "no such path"))),
        ("DELETE", INVOICES, {}, 405, "method_unknown",
         refusal("method not allowed", (None, "DELETE is not one of GET, HEAD, OPTIONS"))),
        ("POST", PARTNERS, {"body": b"{}", "Content_Type": "text/plain"}, 415, "media_type",
         refusal("unsupported media type", ("Content-Type", "expected application/json"))),
        ("POST", PARTNERS, {"body": b"{}"}, 415, "media_type",
         refusal("unsupported media type", ("Content-Type", "expected application/json"))),
        ("POST", f"{CORE}/oauth/revoke", {"body": b"{}", "Content_Type": "application/json"}, 415, "media_type",
         refusal("unsupported media type", ("Content-Type", f"expected {FORM}"))),
        ("POST", PARTNERS, {"json_body": {}}, 422, "object_invalid",
         refusal("object validation error", ("name", "is required"))),
    ],
)  # fmt: skip
def test_the_exact_answer(
    shelf: World, method: str, target: str, more: dict[str, Any], status: int, code: str, body: bytes
) -> None:
    reply = shelf.ask(method, target, shelf.token(OPERATOR), **more)
    assert (reply.status, reply.code) == (status, code)
    assert reply.body == body
    assert reply.headers["content-type"] == "application/json"


def test_credentials_are_missing_or_wrong(shelf: World) -> None:
    missing, wrong = shelf.get(INVOICES), shelf.get(INVOICES, "guess")
    assert (missing.status, missing.code, missing.body) == (401, "credentials_missing", MISSING)
    assert (wrong.status, wrong.code, wrong.body) == (401, "credentials_wrong", WRONG)
    assert missing.headers["www-authenticate"] == wrong.headers["www-authenticate"] == "Bearer"


def test_a_missing_scope_says_which_would_do(shelf: World) -> None:
    reply = shelf.get(INVOICES, shelf.token(CHILD, "sms.manage"))
    message = "one of these scopes is required: invoices.manage, invoices.read"
    assert (reply.status, reply.code) == (403, "scope_missing")
    assert reply.body == refusal("forbidden", (None, message))


def test_b11_what_no_path_offers_is_405_with_allow(shelf: World) -> None:
    for method in ("TRACE", "PUT", "PATCH", "POST", "DELETE"):
        reply = shelf.ask(method, INVOICES, shelf.token())
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        assert reply.json["errors"][0]["message"].startswith(f"{method} is not one of")
    assert shelf.ask("PATCH", f"{PARTNERS}/{CHILD}").status == 401
    assert shelf.ask("DELETE", f"{PARTNERS}/{CHILD}").headers["allow"] == "GET, HEAD, PUT, PATCH, OPTIONS"


@pytest.mark.parametrize("header", ["X_HTTP_Method_Override", "X_Method_Override", "X_HTTP_Method"])
def test_b11_overrides_are_ignored(shelf: World, header: str) -> None:
    assert shelf.get(f"{PARTNERS}/{CHILD}", shelf.token(), **{header: "DELETE"}).status == 200
    assert shelf.post(f"{PARTNERS}/{CHILD}", shelf.token(), **{header: "GET"}).status == 405


def test_a_url_over_the_limit_is_414(shelf: World) -> None:
    longest = limits.URL_BYTES_MAX - len(INVOICES)
    assert shelf.get(f"{INVOICES}?{'x' * longest}", shelf.token()).code == "argument_unknown"
    reply = shelf.get(f"{INVOICES}?{'x' * (longest + 1)}", shelf.token())
    assert (reply.status, reply.code) == (414, "url_too_long")
    assert reply.body == refusal("uri too long", (None, "expected at most 8192 bytes"))
    assert shelf.get("/" + "x" * 9000).status == 414


def test_a_body_over_the_limit_is_413_before_it_is_read(shelf: World) -> None:
    sent: dict[str, Any] = {"body": b" " * (limits.BODY_BYTES_MAX + 1), "Content_Type": "application/json"}
    reply = shelf.post(PARTNERS, shelf.token(OPERATOR), **sent)
    assert (reply.status, reply.code) == (413, "body_too_large")
    assert reply.body == refusal("payload too large", (None, "expected at most 1048576 bytes"))
    assert shelf.post(PARTNERS, **sent).status == 401


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_b10_an_encoded_body_is_not_taken(shelf: World, encoding: str) -> None:
    reply = shelf.post(PARTNERS, shelf.token(OPERATOR), json_body={"name": "x"}, Content_Encoding=encoding)
    assert (reply.status, reply.code) == (415, "media_type")
    assert reply.json["errors"][0]["field"] == "Content-Encoding"


def test_b7_a_transfer_encoding_is_411_and_closes(shelf: World) -> None:
    reply = shelf.post(PARTNERS, shelf.token(OPERATOR), json_body={"name": "x"}, Transfer_Encoding="chunked")
    assert (reply.status, reply.code) == (411, "length_required")
    message = "Transfer-Encoding is not taken; send a Content-Length"
    assert reply.body == refusal("length required", (None, message))
    assert reply.headers["connection"] == "close"
    assert reply.headers["access-control-allow-origin"] == "*"


def test_a_get_may_name_a_content_type_without_a_body(shelf: World) -> None:
    assert shelf.get(INVOICES, shelf.token(), Content_Type="application/json").status == 200


def test_every_wrong_attribute_is_told_at_once(shelf: World) -> None:
    body = {"nme": "x", "name": 5, "status": "new", "balance": "1", "login": "a b", "zip": None, "attributes": []}
    reply = shelf.post(PARTNERS, shelf.token(OPERATOR), json_body=body)
    assert (reply.status, reply.code) == (422, "object_invalid")
    assert reply.body == refusal(
        "object validation error",
        ("nme", "unknown attribute; did you mean name?"),
        ("name", "expected a text"),
        ("status", "expected unverified or active"),
        ("balance", "is read only"),
        ("login", "expected 1 to 100 visible ASCII characters"),
        ("attributes", "expected an object of texts"),
    )


def test_a_taken_login_is_422_and_names_nobody(world: World) -> None:
    for token in (world.token(OPERATOR), world.token(RESELLER)):
        reply = world.post(PARTNERS, token, json_body={"name": "x", "login": "child"})
        assert (reply.status, reply.body) == (422, refusal("object validation error", ("login", "is taken")))


def test_a_defect_shows_nothing_but_its_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM token")

    monkeypatch.setattr(reading, "shown", broken)
    put(world.store, invoice(1))
    reply = world.get(INVOICES, world.token(), X_Request_Id="find-me")
    assert (reply.status, reply.code) == (500, "internal")
    assert reply.body == refusal("internal error", (None, errors.INTERNAL.when))
    assert reply.headers["x-request-id"] == "find-me"


def test_a_list_past_its_deadline_is_503_with_what_would_be_cheaper(world: World) -> None:
    with world.store.writing() as act:
        act.put_invoices([invoice(number) for number in range(3000)], "imported")
    world.store.read_deadline_seconds = -1.0
    reply = world.get(f"{INVOICES}?filter=tax_items.type+like+%22%25x%25%22&order=balance_previous", world.token())
    assert (reply.status, reply.code) == (503, "query_too_expensive")
    assert reply.headers["retry-after"] == "1"
    assert "cheaper: filter by status" in reply.json["errors"][0]["message"]


@pytest.mark.files
def test_a5_reads_go_on_while_another_process_writes_and_writes_are_503(world: World) -> None:
    token, sent = world.token(OPERATOR), {"json_body": {"name": "x"}}
    other = sqlite3.connect(file_of(world.store), isolation_level=None, timeout=0)
    other.execute("BEGIN IMMEDIATE")
    with world.store.reading():
        in_file(world.store)._writer.execute("PRAGMA busy_timeout = 0")  # type: ignore[union-attr]
    assert world.get(INVOICES, token).status == 200
    reply = world.post(PARTNERS, token, **sent)
    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "store_busy", "1")
    other.execute("ROLLBACK")
    other.close()
    assert world.post(PARTNERS, token, **sent).status == 200


@pytest.mark.files
def test_a3_a_full_book_refuses_writes_reads_go_on_and_it_recovers(world: World) -> None:
    token = world.token(OPERATOR)
    writer = in_file(world.store)._writer
    assert writer is not None
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    replies = [
        world.post(
            PARTNERS, token, json_body={"name": "x" * 200, "attributes": {f"k{n}": "y" * 200 for n in range(50)}}
        )
        for _ in range(20)
    ]
    full = replies[-1]
    assert (full.status, full.code, full.headers["retry-after"]) == (503, "store_full", "1")
    assert world.get(INVOICES, token).status == 200
    writer.execute(f"PRAGMA max_page_count = {pages * 100}")
    assert world.post(PARTNERS, token, json_body={"name": "x"}).status == 200


def test_one_thread_looks_whether_the_book_is_ready_the_others_wait_for_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may ask, and the look may wait for a writer: it must not take every thread."""
    looking, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        looking.set()
        go_on.wait(10)

    assert world.get("/health/ready").status == 200
    monkeypatch.setattr(health._known, "until", 0.0)
    monkeypatch.setattr(world.store, "ready", slow)
    looker = threading.Thread(target=world.get, args=("/health/ready",))
    looker.start()
    assert looking.wait(10)
    assert world.get("/health/ready").status == 200
    assert looker.is_alive()
    go_on.set()
    looker.join()


def test_a_read_only_book_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise Refusal(errors.STORE_FULL, Flaw("db", "the file is read-only"))

    monkeypatch.setattr(health._known, "until", -1.0)
    monkeypatch.setattr(world.store, "ready", full)
    reply = world.get("/health/ready")
    assert (reply.status, reply.code) == (503, "store_full")
    assert world.get("/health/live").body == b'{"status":"live"}'
    monkeypatch.undo()
    monkeypatch.setattr(health._known, "until", -1.0)
    assert world.get("/health/ready").body == b'{"status":"ready"}'


def test_bodies_are_read_by_half_of_the_threads_and_others_are_told_to_come_back(world: World) -> None:
    token = world.token(OPERATOR)
    places = world.services.bodies._places
    assert [places.acquire(blocking=False) for _ in range(3)] == [True, True, False]
    reply = world.post(PARTNERS, token, json_body={"name": "x"})
    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "body_slots_taken", "1")
    assert world.get(INVOICES, token).status == 200
    places.release()
    assert world.post(PARTNERS, token, json_body={"name": "x"}).status == 200


def test_threads_answer_at_once(shelf: World) -> None:
    token = shelf.token(OPERATOR)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(shelf.get(INVOICES, token).body)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_every_problem_with_a_wire_form_has_the_documented_words() -> None:
    """The table's `message` is the contract's; a status says it in one way, but for the two of 401 and 404."""
    words: dict[int, set[str]] = {}
    for problem in errors.PROBLEMS:
        words.setdefault(problem.status, set()).add(problem.message)
    assert words == {
        400: {"bad request"},
        401: {"unauthorized", "bad credentials"},
        403: {"forbidden"},
        404: {"no item error", "not found"},
        405: {"method not allowed"},
        408: {"request timeout"},
        409: {"conflict"},
        411: {"length required"},
        413: {"payload too large"},
        414: {"uri too long"},
        415: {"unsupported media type"},
        422: {"object validation error"},
        429: {"too many requests"},
        431: {"request header fields too large"},
        500: {"internal error"},
        503: {"service unavailable"},
    }
