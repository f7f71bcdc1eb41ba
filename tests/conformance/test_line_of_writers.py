"""The line that acts stand in: its leader waits for company, and whoever is interrupted in it holds up nobody."""

import threading
from collections.abc import Callable

import pytest
from tests.conformance.waiting_acts import until

from tollbook.store import Alike
from tollbook.store.sharing import Line, Place

pytestmark = pytest.mark.files


# A leader waits for company that is about to come.


def test_a_leader_waits_for_as_many_as_last_time_while_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    line, naps = Line(), []
    coming = [Place(lambda _: None) for _ in range(3)]

    def nap(seconds: float) -> None:
        naps.append(seconds)
        line._behind.extend(coming[:1])
        del coming[:1]

    monkeypatch.setattr("tollbook.store.sharing.time.sleep", nap)
    line.gather()
    assert naps == []  # the last commit was one act's
    line._behind.extend(Place(lambda _: None) for _ in range(5))
    assert sum(map(len, line.shared(Place(lambda _: None)))) == 6
    line.gather()
    assert len(naps) == 4  # three came, then nobody
    assert len(line) == 3


def test_where_a_commit_is_one_go_who_comes_later_is_in_the_next() -> None:
    line, act = Line(in_one_go=True), Alike(lambda act, given: given, None)
    first, *behind = places = [Place(act) for _ in range(4)]
    line._behind.extend(behind[:2])
    taken = []
    for some in line.shared(first):
        taken.append(some)
        line._behind.extend(behind[2:])
    assert taken == [places[:3]]
    assert len(line) == 1


# Callers that are interrupted while they wait.


class Interrupted(Place):
    """A place whose caller is interrupted while it waits, after what `meanwhile` does."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def called(self, seconds: float = -1) -> bool:
        self._meanwhile()
        raise KeyboardInterrupt


def test_who_is_interrupted_in_line_leaves_it() -> None:
    line = Line()
    assert line.wait(Place())
    with pytest.raises(KeyboardInterrupt):
        line.wait(Interrupted(lambda: None))
    assert len(line) == 0
    line.pass_on()
    assert line.wait(Place())


def test_who_is_interrupted_when_it_was_to_lead_lets_the_next_lead() -> None:
    line = Line()
    assert line.wait(Place())
    behind = threading.Thread(target=lambda: line.wait(Place()))

    def meanwhile() -> None:
        behind.start()
        until(lambda: len(line) == 2)
        line.pass_on()

    with pytest.raises(KeyboardInterrupt):
        line.wait(Interrupted(meanwhile))
    behind.join(30)
    assert not behind.is_alive()
    assert len(line) == 0
