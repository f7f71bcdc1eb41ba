"""What the database is asked for a list, statement by statement, and how it goes about each."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tollbook.billing.model import Sight
from tollbook.query.listing import ListQuery
from tollbook.store.paging import Pager
from tollbook.store.reads import Reads


class Step(NamedTuple):
    """One statement with its parameters, and the lines of the database's plan for it."""

    statement: str
    parameters: tuple[Any, ...]
    plan: tuple[str, ...]


class _Recording:
    """A connection that notes each statement and its plan before it runs it."""

    def __init__(self, book: Reads) -> None:
        self.steps: list[Step] = []
        self._connection = book.connection
        self._explain = book.dialect.explain

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        plan = self._connection.execute(f"{self._explain} {statement}", parameters).fetchall()
        lines = _indented(plan) if len(plan[0]) > 1 else (line for (line,) in plan)
        self.steps.append(Step(statement, tuple(parameters), tuple(lines)))
        return self._connection.execute(statement, parameters)


def explain_page(book: Reads, sight: Sight, query: ListQuery) -> list[Step]:
    """The statements that a page of a list takes, in the order they run."""
    recording = _Recording(book)
    Pager(recording.execute, sight, query, book.dialect).page()
    return recording.steps


def _indented(plan: Sequence[Any]) -> Iterable[str]:
    """The plan's lines, each further in than the one it is part of."""
    depths = {0: 0}
    for number, parent, _, detail in plan:
        depths[number] = depths.get(parent, 0) + 1
        yield "  " * (depths[number] - 1) + detail
