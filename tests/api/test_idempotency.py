"""Writes with an Idempotency-Key (A14): done once, answered as the first time, each tenant's keys its own."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import CORE, Reply, World, make_world
from tests.making import CHILD, NOW, OPERATOR, RESELLER

from tollbook import errors, limits
from tollbook.api.resources import ROUTES
from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer
from tollbook.clock import DAY_MS
from tollbook.errors import Flaw, Refusal
from tollbook.operations.idempotency import forget_old_answers
from tollbook.query.records import encode_json
from tollbook.store import Writes, open_store

NOTES = f"{CORE}/notes"
KEY: dict[str, Any] = {"Idempotency_Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
NOTE = {"text": "a"}


def post_note(request: Request) -> Answer:
    """A write whose every doing shows: it counts itself."""

    def do(act: Writes) -> bytes:
        if "refuse" in request.body:
            raise Refusal(errors.OBJECT_INVALID, Flaw("refuse", "is wrong"))
        time.sleep(len(request.body.get("slow", "")) / 10)
        number = int(act.settings().get("notes", 0)) + 1
        act.set_book("notes", str(number))
        return encode_json({"number": number, **request.body})

    return request.write(do)


@pytest.fixture
def noting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world with one more route."""
    routes = [Route(method, "/notes", post_note, "", body="json", idempotent=True) for method in ("POST", "PATCH")]
    monkeypatch.setattr("tollbook.api.app.ROUTES", (*ROUTES, *routes))
    made = make_world(tmp_path)
    yield made
    made.store.close()


def done(world: World) -> int:
    with world.store.reading() as book:
        return int(book.settings().get("notes", 0))


def post(world: World, body: Any = NOTE, partner: str = CHILD, **headers: Any) -> Reply:
    return world.post(NOTES, world.token(partner), json_body=body, **headers)


def test_a14_the_same_again_is_done_once_and_answered_as_the_first_time(noting: World) -> None:
    first = post(noting, **KEY)
    assert first.json == {"number": 1, "text": "a"}
    assert "idempotency-replayed" not in first.headers
    for _ in range(2):
        again = post(noting, **KEY)
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["idempotency-replayed"] == "true"
    assert done(noting) == 1
    assert post(noting, Idempotency_Key="another").json["number"] == 2
    assert [post(noting).json["number"] for _ in range(2)] == [3, 4]


def test_a14_another_request_under_a_key_is_refused(noting: World) -> None:
    token = noting.token()
    first = noting.post(NOTES, token, json_body=NOTE, **KEY)
    others = [
        noting.post(NOTES, token, json_body={"text": "b"}, **KEY),
        noting.post(NOTES, token, body=b'{"text":  "a"}', Content_Type="application/json", **KEY),
        noting.post(f"{NOTES}?x=1", token, json_body=NOTE, **KEY),
        noting.ask("PATCH", NOTES, token, json_body=NOTE, **KEY),
    ]
    for other in others:
        assert (other.status, other.code, other.json["message"]) == (
            422, "idempotency_mismatch", "object validation error",
        )  # fmt: skip
        (flaw,) = other.json["errors"]
        assert flaw["field"] == "Idempotency-Key"
    assert noting.post(NOTES, token, json_body=NOTE, **KEY).body == first.body
    assert done(noting) == 1


def test_a14_keys_of_two_tenants_are_two_keys(noting: World) -> None:
    for number, partner in enumerate((CHILD, RESELLER, OPERATOR), 1):
        reply = post(noting, {"text": partner}, partner, **KEY)
        assert reply.json == {"number": number, "text": partner}
        assert "idempotency-replayed" not in reply.headers


def test_a14_a_partner_is_made_once(noting: World) -> None:
    token, body = noting.token(OPERATOR), {"name": "Acme", "login": "acme", "password": "correct horse"}
    first, again = (noting.post(f"{CORE}/partners", token, json_body=body, **KEY) for _ in range(2))
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert again.headers["idempotency-replayed"] == "true"
    assert noting.get(f"{CORE}/partners?filter=name eq Acme", token).json["total"] == 1
    assert noting.post(f"{CORE}/partners", token, json_body=body).status == 422, "the login is taken"


def test_a14_a_refusal_is_not_kept(noting: World) -> None:
    refused = post(noting, {"refuse": "x"}, **KEY)
    assert (refused.status, refused.code) == (422, "object_invalid")
    assert post(noting, **KEY).json["number"] == 1


@pytest.mark.parametrize("key", ["", " ", "two words", "ä", "a\tb", "x" * 256, "x" * 1_000_000])
def test_a14_odd_keys(noting: World, key: str) -> None:
    reply = post(noting, Idempotency_Key=key)
    assert (reply.status, reply.code) == (400, "request_malformed")
    assert [flaw["field"] for flaw in reply.json["errors"]] == ["Idempotency-Key"]
    assert done(noting) == 0


def test_the_longest_key_and_the_oddest_signs(noting: World) -> None:
    for key in ("x" * 255, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"):
        assert post(noting, Idempotency_Key=key).status == 200


def test_a14_a_second_one_in_flight_waits_for_the_first_and_replays(noting: World) -> None:
    token = noting.token()
    replies: list[Reply] = []
    ask = lambda: replies.append(noting.post(NOTES, token, json_body={"slow": "xxx"}, **KEY))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {(reply.status, reply.body) for reply in replies} == {(200, b'{"number":1,"slow":"xxx"}')}
    assert sorted("idempotency-replayed" in reply.headers for reply in replies) == [False] + [True] * 5
    assert done(noting) == 1


def test_a14_another_process_knows_the_key_too(noting: World) -> None:
    """Another worker over the same book replays, and waits for the first as for any write."""
    second = World(open_store(noting.store.url, noting.clock), noting.clock)
    token = noting.token()
    replies: list[Reply] = []

    def ask(world: World) -> None:
        replies.append(world.post(NOTES, token, json_body={"slow": "xxx"}, **KEY))

    threads = [threading.Thread(target=ask, args=(world,)) for world in (noting, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {(reply.status, reply.body) for reply in replies} == {(200, b'{"number":1,"slow":"xxx"}')}
    assert done(second) == 1
    second.store.close()


def test_a_long_answer_is_kept_small_and_given_as_it_was(noting: World) -> None:
    note = {"text": ", ".join(f"record {number} accepted" for number in range(2_000))}
    first = post(noting, note, **KEY)
    assert post(noting, note, **KEY).body == first.body
    with noting.store.reading() as book:
        (size,) = book._run("SELECT length(answer) FROM idempotency").fetchone()
    assert size < len(first.body) / 4


@pytest.mark.files
def test_a14_one_that_waits_too_long_is_a_conflict(noting: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0.2)
    token = noting.token()
    with noting.store.writing():
        reply = noting.post(NOTES, token, json_body=NOTE, **KEY)
        without = noting.post(NOTES, token, json_body=NOTE)
    assert (reply.status, reply.code, reply.headers["retry-after"]) == (409, "conflict", "1")
    assert (without.status, without.code) == (503, "store_busy")
    assert post(noting, **KEY).json["number"] == 1


def test_a_key_on_a_route_that_takes_none_is_not_looked_at(noting: World) -> None:
    assert noting.get(f"{CORE}/partners", noting.token(), Idempotency_Key="ä").status == 200


def test_browsers_may_send_a_key_and_read_that_it_was_replayed(noting: World) -> None:
    reply = noting.ask("OPTIONS", NOTES)
    assert "Idempotency-Key" in reply.headers["access-control-allow-headers"].split(", ")
    assert "Idempotency-Replayed" in reply.headers["access-control-expose-headers"].split(", ")


def test_old_answers_are_forgotten_a_few_at_a_time(noting: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IDEMPOTENCY_FORGOTTEN_MAX", 2)
    for number in range(3):
        post(noting, Idempotency_Key=str(number))
    noting.clock.instant = NOW + limits.IDEMPOTENCY_DAYS * DAY_MS
    post(noting, Idempotency_Key="new")
    assert forget_old_answers(noting.store) == 0
    noting.clock.instant += 1
    assert [forget_old_answers(noting.store) for _ in range(3)] == [2, 1, 0]
    assert post(noting, Idempotency_Key="new").json["number"] == 4
    assert post(noting, Idempotency_Key="0").json["number"] == 5
