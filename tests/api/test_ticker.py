"""The thread that sees what time brings: it survives refusals and defects, and can be left out."""

import logging
import threading
import time

import pytest
from tests.api.client import World

from tollbook import errors, limits
from tollbook.api import ticker
from tollbook.errors import Refusal
from tollbook.store import Store


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[Exception | None]:
    """What the next ticks end with, the last one first; each is taken off as it happens."""
    coming: list[Exception | None] = []

    def tick(_: Store) -> None:
        ended = coming.pop() if coming else None
        if ended:
            raise ended

    monkeypatch.setattr(ticker, "tick", tick)
    return coming


def test_what_can_be_tried_again_is_tried_again(world: World, ticks: list[Exception | None]) -> None:
    ticks += [None, Refusal(errors.STORE_UNAVAILABLE), Refusal(errors.STORE_BUSY, retry_after=1)]
    assert [ticker.once(world.store) for _ in range(3)] == [False, True, True]


def test_a_defect_is_logged_and_stops_nothing(
    world: World, ticks: list[Exception | None], caplog: pytest.LogCaptureFixture
) -> None:
    ticks.append(ZeroDivisionError("a defect"))
    with caplog.at_level(logging.ERROR, "tollbook"):
        assert ticker.once(world.store)
    assert "what is due is not done" in caplog.text
    assert "a defect" in caplog.text


def test_it_ticks_until_the_process_ends(
    world: World, ticks: list[Exception | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    enough = threading.Event()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 5:
            enough.set()
            threading.Event().wait()  # for ever: the thread is a daemon

    monkeypatch.setattr("tollbook.api.ticker.time", type("Time", (), {"sleep": staticmethod(sleep)}))
    ticks += [None, Refusal(errors.STORE_BUSY, retry_after=1), ZeroDivisionError()]
    ticker.tick_forever(world.store, 30)
    assert enough.wait(10)
    assert slept == [30, 30, limits.RETRY_AFTER_SECONDS, 30, 30, 30]


def test_none_where_none_is_wanted(world: World) -> None:
    before = threading.active_count()
    ticker.tick_forever(world.store, 0)
    time.sleep(0)
    assert threading.active_count() == before
