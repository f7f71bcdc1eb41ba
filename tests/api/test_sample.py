"""The documented sample, imported and served: byte for byte, but for line ends and indentation."""

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.api.client import INVOICES, World, make_world
from tests.making import MILLION, NOW, OPERATOR, invoice, partner, put, sid

from tollbook.clock import DAY_MS
from tollbook.mediation.json_files import pieces
from tollbook.operations.importing import Report, import_invoices

SAMPLE = Path(__file__).parent / "golden" / "invoices_limit_1.json"
DOCUMENTED = json.loads(SAMPLE.read_text())
BODY = json.dumps(DOCUMENTED, separators=(",", ":")).encode()
INVOICE = DOCUMENTED["items"][0]
OWNER = INVOICE["partner_sid"]


@pytest.fixture
def documented(tmp_path: Path) -> World:
    """A world where the sample's partner has the sample's invoice and three older ones."""
    world = make_world(tmp_path, public_url="https://api.carrierx.com")
    with world.store.writing() as act:
        act.add_partner(replace(JOHN, partner_sid=OWNER))
    report = Report()
    import_invoices(world.store, pieces("sample", io.BytesIO(SAMPLE.read_bytes())), report)
    assert (report.new, report.bad) == (1, [])
    put(world.store, *(invoice(n, OWNER, date_created=NOW - (40 + n) * DAY_MS, amount=n * MILLION) for n in (1, 2, 3)))
    return world


JOHN = partner(0xED, 0xA0, name="John Smith", available_scopes=("invoices.read",))


def test_the_documented_list_is_answered_byte_for_byte(documented: World) -> None:
    reply = documented.get(f"{INVOICES}?limit=1", documented.token(OWNER, "invoices.read"))
    assert reply.status == 200
    assert reply.body == BODY
    assert reply.headers["content-type"] == "application/json"


def test_the_next_link_is_the_documented_one(documented: World) -> None:
    reply = documented.get(f"{INVOICES}?limit=1", documented.token(OWNER, "invoices.read"))
    assert reply.json["pagination"] == {"next": "https://api.carrierx.com/core/v2/billing/invoices?limit=1&offset=1"}
    assert reply.json["total"] == 4


def test_the_sample_is_served_by_its_sid(documented: World) -> None:
    reply = documented.get(f"{INVOICES}/{INVOICE['invoice_sid']}", documented.token(OWNER, "invoices.read"))
    assert reply.status == 200
    assert reply.body == json.dumps(INVOICE, separators=(",", ":")).encode()


def test_related_adds_the_partner_in_its_place(documented: World) -> None:
    token = documented.token(OWNER, "invoices.read")
    listed = documented.get(f"{INVOICES}?limit=1&with_related=true", token).json["items"][0]
    single = documented.get(f"{INVOICES}/{INVOICE['invoice_sid']}?with_related=TRUE", token)
    names = list(listed)
    assert names == sorted(names)
    assert names.index("partner") == names.index("paid") + 1 == names.index("partner_sid") - 1
    assert single.json == listed
    shown = listed.pop("partner")
    assert listed == INVOICE
    assert (shown["name"], shown["partner_sid"], shown["parent_sid"]) == ("John Smith", OWNER, OPERATOR)
    assert "password" not in shown
    assert "password_hash" not in shown


def test_the_partners_balance_is_the_negated_balance_of_the_current_invoice(documented: World) -> None:
    token = documented.token(OWNER, "invoices.read")
    reply = documented.get(f"{INVOICES}/{INVOICE['invoice_sid']}?with_related=true", token)
    newest = documented.get(f"{INVOICES}?order=date_billing_period_start desc&limit=1".replace(" ", "%20"), token)
    forward = Decimal(newest.json["items"][0]["balance_forward"])
    assert forward
    assert Decimal(reply.json["partner"]["balance"]) == -forward


def test_every_item_has_the_documented_keys_in_their_order(shelf: World) -> None:
    items = shelf.get(f"{INVOICES}?limit=1000", shelf.token()).json["items"]
    assert len(items) == 9
    for item in items:
        assert list(item) == list(INVOICE)
        for line in item["invoice_items"]:
            assert list(line) in (list(INVOICE["invoice_items"][0]), list(INVOICE["invoice_items"][2]))
        for name in ("amount", "amount_due", "amount_tax", "balance_forward", "balance_previous"):
            assert isinstance(item[name], str)


def test_a_direction_without_meaning_is_absent_and_a_null_date_is_null(shelf: World) -> None:
    did = shelf.get(f"{INVOICES}/{sid(3)}", shelf.token()).json
    assert "direction" not in did["invoice_items"][0]
    assert did["invoice_items"][0]["country_code"] is None
    assert shelf.get(f"{INVOICES}/{sid(6)}", shelf.token()).json["date_charge_expected"] is None
