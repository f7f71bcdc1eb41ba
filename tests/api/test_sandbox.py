"""A sandbox's clock over the wire: it stands still, moves forward only, and the operator alone moves it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import CORE, World, make_world
from tests.making import CHILD, NOW, OPERATOR

from tollbook.clock import DAY_MS, format_instant
from tollbook.operations import ticking
from tollbook.operations.sandbox import furnish
from tollbook.store import Store

CLOCK = f"{CORE}/sandbox/clock"
BEGINS = NOW - 100 * DAY_MS


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[World]:
    """A world whose book is a sandbox, of a time long before the machine's."""
    made = make_world(tmp_path)
    made.store.act(lambda act: furnish(act, BEGINS))
    yield made
    made.store.close()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The instants at which what is due was run."""
    seen: list[int] = []

    def run(store: Store) -> None:
        with store.reading() as book:
            seen.append(book.present(store.clock.now()))

    for place in ("api.billing", "operations.sandbox", "operations.ticking"):
        monkeypatch.setattr(f"tollbook.{place}.run_due", run)
    return seen


def move(world: World, body: Any, partner: str = OPERATOR, **headers: Any) -> Any:
    return world.post(CLOCK, world.token(partner), json_body=body, **headers)


def shown(instant: int) -> dict[str, str]:
    return {"now": format_instant(instant)}


def test_it_stands_still_until_it_is_moved(sandbox: World, runs: list[int]) -> None:
    for _ in range(2):
        assert sandbox.get(CLOCK, sandbox.token(CHILD)).json == shown(BEGINS)
        sandbox.clock.instant += DAY_MS
    assert move(sandbox, {"advance": "31d"}).json == shown(BEGINS + 31 * DAY_MS)
    assert sandbox.get(CLOCK, sandbox.token()).json == shown(BEGINS + 31 * DAY_MS)
    there = {"now": format_instant(BEGINS + 40 * DAY_MS)}
    assert move(sandbox, there).json == there
    assert move(sandbox, there).json == there  # where it is already
    assert runs == [BEGINS + 31 * DAY_MS, *[BEGINS + 40 * DAY_MS] * 2]


def test_what_is_done_there_is_done_at_its_instant_and_tokens_keep_the_machines(sandbox: World) -> None:
    made = sandbox.post(f"{CORE}/partners", sandbox.token(OPERATOR), json_body={"name": "New"}).json
    assert made["date_created"] == format_instant(BEGINS)
    token = sandbox.granted(CHILD)
    assert (token["date_created"], token["date_expiration_access_token"]) == (NOW, NOW + 3_600_000)
    move(sandbox, {"advance": "500w"})
    assert sandbox.get(f"{CORE}/oauth/whoami", token["access_token"]).status == 200
    sandbox.clock.instant += 3_600_000
    assert sandbox.get(f"{CORE}/oauth/whoami", token["access_token"]).status == 401


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "advance", "give now or advance"),
        ({"advance": "1d", "now": "2030-01-01T00:00:00Z"}, "now", "give now or advance, not both"),
        ({"advance": "31"}, "advance", "expected a whole number with s, m, h, d or w, like 31d"),
        ({"advance": "-1d"}, "advance", "expected a whole number with s, m, h, d or w, like 31d"),
        ({"advance": "0d"}, "advance", "expected a whole number with s, m, h, d or w, like 31d"),
        ({"advance": "١d"}, "advance", "expected a whole number with s, m, h, d or w, like 31d"),
        ({"advance": 31}, "advance", "expected a text"),
        ({"advance": None}, "advance", "expected a text"),
        ({"advance": "999999999w"}, "advance", "leads beyond the year 2100"),
        ({"now": "2030-01-01"}, "now", "expected a date with time and zone, like 2024-10-31T18:00:00Z"),
        ({"now": "2101-01-01T00:00:00Z"}, "now", "expected a year from 2000 to 2100"),
        ({"now": 5}, "now", "expected a text"),
        ({"then": "1d"}, "then", "unknown attribute; give now or advance"),
    ],
)
def test_a_move_that_cannot_be(sandbox: World, runs: list[int], body: Any, field: str, said: str) -> None:
    reply = move(sandbox, body)
    assert (reply.status, reply.code) == (422, "object_invalid")
    assert [(flaw["field"], flaw["message"]) for flaw in reply.json["errors"]] == [(field, said)]
    assert sandbox.get(CLOCK, sandbox.token()).json == shown(BEGINS)
    assert runs == []


def test_a10_it_never_goes_back(sandbox: World, runs: list[int]) -> None:
    reply = move(sandbox, shown(BEGINS - 1))
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "now")
    assert format_instant(BEGINS) in reply.json["errors"][0]["message"]
    assert sandbox.get(CLOCK, sandbox.token()).json == shown(BEGINS)
    assert runs == []


def test_only_the_operator_moves_it(sandbox: World, runs: list[int]) -> None:
    reply = move(sandbox, {"advance": "1d"}, CHILD)
    assert (reply.status, reply.code, reply.json["message"]) == (403, "operator_only", "forbidden")
    assert sandbox.get(CLOCK, sandbox.token()).json == shown(BEGINS)
    assert runs == []


def test_a14_a_move_that_is_sent_twice_is_made_once(sandbox: World, runs: list[int]) -> None:
    first = move(sandbox, {"advance": "31d"}, Idempotency_Key="month")
    again = move(sandbox, {"advance": "31d"}, Idempotency_Key="month")
    assert first.body == again.body
    assert sandbox.get(CLOCK, sandbox.token()).json == shown(BEGINS + 31 * DAY_MS)


@pytest.mark.parametrize("body", [{"advance": "1d"}, {"advance": "x"}])
def test_a_book_that_is_no_sandbox_has_no_such_path(world: World, runs: list[int], body: Any) -> None:
    for reply in (world.get(CLOCK, world.token()), move(world, body), move(world, body, CHILD)):
        assert (reply.status, reply.code, reply.json["message"]) == (404, "path_unknown", "not found")
    assert runs == []


# What time brings, elsewhere.


def due_at(store: Store, instant: int) -> None:
    """Have a partner's billing fall due at an instant."""
    store.act(
        lambda act: act._run(
            "INSERT INTO billing (partner_sid, status, cycle, begins, anchor, first_open, invoice_hash, journal_hash,"
            " date_due) VALUES (?, 'billed', 'monthly', 0, 0, 0, ?, ?, ?)",
            (CHILD, b"", b"", instant),
        )
    )


def test_a_tick_runs_what_is_due_and_nothing_before(world: World, runs: list[int]) -> None:
    ticking.tick(world.store)
    due_at(world.store, NOW + 1)
    ticking.tick(world.store)
    assert runs == []
    world.clock.instant = NOW + 1
    ticking.tick(world.store)
    assert runs == [NOW + 1]


def test_a_sandbox_does_not_tick(sandbox: World, runs: list[int]) -> None:
    due_at(sandbox.store, 0)
    ticking.tick(sandbox.store)
    assert runs == []
