"""Writers that wait for a lock leave threads to readers."""

import threading
import time

import pytest
from tests.making import invoice
from tests.together import together

from tollbook import errors, limits
from tollbook.errors import Refusal
from tollbook.store import Store


def test_no_more_writers_wait_than_may(store: Store) -> None:
    store.bound_writers(1)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.writing() as act:
            act.put_invoice(invoice(1), "imported")
            holding.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(10)
    with pytest.raises(Refusal) as caught, store.writing():
        pass
    assert caught.value.problem is errors.WRITE_PLACES_TAKEN
    assert caught.value.retry_after
    with store.reading() as book:
        book.operator_sid()
    done.set()
    holder.join()
    with store.writing() as act:
        act.put_invoice(invoice(2), "imported")


def test_a_book_that_is_written_by_as_many_as_may_is_ready(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Much to do is no reason to take a server away from its clients."""
    monkeypatch.setattr(limits, "WRITER_PLACE_SECONDS", 0.01)
    store.bound_writers(1)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.writing():
            holding.set()
            done.wait(30)

    def look() -> None:
        assert holding.wait(10)
        threading.Timer(0.2, done.set).start()  # a file has one writer: the probe waits for it
        store.ready()

    assert together(hold, look) == [None, None]


@pytest.mark.files
def test_a5_the_two_waits_for_a_lock_are_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was waited for another thread is not waited a second time for another process."""
    monkeypatch.setattr("tollbook.store.sqlite.limits.LOCK_WAIT_SECONDS", 1)
    told: list[int] = []
    with store.writing():
        waiting = threading.Thread(target=_write, args=(store, told))
        waiting.start()
        time.sleep(0.3)
    waiting.join()
    assert told
    assert told[0] <= 700


def _write(store: Store, told: list[int]) -> None:
    with store.writing() as act:
        told.append(act._run("PRAGMA busy_timeout").fetchone()[0])
