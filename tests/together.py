"""Acts of several threads, all begun at one moment."""

import threading
from collections.abc import Callable
from typing import Any


def together(*acts: Callable[[], Any], caught: type[Exception] = Exception) -> list[Any]:
    """What each of some acts answers or, of the errors that are `caught`, raises; all have ended."""
    barrier = threading.Barrier(len(acts))
    answers: list[Any] = [None] * len(acts)

    def do(place: int) -> None:
        barrier.wait()
        try:
            answers[place] = acts[place]()
        except caught as error:
            answers[place] = error

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return answers
