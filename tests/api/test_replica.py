"""Reads from a replica: which go there, and which must not. A real one, whose replay is held to see its lag."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.api.client import World, plant
from tests.conformance.postgres_servers import command, own_server
from tests.making import CHILD, NOW, RESELLER

from tollbook import errors
from tollbook.clock import FixedClock, SystemClock
from tollbook.errors import Refusal
from tollbook.operations.books import create_book
from tollbook.store import create_store, open_store, postgres_server
from tollbook.store.postgres_server import Server

pytestmark = pytest.mark.postgres
PARTNER = f"/core/v2/partners/{RESELLER}"


@contextmanager
def following(primary: Server) -> Iterator[Server]:
    """A server that follows another."""
    folder = primary.folder.with_name("replica")
    folder.mkdir(mode=0o700)
    if who := postgres_server._user():
        shutil.chown(folder, who)
    copy = [postgres_server.programs() / "pg_basebackup", "-D", folder / "data", "-R", "-c", "fast"]
    made = postgres_server._run([*copy, "-h", primary.folder, "-U", "tollbook"], who)
    assert made.returncode == 0, made.stdout
    replica = Server(folder, None)  # type: ignore[arg-type]
    replica.start("max_connections=60")
    try:
        yield replica
    finally:
        replica.stop("immediate")


@pytest.fixture
def world() -> Iterator[tuple[World, Server, Server]]:
    """A server over a book with a replica, which has all that was done so far."""
    with own_server() as primary:
        command(primary, "CREATE DATABASE book TEMPLATE template0")
        clock = FixedClock(NOW)
        store = create_store(primary.url("book"), clock)
        plant(store)
        with following(primary) as replica:
            world = World(store, clock, db_read=replica.url("book"))
            world.token(CHILD)
            _await(replica, "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'")
            yield world, primary, replica
            world.services.lists.close()
            store.close()


def _await(server: Server, question: str) -> None:
    ends = time.monotonic() + 20
    while command(server, question)[0][0] in (0, False):
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_lists_and_records_come_from_the_replica_and_nothing_else(world: tuple[World, Server, Server]) -> None:
    at, _, replica = world
    command(replica, "SELECT pg_wal_replay_pause()")
    _await(replica, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
    token = at.token(RESELLER)
    changed = at.ask("PATCH", PARTNER, token, json_body={"name": "Changed"})
    assert (changed.status, changed.json["name"]) == (200, "Changed")
    body = {"name": "New", "parent_sid": RESELLER}
    made = at.ask("POST", "/core/v2/partners", token, json_body=body, Idempotency_Key="one")
    assert at.ask("POST", "/core/v2/partners", token, json_body=body, Idempotency_Key="one").body == made.body
    assert at.get("/core/v2/oauth/whoami", token).status == 200
    assert at.get(PARTNER, token).json["name"] != "Changed"
    assert at.get(f"/core/v2/partners/{made.json['partner_sid']}", token).status == 404
    command(replica, "SELECT pg_wal_replay_resume()")
    ends = time.monotonic() + 20
    while at.get(PARTNER, token).json["name"] != "Changed":
        assert time.monotonic() < ends
    assert at.get(f"/core/v2/partners/{made.json['partner_sid']}", token).json == made.json


def test_a_replica_that_is_gone_is_not_ready(world: tuple[World, Server, Server]) -> None:
    at, _, replica = world
    at.services.lists.ready()
    replica.stop("immediate")
    with pytest.raises(Refusal) as raised:
        at.services.lists.ready()
    assert raised.value.problem is errors.STORE_UNAVAILABLE
    at.services.store.ready()
    token = at.token(RESELLER)
    assert at.get(PARTNER, token).status == 503
    assert at.ask("PATCH", PARTNER, token, json_body={"name": "Meanwhile"}).status == 200
    assert at.get("/core/v2/oauth/whoami", token).status == 200


def test_another_book_is_no_replica(world: tuple[World, Server, Server]) -> None:
    at, primary, _ = world
    command(primary, "CREATE DATABASE other TEMPLATE template0")
    other_url = primary.url("other")
    create_book(other_url, SystemClock()).store.close()
    with pytest.raises(Refusal, match="is no replica of"):
        open_store(at.store.url, SystemClock(), other_url)
    with pytest.raises(Refusal, match="goes with a postgresql"):
        open_store("book.db", SystemClock(), other_url)
