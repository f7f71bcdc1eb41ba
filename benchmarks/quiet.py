"""Whether the machine had other things to do: numbers from a busy machine are written down and doubted."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.numbers import spread

BUSY_PERCENT_MAX = 10.0
"""More than this before a quarter of the rounds, and the numbers are doubted."""
LOOK_SECONDS = 0.5


class Quiet:
    """Looks at the processors while nothing of ours runs, and says what it saw."""

    def __init__(self) -> None:
        self._seen: list[float] = []

    def look(self) -> None:
        """Takes half a second; to be called before each round."""
        before = _ticks()
        time.sleep(LOOK_SECONDS)
        spent = [after - earlier for earlier, after in zip(before, _ticks(), strict=True)]
        if sum(spent):
            idle = sum(spent[3:5]) / sum(spent)
            self._seen.append(100 * (1 - idle))

    def __str__(self) -> str:
        """A sentence for the report."""
        if not self._seen:
            return "Whether the machine was quiet could not be told."
        busy = spread(self._seen)
        said = f"Before the rounds, other things took {busy} % of the processors."
        loud = sum(percent > BUSY_PERCENT_MAX for percent in self._seen)
        if loud <= len(self._seen) / 4:
            return said
        return f"**The machine was not quiet; do not trust these numbers.** {said}"


def _ticks() -> list[int]:
    """Of all processors together: user, nice, system, idle, waiting, and so on."""
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:
        return []
    return [int(ticks) for ticks in first.split()[1:9]]
