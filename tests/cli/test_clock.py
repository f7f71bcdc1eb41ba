"""`tollbook clock` and `init --sandbox`."""

from typing import Any

import pytest
from tests.cli.conftest import Tollbook

from tollbook.clock import SystemClock, read_instant


@pytest.fixture
def sandbox(tollbook: Tollbook) -> Any:
    """What `init` printed of a sandbox of 2024."""
    return tollbook("init", "--sandbox", "--clock", "2024-12-20")


def test_a_sandbox_tells_its_time_and_is_moved(tollbook: Tollbook, sandbox: Any) -> None:
    assert "it is a sandbox: its clock stands at 2024-12-20T00:00:00.000Z" in sandbox.err
    assert tollbook("clock", "show").out == "2024-12-20 00:00:00\n"
    assert tollbook("clock", "advance", "31d").out == "2025-01-20 00:00:00\n"
    assert tollbook("clock", "set", "2025-01-20T01:00:00+01:00", "--json").json == {"now": "2025-01-20T00:00:00.000Z"}
    assert tollbook("clock", "show", "--json").json == {"now": "2025-01-20T00:00:00.000Z"}
    assert tollbook("partner", "add", "--name", "x", "--json").json["date_created"] == "2025-01-20T00:00:00.000Z"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("advance", "soon"), "span: expected a whole number with s, m, h, d or w, like 31d"),
        (("set", "tomorrow"), "instant: expected a date like 2024-10-31 or 2024-10-31T18:00:00Z"),
        (("set", "2024-12-19"), "now: is in the past: it is 2024-12-20T00:00:00.000Z already"),
        (("set", "9999-01-01"), "now: leads beyond the year 2100"),
    ],
)
def test_a_move_that_cannot_be(tollbook: Tollbook, sandbox: Any, words: tuple[str, str], said: str) -> None:
    ran = tollbook("clock", *words)
    assert (ran.status, ran.err) == (1, f"tollbook: {said}\n")
    assert tollbook("clock", "show").out == "2024-12-20 00:00:00\n"


def test_a_book_that_is_no_sandbox_has_no_clock(tollbook: Tollbook, made: Any) -> None:
    for words in (("show",), ("advance", "1d"), ("set", "2030-01-01")):
        ran = tollbook("clock", *words)
        assert (ran.status, ran.err) == (1, "tollbook: this book is not a sandbox: its time is the machine's\n")


def test_a_clock_begins_where_it_is_told_or_now(tollbook: Tollbook) -> None:
    assert tollbook("init", "--clock", "2024-12-20").err.startswith("tollbook: clock: only a sandbox has a clock")
    assert (
        tollbook("init", "--sandbox", "--clock", "1999-12-31").err
        == "tollbook: clock: expected a year from 2000 to 2100\n"
    )
    assert tollbook("init", "--sandbox", "--clock", "x").err.startswith("tollbook: clock: expected a date like")
    before = SystemClock().now()
    assert tollbook("init", "--sandbox").status == 0
    assert before <= read_instant(tollbook("clock", "show", "--json").json["now"]) <= SystemClock().now()
