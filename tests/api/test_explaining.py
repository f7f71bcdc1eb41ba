"""`GET /billing/invoices/{invoice_sid}/explain`: as described, in sight, in alphabetical order."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import INVOICES, NO_ITEM, World
from tests.api.test_openapi import judged
from tests.engine import UK, Engine, call, message

from tollbook.billing.scopes import SCOPES
from tollbook.billing.sheets import CallRate, MessageRate
from tollbook.money import parse_rate

NOW = "2024-12-20T10:00:00Z"
EXPLAIN = f"{INVOICES}/{{invoice_sid}}/explain"


class Served:
    """An engine's book, served."""

    def __init__(self, folder: Path) -> None:
        self.engine = Engine(folder, NOW)
        self.engine.sheet(CallRate(prefix=None, rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60))
        self.engine.sheet(MessageRate(price=parse_rate("0.005")), service="sms")
        self.partners = [self.engine.partner(name, available_scopes=SCOPES) for name in ("Acme", "Bolt")]
        self.world = World(self.engine.store, self.engine.clock)

    def sids(self, partner_sid: str) -> list[str]:
        return [each["invoice_sid"] for each in self.engine.invoices(partner_sid)]


@pytest.fixture
def served(tmp_path: Path) -> Served:
    made = Served(tmp_path)
    acme, _ = made.partners
    made.engine.record(
        call(acme, "a", NOW, seconds=8880), call(acme, "b", NOW, number_dst=UK, price=7), message(acme, "m", NOW)
    )
    made.engine.run("2025-01-21T00:00:00Z")
    made.engine.correct("a", call(acme, "a", NOW, seconds=60))
    made.engine.adjust(acme, "credit_note", "0.01", invoice_sid=made.sids(acme)[0])
    made.engine.pay(acme, "5", reference="r1", provider="bank", date_value="2025-01-20T00:00:00Z")
    made.engine.adjust(acme, "goodwill", "1")
    made.engine.run("2025-02-21T00:00:00Z")
    return made


def test_it_is_as_described(served: Served) -> None:
    token = served.world.token(served.partners[0], "invoices.read")
    found = [
        judged(served.world, "GET", EXPLAIN, f"{INVOICES}/{sid}/explain", token)
        for sid in served.sids(served.partners[0])
    ]
    assert [each["status"] for each in found] == ["closed", "closed", "open"]
    kinds = [
        (item["type"], len(item["rates"]), len(item["corrections"])) for each in found for item in each["invoice_items"]
    ]
    assert kinds == [("toll", 1, 0), ("toll", 1, 0), ("sms", 1, 0), ("credit", 0, 0), ("adjustment", 0, 1)]


def test_keys_are_in_alphabetical_order(served: Served) -> None:
    def ordered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert [name for name, _ in pairs] == sorted(name for name, _ in pairs)
        return dict(pairs)

    for sid in served.sids(served.partners[0]):
        reply = served.world.get(f"{INVOICES}/{sid}/explain", served.world.token(served.partners[0]))
        json.loads(reply.body, object_pairs_hook=ordered)


def test_it_is_there_for_those_who_see_the_invoice(served: Served) -> None:
    acme, bolt = served.partners
    path = f"{INVOICES}/{served.sids(acme)[0]}/explain"
    other = served.world.get(path, served.world.token(bolt))
    assert (other.status, other.body) == (404, NO_ITEM)
    operator = served.engine.operator.partner_sid
    assert served.world.get(path, served.world.token(operator)).status == 200
    unknown = f"{INVOICES}/00000000-0000-4000-8000-000000000000/explain"
    assert served.world.get(unknown, served.world.token(acme)).body == NO_ITEM
    assert served.world.get(f"{path}?x=1", served.world.token(acme)).code == "argument_unknown"
