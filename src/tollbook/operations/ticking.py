"""What time brings: the billing run when something is due, and old answers forgotten."""

from importlib import import_module
from importlib.util import find_spec

from tollbook.operations.idempotency import forget_old_answers
from tollbook.store import Store

_RUN = "tollbook.operations.billing_run"


def run_due(store: Store) -> None:
    """Open, close and issue what is due."""
    if find_spec(_RUN):
        import_module(_RUN).run(store)


def tick(store: Store) -> None:
    """Do what has fallen due since the last time; nothing in a sandbox, whose time stands still.

    Every worker of every host may do it at once: whoever comes second finds nothing to do.
    """
    with store.reading() as book:
        if book.instants().sandbox_clock is not None:
            return
        due = book.something_is_due(book.present(store.clock.now()))
    if due:
        run_due(store)
    forget_old_answers(store)
