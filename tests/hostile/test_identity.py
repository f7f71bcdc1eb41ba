"""Section E end to end: identity and tenancy, secrets, and what a stranger may find on a server."""

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.api.client import CORE, FORM, INVOICES, NO_ITEM, PARTNERS, PASSWORD, TOKENS, World, basic
from tests.hostile.conftest import Book, Served
from tests.hostile.process import ROOT, Server, request
from tests.making import CHILD, GRANDCHILD, OPERATOR, RESELLER, invoice, put, sid

from tollbook import limits
from tollbook.config import Settings
from tollbook.mediation.json_files import pieces
from tollbook.operations.importing import Report, import_invoices
from tollbook.query.fields import INVOICES as INVOICE_CATALOGUE
from tollbook.store.nouns import document

JSON = "Content-Type: application/json"


def post(server: Server, path: str, token: str, media_type: str, body: bytes, *headers: str):
    """POST a body to the real server."""
    fields = (f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *headers)
    return server.say(request("POST", path, token, *fields) + body)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic", "Basic Og==", "Bearer  ", "Negotiate x", "Token abc", ",", "Bearer\t", "=", "\u00e9"],
)
def test_e1_no_credentials_are_one_401(shelf: World, header: str) -> None:
    reply = shelf.get(INVOICES, Authorization=header)
    assert (reply.status, reply.code, reply.headers["www-authenticate"]) == (401, "credentials_missing", "Bearer")


@pytest.mark.parametrize(
    "secret", ["x", "\u00e9\u00ff", "a b", "a" * limits.CREDENTIALS_BYTES_MAX, "a" * 5000, "'--", "%00"]
)
def test_e1_wrong_tokens_are_one_401(shelf: World, secret: str) -> None:
    reply = shelf.get(INVOICES, secret)
    assert (reply.status, reply.code) == (401, "credentials_wrong")
    assert reply.json["message"] == "bad credentials"


def test_e1_a_token_in_the_query_is_an_unknown_argument(shelf: World) -> None:
    token = shelf.token()
    assert shelf.get(f"{INVOICES}?access_token={token}").status == 401
    assert shelf.get(f"{INVOICES}?access_token={token}", token).code == "argument_unknown"


def test_e2_guessing_is_429_and_right_credentials_from_the_same_address_pass(
    start: Callable[..., Server], book_file: Book
) -> None:
    server = start()
    pair = f"Authorization: {basic('child', PASSWORD)}"
    assert server.get(INVOICES, "", pair).status == 200
    statuses = [
        server.get(INVOICES, f"guess{number}").status for number in range(2 * limits.FAILED_LOGINS_PER_MINUTE_MAX)
    ]
    assert 429 in statuses
    assert set(statuses) == {401, 429}
    assert server.get(INVOICES, book_file.token).status == 200
    assert server.get(INVOICES, "", pair).status == 200


def test_e3_an_expired_a_revoked_and_a_narrowed_token_end_at_once(world: World) -> None:
    short, revoked, narrowed = world.token(CHILD, expires_in=1), world.granted(CHILD), world.granted(CHILD)
    for token in (short, revoked["access_token"], narrowed["access_token"]):
        assert world.get(INVOICES, token).status == 200
    world.clock.instant += 1000
    assert world.get(INVOICES, short).status == 401
    assert world.post(f"{CORE}/oauth/revoke", world.token(CHILD), form={"token": revoked["access_token"]}).status == 204
    assert world.get(INVOICES, revoked["access_token"]).status == 401
    form = {"grant_type": "refresh_token", "refresh_token": narrowed["refresh_token"], "scope": "sms.read"}
    renewed = world.post(f"{CORE}/oauth/token", form=form).json["access_token"]
    assert world.get(INVOICES, renewed).status == 403
    assert world.get(INVOICES, narrowed["access_token"]).status == 401


def test_e3_a_revocation_in_one_worker_holds_in_the_other(start: Callable[..., Server], book_file: Book) -> None:
    server = start("--workers", "2")
    made = json.loads(post(server, f"{CORE}/oauth/token/{CHILD}", book_file.token, FORM, b"name=x").body)
    token = made["access_token"]
    assert {server.get(INVOICES, token).status for _ in range(10)} == {200}
    body = urlencode({"token": token}).encode()
    assert post(server, f"{CORE}/oauth/revoke", token, FORM, body).status == 204
    assert {server.get(INVOICES, token).status for _ in range(20)} == {401}


def test_e5_another_tenants_sid_is_unknown_wherever_it_stands(world: World) -> None:
    put(world.store, invoice(1, CHILD), invoice(2, RESELLER))
    mine = world.token(RESELLER)
    theirs = world.granted(CHILD)
    hidden = (f"/{sid(1)}", f"?after={sid(1)}", f"?before={sid(1)}")
    for target in (f"{PARTNERS}/{CHILD}", f"{TOKENS}/{theirs['token_sid']}", *(INVOICES + text for text in hidden)):
        reply = world.get(target, mine)
        assert (reply.status, reply.body) == (404, NO_ITEM)
    for condition in (
        f"invoice_sid%20eq%20{sid(1)}",
        f"partner_sid%20eq%20{CHILD}",
        f"partner.partner_sid%20eq%20{CHILD}",
    ):
        assert world.get(f"{INVOICES}?filter={condition}", mine).json["total"] == 0
    tag = world.get(f"{INVOICES}/{sid(1)}", theirs["access_token"]).headers["etag"]
    assert world.get(f"{INVOICES}/{sid(1)}", mine, If_None_Match=tag).body == NO_ITEM
    assert world.get(f"{INVOICES}/{sid(1)}", mine, If_None_Match="*").status == 404
    assert world.post(f"{CORE}/oauth/token/{CHILD}", mine, form={}).body == NO_ITEM


def test_e6_a_parent_reads_its_childrens_invoices_only_with_the_scope(world: World) -> None:
    put(world.store, invoice(1, GRANDCHILD), invoice(2, RESELLER), invoice(3, CHILD), invoice(4, OPERATOR))
    seen = {
        (RESELLER, ("invoices.read",)): [2],
        (RESELLER, ("invoices.manage",)): [2],
        (RESELLER, ("invoices.read", "calls.read_descendant", "oauth.manage_all_tokens")): [2],
        (RESELLER, ("invoices.read", "invoices.read_descendant")): [1, 2],
        (GRANDCHILD, ("invoices.read", "invoices.read_descendant")): [1],
        (OPERATOR, ("invoices.read",)): [4],
        (OPERATOR, ("invoices.read", "invoices.read_descendant")): [1, 2, 3, 4],
    }
    for (partner_sid, scopes), numbers in seen.items():
        token = world.token(partner_sid, *scopes)
        reply = world.get(f"{INVOICES}?order=invoice_sid", token)
        assert reply.sids() == [sid(number) for number in numbers]
        assert reply.json["total"] == len(numbers)
        for number in range(1, 5):
            status = world.get(f"{INVOICES}/{sid(number)}", token).status
            assert status == (200 if number in numbers else 404)


@pytest.mark.parametrize(
    "path", ["/.git/config", "/.env", "/admin", "/metrics", "/server-status", "/core", "/core/v2", "/core/v2/",
             "/docs/../../pyproject.toml", "/docs/%2e%2e/wire.py", "/docs/..%2fwire.py", "/static/", "/favicon.ico"]
)  # fmt: skip
def test_e8_there_is_nothing_else_to_find(served: Served, path: str) -> None:
    heard = served.server.get(path, served.token)
    assert heard.status == 404
    assert b"Traceback" not in heard.body
    assert not re.search(rb"[0-9]+\.[0-9]+\.[0-9]+", heard.body + heard.headers["server"].encode())


def test_e8_debugging_and_administration_are_off_and_loopback() -> None:
    settings = Settings()
    assert (settings.admin, settings.development, settings.host) == ("", False, "127.0.0.1")


def test_e8_a_new_book_has_no_known_password(world: World, tmp_path: Path) -> None:
    from tollbook.clock import SystemClock
    from tollbook.operations.books import create_book

    founded = create_book(str(tmp_path / "new.db"), SystemClock())
    with founded.store.reading() as book:
        assert [book.login(name) for name in ("admin", "operator", "root", "")] == [None] * 4
    assert founded.operator.login is None


@pytest.fixture
def talked(start: Callable[..., Server], book_file: Book) -> tuple[Server, list[str]]:
    """A server that logs all it can, after every kind of secret was sent to it."""
    server = start("--log-level", "debug", "--development")
    secrets = [book_file.token, "wr0ng-t0ken", PASSWORD, "an0ther-passw0rd", "s3cret-query", "s3cret-header"]
    server.get(f"{INVOICES}?filter=status%20eq%20s3cret-query", book_file.token, "X-Custom: s3cret-header")
    server.get(f"{INVOICES}?access_token=s3cret-query", "wr0ng-t0ken")
    server.get(INVOICES, "", f"Authorization: {basic('child', PASSWORD)}")
    server.get(INVOICES, "", f"Authorization: {basic('child', 'an0ther-passw0rd')}")
    form = urlencode({"grant_type": "password", "username": "child", "password": PASSWORD}).encode()
    made = json.loads(post(server, f"{CORE}/oauth/token", "", FORM, form).body)
    secrets += [made["access_token"], made["refresh_token"], basic("child", PASSWORD).split()[1]]
    body = json.dumps({"name": "x", "login": "new", "password": "an0ther-passw0rd"}).encode()
    assert post(server, PARTNERS, book_file.token, "application/json", body).status == 200
    assert post(server, PARTNERS, book_file.token, "application/json", body).status == 422
    assert (
        post(server, PARTNERS, book_file.token, "application/json", b'{"password":"an0ther-passw0rd",}').status == 400
    )
    renew = urlencode({"grant_type": "refresh_token", "refresh_token": made["refresh_token"]}).encode()
    renewed = json.loads(post(server, f"{CORE}/oauth/token", "", FORM, renew).body)
    secrets += [renewed["access_token"], renewed["refresh_token"]]
    revoke = urlencode({"token": renewed["refresh_token"]}).encode()
    assert post(server, f"{CORE}/oauth/revoke", book_file.token, FORM, revoke).status == 204
    return server, secrets


def test_e9_no_secret_is_in_a_log_line_the_process_list_or_the_book(
    talked: tuple[Server, list[str]], book_file: Book
) -> None:
    server, secrets = talked
    listed = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in [server.process.pid, *server.workers()]]
    time.sleep(limits.ACCESS_FLUSH_SECONDS + 0.5)  # uses of tokens are written too
    assert server.stop()[0] == 0
    lines = server.log.read_text()
    assert len(lines.splitlines()) > 10
    files = [path.read_bytes() for path in book_file.path.parent.glob("book.db*")]
    for secret in secrets:
        assert secret not in lines
        assert not any(secret.encode() in text for text in listed)
        assert not any(secret.encode() in text for text in files)
    for line in lines.splitlines():
        assert {"time", "level", "event"} <= set(json.loads(line))


def test_e9_errors_tell_no_secret_back(shelf: World) -> None:
    secret = "s3cret-value"
    for reply in (
        shelf.get(INVOICES, secret),
        shelf.get(INVOICES, Authorization=basic("child", secret)),
        shelf.post(f"{CORE}/oauth/token", form={"grant_type": "refresh_token", "refresh_token": secret}),
        shelf.post(f"{CORE}/oauth/token", form={"grant_type": "password", "username": secret, "password": secret}),
        shelf.post(PARTNERS, shelf.token(OPERATOR), json_body={"name": "x", "password": [secret]}),
        shelf.post(PARTNERS, shelf.token(OPERATOR), body=secret.encode(), Content_Type="application/json"),
    ):
        assert reply.status in (400, 401, 422)
        assert secret.encode() not in reply.body
        assert secret not in str(reply.headers)


def test_e11_names_may_be_alike_and_numbers_may_not(world: World) -> None:
    token = world.token(OPERATOR)
    made = [world.post(PARTNERS, token, json_body={"name": name}).json for name in ("Acme", "Acme", "\u0410cme")]
    assert len({partner["partner_sid"] for partner in made}) == len({partner["display_id"] for partner in made}) == 3
    put(world.store, invoice(1, CHILD, display_id="007"), invoice(2, RESELLER, display_id="007"))
    assert world.get(f"{INVOICES}?filter=display_id%20eq%20007", world.token(CHILD)).sids() == [sid(1)]


@pytest.mark.parametrize("name", ["HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_HOST", "HTTP_IF_NONE_MATCH", "CONTENT_TYPE"])
def test_e1_the_servers_environment_is_nobodys_header(start: Callable[..., Server], book_file: Book, name: str) -> None:
    values = {"HTTP_AUTHORIZATION": f"Bearer {book_file.token}", "HTTP_IF_NONE_MATCH": "*",
              "CONTENT_TYPE": "application/json",
              "HTTP_X_FORWARDED_HOST": "evil.example"}  # fmt: skip
    server = start("--trusted-proxy", "127.0.0.1", environment={name: values[name], "CONTENT_LENGTH": "5"})
    assert server.get(INVOICES).status == 401
    heard = server.get(f"{INVOICES}?limit=1", book_file.token)
    assert heard.status == 200
    assert b"evil" not in heard.body
    assert server.say(request("POST", PARTNERS, book_file.token)).status == 415


def test_e9_a_token_is_never_an_argument_of_a_command() -> None:
    """What a verb takes as a flag would stand in the process list."""
    text = subprocess.run(
        [sys.executable, "-P", "-m", "tollbook", "serve", "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, timeout=30, check=True,
    ).stdout  # fmt: skip
    assert not re.search(r"--(token|password|secret)(?!-file)\b", text)


def test_e12_an_import_that_is_run_twice_changes_nothing(world: World) -> None:
    text = b"\n".join(document(INVOICE_CATALOGUE, invoice(number, CHILD)) for number in range(1, 6))
    token, answers = world.token(CHILD), []
    for new, replaced in ((5, 0), (0, 5)):
        report = Report()
        import_invoices(world.store, pieces("twice", io.BytesIO(text)), report)
        assert (report.new, report.replaced, report.bad) == (new, replaced, [])
        answers.append((world.get(INVOICES, token).body, world.get(f"{PARTNERS}/{CHILD}", token).body))
    assert answers[0] == answers[1]
