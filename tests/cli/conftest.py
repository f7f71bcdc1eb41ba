"""A command line with a book of its own: `tollbook(...)` runs a command within the test's process."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.making import invoice
from tests.operations.lines import line
from tests.stores import ON_POSTGRES, new_database

from tollbook.cli import main


class Ran(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, decoded."""
        return json.loads(self.out)


Tollbook = Callable[..., Ran]


def book_url() -> str:
    """Where the command line's book is, or is to be."""
    return os.environ.get("TOLLBOOK_DB", "tollbook.db")


@pytest.fixture
def tollbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tollbook:
    """Runs a command in an empty folder, knowing nothing of the environment but where its book is."""
    monkeypatch.chdir(tmp_path)
    for name in ("TOLLBOOK_DB", "TOLLBOOK_CONFIG", "TOLLBOOK_SOURCE_TOKEN", "TOLLBOOK_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    if ON_POSTGRES:
        monkeypatch.setenv("TOLLBOOK_DB", new_database())

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        return Ran(status, printed.out, printed.err)

    return run


@pytest.fixture
def made(tollbook: Tollbook) -> Any:
    """What `init --json` printed of the book."""
    return tollbook("init", "--json").json


@pytest.fixture
def filled(made: Any, tollbook: Tollbook) -> str:
    """A book with five invoices of one partner; the partner's sid."""
    partner: str = tollbook("partner", "add", "--name", "Acme", "--unbilled", "--json").json["partner_sid"]
    Path("five.ndjson").write_bytes(b"".join(line(invoice(n, partner, amount=n * 1_000_000)) for n in range(5)))
    ran = tollbook("import", "invoices", "five.ndjson")
    assert (ran.status, ran.out) == (0, "5 records: 5 invoices new, 0 replaced\n")
    return partner
