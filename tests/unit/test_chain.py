"""The chain: it covers everything but three keys, and every link holds on to the one before."""

import copy
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.making import invoice

from tollbook.billing.chain import (
    NOTHING,
    JournalEntry,
    canonical,
    imported_digest,
    invoice_hash,
    journal_hash,
)
from tollbook.query.fields import INVOICES
from tollbook.query.records import wire_record

CLOSED = invoice(1, status="closed", date_issued=5)
WIRE: dict[str, Any] = wire_record(INVOICES.fields, lambda name: getattr(CLOSED, name))
FREE = {"status", "paid", "date_charged"}


def test_what_is_hashed_is_what_the_api_serves() -> None:
    """Anyone with the served JSON can compute the hash: alphabetical keys, no spaces, three keys left out."""
    covered = {key: value for key, value in WIRE.items() if key not in FREE}
    served = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical(WIRE) == served
    expected = hashlib.sha256(b"tollbook invoice 1\n" + bytes(32) + served).digest()
    assert invoice_hash(WIRE, NOTHING) == expected
    assert canonical(json.loads(json.dumps(WIRE))) == served


@pytest.mark.parametrize("key", sorted(WIRE))
def test_law_6_every_key_but_three_is_covered(key: str) -> None:
    other = {**WIRE, key: "changed"}
    assert (invoice_hash(other, NOTHING) == invoice_hash(WIRE, NOTHING)) == (key in FREE)


def test_a_change_within_a_line_shows() -> None:
    other = copy.deepcopy(WIRE)
    other["invoice_items"][0]["usage"] += 1
    assert invoice_hash(other, NOTHING) != invoice_hash(WIRE, NOTHING)


def test_an_embedded_partner_is_no_part_of_an_invoice() -> None:
    assert canonical({**WIRE, "partner": {"name": "x"}}) == canonical(WIRE)


@pytest.mark.parametrize("value", [0.5, [0.5], {"a": (1, {"b": 2.0})}])
def test_floats_cannot_be_hashed(value: Any) -> None:
    with pytest.raises(ValueError, match="float"):
        canonical({**WIRE, "amount": value})


@pytest.mark.parametrize("key", sorted(FREE))
def test_what_is_no_whole_invoice_cannot_be_hashed(key: str) -> None:
    with pytest.raises(ValueError, match="wire form"):
        canonical({name: value for name, value in WIRE.items() if name != key})


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_every_link_holds_on_to_its_predecessor(one: bytes, other: bytes) -> None:
    entry = JournalEntry(partner_sid="p", position=1, invoice_sid="i", move="close", date=5, who="bill")
    assert (invoice_hash(WIRE, one) == invoice_hash(WIRE, other)) == (one == other)
    assert (journal_hash(entry, one) == journal_hash(entry, other)) == (one == other)


def test_the_first_computed_invoice_chains_to_all_imported_ones_in_their_order() -> None:
    second = {**WIRE, "display_id": "002"}
    assert imported_digest([]) == NOTHING
    digests = {imported_digest(given) for given in ([WIRE], [second], [WIRE, second], [second, WIRE])}
    assert len(digests) == 4


def test_a_journal_entrys_every_part_is_covered() -> None:
    entry = JournalEntry(partner_sid="p", position=1, invoice_sid="i", move="close", date=5, who="bill", why="due")
    others = [
        JournalEntry(**{**{name: getattr(entry, name) for name in entry.__struct_fields__}, name: value})
        for name, value in [
            ("partner_sid", "q"), ("position", 2), ("invoice_sid", None), ("move", "void"), ("date", 6),
            ("who", "eve"), ("why", None),
        ]
    ]  # fmt: skip
    assert len({journal_hash(each, NOTHING) for each in [entry, *others]}) == 8
