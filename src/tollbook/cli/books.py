"""The verbs about the book itself: made, copied, put back, brought up to date; and the settings."""

import math
import sys
from argparse import Namespace
from dataclasses import replace

from tollbook import errors
from tollbook.cli.checking import tell, verified
from tollbook.cli.exits import DONE, FAILED
from tollbook.cli.opening import book_of, read_argument, settings_of
from tollbook.cli.output import note, print_json, print_table, progress
from tollbook.clock import SystemClock, format_instant, parse_instant
from tollbook.config import URLS
from tollbook.errors import Flaw, Refusal
from tollbook.operations import keeping, moving
from tollbook.operations.books import create_book
from tollbook.store import open_store, shown, store_path


def init(arguments: Namespace) -> int:
    """Make a book and print the first token, this once."""
    settings, _ = settings_of(arguments)
    begins = _sandbox_clock(arguments)
    founded = create_book(
        settings.db,
        SystemClock(),
        name=arguments.name,
        currency=arguments.currency,
        sandbox_clock=begins,
        distributed=arguments.distributed,
    )
    founded.store.close()
    if arguments.json:
        print_json({"partner_sid": founded.operator.partner_sid, "token": founded.token.access_token})
        return DONE
    print(founded.token.access_token)
    note(f"made the book {shown(settings.db)}; the operator is partner {founded.operator.partner_sid}")
    if begins is not None:
        note(f"it is a sandbox: its clock stands at {format_instant(begins)} until tollbook clock moves it")
    note("above is the first token, with every scope; it is not shown again")
    return DONE


def _sandbox_clock(arguments: Namespace) -> int | None:
    """Where a sandbox's clock begins; None where the book is to be none."""
    if arguments.clock is None:
        return SystemClock().now() if arguments.sandbox else None
    if not arguments.sandbox:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("clock", "only a sandbox has a clock of its own: add --sandbox"))
    return read_argument("clock", arguments.clock, parse_instant)


def backup(arguments: Namespace) -> int:
    """Copy the book while it is in use."""
    store = book_of(arguments)
    keeping.back_up(store, arguments.file, replace=arguments.yes)
    size = arguments.file.stat().st_size
    if arguments.json:
        print_json({"file": str(arguments.file), "bytes": size})
    else:
        note(f"the book is copied to {arguments.file}, {size} bytes")
    return DONE


def restore(arguments: Namespace) -> int:
    """Verify a backup, then put it in the book's place; 1 if something is wrong with it."""
    settings, _ = settings_of(arguments)
    target = store_path(settings.db)
    with progress("verifying the backup") as bar:
        audited = keeping.verify_backup(arguments.file, SystemClock(), bar)
    if audited.total:
        tell(audited)
        note(f"{arguments.file} is not restored")
        return FAILED
    if target.exists() and not arguments.yes:
        _ask(f"{settings.db} will be replaced by {arguments.file}, {audited.invoices} invoices.")
    aside = keeping.restore(arguments.file, settings.db)
    if arguments.json:
        print_json({"db": settings.db, "invoices": audited.invoices, "replaced": str(aside) if aside else None})
        return DONE
    note(f"{settings.db} is restored from {arguments.file}, {audited.invoices} invoices, everything agrees")
    if aside:
        note(f"the book that was there is kept as {aside}")
    return DONE


def _ask(what: str) -> None:
    """Go on only if a person says so."""
    if not sys.stdin.isatty():
        raise Refusal(errors.CONFLICT, Flaw("db", f"{what} Give --yes to do so"))
    note(what)
    if input("Replace it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Refusal(errors.CONFLICT, Flaw(None, "nothing was changed"))


def migrate(arguments: Namespace) -> int:
    """Bring an older book to this version, after a copy."""
    settings, _ = settings_of(arguments)
    before, after, copy = keeping.migrate(settings.db)
    if arguments.json:
        print_json({"db": shown(settings.db), "before": before, "after": after, "backup": str(copy) if copy else None})
    elif before < after and copy is None:
        note(f"the book is now of version {after}; it was of version {before}")
    elif copy:
        note(f"{settings.db} is now of version {after}; as it was, version {before}, it is kept as {copy}")
    else:
        note(f"{shown(settings.db)} is of version {after} already")
    return DONE


def move(arguments: Namespace) -> int:
    """Copy a book to another place, and prove it there; 1 if something is wrong with it."""
    clock, dest = SystemClock(), arguments.dest
    source = open_store(arguments.source, clock)
    with progress("rows") as bar:
        counted = moving.move(source, dest, clock, bar, distributed=arguments.distributed)
    copy = open_store(dest, clock)
    copy.read_deadline_seconds = math.inf
    audited = verified(copy)
    if arguments.json:
        print_json({"dest": shown(dest), "rows": counted, "findings": audited.total})
    else:
        note(f"{shown(dest)} has all {sum(counted.values())} rows of {source.place}; the two are the same")
        tell(audited)
    return FAILED if audited.total else DONE


def config(arguments: Namespace) -> int:
    """Show every setting, its value and where it comes from."""
    _, sourced = settings_of(arguments)
    sourced = [replace(each, value=shown(each.value)) if each.name in URLS else each for each in sourced]
    if arguments.json:
        print_json({each.name: {"value": each.value, "source": each.source} for each in sourced})
    else:
        rows = [(each.name, each.value, each.source) for each in sourced]
        print_table(("setting", "value", "source"), rows, folded=("value", "source"))
    return DONE
