"""The line of those that want to write: first come, first served, and acts that share a commit.

One leads at a time and holds the book for writing. A leader that shares runs the acts that stand behind it in its own
transaction, so that one wait for the disk serves them all; those that are alike it runs in one go, so that what they
have in common is done once. What a transaction is, is not known here.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from tollbook import errors, limits
from tollbook.errors import Refusal
from tollbook.store.writes import Lost, Writes


@dataclass(frozen=True, slots=True)
class Alike:
    """An act that can be done in one go with others of the same `together`.

    That answers what is given to each as if they came one after another: with an answer, or with the error that its
    caller is told, whose act leaves no trace then.
    """

    together: Callable[[Writes, Sequence[Any]], Sequence[Any]]
    given: Any

    def __call__(self, act: Writes) -> Any:
        """Do it alone."""
        (answer,) = self.together(act, [self.given])
        if isinstance(answer, Exception):
            raise answer
        return answer


class Place:
    """One caller's place in the line. `do` is its act, which whoever leads may run; None: it wants the book alone."""

    __slots__ = ("_arrived", "_called", "_result", "do", "error", "leads")

    def __init__(self, do: Callable[[Writes], Any] | None = None) -> None:
        self.do = do
        self.leads = False
        self._arrived = time.monotonic()
        self._called = threading.Lock()  # held until it is called: a lock wakes its one waiter with the least work
        self._called.acquire()
        self._result: Any = None
        self.error: BaseException | None = None

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
                answer = self.do(act)
                act.finish()  # so that the acts behind it see all that it did
            self._result, self.error = answer, None
        except Lost:
            raise
        except Exception as error:
            self.error = error

    def is_like(self, other: "Place") -> bool:
        """Whether its act can be done in one go with another's."""
        mine, others = self.do, other.do
        return isinstance(mine, Alike) and isinstance(others, Alike) and mine.together is others.together

    def settle(self, answer: Any) -> None:
        """Keep what its act came to, done in one go with others: an answer, or the error that its caller is told."""
        self._result, self.error = answer, answer if isinstance(answer, Exception) else None

    def fail(self, error: BaseException) -> None:
        """Tell its caller that nothing was written, whatever its act came to."""
        self.error = error

    def answer(self) -> Any:
        """What its act answered, or the error."""
        if self.error is not None:
            raise self.error
        return self._result


class WriterPlaces:
    """How many threads may write, or wait to, at once."""

    def __init__(self) -> None:
        self.bound(sys.maxsize)

    def bound(self, at_once: int) -> None:
        """Let no more threads than these; others are refused soon, and stay free for readers."""
        self._places = threading.Semaphore(at_once)

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """While a thread is one of them; 503 where as many are."""
        places = self._places
        if not places.acquire(timeout=limits.WRITER_PLACE_SECONDS):
            raise Refusal(errors.WRITE_PLACES_TAKEN, retry_after=limits.RETRY_AFTER_SECONDS)
        try:
            yield
        finally:
            places.release()


class Line:
    """Who leads, and who stands behind.

    `in_one_go`: a commit takes no acts but those that are alike and stand there when it begins. So it is where
    transactions lock rows: those of one act are locked in order, those of acts one after another are not.
    """

    def __init__(self, *, in_one_go: bool = False) -> None:
        self._in_one_go = in_one_go
        self._guard = threading.Lock()
        self._behind: deque[Place] = deque()
        self._led = False
        self._shared = 1

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

    def gather(self) -> None:
        """Wait, before the first act, for as many as shared the last commit, as long as one more comes each time.

        They are about to come, and who comes later takes turns with the leader for the interpreter at each statement.
        """
        seen = -1
        while seen < len(self._behind) < self._shared - 1:
            seen = len(self._behind)
            time.sleep(limits.GATHER_SECONDS)

    def shared(self, first: Place) -> Iterator[list[Place]]:
        """The places whose acts go into a leader's commit, its own first, each taken from the line in its turn.

        Those that come one after another and are alike come together.
        """
        ends = time.monotonic() + limits.ACTS_A_COMMIT_SECONDS
        left = limits.ACTS_A_COMMIT_MAX
        next_: Place | None = first
        while next_ is not None:
            places = [next_, *self._like(next_, left - 1)]
            left -= len(places)
            self._shared = limits.ACTS_A_COMMIT_MAX - left
            yield places
            more = left > 0 and not self._in_one_go and time.monotonic() <= ends
            next_ = self._next() if more else None

    def _next(self) -> Place | None:
        with self._guard:
            return self._behind.popleft() if self._behind and self._behind[0].do is not None else None

    def _like(self, place: Place, most: int) -> list[Place]:
        taken: list[Place] = []
        with self._guard:
            while self._behind and len(taken) < most and self._behind[0].is_like(place):
                taken.append(self._behind.popleft())
        return taken

    def lead(
        self,
        first: Place,
        transact: Callable[[Callable[[Writes], None]], None],
        may_go_again: Callable[[BaseException], bool] = lambda error: False,
    ) -> None:
        """Run an act and those behind it in one transaction; answer all of them when it is on disk.

        `transact` runs a function in a transaction, from its beginning where that was undone and `may_go_again`.
        """
        led: list[list[Place]] = []

        def run_all(act: Writes) -> None:
            for places in led or self._noted(first, led):
                run(act, places)
                for place in places:
                    if place.error is not None and may_go_again(place.error):
                        raise place.error  # another process came first: all of it is done again

        try:
            self.gather()
            transact(run_all)
        except BaseException as error:
            for place in (first, *chain(*led)):
                place.fail(error)
        self.pass_on()
        for place in islice(chain(*led), 1, None):
            place.call()

    def _noted(self, first: Place, led: list[list[Place]]) -> Iterator[list[Place]]:
        """The places that a leader takes along, noted as they come."""
        for places in self.shared(first):
            led.append(places)
            yield places

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


def run(act: Writes, places: Sequence[Place]) -> None:
    """Run acts that are alike within a leader's transaction: in one go, or each by itself where that fails."""
    if len(places) == 1 or not _ran_together(act, places):
        for place in places:
            place.run(act)


def _ran_together(act: Writes, places: Sequence[Place]) -> bool:
    acts = [place.do for place in places if isinstance(place.do, Alike)]
    try:
        with act.savepoint():
            answers = acts[0].together(act, [each.given for each in acts])
            act.finish()
    except Lost:
        raise
    except Exception:
        return False
    for place, answer in zip(places, answers, strict=True):
        place.settle(answer)
    return True
