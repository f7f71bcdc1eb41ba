"""Books in PostgreSQL at the command line: what is refused in one line, passwords that nobody is shown, the demo."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tollbook, book_url
from tests.cli.test_serving import OURS, started
from tests.stores import behind, database_url, new_database

from tollbook.clock import SystemClock
from tollbook.operations.demo import make_demo_book
from tollbook.store import has_book, migrations, open_store, postgres_books, shown

pytestmark = pytest.mark.postgres
PASSWORD = "correct-horse"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/book", "me:***@127.0.0.1:1/book: Connection refused: is the server"),
        (f"postgresql://127.0.0.1:1/book?user=me&password={PASSWORD}", "password=***: Connection refused"),
        (f"postgresql://me:{PASSWORD}@/book?host=/nowhere", "No such file or directory: is the server running?"),
        (f"postgresql://me:{PASSWORD}@h/book?colour=red", 'invalid URI query parameter: "colour"'),
        (f"postgresql://me:x@{PASSWORD}@h/book", "me:***@h/book: write @ / ? # in a password as %40 %2F %3F %23"),
        (f"postgresql://me:{PASSWORD}/x@h/book", "write @ / ? # in a password as"),
        (f"mysql://me:{PASSWORD}@h/book", "no store for mysql"),
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/book?connect_timeout=soon", "bad value for connect_timeout"),
        (f"postgresql:/me:{PASSWORD}@h/book", "no path, and no URL of a book: give"),
        (f"host=h dbname=book user=me password={PASSWORD}", "no path, and no URL of a book: give"),
    ],
)
@pytest.mark.parametrize("words", [("check",), ("serve",), ("init",), ("migrate",), ("demo",)], ids=" ".join)
def test_what_cannot_be_opened_is_one_line_without_a_password(
    words: tuple[str, ...], url: str, said: str, tollbook: Tollbook
) -> None:
    ran = tollbook(*words, "--db", url)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err
    assert ran.err.startswith("tollbook: db: ")
    assert (ran.err.count("\n"), PASSWORD in ran.err) == (1, False)


def test_a_database_or_a_user_that_is_not_there_is_said(tollbook: Tollbook) -> None:
    assert "nowhere" in tollbook("check", "--db", database_url("nowhere")).err
    url = re.sub("user=[a-z]+", "user=nobody_at_all", book_url())
    assert 'role "nobody_at_all" does not exist' in tollbook("check", "--db", url).err


def test_a_user_who_may_not_is_told_what(made: Any, tollbook: Tollbook, stranger: str) -> None:
    """On PostgreSQL a database's schema belongs to who made it: others read nothing there, and make nothing."""
    for words, url, said in ((("check",), book_url(), "table book"), (("init",), new_database(), "schema public")):
        ran = tollbook(*words, "--db", re.sub("user=[a-z]+", f"user={stranger}", url))
        assert (ran.status, ran.err.count("\n")) == (1, 1)
        assert f"permission denied for {said}" in ran.err


@pytest.fixture
def stranger() -> Iterator[str]:
    """A user of the server who has been given nothing."""
    name = f"stranger_{os.getpid()}"
    with postgres_books.connect(book_url()) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
        yield name
        connection.execute(f"DROP ROLE {name}")


def test_settings_are_shown_without_a_password(tollbook: Tollbook) -> None:
    url = f"postgresql://me:{PASSWORD}@h/book"
    for more in ((), ("--json",)):
        ran = tollbook("config", "--db", url, "--db-read", f"{url}?password={PASSWORD}", *more)
        assert "postgresql://me:***@h/book" in ran.out
        assert PASSWORD not in ran.out + ran.err


def test_what_is_about_files_says_what_does_it_here(made: Any, tollbook: Tollbook, tmp_path: Path) -> None:
    for words in (("backup", "x.db"), ("restore", "x.db", "--yes")):
        ran = tollbook(*words)
        assert ran.status == 1
        assert "copy a database with pg_dump, or to a file with tollbook move" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_second_book_and_strangers_tables_are_refused(made: Any, tollbook: Tollbook) -> None:
    assert f"there is a book at {shown(book_url())} already" in tollbook("init").err
    url = new_database()
    with postgres_books.connect(url) as connection:
        connection.execute("CREATE TABLE invoice (x int)")
    assert "has a table invoice of somebody else's" in tollbook("init", "--db", url).err


def test_older_newer_and_unfinished_books(made: Any, tollbook: Tollbook) -> None:
    def say(name: str, value: str) -> None:
        with closing(open_store(book_url(), SystemClock())) as store, behind(store) as connection:
            connection.execute(
                "INSERT INTO book VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?", (name, value, value)
            )

    def put(name: str, value: str) -> None:
        with postgres_books.connect(book_url()) as connection:
            connection.execute("UPDATE book SET value = %s WHERE name = %s", (value, name))

    say("schema_version", "99")
    assert "newer" in tollbook("book", "set", "close_delay_seconds", "1").err
    assert tollbook("partner", "list").status == 0
    assert f"of version 99, newer than this Tollbook's {migrations.LATEST}" in tollbook("migrate").err
    put("schema_version", "1")
    assert "older than" in tollbook("check").err
    put("schema_version", str(migrations.LATEST))
    say("unfinished", "somebody is at it")
    assert "is not whole: somebody is at it" in tollbook("check").err


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for a demo's data, which the server's user gets to; not as deep as a test's own: a socket is in it."""
    folder = Path(tempfile.mkdtemp(prefix="demo-"))
    folder.chmod(0o755)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    yield folder
    shutil.rmtree(folder)


def test_the_demo_brings_its_own_server_and_ends_it(
    data: Path, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOLLBOOK_DB", raising=False)
    folder = data / "tollbook" / "demo-postgres"
    with started("demo", "--postgres", "--port", "0") as demo:
        server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        _, *lines = (line for line in demo.said if line.strip().startswith("curl "))
        page = json.loads(subprocess.run(lines[-1], shell=True, capture_output=True, check=True).stdout)
        assert page["count"] == 3
        assert "another demo runs on it" in tollbook("demo", "--postgres", "--port", "0").err
    _await_end(server)
    with started("demo", "--postgres", "--port", "0") as demo:
        (url,) = (line.split()[3] for line in demo.said if line.startswith("The demo book"))
        assert tollbook("check", "--db", url).out == "40 invoices: everything agrees\n"
        server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(demo.process.pid, signal.SIGKILL)
        _await_end(server)
        demo.process.wait(10)
        demo.process.returncode = 0  # `started` expects an orderly end


def _await_end(pid: int) -> None:
    ends = time.monotonic() + 15
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_move_that_is_killed_goes_on(tollbook: Tollbook, tmp_path: Path) -> None:
    make_demo_book("demo.db", SystemClock())
    dest = new_database()
    command = [sys.executable, "-m", "tollbook", "move", "demo.db", dest]
    for pause in (0.5, 0.8, 1.1, 1.4):
        with subprocess.Popen(command, env={**os.environ, **OURS}, stderr=subprocess.DEVNULL) as process:
            time.sleep(pause)
            process.kill()
        if has_book(dest):
            break
        assert "there is no book" in (said := tollbook("check", "--db", dest).err) or "goes on with it" in said
    else:
        assert tollbook("move", "demo.db", dest, "--json").json["findings"] == 0
    assert "there is a book at" in tollbook("move", "demo.db", dest).err
    assert tollbook("move", dest, "back.db", "--json").json["findings"] == 0
    exported = set()
    for name in ("demo.db", "back.db", dest):
        tollbook("export", "invoices", "exported", "--db", name)
        exported.add((tmp_path / "exported").read_bytes())
    assert len(exported) == 1
