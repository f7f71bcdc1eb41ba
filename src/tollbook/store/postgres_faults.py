"""What the errors of PostgreSQL and its driver mean: the one border where they become a `Refusal`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors as said
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from tollbook import errors, limits
from tollbook.errors import Flaw, Problem, Refusal
from tollbook.store.book_files import ADVICE

_MEANING: Final[tuple[tuple[Problem, tuple[type[Exception], ...]], ...]] = (
    (errors.QUERY_TOO_EXPENSIVE, (said.QueryCanceled,)),
    (
        errors.STORE_BUSY,
        (
            said.LockNotAvailable,
            said.DeadlockDetected,
            said.SerializationFailure,
            said.UniqueViolation,
            PoolTimeout,
            TooManyRequests,
        ),
    ),
    (errors.STORE_FULL, (said.DiskFull, said.ReadOnlySqlTransaction, said.IoError)),
    (errors.BOOK_FOREIGN, (said.DataCorrupted, said.IndexCorrupted)),
    (errors.STORE_UNAVAILABLE, (said.InsufficientPrivilege, PoolClosed)),
)
_AGAIN: Final = (said.SerializationFailure, said.DeadlockDetected, said.UniqueViolation)
"""What an act that is run once more, from its beginning, may well not meet again: another act came first."""
_ENDED: Final = (said.AdminShutdown, said.CrashShutdown, said.CannotConnectNow)


@contextmanager
def translated() -> Iterator[None]:
    """Where the driver's errors become ours."""
    try:
        yield
    except psycopg.Error as error:
        raise translation(error) from error


def translation(error: psycopg.Error) -> Exception:
    """The Refusal that a driver's error means; the error itself where it is a defect of ours."""
    problem = _problem(error)
    if problem is None:
        return error
    heard = "" if error.sqlstate else str(error).strip()  # without a code it is about the connection
    return Refusal(
        problem, Flaw(None, ADVICE.get(problem) or heard or problem.when), retry_after=limits.RETRY_AFTER_SECONDS
    )


def _problem(error: psycopg.Error) -> Problem | None:
    for problem, meant in _MEANING:
        if isinstance(error, meant):
            return problem
    return errors.STORE_UNAVAILABLE if is_lost(error) else None


def may_go_again(error: BaseException) -> bool:
    """Whether the whole act may be run again: what stopped it undid all of it, and lies in another act."""
    return isinstance(error, _AGAIN)


def is_lost(error: BaseException) -> bool:
    """Whether a connection, or the server behind it, is gone or cannot be had."""
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return isinstance(error, _ENDED) or error.sqlstate is None or error.sqlstate[:2] in ("08", "53")
    return False
