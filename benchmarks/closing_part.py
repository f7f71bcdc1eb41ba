"""Closing: one billing run over many partners, in seconds and memory.

A sandbox book has partners that used something; its clock is moved past the end of their first month, and the run
that falls due closes and issues an invoice for each, and opens the next.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from benchmarks import tollbook, usage_data, usage_part
from benchmarks.import_part import FLAT_TIMES_MAX
from benchmarks.load import watch
from benchmarks.machine import Machine
from benchmarks.material import need_tollbook, say
from benchmarks.numbers import Outcome, Requirement, spread, table
from benchmarks.processes import BenchError
from benchmarks.quiet import Quiet
from benchmarks.settings import Settings

BEGIN, AFTER = "2025-01-10T00:00:00Z", "2025-02-11T00:00:00Z"
PARTNERS = 10_000


def measure(settings: Settings, machine: Machine) -> Outcome:
    """Makes the book, moves its clock, watches the run."""
    need_tollbook()
    db, partners = _place(settings)
    quiet = Quiet()
    seconds, memory = [], []
    for nth in range(settings.import_rounds):
        _prepare(db, partners, db.parent)
        quiet.look()
        say(f"closing {nth + 1} of {settings.import_rounds}: {partners:,} partners")
        took, resident = _close(db)
        seconds.append(took)
        memory.append(resident)
    return _outcome(partners, seconds, memory, quiet)


def closed_book(settings: Settings) -> tuple[Path, int]:
    """A book as the run leaves it, and how many partners it has; made anew each time."""
    db, partners = _place(settings)
    _prepare(db, partners, db.parent)
    _close(db)
    return db, partners


def _place(settings: Settings) -> tuple[Path, int]:
    partners = PARTNERS if settings.partners >= 1_000 else PARTNERS // 10
    folder = settings.folder / "closing"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "book.db", partners


def _prepare(db: Path, partners: int, folder: Path) -> None:
    for old in folder.glob(db.name + "*"):
        old.unlink()
    made = tollbook.command("init", "--db", str(db), "--json", "--sandbox", "--clock", BEGIN)
    operator = json.loads(made)["token"]
    say(f"making a book of {partners:,} partners …")
    sids = usage_part.furnish(str(db), operator, partners, folder)
    tollbook.note(db, operator, dict.fromkeys(sids, operator))
    book = tollbook.noted(db)
    begin = datetime.fromisoformat(BEGIN.replace("Z", "+00:00"))
    bodies = usage_data.batches(list(book.tokens), 2 * partners, begin, seed=1)
    with usage_part.serve(db, folder / "serve.log") as server:
        usage_part.post(folder, server, book, bodies, clients=1, seconds=600)


def _close(db: Path) -> tuple[float, list[float]]:
    done = watch(tollbook.verb("clock", "set", AFTER, "--db", str(db), "--json"), 600)
    if done.status != 0 or not done.resident_mb:
        raise BenchError(f"the run ended with {done.status}: {done.said[-1_000:]}")
    return done.seconds, done.resident_mb


def _outcome(partners: int, seconds: list[float], memory: list[list[float]], quiet: Quiet) -> Outcome:
    rows = [
        ["seconds", str(spread(seconds))],
        ["partners a second", str(spread(partners / took for took in seconds))],
        ["resident at 10 % of the time, MB", str(spread(each[len(each) // 10] for each in memory))],
        ["peak, MB", str(spread(max(each) for each in memory))],
    ]
    text = (
        f"{partners:,} partners with two calls each; one run closes and issues an invoice for each of them and opens"
        f" the next. {quiet}\n\n" + table(["", "closing"], rows)
    )
    growth = spread(max(each) / each[len(each) // 10] for each in memory)
    return Outcome(
        "Closing", text, [Requirement("closing: peak memory: × that at 10 %", growth, FLAT_TIMES_MAX, False)]
    )
