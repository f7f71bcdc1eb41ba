"""The command line: `list`, `usage` and `check` measure, `profile` looks inside, `selftest` judges the harness.

Exit status: 0 done, 1 a wrong answer or something that could not be measured at all, 2 a required
bound was missed and `--strict` was given.
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import (
    check_part,
    closing_part,
    data,
    growth_part,
    import_part,
    operator_part,
    peers_part,
    postgres_part,
    profile_part,
    report,
    tollbook,
    usage_part,
)
from benchmarks.machine import Machine, look
from benchmarks.material import list_material, say
from benchmarks.processes import BenchError
from benchmarks.selftest import selftest
from benchmarks.settings import Settings

PARTS = {
    "peers": peers_part.measure,
    "operator": operator_part.measure,
    "import": import_part.measure,
    "growth": growth_part.measure,
}
"""In the order in which they run: the import fills the book that growth asks."""

USAGE_PARTS = {"usage": usage_part.measure, "closing": closing_part.measure}
"""What `usage` measures."""

ON_POSTGRES = {
    "list": {"postgres-list": postgres_part.measure_list, "postgres-growth": postgres_part.measure_growth},
    "usage": {"postgres-usage": postgres_part.measure_usage},
}
"""What `list` and `usage` measure with `--db`."""

CHECK_PARTS = {"check": check_part.measure}
"""What `check` measures."""


def main() -> int:
    """Parses, runs, answers the exit status."""
    # A polite end also stops the servers that were started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments))
    except BenchError as error:
        say(f"\nbenchmarks: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks", description="Tollbook beside its peers.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, parts, doc in (
        ("list", PARTS, "measure the list of invoices, into RESULTS.md"),
        ("usage", USAGE_PARTS, "measure recording and closing, into RESULTS.md"),
        ("check", CHECK_PARTS, "measure the check of a book, into RESULTS.md"),
    ):
        measured = commands.add_parser(name, help=doc)
        measured.add_argument("--parts", default="", help=f"some of {', '.join([*parts, *ON_POSTGRES.get(name, {})])}")
        if name in ON_POSTGRES:
            measured.add_argument("--db", default="", help="on PostgreSQL: the URL of a server, or `own` for one's own")
        measured.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
        measured.add_argument("--rounds", type=int, default=3)
        measured.add_argument("--import-rounds", type=int, default=1)
        measured.add_argument("--quick", action="store_true", help="a tenth of the data, 1 s, no file")
        measured.add_argument("--fresh", action="store_true", help="make the books anew")
        measured.add_argument("--strict", action="store_true", help="status 2 for a missed bound")
        measured.set_defaults(run=_measure, known=parts, name=name)
    inside = commands.add_parser("profile", help="where the time of a request goes")
    inside.add_argument("--query", default="limit=10")
    inside.add_argument("--requests", type=int, default=2_000)
    inside.set_defaults(run=_profile)
    made = commands.add_parser("data", help="write generated invoices as NDJSON")
    made.add_argument("file", type=Path)
    made.add_argument("--partners", type=int, default=1_000)
    made.add_argument("--each", type=int, default=200)
    made.set_defaults(run=_data)
    commands.add_parser("selftest", help="judge the harness itself").set_defaults(run=_selftest)
    return parser


def _measure(arguments: argparse.Namespace) -> int:
    db = getattr(arguments, "db", "")
    known = ON_POSTGRES[arguments.name] if db else arguments.known
    parts = [part for part in known if part in arguments.parts.split(",")] if arguments.parts else list(known)
    settings = Settings(
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        import_rounds=arguments.import_rounds,
        fresh=arguments.fresh,
        db=db,
    )
    if arguments.quick:
        settings = replace(settings, partners=100, seconds=1.0, growth=(1_000, 10_000, 100_000))
    machine = _look()
    missed = 0
    if tollbook.executable() is None:
        parts = [part for part in parts if part == "peers"]
    for part in parts:
        outcome = known[part](settings, machine)
        markdown = report.section(part, outcome, machine, _version())
        print(markdown + "\n")
        if not arguments.quick:
            report.save(part, markdown)
        missed += sum(not bound.holds for bound in outcome.requirements)
    return _verdict(missed, machine, arguments.strict)


def _verdict(missed: int, machine: Machine, strict: bool) -> int:
    for complaint in machine.complaints():
        say(complaint)
    say(f"{missed} of the required bounds missed" if missed else "no required bound was missed")
    return 2 if missed and strict else 0


def _profile(arguments: argparse.Namespace) -> int:
    material, _ = list_material(replace(Settings(), partners=100), peers=False)
    executable = tollbook.executable()
    if material.book is None or executable is None:
        raise BenchError("there is no tollbook to profile")
    python = str(Path(executable).with_name("python"))
    tokens = list(material.book.tokens.values())
    db = material.book.db
    return profile_part.delegate(python, db, tokens, arguments.query, arguments.requests)


def _data(arguments: argparse.Namespace) -> int:
    written = data.write(arguments.file, [arguments.each] * arguments.partners)
    say(f"{written:,} invoices")
    return 0


def _selftest(arguments: argparse.Namespace) -> int:
    machine = _look()
    for outcome in selftest(machine):
        say(f"right: {outcome.title}")
    for complaint in machine.complaints():
        say(complaint)
    say("every answer was right" if tollbook.executable() else "right, but Tollbook was not there")
    return 0


def _look() -> Machine:
    machine = look()
    for complaint in machine.complaints():
        say(complaint)
    return machine


def _version() -> str:
    return tollbook.version() if tollbook.executable() else "without Tollbook"


if __name__ == "__main__":
    sys.exit(main())
