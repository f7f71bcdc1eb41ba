"""What happens by itself: a thread of each worker that sees, every so often, whether time has brought something."""

import logging
import threading
import time

from tollbook import limits
from tollbook.errors import Refusal
from tollbook.observe import log, tell
from tollbook.operations.ticking import tick
from tollbook.store import Store


def tick_forever(store: Store, seconds: int) -> None:
    """Look every so many seconds, in a thread that ends with the process; 0: never."""
    if seconds:
        threading.Thread(target=_run, args=(store, seconds), name="ticker", daemon=True).start()


def _run(store: Store, seconds: int) -> None:
    while True:
        time.sleep(seconds)
        while not once(store):
            time.sleep(limits.RETRY_AFTER_SECONDS)


def once(store: Store) -> bool:
    """Do what is due; False where the book could not be written and trying again can help."""
    try:
        tick(store)
    except Refusal as refusal:
        tell(logging.WARNING, "what is due waits", reason=str(refusal), code=refusal.problem.code)
        return refusal.retry_after is None
    except Exception:
        log.exception("what is due is not done")  # a defect of ours must not end the thread
    return True
