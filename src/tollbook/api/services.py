"""What one worker's endpoints work with: the book, the door, the places for bodies, the settings."""

from dataclasses import dataclass

from tollbook.api.auth import Doorkeeper
from tollbook.api.bodies import Bodies
from tollbook.clock import SystemClock
from tollbook.config import Settings, proxies
from tollbook.operations.passwords import Passwords
from tollbook.store import Store, open_store


@dataclass(frozen=True, slots=True)
class Services:
    """Made once in each worker, after it was forked."""

    settings: Settings
    store: Store
    lists: Store
    """The same book for lists and records, maybe as a replica has it, a moment old: nobody's credentials."""
    passwords: Passwords
    door: Doorkeeper
    bodies: Bodies
    proxies: frozenset[str]


def open_services(settings: Settings) -> Services:
    """Open the book and what stands around it; a Refusal where the book is not one."""
    store = open_store(settings.db, SystemClock())
    lists = open_store(settings.db, SystemClock(), settings.db_read) if settings.db_read else store
    for each in (store, lists):
        each.read_deadline_seconds = settings.read_deadline_ms / 1000  # time, not money
    store.bound_writers(max(1, settings.threads // 2))
    passwords = Passwords(store)
    return Services(
        settings=settings,
        store=store,
        lists=lists,
        passwords=passwords,
        door=Doorkeeper(store, passwords),
        bodies=Bodies(settings.threads),
        proxies=proxies(settings),
    )
