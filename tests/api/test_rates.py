"""Rates over the wire: the sheet in force for the caller, as a list; and the price of one call or message."""

from typing import Any

import pytest
from tests.api.client import CORE, World
from tests.api.shelf import CALL_LINES
from tests.api.test_openapi import judged
from tests.making import CHILD, GRANDCHILD, NOW, OPERATOR, RESELLER

from tollbook.billing.sheets import CallRate
from tollbook.clock import DAY_MS, format_instant
from tollbook.operations.sheets import NewVersion, To, assign, import_deck

OUTBOUND, INBOUND = f"{CORE}/calls/rates/outbound/pstn", f"{CORE}/calls/rates/inbound/pstn"
SMS, CALL = f"{CORE}/sms/rates/outbound", f"{CORE}/rating/calls/pstn"
EMPTY = (
    b'{"active":"no","count":0,"effective_date":null,"has_more":false,"items":[],"limit":10,"offset":0,"pagination":{},'
    b'"partner_sid":null,"rates_plan":null,"total":0}'
)


def asked(world: World, target: str, partner_sid: str = RESELLER) -> Any:
    reply = world.get(target, world.token(partner_sid))
    assert reply.status == 200, reply.body
    return reply.json


def prefixes(answer: Any) -> list[str | None]:
    return [item["prefix"] for item in answer["items"]]


# The list of a sheet.


def test_the_sheet_of_the_caller_as_documented(shelf: World) -> None:
    answer = asked(shelf, f"{OUTBOUND}?limit=1")
    assert list(answer) == [
        "active", "count", "effective_date", "has_more", "items", "limit", "offset", "pagination", "partner_sid",
        "rates_plan", "total",
    ]  # fmt: skip
    assert answer["items"] == [
        {
            "billing_increment": "6", "billing_minimum": "6", "country_code": "USA", "country_name": "US",
            "prefix": "1", "price": "0.01",
        }
    ]  # fmt: skip
    assert list(answer["items"][0]) == sorted(answer["items"][0])
    assert (answer["active"], answer["total"], answer["has_more"]) == ("yes", 5, True)
    assert answer["effective_date"] == format_instant(NOW - DAY_MS)
    assert answer["partner_sid"] == RESELLER
    assert list(answer["rates_plan"]) == ["name", "rates_plan_sid"]
    assert answer["rates_plan"]["name"] == "All calls"


def test_the_nearest_sheet_and_the_version_in_force(shelf: World) -> None:
    assert prefixes(asked(shelf, OUTBOUND, CHILD)) == ["1"]
    for partner_sid in (OPERATOR, RESELLER, GRANDCHILD):
        assert prefixes(asked(shelf, OUTBOUND, partner_sid)) == ["1", "44", "447", "8821", None]


def test_a_version_comes_into_force_as_time_goes_by(world: World) -> None:
    for late, rate in enumerate((1, 2)):
        new = NewVersion(
            name="A", service="calls", direction="inbound", effective_date=NOW + late * DAY_MS,
            rates=(CallRate(prefix=None, rate=rate),),
        )  # fmt: skip
        import_deck(world.store, new, To((RESELLER,)))
    assert asked(world, INBOUND, GRANDCHILD)["items"][0]["price"] == "0.000000001"
    world.clock.instant = NOW + DAY_MS
    assert asked(world, INBOUND, GRANDCHILD)["items"][0]["price"] == "0.000000002"
    assert asked(world, INBOUND, CHILD)["active"] == "no"


def test_no_sheet_is_an_empty_list(shelf: World) -> None:
    assert shelf.get(INBOUND, shelf.token()).body == EMPTY
    assert shelf.get(f"{INBOUND}?offset=5&limit=10", shelf.token()).json["pagination"] == {}


def test_messages_by_the_kind_of_their_sender(shelf: World) -> None:
    answer = asked(shelf, f"{SMS}/toll")
    assert answer["items"] == [
        {
            "country_code": "CZE", "country_name": "Czech Republic", "mcc": 230, "mnc": 4, "network": None,
            "operator": None, "price": "0.08533",
        },
        {
            "country_code": "USA", "country_name": None, "mcc": 310, "mnc": None, "network": "All", "operator": "AT&T",
            "price": "0.01",
        },
        {
            "country_code": None, "country_name": None, "mcc": None, "mnc": None, "network": None, "operator": None,
            "price": "0.2",
        },
    ]  # fmt: skip
    assert answer["rates_plan"]["name"] == "All sms"
    assert [item["price"] for item in asked(shelf, f"{SMS}/short_code")["items"]] == ["0.08533", "0.03", "0.2"]
    assert asked(shelf, f"{SMS}/toll_free")["total"] == 2
    assert shelf.get(f"{SMS}/tolls", shelf.token()).code == "path_unknown"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("filter=price gt 0.01", ["447", None]),
        ("filter=price eq 0.0100", ["1", "8821"]),
        ("filter=price lt 0.123456789 and price gt -1", ["1", "44", "447", "8821"]),
        ("filter=billing_minimum ge 6 and billing_minimum in (6, 60.0)", ["1", "44"]),
        ("filter=prefix eq null", [None]),
        ('filter=prefix like "44%25"', ["44", "447"]),
        ("filter=country_code eq GBR&order=price desc", ["447", "44"]),
        ("order=price", ["44", "1", "8821", "447", None]),
        ("order=price desc", [None, "447", "8821", "1", "44"]),
        ("order=prefix", [None, "1", "44", "447", "8821"]),
        ("order=country_code,price desc", [None, "8821", "447", "44", "1"]),
        ("limit=2&offset=2", ["447", "8821"]),
        ("offset=9", []),
    ],
)
def test_filters_order_and_pages(shelf: World, arguments: str, found: list[str | None]) -> None:
    answer = asked(shelf, f"{OUTBOUND}?{arguments.replace(' ', '+')}")
    assert prefixes(answer) == found
    assert answer["total"] == (5 if "filter" not in arguments else len(found))


def test_pages_laid_end_to_end_are_the_list(shelf: World) -> None:
    token = shelf.token(RESELLER)
    pages = shelf.walk(f"{OUTBOUND}?limit=2&order=country_code", token)
    assert [prefix for page in pages for prefix in prefixes(page.json)] == ["8821", None, "44", "447", "1"]
    back = shelf.walk(f"{OUTBOUND}?limit=2&offset=4&order=country_code", token, "previous")
    assert [prefixes(page.json) for page in back] == [["1"], ["44", "447"], ["8821", None]]
    assert {frozenset(prefixes(page.json)) for page in shelf.walk(f"{OUTBOUND}?order=shuffle", token)} == {
        frozenset(("1", "44", "447", "8821", None))
    }
    assert pages[0].headers["link"].endswith('offset=2>; rel="next"')


def test_fields_are_chosen_and_the_envelope_is_whole(shelf: World) -> None:
    answer = asked(shelf, f"{OUTBOUND}?include_fields=prefix,price&exclude_fields=price&limit=1")
    assert answer["items"] == [{"prefix": "1"}]
    assert answer["active"] == "yes"


@pytest.mark.parametrize("name", ["after", "before", "with_related", "position"])
def test_lines_have_no_sids_and_no_cursors(shelf: World, name: str) -> None:
    reply = shelf.get(f"{OUTBOUND}?{name}=1", shelf.token())
    assert (reply.status, reply.code) == (400, "argument_unknown")


@pytest.mark.parametrize("name", ["version_sid", "position", "sender_class", "partner_sid"])
def test_hidden_columns_cannot_be_asked_for(shelf: World, name: str) -> None:
    for place in (OUTBOUND, f"{SMS}/toll"):
        assert shelf.get(f"{place}?filter={name}+ne+null", shelf.token()).code == "filter_unknown_field"
        assert shelf.get(f"{place}?order={name}", shelf.token()).code == "order_invalid"


def test_another_version_has_another_tag(world: World) -> None:
    new = NewVersion(name="A", service="calls", direction="inbound", effective_date=NOW, rates=CALL_LINES)
    import_deck(world.store, new, To(default=True))
    token = world.token()
    tag = world.get(INBOUND, token).headers["etag"]
    assert world.get(INBOUND, token, If_None_Match=tag).status == 304
    import_deck(
        world.store,
        NewVersion(name="A", service="calls", direction="inbound", effective_date=NOW, rates=CALL_LINES[:2]),
    )
    assert world.get(INBOUND, token, If_None_Match=tag).status == 200


# One price.


def priced(world: World, arguments: str, path: str = CALL, partner_sid: str = RESELLER) -> Any:
    return asked(world, f"{path}?{arguments}", partner_sid)


def test_a_call_as_documented(shelf: World) -> None:
    reply = shelf.get(f"{CALL}?direction=outbound&duration=10&to=17605692222", shelf.token(RESELLER, "rating.read"))
    assert reply.body == b'{"direction":"outbound","duration_billing":"12","price":"0.00200","rate":"0.01000"}'


@pytest.mark.parametrize(
    ("arguments", "seconds", "price", "rate"),
    [
        ("duration=8880&to=442071838750", "8880", "0.37000", "0.00250"),
        ("duration=61&to=%2B44 20 7183 8750", "120", "0.00500", "0.00250"),
        ("duration=61&to=+442071838750", "120", "0.00500", "0.00250"),
        ("duration=1&to=447700900123", "1", "0.000666667", "0.04000"),
        ("duration=60&to=447700900123&jurisdiction=intrastate", "60", "0.000000007", "0.000000007"),
        ("duration=60&to=447700900123&jurisdiction=A", "60", "0.000000007", "0.000000007"),
        ("duration=60&to=33123456789", "60", "0.133456789", "0.123456789"),
        ("duration=0&to=442071838750", "0", "0.00000", "0.00250"),
    ],
)
def test_calls(shelf: World, arguments: str, seconds: str, price: str, rate: str) -> None:
    answer = priced(shelf, f"direction=outbound&{arguments.replace(' ', '%20')}")
    assert answer == {"direction": "outbound", "duration_billing": seconds, "price": price, "rate": rate}


def test_for_whom_and_when(shelf: World) -> None:
    call = "direction=outbound&duration=60&to=17605692222"
    assert priced(shelf, f"{call}&partner_sid={GRANDCHILD}")["rate"] == "0.01000"
    assert priced(shelf, f"{call}&partner_sid={CHILD}", partner_sid=OPERATOR)["rate"] == "0.01000"
    assert priced(shelf, f"{call}&partner_sid={CHILD}", partner_sid=CHILD)["rate"] == "0.01000"
    token = shelf.token(RESELLER)
    for other in (CHILD, OPERATOR):
        reply = shelf.get(f"{CALL}?{call}&partner_sid={other}", token)
        assert (reply.status, reply.code) == (404, "item_unknown")
    late = f"{call}&date_start={format_instant(NOW + 2 * DAY_MS)}"
    assert shelf.get(f"{CALL}?{late}", shelf.token(CHILD)).code == "rate_unknown"
    assert priced(shelf, late)["rate"] == "0.01000"


def test_what_has_no_rate_is_refused_and_never_zero(shelf: World) -> None:
    token = shelf.token()
    reply = shelf.get(f"{CALL}?direction=outbound&duration=1&to=4420", token)
    assert (reply.status, reply.code) == (404, "rate_unknown")
    assert reply.json == {
        "message": "no item error",
        "errors": [{"field": "to", "message": 'the sheet "Child\'s" has no rate for 4420', "reference_sid": None}],
    }
    reply = shelf.get(f"{CALL}?direction=inbound&duration=1&to=4420", token)
    assert (reply.status, reply.code) == (404, "rate_unknown")
    assert reply.json["errors"][0]["message"] == "no sheet is assigned"


@pytest.mark.parametrize(
    ("path", "arguments", "segments", "price", "rate"),
    [
        ("sms/toll", "to=420601123456", "1", "0.20000", "0.20000"),
        ("sms/toll", "to=420601123456&message_segments=3&mcc=230&mnc=4", "3", "0.25599", "0.08533"),
        ("sms/toll", "to=420601123456&mcc=230&mnc=04", "1", "0.08533", "0.08533"),
        ("sms/toll", "to=17605692222&mcc=310", "1", "0.01000", "0.01000"),
        ("sms/short_code", "to=17605692222&mcc=310&mnc=260", "1", "0.03000", "0.03000"),
        ("mms/toll_free", "to=17605692222&mcc=310", "1", "0.20000", "0.20000"),
        ("sms/toll", f"to=17605692222&mcc=310&text={'a' * 161}", "2", "0.02000", "0.01000"),
        ("sms/toll", f"to=17605692222&mcc=310&text={'%C4%8D' * 71}", "2", "0.02000", "0.01000"),
    ],
)
def test_messages(shelf: World, path: str, arguments: str, segments: str, price: str, rate: str) -> None:
    answer = priced(shelf, f"direction=outbound&{arguments}", f"{CORE}/rating/{path}")
    assert list(answer) == ["direction", "price", "rate", "segments"]
    assert answer == {"direction": "outbound", "price": price, "rate": rate, "segments": segments}


@pytest.mark.parametrize(
    ("path", "arguments", "told"),
    [
        ("calls/pstn", "", {"direction", "duration", "to"}),
        ("calls/pstn", "direction=both&duration=-1&to=x", {"direction", "duration", "to"}),
        ("calls/pstn", "direction=inbound&duration=1.5&to=", {"duration", "to"}),
        ("calls/pstn", "direction=inbound&duration=2678401&to=017605692222", {"duration", "to"}),
        ("calls/pstn", "direction=inbound&duration=1&to=4420&partner_sid=x&date_start=1999-01-01&jurisdiction=x",
         {"partner_sid", "date_start", "jurisdiction"}),
        ("sms/toll", "", {"direction", "to"}),
        ("sms/toll", "direction=inbound&to=4420&message_segments=0&mcc=1&mnc=x", {"message_segments", "mcc", "mnc"}),
        ("sms/toll", "direction=inbound&to=4420&message_segments=256", {"message_segments"}),
        ("sms/toll", "direction=inbound&to=4420&message_segments=1&text=a", {"text"}),
        ("sms/toll", "direction=inbound&to=4420&date_start=9999-12-31", {"date_start"}),
    ],
)  # fmt: skip
def test_every_wrong_argument_is_told(shelf: World, path: str, arguments: str, told: set[str]) -> None:
    reply = shelf.get(f"{CORE}/rating/{path}?{arguments}", shelf.token())
    assert (reply.status, reply.code) == (400, "argument_invalid")
    assert {flaw["field"] for flaw in reply.json["errors"]} == told


def test_unknown_arguments_and_paths(shelf: World) -> None:
    token = shelf.token()
    assert shelf.get(f"{CALL}?direction=inbound&duration=1&too=4420", token).code == "argument_unknown"
    assert shelf.get(f"{CORE}/rating/sms/long_code?direction=inbound&to=4420", token).code == "path_unknown"
    assert shelf.get(f"{CORE}/rating/fax/toll?direction=inbound&to=4420", token).code == "path_unknown"


def test_nothing_is_recorded(shelf: World) -> None:
    with shelf.store.reading() as book:
        before = book.version_heads()
    priced(shelf, "direction=outbound&duration=60&to=17605692222")
    with shelf.store.reading() as book:
        assert book.version_heads() == before
        assert not any(head.used for head in before)


# As the reference says.


def test_rates_are_as_described(shelf: World) -> None:
    token = shelf.token(RESELLER)
    for place in (OUTBOUND, INBOUND):
        judged(shelf, "GET", place, f"{place}?limit=2", token)
    for sender in ("toll", "short_code", "tolls"):
        judged(shelf, "GET", f"{SMS}/{{sub_type}}", f"{SMS}/{sender}", token)
    call = "direction=outbound&duration=10&to=17605692222"
    for arguments in (call, call.replace("out", "in"), "to=1", f"{call}&partner_sid={CHILD}"):
        judged(shelf, "GET", CALL, f"{CALL}?{arguments}", token)
    for kind in ("sms", "mms"):
        template = f"{CORE}/rating/{kind}/{{sub_type}}"
        judged(shelf, "GET", template, f"{CORE}/rating/{kind}/toll?direction=outbound&to=17605692222", token)


def test_a_sheet_given_later_is_not_yet_shown(world: World) -> None:
    new = NewVersion(name="A", service="calls", direction="inbound", effective_date=NOW, rates=CALL_LINES)
    import_deck(world.store, new)
    assign(world.store, "A", To((CHILD,)), NOW + 1)
    assert asked(world, INBOUND, CHILD)["active"] == "no"
