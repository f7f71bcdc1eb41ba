"""`tollbook check`, and what it shares with `restore`: verifying a book and telling what is wrong with it."""

from argparse import Namespace
from typing import Any

from tollbook.billing.explaining import counted
from tollbook.cli.exits import DONE, FAILED
from tollbook.cli.opening import book_of
from tollbook.cli.output import note, print_json, print_table, progress
from tollbook.operations.findings import Audited, Note
from tollbook.operations.mending import repair_book
from tollbook.operations.verifying import check_book
from tollbook.store import Store

_SHOWN = ("about", "sid", "problem", "repairable")


def check(arguments: Namespace) -> int:
    """Verify the book; 1 if something is wrong and stays so."""
    store = book_of(arguments)
    audited = verified(store)
    repaired = 0
    if arguments.repair and audited.total:
        before = audited.total
        repair_book(store, audited)
        audited = verified(store)
        repaired = before - audited.total
    if arguments.json:
        print_json(_record(audited, repaired))
    else:
        tell(audited, repaired)
    return FAILED if audited.total else DONE


def verified(store: Store) -> Audited:
    """What a check of a book finds, with a progress bar."""
    with progress("checking") as bar:
        return check_book(store, bar)


def tell(audited: Audited, repaired: int = 0) -> None:
    """Say what a check found."""
    if audited.findings:
        rows = [(*finding[:3], "yes" if finding.repairable else "no") for finding in audited.findings]
        print_table(_SHOWN, rows, folded=("problem", "sid"))
    if audited.total > len(audited.findings):
        note(f"… and {audited.total - len(audited.findings)} more")
    if audited.notes:
        print_table(Note._fields, audited.notes, folded=("words",), title="Waiting, and no error")
    if repaired:
        note(f"{repaired} findings are repaired")
    if not audited.total:
        print(f"{counted(audited.invoices, 'invoice')}: everything agrees")
        return
    kinds = ", ".join(f"{count} × {about}" for about, count in sorted(audited.counts.items()))
    print(f"{counted(audited.invoices, 'invoice')}: {counted(audited.total, 'finding')} ({kinds})")
    if any(finding.repairable for finding in audited.findings):
        note("tollbook check --repair makes anew what follows from the rows")


def _record(audited: Audited, repaired: int) -> dict[str, Any]:
    return {
        "invoices": audited.invoices,
        "findings": audited.total,
        "repaired": repaired,
        "by_kind": dict(sorted(audited.counts.items())),
        "notes": [note._asdict() for note in audited.notes],
        "shown": [finding._asdict() for finding in audited.findings],
    }
