"""Who is let in: bearer and Basic, empty pairs, what was just verified, and the budget of wrong credentials."""

import base64

import pytest
from tests.api.client import CORE, INVOICES, PARTNERS, PASSWORD, TOKENS, Reply, World, basic, make_world, refusal
from tests.making import CHILD, GRANDCHILD, OPERATOR, RESELLER

from tollbook import limits
from tollbook.api import auth
from tollbook.operations import passwords

CHILD_PATH = f"{PARTNERS}/{CHILD}"
TOKEN = f"{CORE}/oauth/token"
MISSING = refusal("unauthorized", (None, "send Authorization: Bearer and a token"))
WRONG_PAIR = refusal("bad credentials", (None, "the login or the password is wrong"))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were put through argon2, in order."""
    seen: list[str] = []
    verify = passwords._matches

    def count(stored: str, password: str) -> bool:
        seen.append(password)
        return verify(stored, password)

    monkeypatch.setattr(passwords, "_matches", count)
    return seen


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute that does not end during a test."""
    monkeypatch.setattr(auth.Failures, "_turn", lambda _: None)


def log_in(world: World, login: str, password: str, remote: str = "192.0.2.1") -> Reply:
    form = {"grant_type": "password", "username": login, "password": password}
    return world.post(TOKEN, form=form, remote=remote)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "  Bearer  "])
def test_the_scheme_has_no_case(world: World, scheme: str) -> None:
    assert world.get(INVOICES, Authorization=f"{scheme} {world.token()}").status == 200
    assert world.get(INVOICES, Authorization=f"{scheme}   {world.token()}  ").status == 200


def test_an_empty_pair_is_refused_without_a_password_check_and_then_the_bearer_works(
    world: World, hashed: list[str]
) -> None:
    for _ in range(limits.FAILED_LOGINS_PER_MINUTE_MAX + 5):
        first = world.get(INVOICES, Authorization="Basic Og==")
        assert (first.status, first.body) == (401, MISSING)
    assert world.get(INVOICES, world.token()).status == 200
    assert hashed == []
    assert world.get(INVOICES, Authorization=basic("child", PASSWORD)).status == 200


@pytest.mark.parametrize(
    "credentials", ["", "%%%", "Og", base64.b64encode(b"no colon").decode(), base64.b64encode(b"\xff:\xff").decode()]
)
def test_basic_credentials_that_are_none_are_missing(world: World, hashed: list[str], credentials: str) -> None:
    assert world.get(INVOICES, Authorization=f"Basic {credentials}").body == MISSING
    assert hashed == []


def test_e1_a_wrong_login_costs_as_much_as_a_wrong_password(world: World, hashed: list[str]) -> None:
    for login in ("child", "nobody"):
        reply = world.get(INVOICES, Authorization=basic(login, "wrong horse"))
        assert (reply.status, reply.body) == (401, WRONG_PAIR)
    assert hashed == ["wrong horse", "wrong horse"]


@pytest.mark.parametrize("pair", [("", PASSWORD), ("child", ""), ("chi\u0301ld", "p\u00e4ss"), ("a\x00b", "\x00")])
def test_an_odd_pair_is_wrong_and_no_defect(world: World, pair: tuple[str, str]) -> None:
    assert world.get(INVOICES, Authorization=basic(*pair)).body == WRONG_PAIR


def test_a_login_without_a_password_cannot_log_in(world: World) -> None:
    made = world.post(PARTNERS, world.token(OPERATOR), json_body={"name": "x", "login": "bare"})
    assert made.status == 200
    for password in ("", "None", "null"):
        assert world.get(INVOICES, Authorization=basic("bare", password)).status == 401


def test_a_verified_pair_is_remembered_for_a_minute(
    world: World, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert world.get(INVOICES, Authorization=basic("child", PASSWORD)).status == 200
    assert hashed == [PASSWORD]
    monkeypatch.setattr(limits, "PASSWORD_REMEMBERED_SECONDS", 0)
    assert world.get(INVOICES, Authorization=basic("child", PASSWORD)).status == 200
    assert hashed == [PASSWORD, PASSWORD]


def test_a_changed_password_forgets_the_remembered_pair(world: World, hashed: list[str]) -> None:
    old, new = basic("child", PASSWORD), basic("child", "another horse")
    assert world.get(INVOICES, Authorization=old).status == 200
    changed = world.ask("PATCH", CHILD_PATH, world.token(CHILD), json_body={"password": "another horse"})
    assert changed.status == 200
    assert b"horse" not in changed.body
    assert world.get(INVOICES, Authorization=old).body == WRONG_PAIR
    assert world.get(INVOICES, Authorization=new).status == 200


def test_e2_past_the_budget_of_an_address_it_is_429_and_nothing_is_hashed(
    world: World, hashed: list[str], still: None
) -> None:
    assert world.get(INVOICES, Authorization=basic("child", PASSWORD), remote="192.0.2.1").status == 200
    replies = [log_in(world, "reseller", "wrong horse") for _ in range(limits.FAILED_LOGINS_PER_MINUTE_MAX)]
    assert [reply.status for reply in replies] == [401] * 59 + [429]
    work = len(hashed)
    spent = log_in(world, "reseller", PASSWORD)
    assert (spent.status, spent.code, spent.headers["retry-after"]) == (429, "too_many_failures", "60")
    assert spent.json["message"] == "too many requests"
    assert world.get(INVOICES, Authorization=basic("reseller", PASSWORD), remote="192.0.2.1").status == 429
    assert world.get(INVOICES, "guess", remote="192.0.2.1").status == 429
    assert len(hashed) == work


def test_e2_right_credentials_from_the_same_address_still_pass(world: World, still: None) -> None:
    token, renewable = world.token(), world.granted()["refresh_token"]
    assert world.get(INVOICES, Authorization=basic("child", PASSWORD)).status == 200
    for _ in range(limits.FAILED_LOGINS_PER_MINUTE_MAX + 1):
        world.get(INVOICES, "guess")
    assert world.get(INVOICES, "guess").status == 429
    assert world.get(INVOICES, token).status == 200
    assert world.get(INVOICES, Authorization=basic("child", PASSWORD)).status == 200
    assert log_in(world, "child", PASSWORD, "127.0.0.1").status == 200
    assert world.post(TOKEN, form={"grant_type": "refresh_token", "refresh_token": renewable}).status == 200


def test_e2_another_address_has_a_budget_of_its_own_and_all_have_one_together(world: World, still: None) -> None:
    for _ in range(limits.FAILED_LOGINS_PER_MINUTE_MAX):
        world.get(INVOICES, "guess", remote="192.0.2.1")
    assert world.get(INVOICES, "guess", remote="192.0.2.2").status == 401
    assert log_in(world, "child", PASSWORD, "192.0.2.3").status == 200
    for number in range(limits.FAILED_LOGINS_TOTAL_PER_MINUTE_MAX):
        world.get(INVOICES, "guess", remote=f"198.51.{number // 50}.7")
    assert log_in(world, "reseller", PASSWORD, "192.0.2.4").status == 429
    assert world.get(INVOICES, world.token(), remote="192.0.2.4").status == 200


def test_e2_a_new_minute_brings_a_new_budget(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 600.0
    monkeypatch.setattr("tollbook.api.auth.time.monotonic", lambda: seconds)
    for _ in range(limits.FAILED_LOGINS_PER_MINUTE_MAX):
        world.get(INVOICES, "guess")
    assert world.get(INVOICES, "guess").status == 429
    seconds += 60
    assert world.get(INVOICES, "guess").status == 401


def test_a_request_that_lacks_a_scope_spends_no_budget(world: World, still: None) -> None:
    token = world.token(CHILD, "sms.read")
    assert {world.get(INVOICES, token).status for _ in range(limits.FAILED_LOGINS_PER_MINUTE_MAX + 5)} == {403}


def test_behind_a_trusted_proxy_the_clients_address_counts(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = make_world(tmp_path_factory.mktemp("proxied"), trusted_proxy="10.0.0.1")
    for _ in range(limits.FAILED_LOGINS_PER_MINUTE_MAX):
        world.get(INVOICES, "guess", remote="10.0.0.1", X_Forwarded_For="198.51.100.1, 203.0.113.9")
    count = world.services.door.failures
    assert count.spent("203.0.113.9")
    assert not count.spent("10.0.0.1")
    assert not count.spent("198.51.100.1")
    granted = world.granted()
    world.get(INVOICES, granted["access_token"], remote="192.0.2.1", X_Forwarded_For="203.0.113.9")
    world.services.door.accesses.flush()
    seen = world.get(f"{TOKENS}/{granted['token_sid']}", granted["access_token"]).json
    assert seen["ip_last_accessed"] == "192.0.2.1"


@pytest.mark.parametrize("lie", ["", ",", "x" * 100, "a\u00e9", "1.2.3.4,"])
def test_a_forwarded_address_that_is_none_counts_as_the_proxys(
    tmp_path_factory: pytest.TempPathFactory, lie: str
) -> None:
    world = make_world(tmp_path_factory.mktemp("odd"), trusted_proxy="10.0.0.1")
    for _ in range(limits.FAILED_LOGINS_PER_MINUTE_MAX):
        world.get(INVOICES, "guess", remote="10.0.0.1", X_Forwarded_For=lie)
    assert world.services.door.failures.spent("10.0.0.1")


def test_passwords_verify_two_at_a_time_and_others_are_503(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PASSWORD_WAIT_SECONDS", 0.01)
    taken = [passwords._slots.acquire(blocking=False) for _ in range(3)]
    assert taken == [True, True, False]
    try:
        reply = world.get(INVOICES, Authorization=basic("child", PASSWORD))
        assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "password_slots_taken", "1")
        assert world.get(INVOICES, world.token()).status == 200
    finally:
        passwords._slots.release(2)
    assert world.get(INVOICES, Authorization=basic("child", PASSWORD)).status == 200


@pytest.mark.parametrize("partner_sid", [CHILD, RESELLER, GRANDCHILD])
def test_a_token_acts_for_its_own_partner(world: World, partner_sid: str) -> None:
    answer = world.get(f"{CORE}/oauth/whoami", world.token(partner_sid)).json
    assert answer["partner_sid"] == answer["partner"]["partner_sid"] == partner_sid


def test_sources_of_wrong_credentials_are_remembered_in_bounds(
    world: World, still: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ADDRESSES_REMEMBERED_MAX", 5)
    for number in range(20):
        world.get(INVOICES, "guess", remote=f"192.0.2.{number}")
    assert len(world.services.door.failures._by_address) == 5
