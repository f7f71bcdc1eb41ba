"""What every store is: the methods by which the rest of the program reaches a book."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from tollbook.billing.model import Sight
from tollbook.clock import Clock
from tollbook.query.listing import ListQuery
from tollbook.store.explaining import Step
from tollbook.store.reads import Reads
from tollbook.store.writes import Writes

T = TypeVar("T")


class Store(Protocol):
    """One book; threads share it. What each method promises is said where this package is described."""

    url: str
    """What opens it."""
    place: str
    """The same for a person to see: without a password."""
    clock: Clock
    read_deadline_seconds: float
    on_nodes: bool
    """Whether it lies on several nodes: what one snapshot has of two of them may differ by an act."""

    def reading(self, *, snapshot: bool = True) -> AbstractContextManager[Reads]:
        """One snapshot with one deadline; without `snapshot`, for a single statement, which is one by itself."""
        ...

    def held(self) -> AbstractContextManager[str]:
        """A snapshot that readers may join who begin within, by its name."""
        ...

    def joining(self, snapshot: str) -> AbstractContextManager[Reads]:
        """The snapshot that another process holds."""
        ...

    def bound_writers(self, at_once: int) -> None:
        """Let no more threads than these write or wait to."""
        ...

    def writing(self) -> AbstractContextManager[Writes]:
        """One act at one instant."""
        ...

    def act(self, do: Callable[[Writes], T]) -> T:
        """What `do` answers, once all that it did is on disk; it may be run again where all that it did is undone."""
        ...

    def ready(self) -> None:
        """Prove that the book can be read and written; a Refusal says what is not."""
        ...

    def explain(self, sight: Sight, query: ListQuery) -> list[Step]:
        """The statements that a page of a list takes, with the database's plan for each."""
        ...

    def expect_much(self, cache_kib: int, log_pages: int) -> None:
        """Get ready for a long import."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...
