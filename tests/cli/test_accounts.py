"""Partners, passwords and tokens at the command line: made, shown, changed, revoked."""

import io
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tollbook


def test_partners(made: Any, tollbook: Tollbook, tmp_path: Path) -> None:
    (tmp_path / "password.txt").write_text("correct horse battery\n")
    reseller = tollbook(
        "partner", "add", "--name", "Reseller", "--scope", "invoices.read", "partners.read", "--json"
    ).json
    assert reseller["parent_sid"] == made["partner_sid"]
    assert reseller["available_scopes"] == ["invoices.read", "partners.read"]
    ran = tollbook(
        "partner", "add", "--name", "Acme", "--parent", reseller["partner_sid"], "--login", "acme",
        "--password-file", "password.txt",
    )  # fmt: skip
    sid = ran.out.strip()
    shown = tollbook("partner", "show", sid, "--json").json
    assert (shown["name"], shown["login"], shown["parent_sid"]) == ("Acme", "acme", reseller["partner_sid"])
    assert "password" not in shown
    assert "Acme" in tollbook("partner", "show", sid).out
    assert [each["name"] for each in tollbook("partner", "list", "--json").json] == ["Operator", "Reseller", "Acme"]
    assert "Reseller" in tollbook("partner", "list").out
    assert tollbook("partner", "passwd", sid, "--password-file", "password.txt", "--json").json["changed"]
    assert (
        "no login yet" in tollbook("partner", "passwd", reseller["partner_sid"], "--password-file", "password.txt").err
    )
    assert "invoices.read" in tollbook("partner", "scopes", sid, "--scope", "invoices.read").err
    assert tollbook("partner", "scopes", sid, "--scope", "sms.read", "--json").json["available_scopes"] == ["sms.read"]


def test_a_password_may_come_from_the_environment(
    made: Any, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "or the variable TOLLBOOK_PASSWORD" in tollbook("partner", "passwd", made["partner_sid"]).err
    monkeypatch.setenv("TOLLBOOK_PASSWORD", "correct horse battery")
    assert tollbook("partner", "passwd", made["partner_sid"], "--json").json["changed"]


def test_a_password_is_asked_for_twice(made: Any, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(["first password", "second password", "the same one", "the same one"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(said))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert "not the same" in tollbook("partner", "passwd", made["partner_sid"]).err
    assert tollbook("partner", "passwd", made["partner_sid"]).status == 0


def test_tokens(made: Any, tollbook: Tollbook) -> None:
    token = tollbook("token", "add", "--scope", "invoices.read", "--name", "reports", "--json").json
    assert token["token"] == token["access_token"]
    assert token["scopes"] == ["invoices.read"]
    Path("token.txt").write_text(token["token"] + "\n")
    assert tollbook("invoices", "--token-file", "token.txt").json["total"] == 0
    listed = tollbook("token", "list", "--json").json
    assert {each["name"]: each["access_token"] for each in listed} == {"reports": None, "first token": None}
    assert token["token"] not in tollbook("token", "list").out
    assert "revoked" in tollbook("token", "revoke", token["token_sid"]).err
    assert tollbook("invoices", "--token-file", "token.txt").status == 1
    plain = tollbook("token", "add")
    assert len(plain.out.strip()) == 43
    other = tollbook("token", "add", "--json").json
    assert tollbook("token", "revoke", other["token_sid"], "--json").json["revoked"]
