"""A crew of processes that read one book in one snapshot, so that what each finds belongs together.

The book is held against writing for the moment in which all of them begin to read: so there is no other book between
the first and the last of them.
"""

import math
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from tollbook import limits
from tollbook.clock import SystemClock
from tollbook.errors import Refusal
from tollbook.store import Reads, Store, open_store

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Work = Callable[[Reads, Any], Any]


def processors() -> int:
    """How many processes may work at once on this machine."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, limits.CHECK_PROCESSES_MAX)


def shared(store: Store, work: Callable[[Reads, Task], Answer], tasks: Sequence[Task]) -> Iterator[tuple[int, Answer]]:
    """What `work` makes of each task, with the task's place, as each is done; `Alone` where no crew can be had.

    `work` is a function of a module; tasks and answers are copied between the processes.
    """
    with _crew(store, work, min(processors(), len(tasks))) as crew:
        waiting = list(enumerate(tasks))[::-1]
        busy: dict[Connection, int] = {}
        for each in crew:
            busy[each] = _give(each, waiting)
        while busy:
            for ready in wait(list(busy)):
                each = next(one for one in busy if one is ready)
                place = busy.pop(each)
                answer = each.recv()
                if isinstance(answer, BaseException):
                    raise answer
                if waiting:
                    busy[each] = _give(each, waiting)
                yield place, answer


class Alone(Exception):
    """No crew can be had: the book cannot be held for a moment, or a process did not start."""


def _give(one: Connection, waiting: list[tuple[int, Any]]) -> int:
    place, task = waiting.pop()
    one.send(task)
    return place


@contextmanager
def _crew(store: Store, work: Work, size: int) -> Iterator[list[Connection]]:
    spawning = multiprocessing.get_context("spawn")  # a fork would take this process's connections along
    crew: list[Connection] = []
    processes = []
    try:
        for _ in range(size):
            mine, its = spawning.Pipe()
            process = spawning.Process(target=_member, args=(its, store.url, work), daemon=True)
            process.start()
            its.close()
            crew.append(mine)
            processes.append(process)
        _begin(store, crew)
        yield crew
    finally:
        for each in crew:
            each.close()
        for process in processes:
            process.join(limits.LOCK_WAIT_SECONDS)
            process.terminate()


def _begin(store: Store, crew: Sequence[Connection]) -> None:
    """Let all begin to read while nobody writes."""
    try:
        for each in crew:
            each.recv()
        with store.held() as snapshot:
            for each in crew:
                each.send(snapshot)
            for each in crew:
                each.recv()
    except (EOFError, OSError, Refusal) as error:
        raise Alone from error


def _member(pipe: Connection, path: str, work: Work) -> None:
    """One process of a crew: opens the book, says so, begins to read when told, then works until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it, and closes the pipe
    store = open_store(path, SystemClock())
    store.read_deadline_seconds = math.inf
    try:
        pipe.send(None)
        with store.joining(pipe.recv()) as book:
            book.hold_usage()
            book.instants()
            pipe.send(None)
            while True:
                pipe.send(_answer(work, book, pipe.recv()))
    except (EOFError, OSError):
        return


def _answer(work: Work, book: Reads, task: Any) -> Any:
    try:
        return work(book, task)
    except Exception as error:  # told where the task came from
        return RuntimeError(f"{type(error).__name__}: {error}")
