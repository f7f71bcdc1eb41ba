"""A book at the command line: made, migrated, checked and mended, kept and brought back."""

import io
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tollbook, book_url
from tests.stores import behind

from tollbook.clock import SystemClock
from tollbook.store import open_store


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
