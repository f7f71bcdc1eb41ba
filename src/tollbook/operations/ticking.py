"""What time brings: the billing run when something is due, a new day of spending, and old answers forgotten."""

from tollbook.operations import billing_run
from tollbook.operations.idempotency import forget_old_answers
from tollbook.store import Store


def run_due(store: Store) -> billing_run.Run:
    """Open, close and issue what is due; what that was."""
    return billing_run.run(store)


def tick(store: Store) -> None:
    """Do what has fallen due since the last time; nothing in a sandbox, whose time stands still.

    Every worker of every host may do it at once: whoever comes second finds nothing to do.
    """
    with store.reading() as book:
        if book.instants().sandbox_clock is not None:
            return
        due = book.is_due(book.present(store.clock.now()))
    if due:
        run_due(store)
    billing_run.begin_day(store)
    forget_old_answers(store)
