"""Acts that wait one behind the other, each in a thread, and what became of them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

from tests.stores import in_file

from tollbook import limits
from tollbook.store import Store, Writes


class Acting(threading.Thread):
    """A thread that does one act; `told` is its answer or its error."""

    def __init__(self, store: Store, do: Callable[[Writes], Any]) -> None:
        super().__init__()
        self._store, self._do = store, do
        self.told: Any = None

    def run(self) -> None:
        try:
            self.told = self._store.act(self._do)
        except Exception as error:
            self.told = error


@contextmanager
def in_line(store: Store, *acts: Callable[[Writes], Any], join_within: int = 60) -> Iterator[list[Acting]]:
    """Acts that wait in this order until the context ends, when they go on; all have been answered after it.

    A commit takes more of them for so many seconds: a machine that stalls shall not part them.
    """
    threads = [Acting(store, act) for act in acts]
    with mock.patch.object(limits, "ACTS_A_COMMIT_SECONDS", join_within):
        with store.writing():
            for number, thread in enumerate(threads, 1):
                thread.start()
                until(partial(stand, store, number))
            yield threads
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()


def stand(store: Store, number: int) -> bool:
    """Whether so many stand behind the one that leads."""
    return len(in_file(store)._line) == number


def until(reached: Callable[[], bool]) -> None:
    """Wait for what is bound to come."""
    ends = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.001)


def told(threads: list[Acting]) -> list[Any]:
    """Their answers and errors."""
    return [thread.told for thread in threads]
