"""What a book's URL names, and how a person may see it."""

import re
from pathlib import Path
from typing import Final

from tollbook import errors
from tollbook.errors import Flaw, Refusal

UNFINISHED: Final = "unfinished"
"""A book's name for why it is not whole yet, while it is not."""
_SERVED: Final = ("postgresql://", "postgres://")
_SECRET: Final = re.compile(r"(?<=://)([^:/@?]*):(?!\d{1,5}[/?])(.*)@")
"""A user's name and password: all up to the last @, as a password may have one where it should have %40."""
_OF_DRIVERS: Final = re.compile(r"postgres(ql)?:(?!//)|(.*\s)?(host|dbname|user|password)=")
"""What is meant for a server, and would be made a file that has a password for its name."""
_NAMED_SECRET: Final = re.compile(r"((?:ssl)?password=)('(?:[^'\\]|\\.)*'|[^&\s]*)")


def is_served(url: str) -> bool:
    """Whether a book is a database that a server has, and no file."""
    return url.startswith(_SERVED)


def shown(url: str) -> str:
    """A URL, or what the driver is told of it, as a person may see it: without its password.

    >>> shown("postgresql://me:secret@host/book"), shown("postgresql:///book?user=me&password=secret")
    ('postgresql://me:***@host/book', 'postgresql:///book?user=me&password=***')
    """
    return _SECRET.sub(r"\1:***@", _NAMED_SECRET.sub(r"\1***", url))


def refuse_misread(url: str) -> None:
    """Refuse a URL whose password has characters that would be read as its end, and be shown as a host's name."""
    found = _SECRET.search(url)
    if found and re.search(r"[@/?#\s]", found[2]):
        said = f"{shown(url)}: write @ / ? # in a password as %40 %2F %3F %23"
        raise Refusal(errors.SETTING_INVALID, Flaw("db", said))


def store_path(url: str) -> Path:
    """The file that a book's path or `sqlite:` URL names."""
    if _OF_DRIVERS.match(url):
        said = "this is no path, and no URL of a book: give a path, sqlite:///path or postgresql://user@host/database"
        raise Refusal(errors.SETTING_INVALID, Flaw("db", said))
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    if is_served(url):
        said = "this is done to books in files only: copy a database with pg_dump, or to a file with tollbook move"
        raise Refusal(errors.SETTING_INVALID, Flaw("db", said))
    if scheme != "sqlite":
        said = f"no store for {scheme}: give a path, sqlite:///path or postgresql://host/database"
        raise Refusal(errors.SETTING_INVALID, Flaw("db", said))
    return Path(rest)
