"""`tollbook import usage`: records of calls, messages and other use from files."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from tollbook import errors, limits
from tollbook.cli.exits import DONE, FAILED
from tollbook.cli.opening import book_of
from tollbook.cli.output import Bar, note, print_json, print_table, progress
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.records import RecordKind
from tollbook.mediation.usage_files import Line, read_usage
from tollbook.operations.books import operator_caller
from tollbook.operations.usage_import import Report, import_usage
from tollbook.query.records import read_sid

_KINDS: dict[str, RecordKind] = {"calls": "call", "messages": "message", "usage": "usage"}
_STANDARD_INPUT = "standard input"
_BAR_EVERY = 500  # records


def import_records(arguments: Namespace) -> int:
    """Take usage from files; 1 if a record was rejected."""
    _check(arguments)
    report = Report()
    kept: list[str] = []
    try:
        with progress("records", _size(arguments.file)) as bar:
            _import(arguments, report, kept, bar)
    except BaseException:
        if report.read:
            note(f"tollbook: {report.read} records were dealt with before this; what was sent may be sent again")
        raise
    _tell(report, kept, as_json=arguments.json)
    return FAILED if report.rejected else DONE


def _check(arguments: Namespace) -> None:
    if arguments.rejects and len(arguments.file) > 1:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("rejects", "goes with one FILE"))
    if arguments.rejects and arguments.rejects.exists():
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("rejects", f"{arguments.rejects} is there already"))
    if arguments.partner:
        try:
            read_sid(arguments.partner)
        except ValueError as error:
            raise Refusal(errors.ARGUMENT_INVALID, Flaw("partner", str(error))) from None


def _size(names: list[str]) -> int | None:
    return None if "-" in names else sum(map(os.path.getsize, names))


def _import(arguments: Namespace, report: Report, kept: list[str], bar: Bar) -> None:
    """Import file by file; where rejected records are kept is added to `kept`."""
    store = book_of(arguments)
    store.expect_much(limits.IMPORT_CACHE_KIB, limits.IMPORT_LOG_PAGES)
    caller, done = operator_caller(store), 0
    for name in arguments.file:
        with ExitStack() as opened:
            file: Any = sys.stdin.buffer if name == "-" else opened.enter_context(Path(name).open("rb"))
            source = _STANDARD_INPUT if name == "-" else name
            found = read_usage(source, file, _KINDS.get(arguments.kind), arguments.partner)
            rejects = opened.enter_context(Rejects(name, arguments.rejects, found.heading))
            try:
                import_usage(store, caller, _watched(found.lines, name, file, bar, done), report, rejects.keep)
            finally:
                kept += [str(rejects.path)] if rejects.path else []
        done += 0 if name == "-" else os.path.getsize(name)


def _watched(lines: Iterator[Line], name: str, file: BinaryIO, bar: Bar, done: int) -> Iterator[Line]:
    for number, line in enumerate(lines):
        if number % _BAR_EVERY == 0 and name != "-":
            bar(done + file.tell())
        yield line


class Rejects:
    """Where the rejected records of a file are kept, as they stood there, to be mended and sent again.

    The file is made when there is one to keep. It never takes the place of another: the last time's may be half mended.
    """

    def __init__(self, name: str, path: Path | None, heading: bytes) -> None:
        self.path: Path | None = None
        self._name = name
        self._wanted = path
        self._heading = heading
        self._file: BinaryIO | None = None
        self._end = b""

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._file:
            self._file.write(self._end)
            self._file.close()

    def keep(self, line: Line) -> None:
        """Keep a record: a row under the file's heading, a line of NDJSON, or an element of an array."""
        if not line.text:  # of a line that was too long there is none
            return
        if self._file is None:
            self._file = self._open()
            start, self._end = (b"[\n", b"\n]\n") if line.place.line is None else (self._heading, b"")
            self._file.write(start)
        elif self._end:
            self._file.write(b",\n")
        self._file.write(line.text)
        if not self._end and not line.text.endswith(b"\n"):
            self._file.write(b"\n")

    def _open(self) -> BinaryIO:
        for path in self._places():
            try:
                file = path.open("xb")
            except FileExistsError:
                continue
            self.path = path
            return file
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("rejects", f"{self._wanted} is there already"))

    def _places(self) -> Iterator[Path]:
        """The first place where nothing is: `calls.rejected.csv`, `calls.rejected-2.csv`, …"""
        if self._wanted:
            yield self._wanted
            return
        given = Path("stdin.csv" if self._heading else "stdin.ndjson") if self._name == "-" else Path(self._name)
        yield given.with_name(f"{given.stem}.rejected{given.suffix}")
        for number in range(2, limits.REJECTS_FILES_MAX):
            yield given.with_name(f"{given.stem}.rejected-{number}{given.suffix}")


def _tell(report: Report, kept: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json(_record(report, kept))
        return
    for flaw in report.flaws:
        sid = f" {flaw.dr_sid}:" if flaw.dr_sid else ""
        note(f"{flaw.place}:{sid} {flaw.field}: {flaw.reason}" if flaw.field else f"{flaw.place}:{sid} {flaw.reason}")
    if len(report.flaws) == limits.IMPORT_ERRORS_SHOWN_MAX:
        note("… and so on; not every flaw is shown")
    if report.rejected and kept:
        note(f"rejected records are kept in {', '.join(kept)}: mend them there and send that file")
    names = ("read", "accepted", "duplicate", "parked", "rejected", "late", "unrated")
    print_table(names, [[getattr(report, name) for name in names]], right=names)


def _record(report: Report, kept: list[str]) -> dict[str, object]:
    """A report for a script."""
    names = ("read", "accepted", "duplicate", "parked", "rejected", "late", "unrated")
    errors_ = [
        {
            "source": flaw.place.source,
            "line": flaw.place.line,
            "index": flaw.place.element,
            "dr_sid": flaw.dr_sid,
            "field": flaw.field,
            "message": flaw.reason,
        }
        for flaw in report.flaws
    ]
    return {name: getattr(report, name) for name in names} | {"errors": errors_, "rejects": kept}
