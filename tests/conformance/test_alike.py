"""Acts that are alike, of many threads at once: each gets its own answer, whatever they were done with."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from tests.conformance.asking import found, page
from tests.making import invoice, put, sid
from tests.together import together

from tollbook.errors import Refusal
from tollbook.store import Alike, Store, Writes


def write(act: Writes, numbers: Sequence[int]) -> list[Any]:
    """Write an invoice of each number; odd ones are refused."""
    answers: list[Any] = []
    for number in numbers:
        if number % 2:
            answers.append(ValueError(number))
        else:
            act.put_invoice(invoice(number), "imported")
            answers.append(number)
    return answers


def at_once(store: Store, acts: Sequence[Alike]) -> list[Any]:
    """What each of some acts answers, or raises, each of a thread of its own."""
    return together(*(partial(store.act, act) for act in acts))


def test_each_gets_its_own_answer_and_one_that_fails_leaves_no_trace(store: Store) -> None:
    told = at_once(store, [Alike(write, number) for number in range(40)])
    assert [answer for answer in told if not isinstance(answer, Exception)] == list(range(0, 40, 2))
    assert [error.args for error in told if isinstance(error, Exception)] == [(number,) for number in range(1, 40, 2)]
    assert found(store, "") == [sid(number) for number in range(0, 40, 2)]


def test_where_one_go_fails_each_is_done_by_itself(store: Store) -> None:
    def only_alone(act: Writes, numbers: Sequence[int]) -> list[Any]:
        if len(numbers) > 1:
            put_first = numbers[0]
            act.put_invoice(invoice(put_first), "imported")
            raise RuntimeError("not together")
        return write(act, numbers)

    told = at_once(store, [Alike(only_alone, 2 * number) for number in range(20)])
    assert told == list(range(0, 40, 2))
    assert page(store).total == 20


def test_a_store_that_cannot_be_written_is_told_to_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, invoice(1))

    def broken(self: Writes) -> None:
        raise OSError("broken")

    monkeypatch.setattr(Writes, "finish", broken)
    told = at_once(store, [Alike(write, 2 * number) for number in range(5)])
    assert all(isinstance(error, OSError | Refusal) for error in told)
    monkeypatch.undo()
    assert page(store).total == 1
    assert at_once(store, [Alike(write, 100)]) == [100]
