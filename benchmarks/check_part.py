"""Checking: how long `tollbook check` takes over imported invoices, and over those that the engine made.

The first are the material of the list in a larger book; the second are a closed and an open invoice of each partner
of the closing measurement, which are proved from their records to their hashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks import closing_part, data, tollbook
from benchmarks.load import watch
from benchmarks.machine import Machine
from benchmarks.material import ndjson_of, need_tollbook, say
from benchmarks.numbers import Outcome, Requirement, spread, table
from benchmarks.processes import BenchError
from benchmarks.quiet import Quiet
from benchmarks.settings import Settings

PARTNERS = 5_000
SECONDS_MAX = 60.0
"""What a million imported invoices may take on two processors."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a book of so many invoices."""

    invoices: int
    seconds: float
    processor_seconds: float
    peak_mb: float
    """Resident memory of all its processes, at most; what they share counts in each."""


def measure(settings: Settings, machine: Machine) -> Outcome:
    """Makes both books unless they are there; checks each once a round."""
    need_tollbook()
    books = {"imported": _imported(settings), "computed": _computed(settings)}
    checks: dict[str, list[Check]] = {name: [] for name in books}
    quiet = Quiet()
    for nth in range(settings.rounds):
        for name, (db, invoices) in books.items():
            quiet.look()
            say(f"check {nth + 1} of {settings.rounds}: {invoices:,} {name} invoices")
            checks[name].append(_check(db, invoices))
    return _outcome(checks, quiet)


def _imported(settings: Settings) -> tuple[Path, int]:
    partners = PARTNERS if settings.partners >= 1_000 else PARTNERS // 10
    folder = settings.folder / f"check-{partners}x{settings.invoices_each}"
    db = folder / "tollbook.db"
    if settings.fresh or not db.exists():
        ndjson = ndjson_of(folder, [settings.invoices_each] * partners)
        say(f"importing {partners * settings.invoices_each:,} invoices …")
        tollbook.keep_book(db, ndjson, data.partner_sids(0), fresh=True)
        ndjson.unlink()
    return db, partners * settings.invoices_each


def _computed(settings: Settings) -> tuple[Path, int]:
    db, partners = closing_part.closed_book(settings)
    return db, 2 * partners


def _check(db: Path, invoices: int) -> Check:
    done = watch(tollbook.verb("check", "--db", str(db)), tollbook.IMPORT_SECONDS_MAX)
    if done.status != 0 or f"{invoices} invoices" not in done.said:
        raise BenchError(f"the check ended with {done.status}: {done.said[-1_000:]}")
    return Check(invoices, done.seconds, done.processor_seconds, max(done.resident_mb))


def _outcome(checks: dict[str, list[Check]], quiet: Quiet) -> Outcome:
    rows = [
        ["invoices", *(f"{runs[0].invoices:,}" for runs in checks.values())],
        ["seconds", *(str(spread(run.seconds for run in runs)) for runs in checks.values())],
        ["of them on a processor", *(str(spread(run.processor_seconds for run in runs)) for runs in checks.values())],
        [
            "µs of a processor an invoice",
            *(str(spread(run.processor_seconds / run.invoices * 1e6 for run in runs)) for runs in checks.values()),
        ],
        ["peak of all processes, MB", *(str(spread(run.peak_mb for run in runs)) for runs in checks.values())],
    ]
    text = (
        "`tollbook check` of a book of imported invoices, by several processes, and of a book that the engine billed:"
        " two calls and two invoices a partner, one of them closed, in one process. A check of computed invoices also"
        f" sums their records and walks both chains. {quiet}\n\n" + table(["", *checks], rows)
    )
    imported = checks["imported"]
    a_million = spread(run.seconds * 1e6 / run.invoices for run in imported)
    bound = Requirement("check: a million imported invoices", a_million, SECONDS_MAX, False, " s")
    return Outcome("Check", text, [bound])
