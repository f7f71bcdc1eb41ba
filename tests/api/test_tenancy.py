"""Law 9: another tenant's data changes no byte of an answer.

Two worlds hold the same caller with the same records, and whatever else chance put there. Every GET, sent to
both, must be answered alike: status, headers and body.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.api.client import CORE, INVOICES, NO_ITEM, PARTNERS, TOKENS, World, make_world
from tests.conftest import PROVING
from tests.making import (
    CHILD,
    EVERYTHING,
    GRANDCHILD,
    MILLION,
    NOW,
    OPERATOR,
    RESELLER,
    invoice,
    item,
    partner,
    put,
    sid,
    tax,
    token,
)
from tests.stores import copied

from tollbook.billing.model import Invoice
from tollbook.clock import DAY_MS, FixedClock
from tollbook.operations.tokens import fingerprint
from tollbook.store import open_store

STRANGER = sid(0xB0)
READ = ("invoices.read", "partners.read", "oauth.read")


class Tenant(NamedTuple):
    """A caller, and those whose data it must not feel."""

    partner_sid: str
    scopes: tuple[str, ...]
    others: tuple[str, ...]


TENANTS = [
    Tenant(CHILD, READ, (OPERATOR, RESELLER, GRANDCHILD, STRANGER)),
    Tenant(RESELLER, (*READ, "invoices.read_descendant", "oauth.manage_all_tokens"), (OPERATOR, CHILD, STRANGER)),
    Tenant(GRANDCHILD, (*READ, "invoices.read_descendant"), (OPERATOR, CHILD, RESELLER, STRANGER)),
]
MINE = {CHILD: [1, 3, 5, 7], RESELLER: [11, 13], GRANDCHILD: [21, 22]}
FOREIGN = range(100, 106)
CONDITIONS = [
    "", "status eq open", "status in (open, closed)", "amount ge 2", "invoice_items.type eq did",
    "partner.name ne null",
    f"partner_sid eq {OPERATOR}", f"partner_sid eq {STRANGER}", f"invoice_sid ge {sid(3)}", "partner.balance ne 0",
    f"invoice_sid in ({sid(1)}, {sid(22)}, {sid(103)})", "tax_items.jurisdiction eq state", "partner.login like '%l%'",
    "nonsense eq 1", "partner.password_hash ne null",
]  # fmt: skip
ORDERS = ["", "amount desc", "partner.name, amount", "status", "date_charge_expected desc", "partner.balance", "x"]
EVERY_SID = [*(sid(n) for owned in MINE.values() for n in owned), *map(sid, FOREIGN), sid(0xFFFF), "x"]


def mine(number: int, owner: str) -> Invoice:
    """One of the family's invoices; several were created at once."""
    lines = (item(type="did" if number % 3 else "toll"), item(usage=number))
    return invoice(
        number, owner, amount=number * MILLION, status=["closed", "open"][number % 3 == 0], invoice_items=lines,
        date_charge_expected=None if number == 5 else NOW, date_created=NOW + DAY_MS * (number // 4),
    )  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A book with a stranger's partner in it, which the examples copy."""
    world = make_world(tmp_path_factory.mktemp("base"))
    with world.store.writing() as act:
        act.add_partner(partner(0xB0, 0xA0, name="Stranger"))
    world.store.close()
    return world.store.url


class Elsewhere(NamedTuple):
    """What chance put into a world beside the caller's data."""

    name: str
    invoices: list[tuple[int, int, int, str, int]]
    tokens: int


elsewhere = st.builds(
    Elsewhere,
    st.text("abl%_'\"", min_size=1, max_size=5),
    st.lists(
        st.tuples(
            st.sampled_from(FOREIGN), st.integers(0, 3), st.integers(-9, 9),
            st.sampled_from(["open", "closed", "void"]), st.integers(0, 4),
        ),
        max_size=6,
        unique_by=lambda row: row[0],
    ),
    st.integers(0, 2),
)  # fmt: skip

question = st.builds(
    lambda condition, order, limit, page, related: "&".join(
        [f"filter={quote(condition)}", f"order={quote(order)}", f"limit={limit}", *page, *related]
    ),
    st.sampled_from(CONDITIONS),
    st.sampled_from(ORDERS),
    st.integers(0, 4),
    st.one_of(
        st.just([]),
        st.builds(lambda n: [f"offset={n}"], st.integers(0, 5)),
        st.builds(lambda way, at: [f"{way}={at}"], st.sampled_from(["after", "before"]), st.sampled_from(EVERY_SID)),
    ),
    st.sampled_from([[], ["with_related=true"]]),
)


@contextmanager
def world_with(base: str, target: Path, tenant: Tenant, other: Elsewhere) -> Iterator[World]:
    """A copy of the base book with the tenant's data in it, and what chance put beside it."""
    store = open_store(copied(base, target), FixedClock(NOW))
    world = World(store, FixedClock(NOW))
    unseen = [owner for owner in tenant.others if owner in MINE]
    with store.writing() as act:
        stranger = act.partner(EVERYTHING, STRANGER)
        act.change_partner(replace(stranger, name=other.name, login=other.name, city=other.name))
        act.add_token(token(0x50, tenant.partner_sid, scopes=tenant.scopes), fingerprint("mine"), None)
        for number in range(other.tokens):
            act.add_token(token(0x60 + number, tenant.others[number]), fingerprint(f"{number}"), None)
    put(store, *(mine(n, owner) for owner, owned in MINE.items() if owner not in unseen for n in owned))
    put(store, *(_foreign(tenant, row) for row in other.invoices))
    yield world
    store.close()
    for name in (target, target.with_name(target.name + "-wal"), target.with_name(target.name + "-shm")):
        name.unlink(missing_ok=True)


def _foreign(tenant: Tenant, row: tuple[int, int, int, str, int]) -> Invoice:
    number, owner, amount, status, day = row
    return invoice(
        number, tenant.others[owner % len(tenant.others)], amount=amount * MILLION, status=status,
        date_created=NOW + day * DAY_MS, balance_forward=amount, tax_items=(tax(jurisdiction="state"),),
    )  # fmt: skip


def answer(world: World, target: str) -> tuple[int, Any, bytes]:
    """The whole answer, under a request id of its own choice."""
    reply = world.get(target, "mine", X_Request_Id="same", Accept_Encoding="identity")
    return reply.status, dict(reply.headers), reply.body


@pytest.mark.parametrize("tenant", TENANTS, ids=["child", "reseller", "grandchild"])
def test_law_9_another_tenants_data_changes_no_byte(base: str, tmp_path: Path, tenant: Tenant) -> None:
    singles = [f"{INVOICES}/{each}" for each in EVERY_SID] + [f"{PARTNERS}/{each}" for each in (STRANGER, sid(0xFF))]
    singles += [f"{TOKENS}/{sid(number)}" for number in (0x50, 0x60, 0x61, 0x62)]
    lists = [f"{PARTNERS}?filter=name%20ne%20x", f"{TOKENS}?with_related=true", f"{CORE}/oauth/whoami"]

    @settings(max_examples=500 if PROVING else 25)
    @given(one=elsewhere, two=elsewhere, asked=st.lists(question, min_size=12, max_size=12))
    def alike(one: Elsewhere, two: Elsewhere, asked: list[str]) -> None:
        with (
            world_with(base, tmp_path / "one.db", tenant, one) as first,
            world_with(base, tmp_path / "two.db", tenant, two) as second,
        ):
            for target in [*singles, *lists, *(f"{INVOICES}?{query}" for query in asked)]:
                assert answer(first, target) == answer(second, target), target

    alike()


@pytest.mark.parametrize("tenant", TENANTS, ids=["child", "reseller", "grandchild"])
def test_e5_what_is_out_of_sight_is_what_does_not_exist(base: str, tmp_path: Path, tenant: Tenant) -> None:
    other = Elsewhere("name", [(100, 0, 1, "open", 1), (101, 1, 1, "open", 1), (102, 2, 1, "open", 1)], 2)
    unknown = sid(0xFFFF)
    with world_with(base, tmp_path / "book.db", tenant, other) as world:
        assert world.get(f"{INVOICES}/{sid(100)}", "mine").status == 404
        for number in (100, 101, 102):
            for target in (f"{INVOICES}/", f"{INVOICES}?after=", f"{INVOICES}?before="):
                hidden, absent = answer(world, target + sid(number)), answer(world, target + unknown)
                assert hidden == absent
                assert hidden[2] == NO_ITEM
        for path, hidden_sid in ((PARTNERS, STRANGER), (TOKENS, sid(0x60))):
            assert answer(world, f"{path}/{hidden_sid}") == answer(world, f"{path}/{unknown}")


def test_the_property_would_notice(base: str, tmp_path: Path) -> None:
    """With a wider sight the same two worlds do differ: the property can fail."""
    tenant = TENANTS[0]._replace(partner_sid=OPERATOR, scopes=(*READ, "invoices.read_descendant"))
    one, two = Elsewhere("a", [], 0), Elsewhere("b", [(100, 0, 1, "open", 1)], 1)
    with (
        world_with(base, tmp_path / "one.db", tenant, one) as first,
        world_with(base, tmp_path / "two.db", tenant, two) as second,
    ):
        for target in (INVOICES, f"{INVOICES}/{sid(100)}", f"{PARTNERS}/{STRANGER}"):
            assert answer(first, target) != answer(second, target)
