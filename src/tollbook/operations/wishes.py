"""What a body asks of billing, read attribute by attribute; everything that is wrong is told in one refusal."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal
from tollbook.money import parse_amount
from tollbook.query.arguments import nearest
from tollbook.query.records import Number

_X = TypeVar("_X")


class Wish:
    """A body being read. `known` are the attributes that it may have."""

    def __init__(self, body: Mapping[str, Any], known: tuple[str, ...]) -> None:
        self._body = body
        self._flaws = [Flaw(name, "unknown attribute" + nearest(name, known)) for name in body if name not in known][
            : limits.FLAWS_MAX
        ]

    def needed(self, name: str, read: Callable[[Any], _X], default: _X) -> _X:
        """A value that has to be there; `default` stands in until the flaws are told."""
        if self._body.get(name) in (None, ""):
            self.refuse(name, "is required")
            return default
        return self.optional(name, read, default)

    def optional(self, name: str, read: Callable[[Any], _X], default: _X) -> _X:
        """A value that may be left out, or null."""
        value = self._body.get(name)
        if value is None:
            return default
        try:
            return read(value)
        except ValueError as error:
            self.refuse(name, str(error))
            return default

    def refuse(self, name: str | None, why: str) -> None:
        """Note something that is wrong."""
        self._flaws.append(Flaw(name, why))

    def finish(self) -> None:
        """422 with everything that is wrong; nothing if nothing is."""
        if self._flaws:
            raise Refusal(errors.OBJECT_INVALID, *self._flaws)


def read_sum(value: Any) -> int:
    """An amount in millionths, from a text or a JSON number by its digits; padding is fine."""
    if not isinstance(value, str):
        raise ValueError("expected an amount as a string or a number")
    return parse_amount(value)


def one_of(*words: str) -> Callable[[Any], str]:
    """What reads one of these words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or isinstance(value, Number) or value not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return value

    return read
