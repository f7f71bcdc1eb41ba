"""Usage from files into the book, a thousand records a transaction: what is wrong is told, kept, and stops nothing.

A file may be sent again, whole or in part, whatever became of the first time: what the book has is a duplicate.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from tollbook import limits
from tollbook.billing.model import Caller
from tollbook.mediation.json_files import Place
from tollbook.mediation.usage_files import Line
from tollbook.operations.recording import Outcome
from tollbook.operations.usage import REJECTED, record_given
from tollbook.store import Store

Keep = Callable[[Line], None]
"""Takes a record that was rejected."""


class Rejected(NamedTuple):
    """One thing that is wrong with a record: where it stands, its sid and the attribute (or None), and the reason."""

    place: Place
    dr_sid: str | None
    field: str | None
    reason: str


@dataclass(slots=True)
class Report:
    """What an import did so far. `late` and `unrated` are among the accepted; `flaws` are those of the first ones."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    unrated: int = 0
    parked: int = 0
    rejected: int = 0
    flaws: list[Rejected] = field(default_factory=list)

    def count(self, line: Line, outcome: Outcome) -> None:
        """Add what became of a record."""
        self.read += 1
        setattr(self, outcome.result, getattr(self, outcome.result) + 1)
        self.late += outcome.late
        self.unrated += outcome.unrated
        room = limits.IMPORT_ERRORS_SHOWN_MAX - len(self.flaws)
        self.flaws += [
            Rejected(line.place, line.given.dr_sid, flaw.field, flaw.message) for flaw in outcome.flaws[: max(0, room)]
        ]


def import_usage(store: Store, caller: Caller, lines: Iterable[Line], report: Report, keep: Keep) -> None:
    """Record what can be recorded; the report tells what is on disk, and what was rejected is given to `keep`."""
    for batch in _batches(iter(lines)):
        outcomes = store.act(lambda act, batch=batch: record_given(act, caller, [line.given for line in batch]))  # type: ignore[misc]
        _settle(batch, outcomes, report, keep)


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while batch := list(islice(lines, limits.USAGE_BATCH_MAX)):
        yield batch


def _settle(batch: Sequence[Line], outcomes: Sequence[Outcome], report: Report, keep: Keep) -> None:
    for line, outcome in zip(batch, outcomes, strict=True):
        report.count(line, outcome)
        if outcome.result == REJECTED:
            keep(line)
