"""Every verb, as a person and as a script: what it prints, and how it ends."""

import argparse
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tollbook, book_url
from tests.making import invoice, item
from tests.operations.lines import line
from tests.operations.source import TOKEN, Source, serving
from tests.stores import behind

from tollbook.cli.arguments import parser
from tollbook.cli.exits import EXITS
from tollbook.cli.output import print_table, readable
from tollbook.clock import SystemClock
from tollbook.store import open_store, shown

ROOT = Path(__file__).resolve().parents[2]
SID = "00000001-0000-4000-8000-000000000000"


def verbs(top: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every verb's words and parser."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, beneath in action.choices.items():
                yield from verbs(beneath, (*path, name))
            return
    yield path, top


VERBS = dict(verbs(parser()))


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example_that_parses(words: tuple[str, ...], tollbook: Tollbook) -> None:
    ran = tollbook(*words, "--help")
    assert ran.status == 0
    example = ran.out.partition("example:\n")[2].strip().splitlines()[0]
    assert example.startswith(f"tollbook {' '.join(words)}")
    parser().parse_args(shlex.split(example)[1:])


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_runs_a_function_that_says_what_it_does(words: tuple[str, ...]) -> None:
    from importlib import import_module

    module, _, name = VERBS[words].get_default("run").partition(":")
    assert getattr(import_module(f"tollbook.cli.{module}"), name).__doc__


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_no_verb_takes_a_secret_as_an_argument(words: tuple[str, ...]) -> None:
    flags = {option for action in VERBS[words]._actions for option in action.option_strings}
    assert not flags & {"--password", "--token", "--secret"}


def test_help_comes_at_once_and_tells_the_exit_statuses(tollbook: Tollbook) -> None:
    loaded = "import sys, tollbook.cli; print({'rich', 'falcon', 'granian', 'argon2'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, env=environment, check=True)
    assert ran.stdout.strip() == "set()"
    told = tollbook("--help").out
    assert all(f"{status:>3}  {meaning}" in told for status, meaning in EXITS)


@pytest.mark.parametrize("words", [(), ("nonsense",), ("serve", "--port", "x"), ("import",), ("partner", "add")])
def test_what_is_not_understood_is_2(words: tuple[str, ...], tollbook: Tollbook) -> None:
    ran = tollbook(*words)
    assert ran.status == 2
    assert "usage: tollbook" in ran.err


@pytest.mark.files
def test_init_prints_the_token_once(tollbook: Tollbook, tmp_path: Path) -> None:
    ran = tollbook("init", "--name", "Example", "--currency", "EUR")
    assert ran.status == 0
    secret = ran.out.strip()
    assert len(secret) == 43
    assert secret.encode() not in (tmp_path / "tollbook.db").read_bytes()
    again = tollbook("init")
    assert again.status == 1
    assert "exists already" in again.err
    assert (tmp_path / "tollbook.db").stat().st_mode & 0o777 == 0o600


def test_init_for_scripts(made: Any) -> None:
    assert set(made) == {"partner_sid", "token"}


def test_no_book(tollbook: Tollbook) -> None:
    ran = tollbook("partner", "list")
    assert ran.status == 1
    assert f"there is no book at {shown(book_url())}; make one with tollbook init" in ran.err
    assert json.loads(tollbook("partner", "list", "--json").err)["code"] == "book_foreign"


@pytest.mark.files
def test_an_older_book_is_refused_with_the_command_that_helps(made: Any, tollbook: Tollbook, tmp_path: Path) -> None:
    import sqlite3

    with closing(sqlite3.connect("tollbook.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
        found = "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY type DESC"
        for kind, name in connection.execute(found).fetchall():
            if name not in ("book", "partner", "partner_tree", "token"):
                connection.execute(f"DROP {kind} {name}")
    ran = tollbook("invoices")
    assert ran.status == 1
    assert "run tollbook migrate --db tollbook.db" in ran.err
    ran = tollbook("migrate", "--json")
    assert (ran.status, ran.json["before"]) == (0, 1)
    assert Path(ran.json["backup"]).exists()
    assert tollbook("check").status == 0
    assert "already" in tollbook("migrate").err


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


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("partner", "show", SID), "cannot find item by sid"),
        (("partner", "passwd", SID), "cannot find item by sid"),
        (("partner", "add", "--name", " "), "cannot be blank"),
        (("partner", "add", "--name", "x", "--parent", SID), "parent_sid"),
        (("partner", "add", "--name", "x", "--scope", "everything"), "unknown scope"),
        (("partner", "add", "--name", "x", "--login", "x"), "there is no terminal to ask at"),
        (("partner", "add", "--name", "x", "--password-file", "none.txt"), "No such file"),
        (("partner", "add", "--name", "x", "--password-file", os.devnull), "is empty"),
        (("token", "add", "--partner", SID), "cannot find item by sid"),
        (("token", "add", "--scope", "x"), "unknown scope"),
        (("token", "add", "--expires-in", "0"), "expires_in"),
        (("token", "revoke", SID), "cannot find item by sid"),
        (("import", "invoices"), "give FILE"),
        (("import", "invoices", "x", "--from-url", "y"), "give FILE"),
        (("import", "invoices", "none.json"), "none.json: No such file"),
        (("import", "invoices", "--from-url", "https://h"), "TOLLBOOK_SOURCE_TOKEN"),
        (("invoices", "--filter", "colour eq red"), "unknown attribute colour"),
        (("invoices", "--limit", "1001"), "limit"),
        (("invoices", "--partner", SID), "cannot find item by sid"),
        (("invoices", "--partner", SID, "--token-file", "x"), "does not go with"),
        (("explain-query", "status"), "filter"),
        (("config", "--port", "99999"), "port"),
        (("config", "--config", "none.toml"), "none.toml"),
        (("restore", "none.db", "--db", "r.db"), "there is no book at none.db"),
        (("serve", "--db", "none.db"), "there is no book at none.db"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_refusals(
    words: tuple[str, ...], reason: str, made: Any, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ran = tollbook(*words)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("tollbook: ")
    assert reason in ran.err


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


@pytest.fixture
def filled(made: Any, tollbook: Tollbook) -> str:
    """A book with five invoices of one partner; the partner's sid."""
    partner: str = tollbook("partner", "add", "--name", "Acme", "--unbilled", "--json").json["partner_sid"]
    Path("five.ndjson").write_bytes(b"".join(line(invoice(n, partner, amount=n * 1_000_000)) for n in range(5)))
    ran = tollbook("import", "invoices", "five.ndjson")
    assert (ran.status, ran.out) == (0, "5 records: 5 invoices new, 0 replaced\n")
    return partner


def test_import_tells_everything(filled: str, tollbook: Tollbook) -> None:
    bad = line(invoice(9, filled), amount="1.", colour=1, invoice_items=[{"amount": "x"}])
    Path("bad.ndjson").write_bytes(line(invoice(8, SID), colour=1) + bad + b"junk\n")
    ran = tollbook("import", "invoices", "bad.ndjson")
    assert (ran.status, ran.out) == (1, "")
    assert "bad.ndjson, line 2: amount: expected a plain decimal" in ran.err
    assert "bad.ndjson, line 2: invoice_items[0].usage: is missing" in ran.err
    assert "bad.ndjson, line 3: not valid JSON" in ran.err
    assert "nothing was written: 2 of 3 records are bad" in ran.err
    assert tollbook("invoices").json["total"] == 5
    ran = tollbook("import", "invoices", "bad.ndjson", "--keep-going")
    assert (ran.status, ran.out) == (1, "3 records: 1 invoices new, 0 replaced, 2 bad\n")
    assert f"made the partner {SID}" in ran.err
    assert "unknown attribute colour, dropped from 1 records" in ran.err
    report = tollbook("import", "invoices", "bad.ndjson", "--json").json
    assert (report["read"], report["bad"], report["partners_made"]) == (3, 2, [])
    assert {"source": "bad.ndjson", "line": 2, "index": None, "field": "amount"}.items() <= report["errors"][0].items()


def test_import_from_standard_input(filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line(invoice(7, filled)))))
    assert "1 invoices new" in tollbook("import", "invoices", "-").out


def test_export_and_import_again(filled: str, tollbook: Tollbook) -> None:
    ran = tollbook("export", "invoices", "out.ndjson")
    assert (ran.status, ran.err) == (0, "5 invoices written to out.ndjson\n")
    assert tollbook("export", "invoices", "out2.ndjson", "--partner", filled, "--json").json["invoices"] == 5
    text = Path("out.ndjson").read_bytes()
    assert text == Path("out2.ndjson").read_bytes()
    tollbook("init", "--db", "again.db")
    assert "5 invoices new" in tollbook("import", "invoices", "out.ndjson", "--db", "again.db").out
    tollbook("export", "invoices", "out3.ndjson", "--db", "again.db")
    assert Path("out3.ndjson").read_bytes() == text


def test_import_from_a_server(filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [json.loads(line(invoice(n, filled))) for n in range(100, 104)]
    with serving(Source(records, page=3)) as source:
        Path("token.txt").write_text(TOKEN)
        ran = tollbook("import", "invoices", "--from-url", source.url, "--token-file", "token.txt")
        assert (ran.status, ran.out) == (0, "4 records: 4 invoices new, 0 replaced\n")
        records[1]["amount"] = None
        monkeypatch.setenv("TOLLBOOK_SOURCE_TOKEN", TOKEN)
        ran = tollbook("import", "invoices", "--from-url", source.url)
        assert ran.status == 1
        assert "item 1: amount: cannot be null" in ran.err
        assert "stopped at a page" in ran.err
        records[3]["amount"] = None
        records[1]["amount"] = "1"
        assert tollbook("import", "invoices", "--from-url", source.url).status == 1
        assert "going on where the last pull broke off" in tollbook("import", "invoices", "--from-url", source.url).err
        assert TOKEN not in ran.err + ran.out


def test_invoices_for_a_pipe_are_the_api_s(filled: str, tollbook: Tollbook) -> None:
    words = ["--filter", "amount gt 1", "--order", "amount desc", "--limit", "2", "--fields", "amount"]
    answer = tollbook("invoices", *words, "--public-url", "https://b.example").json
    assert list(answer) == ["count", "has_more", "items", "limit", "offset", "pagination", "total"]
    assert answer["items"] == [{"amount": "4"}, {"amount": "3"}]
    assert (answer["total"], answer["has_more"]) == (3, True)
    assert answer["pagination"]["next"].startswith("https://b.example/core/v2/billing/invoices?filter=amount%20gt%201&")
    assert "partner" in tollbook("invoices", "--with-related", "--partner", filled).json["items"][0]


def test_invoices_for_a_person(filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "140")
    ran = tollbook("invoices", "--limit", "2", "--order", "amount")
    assert "2 of 5 invoices\nmore: --offset 2\n" in ran.err
    assert "display_id" in ran.out
    ran = tollbook(
        "invoices", "--limit", "1", "--fields", "amount,tax_items", "--after", "00000001-0000-4000-8000-000000000000"
    )
    assert '{"amount":"0.32"' in ran.out
    assert "more: " not in ran.err


@pytest.mark.parametrize("columns", ["40", "80", "100"])
def test_a_narrow_window_keeps_the_sids_that_verbs_take(
    filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    token_sid = tollbook("token", "list", "--json").json[0]["token_sid"]
    invoice_sid = tollbook("invoices", "--limit", "1").json["items"][0]["invoice_sid"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", columns)
    assert token_sid in tollbook("token", "list").out
    assert filled in tollbook("partner", "list").out
    table = tollbook("invoices", "--limit", "1").out
    assert invoice_sid in table
    assert f"{filled[:8]}…" in table


def test_the_request_as_curl(filled: str, tollbook: Tollbook) -> None:
    ran = tollbook("invoices", "--curl", "--filter", "status eq 'open'", "--limit", "5")
    words = shlex.split(ran.out)
    assert words[:3] == ["curl", "-H", "Authorization: Bearer $TOLLBOOK_TOKEN"]
    assert words[3] == "http://127.0.0.1:8080/core/v2/billing/invoices?filter=status%20eq%20%27open%27&limit=5"


def test_explain_query(filled: str, tollbook: Tollbook) -> None:
    words = ["status eq open and amount gt 0.5 and date_created lt 2025-01-01", "--order", "amount desc"]
    told = tollbook("explain-query", *words, "--json").json
    assert [row["inside"] for row in told["conditions"]] == [["open"], [500_000], [1735689600000]]
    assert told["conditions"][1]["values"] == ["0.5"]
    assert told["order"] == ["amount desc"]
    assert any("FROM invoice" in step["statement"] and step["plan"] for step in told["statements"])
    text = tollbook("explain-query", *words, "--partner", filled).out
    assert "Order: amount desc\n" in text
    assert "Plan:\n  " in text
    assert tollbook("explain-query", "--order", "shuffle", "--json").json["order"] == ["shuffle"]


def test_check_and_repair(filled: str, tollbook: Tollbook) -> None:
    assert tollbook("check").out == "5 invoices: everything agrees\n"
    with closing(open_store(book_url(), SystemClock())) as store, behind(store) as connection:
        connection.execute("UPDATE invoice SET amount = 3")
        connection.execute("UPDATE invoice_counter SET invoices = 1")
    ran = tollbook("check")
    assert ran.status == 1
    assert "differs from the rows in amount" in ran.out
    assert "tollbook check --repair" in ran.err
    assert tollbook("check", "--json").json["by_kind"] == {"counter": 1, "document": 5}
    ran = tollbook("check", "--repair")
    assert (ran.status, ran.out) == (0, "5 invoices: everything agrees\n")
    assert "6 findings are repaired" in ran.err


@pytest.mark.files
def test_backup_and_restore(filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tollbook("backup", "b.db", "--json").json["bytes"] > 0
    assert "--yes replaces it" in tollbook("backup", "b.db").err
    assert tollbook("backup", "b.db", "--yes").status == 0
    assert tollbook("restore", "b.db", "--db", "r.db").status == 0
    assert tollbook("invoices", "--db", "r.db").json["total"] == 5
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "Give --yes" in tollbook("restore", "b.db", "--db", "r.db").err
    assert Path(tollbook("restore", "b.db", "--db", "r.db", "--yes", "--json").json["replaced"]).exists()
    for answer, status in (("n", 1), ("y", 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer + "\n"))
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        assert tollbook("restore", "b.db", "--db", "r.db").status == status


@pytest.mark.files
def test_a_backup_with_findings_is_not_restored(filled: str, tollbook: Tollbook) -> None:
    import sqlite3

    tollbook("backup", "b.db")
    with closing(sqlite3.connect("b.db", isolation_level=None)) as connection:
        connection.execute("UPDATE invoice SET amount = 3")
    ran = tollbook("restore", "b.db", "--db", "r.db")
    assert ran.status == 1
    assert "b.db is not restored" in ran.err
    assert not Path("r.db").exists()


def test_config_tells_sources(tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.toml").write_text("workers = 3\n")
    monkeypatch.setenv("TOLLBOOK_THREADS", "8")
    told = tollbook("config", "--json", "--config", "c.toml", "--port", "9000", "--no-strict-query").json
    assert told["workers"] == {"value": 3, "source": "file (c.toml)"}
    assert told["threads"] == {"value": 8, "source": "environment (TOLLBOOK_THREADS)"}
    assert told["port"] == {"value": 9000, "source": "flag"}
    assert told["strict_query"]["value"] is False
    assert told["host"]["source"] == "default"
    assert "environment (TOLLBOOK_THREADS)" in tollbook("config").out


def test_interrupted_and_broken(made: Any, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(error: BaseException) -> Any:
        def run(arguments: object) -> int:
            raise error

        return run

    monkeypatch.setattr("tollbook.cli.books.config", raising(KeyboardInterrupt()))
    assert tollbook("config").status == 130
    monkeypatch.setattr("tollbook.cli.books.config", raising(OSError(28, "No space left on device", "x.db")))
    ran = tollbook("config")
    assert (ran.status, ran.err) == (1, "tollbook: x.db: No space left on device\n")


def test_whoever_reads_may_leave(filled: str, tmp_path: Path) -> None:
    Path("many.ndjson").write_bytes(
        b"".join(line(invoice(n, filled, invoice_items=(item(),) * 50)) for n in range(200))
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "tollbook"]
    subprocess.run([*command, "import", "invoices", "many.ndjson"], env=environment, check=True, capture_output=True)
    with subprocess.Popen(
        [*command, "export", "invoices"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as export:
        assert export.stdout
        assert export.stderr
        export.stdout.readline()
        export.stdout.close()
        assert export.wait(30) == 141
        assert export.stderr.read() == b""


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("--name", " ", "name: cannot be blank"),
        ("--name", "a\x1bb", "name: "),
        ("--currency", "dollars", "currency: expected an ISO 4217 code"),
        ("--currency", "usd", "currency: expected an ISO 4217 code"),
    ],
)
def test_a_book_is_not_made_of_what_it_would_be_stuck_with(
    tollbook: Tollbook, tmp_path: Path, flag: str, value: str, said: str
) -> None:
    ran = tollbook("init", flag, value)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err
    assert list(tmp_path.iterdir()) == []


def test_what_a_terminal_shows_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [["a\x1b[2Jb\u202e"]])
    assert "a\\x1b[2Jb\\u202e" in capsys.readouterr().out
    assert readable(True) == "yes"
    assert readable({}) == ""
