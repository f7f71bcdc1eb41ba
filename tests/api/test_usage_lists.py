"""Lists of detail records: not counted, a thousand a page, cursors that never lead astray, and who sees what."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.client import INVOICES, NO_ITEM, World, make_world
from tests.api.usage_world import CALLS, MESSAGES, USAGE, begin_billing, call, give_sheets, lookups, message, put_record
from tests.engine import call as event
from tests.making import CHILD, GRANDCHILD, OPERATOR, RESELLER

EVERYBODY = (CHILD, RESELLER, GRANDCHILD)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Nine calls of the child's, and calls of three others: the same sids in each of them, and odd ones."""
    world = make_world(tmp_path_factory.mktemp("recorded"))
    begin_billing(world, *EVERYBODY)
    give_sheets(world)
    operator = world.token(OPERATOR)
    numbers = {CHILD: range(1, 10), RESELLER: range(1, 4), GRANDCHILD: range(1, 4)}
    calls = [call(number, partner_sid=sid) for sid, some in numbers.items() for number in some]
    odd = [call(20, dr_sid=f"{GRANDCHILD}/c1", partner_sid=RESELLER), call(21, dr_sid="a&b=c%2F+#?", partner_sid=CHILD)]
    for target, records in ((CALLS, calls + odd), (MESSAGES, [message(n, partner_sid=CHILD) for n in range(1, 6)]),
                            (USAGE, [lookups(1, 3, partner_sid=CHILD)])):  # fmt: skip
        told = world.post(target, operator, json_body={"items": records}).json["items"]
        assert {each["result"] for each in told} == {"accepted"}
    put_record(world.store, event(OPERATOR, "c2", "2025-01-15T11:00:02.500Z"))
    yield world
    world.store.close()


def test_a_list_is_not_counted_and_holds_a_thousand_by_default(recorded: World) -> None:
    answer = recorded.get(CALLS, recorded.token()).json
    assert list(answer) == ["count", "has_more", "items", "limit", "offset", "pagination", "total"]
    assert (answer["count"], answer["has_more"], answer["limit"], answer["total"]) == (10, False, 1000, None)
    assert answer["pagination"] == {}
    for zero in ("limit=0", "limit="):
        assert recorded.get(f"{CALLS}?{zero}", recorded.token()).json["limit"] == 1000
    some = recorded.get(f"{CALLS}?limit=4&offset=4", recorded.token()).json
    assert (some["count"], some["has_more"], some["total"]) == (4, True, None)
    assert list(some["pagination"]) == ["next", "previous"]
    past = recorded.get(f"{CALLS}?limit=4&offset=400", recorded.token()).json
    assert (past["items"], past["has_more"], list(past["pagination"])) == ([], False, ["previous"])


def test_default_orders(recorded: World) -> None:
    token = recorded.token()
    assert recorded.get(CALLS, token).sids("dr_sid") == [*(f"c{n}" for n in range(1, 10)), "a&b=c%2F+#?"]
    assert recorded.get(MESSAGES, token).sids("dr_sid") == [f"m{n}" for n in range(1, 6)]
    assert recorded.get(f"{CALLS}?order=date_stop+desc&limit=2", token).sids("dr_sid") == ["a&b=c%2F+#?", "c9"]


def test_filters_and_projections(recorded: World) -> None:
    token = recorded.token()
    found = recorded.get(
        f"{CALLS}?filter=price+eq+0.0050+and+dr_sid+like+%22c%25%22&include_fields=dr_sid,price", token
    )
    assert found.json["items"] == [{"dr_sid": f"c{n}", "price": "0.005"} for n in range(1, 10)]
    assert recorded.get(f"{CALLS}?filter=duration_billing+gt+120", token).json["items"] == []
    assert recorded.get(f"{MESSAGES}?filter=number_group_dst+eq+331", token).json["items"] == []
    assert recorded.get(f"{MESSAGES}?filter=type+eq+sms&limit=1", token).json["has_more"] is True
    for hidden in ("date", "kind", "state", "version_sid", "given_price"):
        assert recorded.get(f"{CALLS}?filter={hidden}+ne+null", token).code == "filter_unknown_field"


@pytest.mark.parametrize("partner", [CHILD, RESELLER, OPERATOR])
@pytest.mark.parametrize(
    "order", ["", "order=date_stop+desc", "order=dr_sid", "order=price+desc,dr_sid", "order=sipcause"]
)
@pytest.mark.parametrize("filter_", ["", "filter=dr_sid+ne+c2"])
def test_pages_laid_end_to_end_are_the_whole_list(recorded: World, partner: str, order: str, filter_: str) -> None:
    """By offset and by cursor, forward and backward: though the same sid is there in several partners."""
    token = recorded.token(partner)
    asked = "&".join(filter(None, (order, filter_)))
    whole = recorded.get(f"{CALLS}?{asked}", token).json["items"]
    assert len({(item["partner_sid"], item["dr_sid"]) for item in whole}) == len(whole) > 3
    by_offset = recorded.walk(f"{CALLS}?limit=2&{asked}", token)
    assert [item for page in by_offset for item in page.json["items"]] == whole
    first = whole[0]
    cursor = quote(f"{first['partner_sid']}/{first['dr_sid']}")
    forward = recorded.walk(f"{CALLS}?limit=2&{asked}&after={cursor}", token)
    assert [item for page in forward for item in page.json["items"]] == whole[1:]
    last = quote(f"{whole[-1]['partner_sid']}/{whole[-1]['dr_sid']}")
    backward = recorded.walk(f"{CALLS}?limit=2&{asked}&before={last}", token, "previous")
    assert [item for page in reversed(backward) for item in page.json["items"]] == whole[:-1]


def test_a_plain_cursor_names_the_callers_record_before_one_beneath(recorded: World) -> None:
    reply = recorded.get(f"{CALLS}?after=c1&limit=1&order=dr_sid,partner_sid", recorded.token(RESELLER))
    assert [(item["dr_sid"], item["partner_sid"]) for item in reply.json["items"]] == [("c1", GRANDCHILD)]
    beneath = recorded.get(f"{CALLS}?after=c9&limit=1", recorded.token(OPERATOR))
    assert beneath.sids("dr_sid") == [f"{GRANDCHILD}/c1"]


@pytest.mark.parametrize("cursor", ["c4", "nothing", f"{CHILD}/c4", f"{RESELLER}/c4", "m1"])
def test_c13_a_cursor_out_of_sight_is_a_404(recorded: World, cursor: str) -> None:
    reply = recorded.get(f"{CALLS}?after={cursor}", recorded.token(RESELLER))
    assert (reply.status, reply.body) == (404, NO_ITEM)


def test_who_sees_whose_records(recorded: World) -> None:
    def seen(partner: str, *scopes: str, target: str = CALLS) -> set[str]:
        return set(recorded.get(target, recorded.token(partner, *scopes)).sids("partner_sid"))

    assert seen(RESELLER, "calls.read") == {RESELLER}
    assert seen(RESELLER, "calls.manage", "sms.read_descendant") == {RESELLER}
    assert seen(RESELLER, "calls.read", "calls.read_descendant") == {RESELLER, GRANDCHILD}
    assert seen(OPERATOR, "calls.read", "calls.read_descendant") == {OPERATOR, *EVERYBODY}
    assert seen(OPERATOR, "sms.read", target=MESSAGES) == set()
    assert seen(OPERATOR, "sms.read", "sms.read_descendant", target=MESSAGES) == {CHILD}


def test_by_sid_the_callers_own_comes_first_then_the_nearest_beneath(recorded: World) -> None:
    def whose(partner: str, sid: str, *scopes: str) -> Any:
        reply = recorded.get(
            f"{CALLS}/{sid}", recorded.token(partner, *(scopes or ("calls.manage", "calls.read_descendant")))
        )
        return reply.json["partner_sid"] if reply.status == 200 else reply.body

    assert [whose(partner, "c1") for partner in EVERYBODY] == list(EVERYBODY)
    assert whose(OPERATOR, "c2") == OPERATOR
    assert whose(OPERATOR, "c1") == CHILD
    assert whose(OPERATOR, "c9") == CHILD
    assert whose(OPERATOR, "c9", "calls.read") == NO_ITEM
    assert whose(RESELLER, "c9") == whose(RESELLER, "unknown") == whose(CHILD, "m1") == NO_ITEM
    assert whose(CHILD, quote("a&b=c%2F+#?", safe="")) == CHILD


def test_with_related_embeds_the_partner(recorded: World) -> None:
    item = recorded.get(f"{CALLS}?limit=1&with_related=true", recorded.token()).json["items"][0]
    assert list(item)[list(item).index("partner") :][:2] == ["partner", "partner_sid"]
    assert item["partner"]["partner_sid"] == CHILD


# What is behind an invoice.


def behind(world: World, partner: str, query: str = "", *scopes: str, of: str = CHILD) -> Any:
    (invoice_sid, *_) = world.get(f"{INVOICES}?limit=1", world.token(of)).sids()
    return world.get(f"{INVOICES}/{invoice_sid}/usage{query}", world.token(partner, *scopes))


def test_an_invoice_shows_all_kinds_of_records_behind_it(recorded: World) -> None:
    items = behind(recorded, CHILD).json["items"]
    assert len(items) == 16
    assert {item["kind"] for item in items} == {"call", "message", "usage"}
    assert [item["date"] for item in items] == sorted(item["date"] for item in items)
    assert {item["partner_sid"] for item in items} == {CHILD}
    invoice = recorded.get(f"{INVOICES}?limit=1", recorded.token()).json["items"][0]
    assert sum(item["usage"] for item in invoice["invoice_items"]) == sum(item["quantity"] for item in items)
    assert {item["invoice_sid"] for item in items} == {invoice["invoice_sid"]}


def test_it_pages_and_filters_like_every_list(recorded: World) -> None:
    token = recorded.token()
    pages = recorded.walk(f"{behind_url(recorded)}?limit=3&filter=kind+ne+usage", token)
    assert [item["dr_sid"] for page in pages for item in page.json["items"]] == behind(
        recorded, CHILD, "?filter=kind+ne+usage"
    ).sids("dr_sid")
    assert behind(recorded, CHILD, "?after=u1&limit=1").sids("dr_sid") == ["c2"]
    assert behind(recorded, CHILD, "?after=unknown").status == 404


def behind_url(world: World) -> str:
    (invoice_sid, *_) = world.get(f"{INVOICES}?limit=1", world.token()).sids()
    return f"{INVOICES}/{invoice_sid}/usage"


def test_it_follows_the_sight_of_the_invoice(recorded: World) -> None:
    assert behind(recorded, OPERATOR, "", "invoices.read", "invoices.read_descendant").json["count"] == 16
    for partner, *scopes in ((OPERATOR, "invoices.read", "calls.read_descendant"), (RESELLER,), (GRANDCHILD,)):
        reply = behind(recorded, partner, "", *scopes)
        assert (reply.status, reply.body) == (404, NO_ITEM)
    assert behind(recorded, CHILD, "", "calls.read").status == 403
    assert recorded.get(f"{INVOICES}/unknown/usage", recorded.token()).body == NO_ITEM
