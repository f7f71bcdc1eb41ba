"""Longest prefix, compiled once: a deck becomes sorted disjoint intervals, found by bisection.

Digits only. What a prefix costs is not known here; a deck's rates are named by their position in it. The same
intervals serve bulk rating, which joins on them.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

_PAST_NINE: Final = ":"  # the character after "9": p + ":" follows every number that starts with p


class Prefixes:
    """A compiled deck: `bounds` rising texts, `owners` the position in force from each bound on (None: no prefix).

    >>> deck = Prefixes(["44", "447", None])
    >>> [deck.find(number) for number in ("442071838750", "447700900123", "12125550100")]
    [0, 1, 2]
    """

    __slots__ = ("bounds", "catch_all", "owners")

    def __init__(self, prefixes: Iterable[str | None]) -> None:
        """Compile prefixes by position, None being the catch-all; ValueError for one twice or not of digits."""
        positions: dict[str | None, int] = {}
        for position, prefix in enumerate(prefixes):
            if prefix is not None and not (prefix.isascii() and prefix.isdigit()):
                raise ValueError(f"expected a prefix of digits, not {prefix!r}")
            if positions.setdefault(prefix, position) != position:
                raise ValueError(f"the prefix {prefix or 'catch-all'} stands twice")
        self.catch_all: int | None = positions.pop(None, None)
        self.bounds: list[str] = [""]
        self.owners: list[int | None] = [None]
        self._compile({prefix: position for prefix, position in positions.items() if prefix is not None})

    def _compile(self, positions: dict[str, int]) -> None:
        nested: list[str] = []
        for prefix in sorted(positions):
            while nested and not prefix.startswith(nested[-1]):
                self._leave(nested, positions)
            self._bound(prefix, positions[prefix])
            nested.append(prefix)
        while nested:
            self._leave(nested, positions)

    def _leave(self, nested: list[str], positions: dict[str, int]) -> None:
        left = nested.pop()
        self._bound(left + _PAST_NINE, positions[nested[-1]] if nested else None)

    def _bound(self, bound: str, owner: int | None) -> None:
        self.bounds.append(bound)
        self.owners.append(owner)

    def find(self, number: str) -> int | None:
        """The position of the longest prefix of a number, else of the catch-all; None if there is neither."""
        owner = self.owners[bisect_right(self.bounds, number) - 1]
        return self.catch_all if owner is None else owner
