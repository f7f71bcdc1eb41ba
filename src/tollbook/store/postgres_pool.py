"""Connections to a PostgreSQL server: lent to one thread at a time, tried where they may be gone, waited for a while.

The server may be gone, restart, or hang. A statement that it does not answer in time closes its connection; one that
it ended meanwhile is made anew by whoever needs it next; and what cannot be had is told at once, or after a bound.
"""

import logging
import math
import select
import threading
import time
from typing import Any

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool, PoolTimeout

from tollbook import limits
from tollbook.observe import tell
from tollbook.store import postgres_books
from tollbook.store.postgres_faults import Silent, Unreachable
from tollbook.store.postgres_session import adapt
from tollbook.store.urls import shown

logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # what it meets is told here, once in a while


class Patient(Connection[Any]):
    """A connection that waits so many seconds for an answer, and is closed after them; None: as long as it takes."""

    patience: float | None = limits.ACT_SECONDS + limits.SILENCE_SECONDS  # time, not money
    bound_ms: int | None = None
    """What the server was told of how long a statement may take; 0: as long as it takes."""
    since = 0.0
    """When it was last given back."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> "Patient":
        """A connection; how that went is noted in the `reach` that the options hold."""
        reach: _Reach = options.pop("reach")
        reach.begin()
        try:
            made = super().connect(conninfo, **options)
        except psycopg.Error as error:
            reach.end(error)
            raise
        reach.end(None)
        return made

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server; `Silent` where it says nothing for too long, and the connection is closed."""
        patience = self.patience if timeout is None else timeout
        began = time.monotonic()
        try:
            return super().wait(gen, interval, patience)
        except psycopg.OperationalError as error:
            if patience is None or error.sqlstate is not None or time.monotonic() < began + patience:
                raise
            self.pgconn.finish()
            raise Silent(f"no answer within {patience:.0f} s") from None

    def bound(self, seconds: float) -> None:
        """Let no statement take longer than this; the server ends it, and is waited for only a little longer."""
        milliseconds = 0 if seconds == math.inf else max(1, int(seconds * 1000))
        self.patience = max(seconds, 0) + limits.SILENCE_SECONDS if milliseconds else None
        if self.bound_ms != milliseconds:
            self.execute(f"SET statement_timeout = {milliseconds:d}")
            self.bound_ms = milliseconds

    def has_news(self) -> bool:
        """Whether the server said something that nobody asked for: mostly that it ended the connection."""
        looking = select.poll()
        looking.register(self.fileno(), select.POLLIN)
        return bool(looking.poll(0))


class _Reach:
    """Whether the server can be reached, as far as the last attempts tell."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._begun: list[float] = []
        self._failed_at = 0.0
        self._told_at = -1.0 * limits.OUTAGE_TOLD_SECONDS  # time, not money
        self._why: str | None = None

    def begin(self) -> None:
        """An attempt to connect begins."""
        with self._lock:
            self._begun.append(time.monotonic())

    def end(self, error: psycopg.Error | None) -> None:
        """It came to an end; it is told where that is news."""
        with self._lock:
            self._begun.pop(0)
            before, self._why = self._why, None if error is None else str(error).strip()
            now = self._failed_at = time.monotonic()
            is_news = (before is None) is not (error is None) or now > self._told_at + limits.OUTAGE_TOLD_SECONDS
            if is_news:
                self._told_at = now
        if error is not None and is_news:
            tell(logging.WARNING, "the database cannot be reached", database=self._place, reason=self._why)
        elif before is not None:
            tell(logging.INFO, "the database is back", database=self._place)

    def why_not_since(self, instant: float) -> str | None:
        """Why no connection could be had since an instant, if it is the server's fault."""
        with self._lock:
            if self._why is not None and self._failed_at >= instant:
                return self._why
            hangs = any(begun <= time.monotonic() - limits.SILENCE_SECONDS for begun in self._begun)
            return "the server does not answer" if hangs else None


class Pool:
    """Connections with some settings, as many as may be."""

    def __init__(self, url: str, settings: dict[str, str]) -> None:
        self._settings = settings
        self._told = postgres_books.told(url)
        self._reach = _Reach(shown(url))
        self._lost_at = 0.0
        self._pool: ConnectionPool[Patient] = ConnectionPool(
            self._told,
            connection_class=Patient,
            kwargs={"autocommit": True, "prepare_threshold": 1, "reach": self._reach},
            min_size=0,
            max_size=limits.CONNECTIONS_MAX,
            reconnect_timeout=0,  # who needs one next tries again
            configure=self._configure,
            open=True,
            name="tollbook",
        )

    def _configure(self, connection: Patient) -> None:
        adapt(connection.adapters)
        connection.prepared_max = limits.STATEMENTS_PREPARED_MAX
        connection.since = time.monotonic()
        for setting in self._settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", setting)

    def another(self) -> Patient:
        """One beside those that are lent, for what is rarely done; its user closes it."""
        connection = Patient.connect(self._told, autocommit=True, reach=self._reach)
        self._configure(connection)
        return connection

    def lend(self, seconds: float) -> Patient:
        """A connection that works, within so many seconds.

        `Unreachable` where the server has none to give, as soon as that is known; PoolTimeout where all are lent.
        """
        began = time.monotonic()
        while True:
            connection = self._any(began, began + seconds)
            try:
                self._try(connection)
            except psycopg.Error:
                self.give_back(connection)
            except BaseException:
                self._pool.putconn(connection)
                raise
            else:
                return connection

    def _any(self, began: float, ends: float) -> Patient:
        """One that is free or new; the first failure to make one is told at once, one that only takes its time not."""
        soon = began + limits.REFUSED_SECONDS
        for until in (soon, ends) if soon < ends else (ends,):
            try:
                return self._pool.getconn(max(0.001, until - time.monotonic()))
            except PoolTimeout:
                if why := self._reach.why_not_since(began):
                    raise Unreachable(why) from None
        raise PoolTimeout

    def _try(self, connection: Patient) -> None:
        rested = time.monotonic() - connection.since
        if rested > limits.CONNECTION_IDLE_SECONDS or connection.since < self._lost_at or connection.has_news():
            connection.patience = limits.SILENCE_SECONDS
            ConnectionPool.check_connection(connection)

    def give_back(self, connection: Patient) -> None:
        """Let the next one have a connection; where it broke, the others are tried before they are used."""
        connection.since = time.monotonic()
        if connection.closed:
            self._lost_at = connection.since
        self._pool.putconn(connection)

    def close(self) -> None:
        """Let go of all of them."""
        self._pool.close(limits.CONNECT_SECONDS)
