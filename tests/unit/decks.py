"""Decks in a few lines, and what was understood of them."""

from typing import Any

import pytest
from hypothesis import strategies as st

from tollbook import errors
from tollbook.billing.sheets import Service
from tollbook.errors import Refusal
from tollbook.mediation.decks import DeckFile, read_deck

billionths = st.integers(0, 10**15 - 1)
"""Prices."""
codes = st.from_regex(r"[1-9][0-9]{0,6}", fullmatch=True)
"""Prefixes."""


def deck(*lines: str, service: Service = "calls", **more: Any) -> DeckFile:
    """What is read of these lines."""
    return read_deck("\n".join(lines).encode(), service, **more)


def refused(data: bytes, service: Service = "calls", **more: Any) -> str:
    """What is said of a file that is refused."""
    with pytest.raises(Refusal) as caught:
        read_deck(data, service, **more)
    assert caught.value.problem is errors.OBJECT_INVALID
    (flaw,) = caught.value.flaws
    assert flaw.field == "file"
    return flaw.message


def understood(found: DeckFile) -> dict[str, str]:
    """Which heading each target was found at."""
    return {column.target: column.heading for column in found.headings.columns}


def told(found: DeckFile) -> list[tuple[int, str | None, str]]:
    """What was told of bad lines."""
    return [tuple(bad) for bad in found.bad]  # type: ignore[misc]
