"""The line of those that want to write: first come, first served, and acts that share a commit.

One leads at a time and holds the book for writing. A leader that shares runs the acts that stand behind it in its own
transaction, so that one wait for the disk serves them all. What a transaction is, is not known here.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from tollbook import errors, limits
from tollbook.errors import Refusal
from tollbook.store.writes import Lost, Writes


class Place:
    """One caller's place in the line. `do` is its act, which whoever leads may run; None: it wants the book alone."""

    __slots__ = ("_arrived", "_called", "_error", "_result", "do", "leads")

    def __init__(self, do: Callable[[Writes], Any] | None = None) -> None:
        self.do = do
        self.leads = False
        self._arrived = time.monotonic()
        self._called = threading.Lock()  # held until it is called: a lock wakes its one waiter with the least work
        self._called.acquire()
        self._result: Any = None
        self._error: BaseException | None = None

    def left(self) -> float:
        """The seconds that it may still wait."""
        return max(0, limits.LOCK_WAIT_SECONDS - (time.monotonic() - self._arrived))

    def call(self) -> None:
        """Wake its caller."""
        self._called.release()

    def called(self, seconds: float = -1) -> bool:
        """Whether it is called within so many seconds; without a bound where none is given."""
        return self._called.acquire(timeout=seconds)

    def run(self, act: Writes) -> None:
        """Run its act within a leader's transaction; one that fails leaves no trace, and its caller alone is told."""
        assert self.do is not None
        try:
            with act.savepoint():
                self._result = self.do(act)
                act.finish()  # so that the acts behind it see all that it did
        except Lost:
            raise
        except Exception as error:
            self._error = error

    def fail(self, error: BaseException) -> None:
        """Tell its caller that nothing was written, whatever its act came to."""
        self._error = error

    def answer(self) -> Any:
        """What its act answered, or the error."""
        if self._error is not None:
            raise self._error
        return self._result


class Line:
    """Who leads, and who stands behind."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._behind: deque[Place] = deque()
        self._led = False

    def __len__(self) -> int:
        """How many stand behind the one that leads."""
        return len(self._behind)

    def wait(self, place: Place) -> bool:
        """Stand in line until a place leads: True; or until a leader has run its act: False. 503 after the bound."""
        with self._guard:
            if not self._led:
                self._led = place.leads = True
                return True
            self._behind.append(place)
        try:
            called = place.called(place.left())
        except BaseException:
            self._leave(place)
            raise
        if not called:
            if self._withdrawn(place):
                raise Refusal(errors.STORE_BUSY, retry_after=limits.RETRY_AFTER_SECONDS)
            place.called()  # it leads by now, or its act is being written
        return place.leads

    def shared(self) -> Iterator[Place]:
        """The places behind a leader whose acts go into its commit, each taken from the line in its turn."""
        ends = time.monotonic() + limits.ACTS_A_COMMIT_SECONDS
        for _ in range(limits.ACTS_A_COMMIT_MAX - 1):
            with self._guard:
                if not self._behind or self._behind[0].do is None or time.monotonic() > ends:
                    return
                place = self._behind.popleft()
            yield place

    def pass_on(self) -> None:
        """Let the next in line lead."""
        with self._guard:
            if not self._behind:
                self._led = False
                return
            place = self._behind.popleft()
            place.leads = True
            place.call()

    def _withdrawn(self, place: Place) -> bool:
        """Whether a place could be given up: nobody has called it or taken its act yet."""
        with self._guard:
            if place in self._behind:
                self._behind.remove(place)
                return True
            return False

    def _leave(self, place: Place) -> None:
        """Let an interrupted caller go, without stopping those behind it."""
        if not self._withdrawn(place) and place.leads:
            self.pass_on()
