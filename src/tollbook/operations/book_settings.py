"""What a book says of its billing, and how to change it. The currency and a sandbox's clock are set at its making."""

from collections.abc import Callable
from typing import Final, NamedTuple

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal
from tollbook.operations.spending import POLICIES, POLICY
from tollbook.query.arguments import nearest
from tollbook.store import Reads, Store


class BookSetting(NamedTuple):
    """One setting: its default, how a value is read (ValueError), and what it means."""

    name: str
    default: str
    read: Callable[[str], str]
    help: str


def _whole(least: int, most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"expected a whole number from {least} to {most}")
        return str(int(text))

    return read


def _word(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return text

    return read


BOOK_SETTINGS: Final = (
    BookSetting(
        "close_delay_seconds",
        str(limits.CLOSE_DELAY_SECONDS_DEFAULT),
        _whole(0, limits.CLOSE_DELAY_SECONDS_MAX),
        "how long after the end of its period an invoice is closed, so that slow files are not late",
    ),
    BookSetting(
        POLICY,
        "warn",
        _word(*POLICIES),
        "what a passed spending limit does: warn, block what is asked of the rating endpoints, or charge what is owed",
    ),
    BookSetting(
        "usage_age_days_max",
        str(limits.USAGE_AGE_DAYS_MAX_DEFAULT),
        _whole(1, limits.USAGE_AGE_DAYS_MAX),
        "how old usage may be when it is recorded",
    ),
)


def values_of(book: Reads) -> dict[str, str]:
    """Every setting of a book, by name."""
    kept = book.settings()
    return {setting.name: kept.get(setting.name, setting.default) for setting in BOOK_SETTINGS}


def set_value(store: Store, name: str, text: str) -> dict[str, str]:
    """Change one setting; all of them after it. 400 for a name or value that there is not.

    A billing run then looks at every partner anew: when an invoice is due may have changed.
    """
    setting = next((each for each in BOOK_SETTINGS if each.name == name), None)
    if setting is None:
        flaw = Flaw("name", "unknown setting" + nearest(name, [each.name for each in BOOK_SETTINGS]))
        raise Refusal(errors.SETTING_INVALID, flaw)
    try:
        value = setting.read(text)
    except ValueError as error:
        raise Refusal(errors.SETTING_INVALID, Flaw(name, str(error))) from None
    with store.writing() as act:
        act.set_book(name, value)
        act.make_all_due(act.now)
        return values_of(act)
