"""`/health/live`: the process answers. `/health/ready`: it can read and write, and the disk is not full."""

import threading
import time

from tollbook import limits
from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer
from tollbook.errors import Refusal
from tollbook.query.records import encode_json
from tollbook.store import Store


class _Known:
    """The last answer, good for a moment, so that a probe costs no write each time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.until = -1.0  # monotonic seconds, not money
        self.refusal: Refusal | None = None


_known = _Known()


def live(request: Request) -> Answer:
    """200 as long as the process answers at all."""
    request.no_arguments()
    return Answer(encode_json({"status": "live"}))


def ready(request: Request) -> Answer:
    """200 where requests can be served; 503 with the reason otherwise."""
    request.no_arguments()
    check_ready(request.services.lists)
    return Answer(encode_json({"status": "ready"}))


def check_ready(store: Store) -> None:
    """Raise what makes a book unready, at most once a second anew.

    One thread looks, and may have to wait for a writer; the others are told the last answer meanwhile.
    """
    if time.monotonic() > _known.until and _known.lock.acquire(blocking=_known.until < 0):
        try:
            _look(store)
        finally:
            _known.lock.release()
    if unready := _known.refusal:
        raise Refusal(unready.problem, *unready.flaws, retry_after=unready.retry_after)


def _look(store: Store) -> None:
    if time.monotonic() <= _known.until:
        return  # another thread looked while this one waited for it
    try:
        store.ready()
        _known.refusal = None
    except Refusal as refusal:
        _known.refusal = refusal
    _known.until = time.monotonic() + limits.READY_SECONDS


ROUTES = (
    Route("GET", "/health/live", live, "Whether the process answers", public=True),
    Route("GET", "/health/ready", ready, "Whether requests can be served", public=True),
)
"""Paths beside `/core/v2`."""
