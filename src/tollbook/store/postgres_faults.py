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
from tollbook.store.overtaking import Overtaken


class Unreachable(psycopg.OperationalError):
    """No connection can be had: the server is gone, or takes no more."""


class Silent(psycopg.OperationalError):
    """A statement that the server did not answer in time; its connection is closed, and what came of it unknown."""


class Unknown(psycopg.OperationalError):
    """A commit that was asked for, and whose answer never came: nobody knows if it is on disk."""


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
_AGAIN: Final = (said.SerializationFailure, said.DeadlockDetected, said.UniqueViolation, said.ReadOnlySqlTransaction)
"""What an act that is run once more, from its beginning, may well not meet again: another act or server came first."""
_NOT_AGAIN: Final = (Unreachable, Silent, Unknown, PoolTimeout, PoolClosed, TooManyRequests)
"""What was waited for long enough, or must not be done twice."""
_ENDED: Final = ("57P", "25P03", "25P04")
"""The codes with which a server ends a connection: it stops or starts, or the transaction rested or took too long."""
_SHORT: Final = ("53", "58")
"""It is short of memory or connections; its system fails."""


@contextmanager
def translated() -> Iterator[None]:
    """Where the driver's errors within an act become ours."""
    try:
        yield
    except said.QueryCanceled as error:
        raise Refusal(errors.STORE_BUSY, retry_after=limits.RETRY_AFTER_SECONDS) from error
    except psycopg.Error as error:
        raise translation(error) from error


def translation(error: psycopg.Error) -> Exception:
    """The Refusal that a driver's error means; the error itself where it is a defect of ours."""
    problem = _problem(error)
    if problem is None:
        return error
    return Refusal(problem, Flaw(None, _heard(problem, error)), retry_after=limits.RETRY_AFTER_SECONDS)


def _heard(problem: Problem, error: psycopg.Error) -> str:
    """What a person is told: in the server's own words where it alone knows what is amiss, and what it lacks."""
    if is_lost(error):
        return _GONE
    if problem in (errors.STORE_UNAVAILABLE, errors.BOOK_FOREIGN) and error.diag.message_primary:
        return f"the database says: {error.diag.message_primary}"
    return ADVICE.get(problem) or problem.when


_GONE: Final = "the database cannot be reached, or ended the connection"


def _problem(error: psycopg.Error) -> Problem | None:
    for problem, meant in _MEANING:
        if isinstance(error, meant):
            return problem
    short = error.sqlstate is not None and error.sqlstate.startswith(_SHORT)
    return errors.STORE_UNAVAILABLE if short or is_lost(error) else None


def may_go_again(error: BaseException) -> bool:
    """Whether the whole act may be run again: what stopped it undid all of it, and lies in no defect of the act."""
    if isinstance(error, _NOT_AGAIN):
        return False
    return isinstance(error, (Overtaken, *_AGAIN)) or is_partless(error) or is_lost(error)


def is_lost(error: BaseException) -> bool:
    """Whether a connection is gone, or cannot be had."""
    if not isinstance(error, psycopg.Error) or isinstance(error, (PoolTimeout, TooManyRequests)):
        return False
    if error.sqlstate is None:
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return error.sqlstate.startswith(("08", *_ENDED))


def is_partless(error: BaseException) -> bool:
    """Whether a record found no part of its month: it was put away since this process last looked."""
    return isinstance(error, said.CheckViolation) and error.diag.constraint_name is None


def store_failed(error: BaseException) -> bool:
    """Whether an act met a lock, another act or a lost server: nothing more may be tried in it."""
    return may_go_again(error) or (isinstance(error, psycopg.Error) and translation(error) is not error)
