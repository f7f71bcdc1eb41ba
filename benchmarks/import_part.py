"""How fast invoices are imported, and whether memory stays flat while they are.

The book that the largest size of the growth measurement asks is the one imported here.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import tollbook
from benchmarks.growth_part import SMALL, folder_of
from benchmarks.load import Sampler
from benchmarks.machine import Machine
from benchmarks.material import ndjson_of, need_tollbook, say
from benchmarks.numbers import Outcome, Requirement, Spread, short, spread, table
from benchmarks.processes import BenchError, children_seconds, resident_mb, stop, written_mb
from benchmarks.quiet import Quiet
from benchmarks.settings import Settings

FLAT_TIMES_MAX = 1.5
"""The peak may be this many times what was resident after a tenth of the run."""


@dataclass(frozen=True, slots=True)
class Run:
    """One import."""

    seconds: float
    processor_seconds: float
    written_mb: float
    """What went to the disk, every copy of it."""
    resident_mb: list[float]
    """Sampled evenly over the run."""

    def at(self, fraction: float) -> float:
        """Resident memory after a fraction of the run's time."""
        return self.resident_mb[round(fraction * (len(self.resident_mb) - 1))]


def measure(settings: Settings, machine: Machine) -> Outcome:
    """Imports the largest file of the growth measurement into a new book, once a round."""
    need_tollbook()
    count = settings.growth[-1]
    folder = folder_of(count, settings)
    ndjson = ndjson_of(folder, [count, SMALL])
    runs = []
    quiet = Quiet()
    for nth in range(settings.import_rounds):
        quiet.look()
        say(f"import {nth + 1} of {settings.import_rounds}: {count + SMALL:,} invoices")
        runs.append(_import(ndjson, folder / "tollbook.db"))
    return _outcome(count + SMALL, ndjson.stat().st_size / 1e6, runs, quiet)


def _import(ndjson: Path, db: Path) -> Run:
    db.with_suffix(".json").unlink(missing_ok=True)
    operator = tollbook.initialise(db)
    with (db.parent / "import.log").open("wb") as log:
        began, used = time.perf_counter(), children_seconds()
        process = subprocess.Popen(
            tollbook.import_command(ndjson, db),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        sampler = Sampler(lambda: resident_mb(process.pid), 0.1)
        writing = Sampler(lambda: written_mb(process.pid), 0.1)
        sampler.start()
        writing.start()
        try:
            status = process.wait(tollbook.IMPORT_SECONDS_MAX)
        finally:
            stop(process)
        took = time.perf_counter() - began
    # The last sample may fall between the end of the process and the end of the sampling.
    samples = [mb for mb in sampler.finish() if mb > 0]
    if status != 0 or not samples:
        raise BenchError(f"the import ended with {status}; what it said is in import.log")
    tollbook.note(db, operator)
    return Run(took, children_seconds() - used, max(writing.finish()), samples)


def _outcome(count: int, megabytes: float, runs: list[Run], quiet: Quiet) -> Outcome:
    def over(fraction: float) -> Spread:
        return spread(run.at(fraction) for run in runs)

    rows = [
        ["invoices a second", str(spread(count / run.seconds for run in runs))],
        ["MB of NDJSON a second", str(spread(megabytes / run.seconds for run in runs))],
        ["seconds", str(spread(run.seconds for run in runs))],
        ["of them on a processor", str(spread(run.processor_seconds for run in runs))],
        ["MB written to disk", str(spread(run.written_mb for run in runs))],
        ["resident at 10 % of the time, MB", str(over(0.1))],
        ["resident at 50 %, MB", str(over(0.5))],
        ["resident at 100 %, MB", str(over(1.0))],
        ["peak, MB", str(spread(max(run.resident_mb) for run in runs))],
    ]
    text = (
        f"{short(count)} invoices, {megabytes:,.0f} MB of NDJSON, into a new book;"
        f" {len(runs)} {'run' if len(runs) == 1 else 'runs'}. {quiet}\n\n" + table(["", "import"], rows)
    )
    growth = spread(max(run.resident_mb) / run.at(0.1) for run in runs)
    flat = Requirement("import: peak memory: × that at 10 %", growth, FLAT_TIMES_MAX, False)
    return Outcome("Import", text, [flat])
