"""Tollbook as a black box: its command line, and the books that the benchmarks keep with it.

A book is imported once and kept; `--fresh` builds it anew, which a change of the stored form needs.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import on_cpu
from benchmarks.processes import HOST, BenchError, Server, run, serving

ROOT = Path(__file__).resolve().parent.parent
IMPORT_SECONDS_MAX = 3_600.0

_made_now: set[Path] = set()
"""The books that this run made: fresh enough for all of its parts."""


@dataclass(frozen=True, slots=True)
class Book:
    """A database, its operator, and a token for each partner that the measurement asks as."""

    db: Path | str
    operator: str
    tokens: dict[str, str]


def executable() -> str | None:
    """TOLLBOOK_BIN (empty: none), else the checkout's own environment, else the PATH's."""
    named = os.environ.get("TOLLBOOK_BIN")
    if named is not None:
        return named or None
    own = ROOT / ".venv" / "bin" / "tollbook"
    return str(own) if own.exists() else shutil.which("tollbook")


def version() -> str:
    """What the executable calls itself."""
    try:
        return run([_bin(), "--version"]).strip()
    except BenchError:
        return "tollbook (version unknown)"


def initialise(db: Path) -> str:
    """Makes a new book and answers the operator's token."""
    for old in db.parent.glob(db.name + "*"):
        old.unlink()
    return initialise_at(str(db))


def initialise_at(db: str) -> str:
    """The same where nothing is."""
    token: str = _json(["init", "--db", db, "--json"])["token"]
    return token


def run_import(ndjson: Path, db: Path | str) -> None:
    """Imports a file of invoices."""
    run(import_command(ndjson, db), timeout=IMPORT_SECONDS_MAX)


def import_command(ndjson: Path, db: Path | str) -> list[str]:
    """The command that imports a file of invoices."""
    return [_bin(), "import", "invoices", str(ndjson), "--db", str(db), "--keep-going"]


def verb(*arguments: str) -> list[str]:
    """The command line of a verb."""
    return [_bin(), *arguments]


def command(*arguments: str) -> str:
    """Runs a verb to its end; what it printed."""
    return run(verb(*arguments), timeout=IMPORT_SECONDS_MAX)


def add_token(partner: str, db: Path | str) -> str:
    """A new token of a partner that may read invoices."""
    arguments = ["token", "add", "--partner", partner, "--scope", "invoices.read"]
    token: str = _json([*arguments, "--db", str(db), "--json"])["token"]
    return token


def keep_book(db: Path, ndjson: Path, partners: Iterable[str], fresh: bool = False) -> Book:
    """The book of a file of invoices: as kept from an earlier run, else imported now."""
    notes = db.with_suffix(".json")
    if (fresh and db not in _made_now) or not (db.exists() and notes.exists()):
        notes.unlink(missing_ok=True)
        operator = initialise(db)
        run_import(ndjson, db)
        note(db, operator)
    book = noted(db)
    lacking = [partner for partner in partners if partner not in book.tokens]
    if lacking:
        # Two at a time: most of it is the start of the command, not the database.
        with ThreadPoolExecutor(2) as pool:
            made = pool.map(lambda partner: add_token(partner, db), lacking)
            book.tokens.update(zip(lacking, made, strict=True))
        note(db, book.operator, book.tokens)
    return book


def note(db: Path, operator: str, tokens: dict[str, str] | None = None) -> None:
    """Remembers the tokens of a book beside it."""
    _made_now.add(db)
    note_at(db.with_suffix(".json"), operator, tokens or {})


def note_at(notes: Path, operator: str, tokens: dict[str, str]) -> None:
    """The same in a file of one's own."""
    notes.write_text(json.dumps({"operator": operator, "tokens": tokens}))


def serve(book: Book, log: Path) -> AbstractContextManager[Server]:
    """The server on the first CPU, one worker, everything else as it comes."""
    listen = ["--host", HOST, "--port", "0", "--workers", "1"]
    command = [*on_cpu(0), _bin(), "serve", "--db", str(book.db), *listen]
    return serving(command, log, port=None)


def noted(db: Path) -> Book:
    """The book that was noted beside a database."""
    return noted_at(db.with_suffix(".json"), db)


def noted_at(notes: Path, db: Path | str) -> Book:
    """The same from a file of one's own."""
    content = json.loads(notes.read_text())
    return Book(db, content["operator"], content["tokens"])


def _bin() -> str:
    found = executable()
    if found is None:
        raise BenchError("there is no tollbook to measure: set TOLLBOOK_BIN, or `./run setup`")
    return found


def _json(arguments: list[str]) -> dict[str, Any]:
    output = run([_bin(), *arguments])
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        raise BenchError(f"`tollbook {arguments[0]} … --json` printed: {output[:500]}") from None
    return answer
