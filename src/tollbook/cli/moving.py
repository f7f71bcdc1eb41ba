"""`tollbook import` and `tollbook export`: records in and out."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tollbook import errors, limits
from tollbook.cli.exits import DONE, FAILED
from tollbook.cli.opening import book_of
from tollbook.cli.output import Bar, note, print_json, progress
from tollbook.cli.secrets import token_in
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.json_files import Piece, pieces
from tollbook.operations import exporting, importing
from tollbook.operations.importing import Report

_PARTNERS_SHOWN_MAX = 20


def import_invoices(arguments: Namespace) -> int:
    """Take invoices from files or from a server; 1 if one is bad."""
    if bool(arguments.file) == bool(arguments.from_url):
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("file", "give FILE… or --from-url URL"))
    report = Report()
    try:
        whole = _pull(arguments, report) if arguments.from_url else _from_files(arguments, report)
    except BaseException:
        if report.written:
            note(f"tollbook: {report.written} invoices were written before this")
        raise
    tell(report, as_json=arguments.json, written=whole)
    return FAILED if report.bad_records else DONE


def _from_files(arguments: Namespace, report: Report) -> bool:
    """Import files; whether anything was written."""
    store = book_of(arguments)
    sizes = [os.path.getsize(name) for name in arguments.file if name != "-"]
    total = sum(sizes) if len(sizes) == len(arguments.file) else None
    with progress("invoices", total) as bar:
        found = _pieces(arguments.file, bar)
        importing.import_invoices(store, found, report, keep_going=arguments.keep_going, under=arguments.under)
    return arguments.keep_going or not report.bad_records


def _pull(arguments: Namespace, report: Report) -> bool:
    """Pull from a server; pages are written one by one."""
    from tollbook.operations import pulling

    token = token_in(arguments.token_file, "TOLLBOOK_SOURCE_TOKEN")
    if token is None:
        flaw = Flaw("token_file", "give --token-file FILE or the variable TOLLBOOK_SOURCE_TOKEN")
        raise Refusal(errors.ARGUMENT_INVALID, flaw)
    store = book_of(arguments)
    source = pulling.Source(arguments.from_url, token)
    if not arguments.restart and pulling.resumed(store, source.url):
        note("going on where the last pull broke off (--restart begins anew)")
    with progress("invoices") as bar:
        ended = pulling.pull_invoices(
            store,
            source,
            report,
            keep_going=arguments.keep_going,
            under=arguments.under,
            restart=arguments.restart,
            watch=bar,
        )
    if not ended:
        note("stopped at a page with a bad record; the pages before it are written (--keep-going writes the rest)")
    return True


def _pieces(names: list[str], bar: Bar) -> Iterator[Piece]:
    done = 0
    for name in names:
        if name == "-":
            yield from pieces("standard input", sys.stdin.buffer)
            continue
        with Path(name).open("rb") as file:
            for number, piece in enumerate(pieces(name, file)):
                if number % 500 == 0:
                    bar(done + file.tell())
                yield piece
            done += file.tell()


def tell(report: Report, *, as_json: bool, written: bool) -> None:
    """Say what an import did."""
    if as_json:
        print_json(report_record(report))
        return
    for bad in report.bad:
        note(f"{bad.place}: {bad.field}: {bad.reason}" if bad.field else f"{bad.place}: {bad.reason}")
    if report.bad_records and len(report.bad) == limits.IMPORT_ERRORS_SHOWN_MAX:
        note("… and so on; not every flaw is shown")
    for name, times in sorted(report.unknown.items()):
        note(f"unknown attribute {name}, dropped from {times} records")
    for sid in report.partners[:_PARTNERS_SHOWN_MAX]:
        note(f"made the partner {sid}, whom the book did not know")
    if (more := len(report.partners) - _PARTNERS_SHOWN_MAX) > 0:
        note(f"… and {more} partners more")
    if not written:
        note(
            f"nothing was written: {report.bad_records} of {report.read} records are bad (--keep-going writes the rest)"
        )
    else:
        rest = f", {report.bad_records} bad" if report.bad_records else ""
        print(f"{report.read} records: {report.new} invoices new, {report.replaced} replaced{rest}")


def report_record(report: Report) -> dict[str, object]:
    """A report for a script."""
    return {
        "read": report.read,
        "new": report.new,
        "replaced": report.replaced,
        "bad": report.bad_records,
        "errors": [
            {
                "source": bad.place.source,
                "line": bad.place.line,
                "index": bad.place.element,
                "field": bad.field,
                "message": bad.reason,
            }
            for bad in report.bad
        ],
        "unknown_attributes": dict(sorted(report.unknown.items())),
        "partners_made": report.partners,
    }


def export_invoices(arguments: Namespace) -> int:
    """Write invoices as NDJSON, to a file whole or not at all."""
    store = book_of(arguments)
    if arguments.file == "-":
        exporting.export_invoices(store, sys.stdout.buffer, partner_sid=arguments.partner)
        return DONE
    target = Path(arguments.file)
    part = target.with_name(target.name + ".part")
    with progress("invoices") as bar, part.open("wb") as file:
        written = exporting.export_invoices(store, file, partner_sid=arguments.partner, watch=bar)
        _sync(file)
    part.replace(target)
    if arguments.json:
        print_json({"file": arguments.file, "invoices": written})
    else:
        note(f"{written} invoices written to {target}")
    return DONE


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
