"""OAuth: tokens asked for, renewed, narrowed, revoked and listed; who holds one is told who it is."""

import threading
import time
from typing import Any

import pytest
from tests.api.client import CORE, FORM, INVOICES, NO_ITEM, PASSWORD, TOKENS, Reply, World, basic, refusal
from tests.making import CHILD, GRANDCHILD, NOW, OPERATOR, RESELLER

from tollbook import limits
from tollbook.billing.scopes import SCOPES
from tollbook.clock import format_instant

TOKEN = f"{CORE}/oauth/token"
REVOKE = f"{CORE}/oauth/revoke"
WHOAMI = f"{CORE}/oauth/whoami"
KEYS = [
    "access_token", "client_id", "date_created", "date_expiration_access_token", "date_expiration_refresh_token",
    "date_last_accessed", "ip_last_accessed", "name", "partner_sid", "refresh_token", "scopes", "token_sid",
    "token_type",
]  # fmt: skip
UNKNOWN_REFRESH = refusal("bad credentials", (None, "the refresh token is unknown, expired or used"))


def log_in(world: World, login: str = "child", password: str = PASSWORD, **form: str) -> Reply:
    sent = {"grant_type": "password", "username": login, "password": password, **form}
    return world.post(TOKEN, form=sent)


def renew(world: World, refresh_token: str, **form: str) -> Reply:
    return world.post(TOKEN, form={"grant_type": "refresh_token", "refresh_token": refresh_token, **form})


def test_a_password_gives_a_token_with_all_that_the_partner_may(world: World) -> None:
    reply = log_in(world, name="reports", client_id="me", client_secret="unused")
    token = reply.json
    assert (reply.status, list(token)) == (200, KEYS)
    assert token | {"access_token": "", "refresh_token": "", "token_sid": ""} == {
        "access_token": "", "client_id": "me", "date_created": format_instant(NOW),
        "date_expiration_access_token": format_instant(NOW + 3_600_000),
        "date_expiration_refresh_token": format_instant(NOW + limits.REFRESH_TOKEN_SECONDS * 1000),
        "date_last_accessed": None, "ip_last_accessed": None, "name": "reports", "partner_sid": CHILD,
        "refresh_token": "", "scopes": list(SCOPES), "token_sid": "", "token_type": "bearer",
    }  # fmt: skip
    assert reply.headers["cache-control"] == "no-store"
    assert world.get(INVOICES, token["access_token"]).status == 200


def test_e2_secrets_have_256_random_bits(world: World) -> None:
    found = [world.granted()[name] for _ in range(3) for name in ("access_token", "refresh_token")]
    assert len(set(found)) == 6
    assert all(len(secret) >= 43 for secret in found)


@pytest.mark.parametrize(("login", "password"), [("child", "wrong horse"), ("nobody", PASSWORD), ("child", "x" * 5000)])
def test_e2_a_wrong_pair_is_one_and_the_same_refusal(world: World, login: str, password: str) -> None:
    reply = log_in(world, login, password)
    assert (reply.status, reply.code) == (401, "credentials_wrong")
    assert reply.body == refusal("bad credentials", (None, "the login or the password is wrong"))


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "grant_type"),
        ({"grant_type": "client_credentials"}, "grant_type"),
        ({"grant_type": "password"}, "username"),
        ({"grant_type": "password", "username": "child"}, "password"),
        ({"grant_type": "refresh_token"}, "refresh_token"),
        ({"grant_type": "password", "username": "child", "password": PASSWORD, "scope": "all"}, "scope"),
        ({"grant_type": "password", "access_token_expires_in": "0"}, "access_token_expires_in"),
        ({"grant_type": "password", "access_token_expires_in": "1e3"}, "access_token_expires_in"),
        ({"grant_type": "password", "access_token_expires_in": "-5"}, "access_token_expires_in"),
        ({"grant_type": "password", "access_token_expires_in": "9" * 5000}, "access_token_expires_in"),
        ({"grant_type": "password", "access_token_expires_in": "3162240001"}, "access_token_expires_in"),
        ({"grant_type": "password", "access_token_expires_in": "000000000000001"}, "access_token_expires_in"),
        ({"grant_type": "password", "access_token_expires_in": "000000000001" + "9" * 400}, "access_token_expires_in"),
        ({"grant_type": "password", "name": "a\x07b"}, "name"),
        ({"grant_type": "password", "client_id": "x" * 201}, "client_id"),
    ],
)
def test_a_wrong_form_is_422_and_names_the_field(world: World, form: dict[str, str], field: str) -> None:
    reply = world.post(TOKEN, form=form)
    assert (reply.status, reply.code) == (422, "object_invalid")
    assert [flaw["field"] for flaw in reply.json["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"grant_type=password&grant_type=password", 400, "argument_repeated"),
        (b"grant_typ=password", 400, "argument_unknown"),
        (b"username=%ff", 400, "query_malformed"),
        (b"username=%", 400, "query_malformed"),
        (b"username=%00", 400, "query_malformed"),
        (b"username=\xc3\xa9", 400, "body_malformed"),
        (b"\xff", 400, "body_malformed"),
        (b"&" * 5000, 422, "object_invalid"),
        (b"a=1&" * 100, 400, "query_malformed"),
    ],
)
def test_a_form_is_read_strictly(world: World, body: bytes, status: int, code: str) -> None:
    reply = world.post(TOKEN, body=body, Content_Type=FORM)
    assert (reply.status, reply.code) == (status, code)


def test_the_form_takes_its_charset_and_no_query(world: World) -> None:
    body = b"grant_type=password&username=child&password=correct+horse"
    assert world.post(TOKEN, body=body, Content_Type=f"{FORM}; charset=UTF-8").status == 200
    reply = world.post(f"{TOKEN}?grant_type=password", body=body, Content_Type=FORM)
    assert (reply.status, reply.code) == (400, "argument_unknown")


def test_an_access_token_lives_as_long_as_asked(world: World) -> None:
    short = log_in(world, access_token_expires_in="60").json
    long = log_in(world, access_token_expires_in=str(limits.ACCESS_TOKEN_SECONDS_MAX)).json
    world.clock.instant += 59_999
    assert world.get(INVOICES, short["access_token"]).status == 200
    world.clock.instant += 1
    ended = world.get(INVOICES, short["access_token"])
    assert (ended.status, ended.code) == (401, "credentials_wrong")
    world.clock.instant += 50 * 365 * 86_400_000
    assert world.get(INVOICES, long["access_token"]).status == 200


def test_a_refresh_token_works_once_and_ends_the_old_secrets(world: World) -> None:
    first = log_in(world).json
    world.clock.instant += 1000
    second = renew(world, first["refresh_token"])
    assert (second.status, list(second.json)) == (200, KEYS)
    assert second.json["token_sid"] == first["token_sid"]
    assert second.json["scopes"] == first["scopes"]
    assert second.json["date_expiration_access_token"] == format_instant(NOW + 1000 + 3_600_000)
    assert world.get(INVOICES, first["access_token"]).status == 401
    assert world.get(INVOICES, second.json["access_token"]).status == 200
    assert renew(world, first["refresh_token"]).body == UNKNOWN_REFRESH
    assert renew(world, second.json["refresh_token"]).status == 200


def test_a_refresh_token_outlives_its_access_token_and_then_ends(world: World) -> None:
    token = log_in(world, access_token_expires_in="60").json
    world.clock.instant += limits.REFRESH_TOKEN_SECONDS * 1000 - 1
    assert world.get(INVOICES, token["access_token"]).status == 401
    later = renew(world, token["refresh_token"])
    assert later.status == 200
    world.clock.instant += limits.REFRESH_TOKEN_SECONDS * 1000
    ended = renew(world, later.json["refresh_token"])
    assert (ended.status, ended.body) == (401, UNKNOWN_REFRESH)


def test_an_access_token_is_no_refresh_token_and_the_other_way_round(world: World) -> None:
    token = log_in(world).json
    assert renew(world, token["access_token"]).status == 401
    assert world.get(INVOICES, token["refresh_token"]).status == 401


def test_a_guessed_refresh_token_waits_for_nobody(world: World) -> None:
    """Anybody may send one: it must not take the lock for writing, nor a thread while another holds that."""
    with world.store.writing():
        replies: list[Reply] = []
        guess = threading.Thread(target=lambda: replies.append(renew(world, "guess")))
        guess.start()
        guess.join(limits.LOCK_WAIT_SECONDS / 2)
        assert [(reply.status, reply.body) for reply in replies] == [(401, UNKNOWN_REFRESH)]


def test_scopes_may_be_narrowed_and_never_widened(world: World) -> None:
    narrow = log_in(world, scope="invoices.read partners.read").json
    assert narrow["scopes"] == ["invoices.read", "partners.read"]
    narrower = renew(world, narrow["refresh_token"], scope="invoices.read").json
    assert narrower["scopes"] == ["invoices.read"]
    wider = renew(world, narrower["refresh_token"], scope="invoices.read,partners.read")
    message = "more than may be given: partners.read"
    assert (wider.status, wider.body) == (422, refusal("object validation error", ("scope", message)))
    assert renew(world, narrower["refresh_token"]).status == 200


def test_a_scope_beyond_the_partners_is_refused(world: World) -> None:
    operator = world.token(OPERATOR)
    path = f"{CORE}/partners/{CHILD}"
    assert world.ask("PATCH", path, operator, json_body={"available_scopes": ["invoices.manage"]}).status == 200
    assert log_in(world).json["scopes"] == ["invoices.manage"]
    assert log_in(world, scope="invoices.read").json["scopes"] == ["invoices.read"]
    assert log_in(world, scope="invoices.read_descendant").status == 422


def test_a_caller_makes_tokens_for_itself_and_those_beneath(world: World) -> None:
    mine = world.token(RESELLER, "oauth.create", "invoices.read")
    for partner_sid in (RESELLER, GRANDCHILD):
        made = world.post(f"{TOKEN}/{partner_sid}", mine, form={"name": "sub"})
        assert (made.status, made.json["partner_sid"]) == (200, partner_sid)
        assert sorted(made.json["scopes"]) == ["invoices.read", "oauth.create"]
    for partner_sid in (OPERATOR, CHILD, "ffffffff-ffff-4fff-8fff-ffffffffffff"):
        assert world.post(f"{TOKEN}/{partner_sid}", mine, form={}).body == NO_ITEM
    beyond = world.post(f"{TOKEN}/{GRANDCHILD}", mine, form={"scope": "invoices.manage"})
    assert (beyond.status, beyond.json["errors"][0]["field"]) == (422, "scope")


def test_a_token_that_manages_may_give_what_managing_implies(world: World) -> None:
    mine = world.token(RESELLER, "oauth.manage", "invoices.manage")
    made = world.post(f"{TOKEN}/{GRANDCHILD}", mine, form={"scope": "invoices.read"})
    assert made.json["scopes"] == ["invoices.read"]


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_a_token_is_revoked_by_either_secret(world: World, name: str) -> None:
    mine, other = world.granted(CHILD), world.granted(CHILD)
    reply = world.post(REVOKE, mine["access_token"], form={"token": other[name]})
    assert (reply.status, reply.body) == (204, b"")
    assert world.get(INVOICES, other["access_token"]).status == 401
    assert renew(world, other["refresh_token"]).status == 401
    assert world.get(INVOICES, mine["access_token"]).status == 200


def test_e3_without_a_name_the_token_in_use_is_revoked(world: World) -> None:
    mine = world.granted(CHILD)
    assert world.post(REVOKE, mine["access_token"], form={}).status == 204
    assert world.get(INVOICES, mine["access_token"]).status == 401


def test_another_partners_token_outlives_a_revocation_that_looks_alike(world: World) -> None:
    theirs, mine = world.granted(RESELLER), world.token(CHILD)
    foreign = world.post(REVOKE, mine, form={"token": theirs["access_token"]})
    unknown = world.post(REVOKE, mine, form={"token": "nobody's"})
    assert (foreign.status, foreign.body) == (unknown.status, unknown.body) == (204, b"")
    assert world.get(INVOICES, theirs["access_token"]).status == 200
    manager = world.token(OPERATOR, "oauth.manage")
    assert world.post(REVOKE, manager, form={"token": theirs["access_token"]}).status == 204
    assert world.get(INVOICES, theirs["access_token"]).status == 200
    above = world.token(OPERATOR, "oauth.manage_all_tokens")
    assert world.post(REVOKE, above, form={"token": theirs["access_token"]}).status == 204
    assert world.get(INVOICES, theirs["access_token"]).status == 401


def test_a_login_must_name_the_token_it_revokes(world: World) -> None:
    reply = world.post(REVOKE, form={}, Authorization=basic("child", PASSWORD))
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "token")


def test_tokens_are_listed_without_their_secrets(world: World) -> None:
    made = [world.granted(CHILD) for _ in range(3)]
    reply = world.get(TOKENS, made[0]["access_token"])
    assert sorted(reply.sids("token_sid")) == sorted(token["token_sid"] for token in made)
    assert all(list(item) == KEYS for item in reply.json["items"])
    assert all(item["access_token"] is item["refresh_token"] is None for item in reply.json["items"])
    assert not any(token[name].encode() in reply.body for token in made for name in ("access_token", "refresh_token"))
    single = world.get(f"{TOKENS}/{made[1]['token_sid']}", made[0]["access_token"]).json
    assert single in reply.json["items"]


def test_tokens_beneath_are_seen_with_manage_all_tokens_only(world: World) -> None:
    theirs = world.granted(GRANDCHILD)["token_sid"]
    narrow, wide = world.token(RESELLER, "oauth.manage"), world.token(RESELLER, "oauth.manage_all_tokens")
    assert theirs not in world.get(TOKENS, narrow).sids("token_sid")
    assert world.get(f"{TOKENS}/{theirs}", narrow).body == NO_ITEM
    assert theirs in world.get(TOKENS, wide).sids("token_sid")
    assert world.get(f"{TOKENS}/{theirs}", wide).status == 200
    other = world.token(CHILD, "oauth.manage_all_tokens")
    assert world.get(f"{TOKENS}/{theirs}", other).body == NO_ITEM


def test_secrets_cannot_be_filtered_or_ordered_by(world: World) -> None:
    granted = world.granted(CHILD)
    secret = granted["access_token"]
    asked = world.get(f"{TOKENS}?filter=access_token+eq+%22{secret}%22", secret)
    assert asked.json["items"] == []
    hashed = world.get(f"{TOKENS}?filter=access_hash+ne+null", secret)
    nonsense = world.get(f"{TOKENS}?filter=access_hush+ne+null", secret)
    assert hashed.status == nonsense.status == 400
    assert hashed.body.replace(b"access_hash", b"access_hush") == nonsense.body


def test_who_am_i_tells_the_token_and_its_partner(world: World) -> None:
    granted = world.granted(CHILD, "oauth.read", "invoices.read")
    reply = world.get(WHOAMI, granted["access_token"])
    listed = world.get(f"{TOKENS}/{granted['token_sid']}?with_related=true", granted["access_token"])
    assert reply.body == listed.body
    assert reply.json["partner"]["partner_sid"] == CHILD
    assert reply.json["scopes"] == ["oauth.read", "invoices.read"]


def test_who_am_i_with_a_password_has_the_same_keys(world: World) -> None:
    reply = world.get(WHOAMI, Authorization=basic("child", PASSWORD)).json
    assert list(reply) == [*KEYS[:8], "partner", *KEYS[8:]]
    empty = {name: value for name, value in reply.items() if value is None}
    assert set(empty) == set(KEYS) - {"partner_sid", "scopes", "token_type"}
    assert (reply["partner_sid"], reply["token_type"], reply["scopes"]) == (CHILD, "basic", sorted(SCOPES))


def last_access(world: World, granted: dict[str, Any]) -> tuple[str | None, str | None]:
    """What the book says of a token's last use, without using it."""
    item = world.get(f"{TOKENS}/{granted['token_sid']}", world.token(CHILD)).json
    return item["date_last_accessed"], item["ip_last_accessed"]


def test_a_use_is_written_at_most_once_a_minute_and_not_in_the_requests_way(world: World) -> None:
    granted = world.granted(CHILD)
    world.get(INVOICES, granted["access_token"], remote="192.0.2.7")
    assert last_access(world, granted) == (None, None)
    world.services.door.accesses.flush()
    first = (format_instant(NOW), "192.0.2.7")
    assert last_access(world, granted) == first
    world.clock.instant += 59_999
    world.get(INVOICES, granted["access_token"], remote="192.0.2.8")
    world.services.door.accesses.flush()
    assert last_access(world, granted) == first
    world.clock.instant += 1
    world.get(INVOICES, granted["access_token"], remote="192.0.2.8:51034")
    world.services.door.accesses.flush()
    assert last_access(world, granted) == (format_instant(NOW + 60_000), "192.0.2.8")


def test_a_use_that_cannot_be_written_is_of_no_consequence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from tollbook import errors
    from tollbook.errors import Refusal

    def busy() -> None:
        raise Refusal(errors.STORE_BUSY)

    granted = world.granted(CHILD)
    monkeypatch.setattr(world.store, "writing", busy)
    assert world.get(INVOICES, granted["access_token"]).status == 200
    world.services.door.accesses.flush()
    monkeypatch.undo()
    assert last_access(world, granted) == (None, None)


def test_uses_are_written_on_after_a_defect(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    accesses, tries = world.services.door.accesses, list[int]()

    def flush() -> None:
        tries.append(len(tries))
        raise RuntimeError("a defect")

    monkeypatch.setattr(limits, "ACCESS_FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(accesses, "flush", flush)
    accesses.flush_forever()
    end = time.monotonic() + 5
    while len(tries) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    assert len(tries) >= 3
    monkeypatch.setattr(accesses, "flush", lambda: None)  # the thread goes on for as long as the process
    monkeypatch.setattr(limits, "ACCESS_FLUSH_SECONDS", 3600)
    time.sleep(0.05)
