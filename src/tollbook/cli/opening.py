"""From a command's arguments to its settings and an open book."""

import math
from argparse import Namespace
from collections.abc import Callable
from typing import TypeVar

from tollbook import errors
from tollbook.clock import SystemClock
from tollbook.config import Settings, Sourced, load
from tollbook.errors import Flaw, Refusal
from tollbook.store import Store, open_store

T = TypeVar("T")


def settings_of(arguments: Namespace) -> tuple[Settings, list[Sourced]]:
    """The settings in force for a command, and where each comes from."""
    return load(vars(arguments), file=arguments.config)


def read_argument(name: str, text: str, read: Callable[[str], T]) -> T:
    """An argument's value; a Refusal that names it where it cannot be read."""
    try:
        return read(text)
    except ValueError as error:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw(name, str(error))) from None


def book_of(arguments: Namespace) -> Store:
    """The book that a command is about; reads at the command line have no deadline, a person can interrupt them."""
    settings, _ = settings_of(arguments)
    store = open_store(settings.db, SystemClock())
    store.read_deadline_seconds = math.inf
    return store
