"""Pages laid end to end are the list, in every order, forward and back, by offset and by cursor."""

from itertools import chain
from urllib.parse import quote

import pytest
from tests.api.client import INVOICES, PARTNERS, TOKENS, Reply, World
from tests.making import OPERATOR, RESELLER

from tollbook.query.fields import INVOICES as CATALOGUE
from tollbook.query.fields import SCALARS

ORDERS = [
    "",
    "date_created asc",
    "amount desc",
    "status",
    "paid desc, status asc",
    "date_charge_expected",
    "date_charge_expected desc, amount",
    "partner.city, partner.name desc",
    "display_id desc, amount, status desc",
    "invoice_sid",
]


def joined(pages: list[Reply]) -> list[str]:
    return list(chain.from_iterable(page.sids() for page in pages))


def asked(order: str, more: str) -> str:
    return f"{INVOICES}?order={quote(order)}&{more}"


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("order", ORDERS)
def test_pages_by_offset_make_the_list(shelf: World, order: str, size: int) -> None:
    token = shelf.token(OPERATOR)
    whole = shelf.get(asked(order, "limit=1000"), token).sids()
    pages = shelf.walk(asked(order, f"limit={size}"), token)
    assert len(set(whole)) == len(whole) == 12
    assert joined(pages) == whole
    assert {page.json["total"] for page in pages} == {12}
    back = shelf.walk(asked(order, f"limit={size}&offset={12 - size}"), token, "previous")
    assert set(joined(back)) == set(whole)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("order", ORDERS)
def test_pages_by_cursor_make_the_list_there_and_back(shelf: World, order: str, size: int) -> None:
    token = shelf.token(OPERATOR)
    whole = shelf.get(asked(order, "limit=1000"), token).sids()
    forward = shelf.walk(asked(order, f"limit={size}&after={whole[0]}"), token)
    assert joined(forward) == whole[1:]
    back = shelf.walk(asked(order, f"limit={size}&before={whole[-1]}"), token, "previous")
    assert joined(back[::-1]) == whole[:-1]
    assert all("offset" not in link for page in forward + back for link in page.json["pagination"].values())


@pytest.mark.parametrize("condition", ["status eq open", "amount gt 1", "invoice_items.type eq toll"])
@pytest.mark.parametrize("order", ORDERS[:4])
def test_pages_of_a_filtered_list_make_it(shelf: World, order: str, condition: str) -> None:
    token, where = shelf.token(OPERATOR), f"filter={quote(condition)}"
    reply = shelf.get(asked(order, f"{where}&limit=1000"), token)
    whole = reply.sids()
    assert 0 < len(whole) == reply.json["total"] < 12
    assert joined(shelf.walk(asked(order, f"{where}&limit=2"), token)) == whole
    assert joined(shelf.walk(asked(order, f"{where}&limit=2&after={whole[0]}"), token)) == whole[1:]


@pytest.mark.parametrize("field", [field for field in CATALOGUE.fields if field.kind in SCALARS], ids=lambda f: f.name)
def test_every_scalar_orders_a_list(shelf: World, field: object) -> None:
    name, token = field.name, shelf.token(OPERATOR)  # type: ignore[attr-defined]
    up = shelf.get(asked(name, "limit=1000"), token)
    down = shelf.get(asked(f"{name} desc", "limit=1000"), token)
    assert up.sids() == down.sids()[::-1]
    assert [item[name] is None for item in up.json["items"]] == sorted(
        (item[name] is None for item in up.json["items"]), reverse=True
    )


@pytest.mark.parametrize(("target", "name"), [(PARTNERS, "partner_sid"), (TOKENS, "token_sid")])
def test_partners_and_tokens_have_pages_too(world: World, target: str, name: str) -> None:
    token = world.token(OPERATOR)
    for _ in range(4):
        world.token(RESELLER)
    whole = world.get(f"{target}?limit=1000", token).sids(name)
    pages = world.walk(f"{target}?limit=2", token)
    assert list(chain.from_iterable(page.sids(name) for page in pages)) == whole
    assert len(whole) > 3
    after = world.walk(f"{target}?limit=2&after={whole[0]}", token)
    assert list(chain.from_iterable(page.sids(name) for page in after)) == whole[1:]
