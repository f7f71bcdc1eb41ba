"""Who sees what: outside a sight nothing exists, and what is there changes no byte of an answer."""

from typing import Any

import pytest
from tests.conformance.asking import found, page, query, sids
from tests.making import (
    CHILD,
    EVERYTHING,
    FAMILY,
    GRANDCHILD,
    NOW,
    OPERATOR,
    RESELLER,
    invoice,
    own,
    partner,
    put,
    sid,
    token,
    tree,
)

from tollbook import errors
from tollbook.billing.model import Sight
from tollbook.errors import Refusal
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS, Resource
from tollbook.store import Store

QUERIES = [
    {},
    {"limit": 1},
    {"offset": 1},
    {"filter": "status eq open"},
    {"filter": "status in (open, closed)"},
    {"filter": "amount gt 0", "order": "amount desc,status"},
    {"filter": f"partner_sid in ({', '.join(FAMILY)})"},
    {"filter": 'partner.name ne ""', "order": "partner.name"},
    {"filter": f"partner.parent_sid eq {OPERATOR}"},
    {"filter": "invoice_items.type eq toll", "order": "date_created"},
    {"after": sid(1)},
    {"before": sid(1)},
    {"filter": "invoice_sid ge 0", "before": sid(0), "order": "invoice_sid desc"},
]


def plant(store: Store) -> None:
    """Two invoices and a token for each of the family."""
    put(store, *(invoice(number, FAMILY[number // 2]) for number in range(8)))
    with store.writing() as act:
        for number, each in enumerate(FAMILY):
            act.add_token(token(0x100 + number, each), bytes([number]), None)


@pytest.mark.parametrize(
    ("sight", "partners"),
    [
        *((own(each), [each]) for each in FAMILY),
        *((tree(each), [each]) for each in (CHILD, GRANDCHILD)),
        (tree(RESELLER), [RESELLER, GRANDCHILD]),
        (tree(OPERATOR), FAMILY),
        (EVERYTHING, FAMILY),
        (own(sid(0xDEAD)), []),
        (tree(sid(0xDEAD)), []),
    ],
)
def test_e6_sight_own_tree_and_all(store: Store, sight: Sight, partners: list[str]) -> None:
    plant(store)
    invoices = [sid(number) for number in range(8) if FAMILY[number // 2] in partners]
    assert found(store, "", sight=sight) == invoices
    assert found(store, "status eq open", sight=sight) == invoices
    assert found(store, "amount gt 0", sight=sight) == invoices
    assert found(store, "", PARTNERS, sight) == list(partners)
    assert found(store, "", TOKENS, sight) == [sid(0x100 + FAMILY.index(each)) for each in partners]


@pytest.mark.parametrize(
    ("resource", "inside", "outside"),
    [
        (INVOICES, [sid(2), sid(3)], [sid(0), sid(4), sid(6), sid(0xDEAD), CHILD, "", "x"]),
        (PARTNERS, [CHILD], [OPERATOR, RESELLER, GRANDCHILD, sid(0xDEAD), sid(2), "", "x"]),
        (TOKENS, [sid(0x101)], [sid(0x100), sid(0x102), sid(0xDEAD), CHILD, "", "x"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_e5_one_record_by_its_sid(store: Store, resource: Resource, inside: list[str], outside: list[str]) -> None:
    plant(store)
    listed = page(store, resource=resource, limit=1000).rows
    with store.reading() as book:
        for each in inside:
            row = book.record(resource, own(CHILD), each)
            assert (row.sid, row.partner_sid) == (each, CHILD)
            assert row in listed
        refusals = set()
        for each in outside:
            with pytest.raises(Refusal) as caught:
                book.record(resource, own(CHILD), each)
            refusals.add((caught.value.problem, caught.value.flaws, caught.value.retry_after))
    assert refusals == {(errors.ITEM_UNKNOWN, errors.no_item().flaws, None)}


@pytest.mark.parametrize("asked", QUERIES, ids=str)
@pytest.mark.parametrize("sight", [own(CHILD), tree(RESELLER)], ids=["own", "tree"])
def test_law_9_another_tenants_data_changes_no_byte(store: Store, sight: Sight, asked: dict[str, Any]) -> None:
    seen = CHILD if sight.reach == "own" else GRANDCHILD
    put(store, *(invoice(number, seen, amount=number + 1) for number in range(3)))
    before = page(store, sight, **asked)
    assert before.total == 3 or "parent_sid" in str(asked)
    with store.writing() as act:
        for number in range(20, 60):
            act.add_partner(partner(number, 0xA0, name="Acme"))
            act.put_invoice(invoice(number, sid(number), amount=number), "imported")
            act.put_invoice(invoice(number + 100, OPERATOR, status="closed"), "imported")
        act.change_partner(partner(0xA0, name="Other", balance=7))
    assert page(store, sight, **asked) == before


def test_e5_a_filter_on_another_tenants_sid_is_an_empty_list(store: Store) -> None:
    plant(store)
    for condition in (f"partner_sid eq {OPERATOR}", f"invoice_sid eq {sid(0)}", f"partner.partner_sid eq {OPERATOR}"):
        answer = page(store, own(CHILD), filter=condition)
        assert (answer.rows, answer.total, answer.has_next, answer.has_previous) == ([], 0, False, False)


def test_the_partners_of_records_in_sight(store: Store) -> None:
    with store.reading() as book:
        documents = book.partner_documents([CHILD, CHILD, GRANDCHILD])
        assert set(documents) == {CHILD, GRANDCHILD}
        assert documents[CHILD] == book.record(PARTNERS, EVERYTHING, CHILD).document
        assert book.partner_documents([]) == {}
        assert book.partner(tree(RESELLER), GRANDCHILD).name == "acme%_1"
        with pytest.raises(Refusal):
            book.partner(own(RESELLER), GRANDCHILD)


def test_the_tree_of_partners(store: Store) -> None:
    with store.reading() as book:
        assert book.operator_sid() == OPERATOR
        assert [book.depth(each) for each in FAMILY] == [0, 1, 1, 2]
        beneath = {(a, b) for a in FAMILY for b in FAMILY if book.is_beneath(a, b)}
    itself = {(each, each) for each in FAMILY}
    assert beneath == itself | {(OPERATOR, each) for each in FAMILY} | {(RESELLER, GRANDCHILD)}


def test_a_snapshot_belongs_together(store: Store) -> None:
    """What another act commits meanwhile is not seen until the next snapshot."""
    put(store, invoice(1))
    with store.reading() as book:
        first = book.page(EVERYTHING, query())
        put(store, invoice(2), invoice(1, status="closed"))
        assert book.page(EVERYTHING, query()) == first
        assert book.total(EVERYTHING, query(filter="status eq closed")) == 0
    assert sids(page(store)) == [sid(2), sid(1)]
    assert store.clock.now() == NOW
