"""From a call's clock to what is billed of it: measured time, whole blocks, billed seconds.

Measured time is an integer of nanoseconds, so that no fraction is lost: 60.0004 s at 60/60 is 120. Prices are not
known here.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from tollbook import limits

Convention = Literal["after_minimum", "whole"]
"""Beyond the minimum: the minimum plus whole increments; or the whole duration up to a multiple of the increment."""

SECOND_NS: Final = 10**9
_MS_NS: Final = 10**6

_SECONDS = re.compile(
    rf"([0-9]{{1,{limits.SECONDS_WHOLE_DIGITS_MAX}}})(?:\.([0-9]{{1,{limits.SECONDS_DECIMALS_MAX}}}))?"
)


def parse_seconds(text: str) -> int:
    """The time that a `duration` such as `4.25015` names, in nanoseconds; ValueError for any other shape.

    >>> parse_seconds("4.25015")
    4250150000
    """
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise ValueError("expected seconds as a plain decimal like 4.25015")
    whole, decimals = found.groups(default="")
    return int(whole) * SECOND_NS + int(decimals.ljust(limits.SECONDS_DECIMALS_MAX, "0"))


def measured_time(date_talk: int | None, date_stop: int | None, duration: int | None = None) -> int:
    """How long a call was talked, in nanoseconds: `date_stop` - `date_talk`, both in milliseconds.

    No `date_talk` is a call that nobody answered: 0. Only with neither instant does `duration` (nanoseconds) count.
    ValueError if nothing tells, if it ended before it began, or if it is longer than any call is.

    >>> measured_time(1_000, 61_000), measured_time(None, 61_000, 5), measured_time(None, None, 4250150000)
    (60000000000, 0, 4250150000)
    """
    if date_talk is None:
        measured = 0 if date_stop is not None else duration
    else:
        measured = None if date_stop is None else (date_stop - date_talk) * _MS_NS
    if measured is None:
        raise ValueError("expected date_talk and date_stop, or a duration")
    if measured < 0:
        raise ValueError("date_stop is before date_talk")
    if measured > limits.CALL_SECONDS_MAX * SECOND_NS:
        raise ValueError(f"expected a call of at most {limits.CALL_SECONDS_MAX} seconds")
    return measured


def started_seconds(measured: int) -> int:
    """Seconds begun in a measured time. Blocks being whole seconds, rounding this far up moves none of them.

    >>> started_seconds(60_000_400_000), started_seconds(60_000_000_000)
    (61, 60)
    """
    return -(-measured // SECOND_NS)


class Run(NamedTuple):
    """`blocks` of `length` seconds each, the first from second `begins` on, all of one step of the rate."""

    begins: int
    length: int
    blocks: int
    step: int

    @property
    def ends(self) -> int:
        """The second at which the last block is over."""
        return self.begins + self.length * self.blocks


def billed_runs(
    seconds: int,
    minimum: int,
    increment: int,
    convention: Convention = "after_minimum",
    steps: Sequence[tuple[int, int]] = (),
) -> list[Run]:
    """The blocks that cover a call of so many started seconds, in order; none for 0 seconds.

    Up to the minimum, one block of the minimum, whatever the convention. `steps` are (from second N, increment) in
    rising order: a block that begins at or after N is of that step; step 0 is the rate's own.

    >>> billed_runs(31, 30, 6)
    [Run(begins=0, length=30, blocks=1, step=0), Run(begins=30, length=6, blocks=1, step=0)]
    >>> billed_runs(100, 60, 60, steps=[(60, 6)])
    [Run(begins=0, length=60, blocks=1, step=0), Run(begins=60, length=6, blocks=7, step=1)]
    """
    if not seconds:
        return []
    if seconds <= minimum:
        return [Run(0, minimum, 1, 0)]
    runs = [Run(0, minimum, 1, 0)] if convention == "after_minimum" and minimum else []
    increments = (increment, *(length for _, length in steps))
    bounds = (*(begins for begins, _ in steps), seconds)
    for step, (length, bound) in enumerate(zip(increments, bounds, strict=True)):
        begins = runs[-1].ends if runs else 0
        if (covered := min(bound, seconds)) > begins:
            runs.append(Run(begins, length, -((begins - covered) // length), step))
    return runs


def billed_seconds(seconds: int, minimum: int, increment: int, convention: Convention = "after_minimum") -> int:
    """What is billed of so many started seconds at a rate without steps; 0 only for 0.

    The same as where the last of `billed_runs` ends, in one step: the way of nearly every call.

    >>> [billed_seconds(31, 30, *how) for how in ((6,), (18,), (18, "whole"))], billed_seconds(25, 30, 18, "whole")
    ([36, 48, 36], 30)
    """
    if not seconds:
        return 0
    if seconds <= minimum:
        return minimum
    first = minimum if convention == "after_minimum" else 0
    return first - (first - seconds) // increment * increment
