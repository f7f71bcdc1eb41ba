"""Archived records over the wire: found by their ID, on no list, not to be changed; a file that is gone is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.client import INVOICES, World, make_world
from tests.api.test_openapi import judged
from tests.api.usage_world import CALLS, MESSAGES, begin_billing, call, give_sheets, message
from tests.making import CHILD, GRANDCHILD, NOW, OPERATOR, RESELLER

from tollbook.clock import DAY_MS, FixedClock, format_instant, month_around
from tollbook.operations import archiving, billing_run

MONTH, END = month_around(NOW)
DAY = format_instant(END)[:10]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[World]:
    """A world with records of a closed month."""
    made = make_world(tmp_path)
    begin_billing(made, CHILD, RESELLER, GRANDCHILD)
    give_sheets(made)
    made.post(CALLS, made.token(CHILD), json_body=call(1))
    made.post(MESSAGES, made.token(CHILD), json_body=message(1))
    made.post(CALLS, made.token(GRANDCHILD), json_body=call(2))
    assert isinstance(made.store.clock, FixedClock)
    made.store.clock.instant += 60 * DAY_MS
    billing_run.run(made.store)
    yield made
    made.store.close()


def put_away(world: World, folder: Path) -> None:
    (month,) = archiving.archive(world.store, END, folder, lambda *_: None)
    assert month.result == "archived"


@pytest.fixture
def archived(closed: World, tmp_path: Path) -> World:
    """The same, its records archived."""
    put_away(closed, tmp_path / "files")
    return closed


def test_a_record_is_found_by_its_id(closed: World, tmp_path: Path) -> None:
    paths, token = (f"{CALLS}/c1", f"{MESSAGES}/m1", f"{CALLS}/c1?with_related=true"), closed.token(CHILD)
    before = [closed.get(path, token).body for path in paths]
    put_away(closed, tmp_path / "files")
    archived = closed
    assert [archived.get(path, token).body for path in paths] == before
    assert archived.get(f"{MESSAGES}/c1", token).status == 404
    assert archived.get(f"{CALLS}/c2", token).status == 404
    for whose in (GRANDCHILD, RESELLER, OPERATOR):
        assert archived.get(f"{CALLS}/c2", archived.token(whose)).json["partner_sid"] == GRANDCHILD


def test_what_was_sent_is_sent_again(archived: World) -> None:
    token = archived.token(CHILD)
    assert archived.post(CALLS, token, json_body=call(1)).body == archived.get(f"{CALLS}/c1", token).body


def test_lists_say_from_when_on_they_are_whole(archived: World) -> None:
    token = archived.token(CHILD)
    sid = archived.get(f"{CALLS}/c1", token).json["invoice_sid"]
    for path in (CALLS, MESSAGES, f"{INVOICES}/{sid}/usage"):
        reply = archived.get(path, token)
        assert (reply.json["items"], reply.headers["x-archived-before"]) == ([], DAY)
    assert "x-archived-before" not in archived.get(INVOICES, token).headers
    judged(archived, "GET", CALLS, CALLS, token)
    said = archived.get(f"{INVOICES}/{sid}/explain", token).json
    assert sum(rate["records"] for item in said["invoice_items"] for rate in item["rates"]) == 2


def test_corrections_are_refused_and_say_what_to_do(archived: World) -> None:
    token = archived.token(CHILD)
    for reply in (
        archived.ask("PATCH", f"{CALLS}/c1", token, json_body={"sipcause": 16, "reason": "x"}),
        archived.ask("DELETE", f"{MESSAGES}/m1?reason=x", token),
    ):
        assert (reply.status, reply.code) == (409, "archived")
        assert f"first tollbook archive --restore {format_instant(MONTH)[:7]}" in reply.json["errors"][0]["message"]


def test_a_file_that_is_gone_is_named(archived: World, tmp_path: Path) -> None:
    token = archived.token(CHILD)
    (file,) = (tmp_path / "files").iterdir()
    file.unlink()
    reply = archived.get(f"{CALLS}/c1", token)
    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "archive_unavailable", "1")
    assert reply.json["errors"][0]["message"] == f"{file.name} is missing from the archive's folder"
    assert str(tmp_path) not in reply.body.decode()
    assert archived.get(CALLS, token).status == 200
