"""The envelope of a list: its keys, limits and defaults, exact totals, and the links to other pages."""

import pytest
from tests.api.client import INVOICES, PARTNERS, TOKENS, World, make_world, refusal
from tests.api.shelf import CHILDS
from tests.making import CHILD, FAMILY, OPERATOR, RESELLER, sid

BASE = f"http://tollbook.test{INVOICES}"
ENVELOPE = ["count", "has_more", "items", "limit", "offset", "pagination", "total"]


@pytest.mark.parametrize("target", [INVOICES, PARTNERS, TOKENS])
def test_every_list_has_the_documented_envelope(shelf: World, target: str) -> None:
    answer = shelf.get(f"{target}?limit=2", shelf.token(OPERATOR)).json
    assert list(answer) == ENVELOPE
    assert answer["count"] == len(answer["items"]) == 2
    assert (answer["limit"], answer["offset"]) == (2, 0)


def test_an_empty_list_is_an_answer(world: World) -> None:
    assert world.get(INVOICES, world.token()).body == (
        b'{"count":0,"has_more":false,"items":[],"limit":10,"offset":0,"pagination":{},"total":0}'
    )


@pytest.mark.parametrize("query", ["", "?limit=", "?limit=0", "?offset=0", "?offset=", "?limit=10", "?filter=&order="])
def test_absent_empty_and_zero_mean_the_default(shelf: World, query: str) -> None:
    answer = shelf.get(INVOICES + query, shelf.token()).json
    assert (answer["limit"], answer["offset"], answer["count"]) == (10, 0, 9)


@pytest.mark.parametrize(
    "limit", ["-1", "1001", "1e3", "%D9%A3", "%2B5", "5%20", "+5", "99999999999999999999", "x", "1.0"]
)
def test_c11_a_limit_outside_its_bounds_is_refused(shelf: World, limit: str) -> None:
    reply = shelf.get(f"{INVOICES}?limit={limit}", shelf.token())
    assert reply.status == 400
    assert reply.body == refusal("bad request", ("limit", "expected a whole number from 0 to 1000"))
    assert reply.code == "argument_invalid"


@pytest.mark.parametrize("offset", ["-1", "9223372036854775808", "9007199254740993", "1_0", "%C2%B2", "0x1"])
def test_c11_an_offset_outside_its_bounds_is_refused(shelf: World, offset: str) -> None:
    reply = shelf.get(f"{INVOICES}?offset={offset}", shelf.token())
    assert reply.body == refusal("bad request", ("offset", f"expected a whole number from 0 to {2**53}"))


def test_limits_up_to_the_documented_most_are_taken(shelf: World) -> None:
    assert shelf.get(f"{INVOICES}?limit=1000", shelf.token()).json["limit"] == 1000


@pytest.mark.parametrize("offset", [9, 10, 2**53])
def test_c12_past_the_end_there_are_no_items_and_the_right_total(shelf: World, offset: int) -> None:
    answer = shelf.get(f"{INVOICES}?offset={offset}", shelf.token()).json
    assert (answer["count"], answer["items"], answer["total"], answer["has_more"]) == (0, [], 9, False)
    assert answer["offset"] == offset
    assert list(answer["pagination"]) == ["previous"]


def test_a_total_counts_what_the_filter_keeps_and_the_caller_sees(shelf: World) -> None:
    child, operator = shelf.token(), shelf.token(OPERATOR)
    closed = "filter=status%20eq%20closed"
    assert shelf.get(f"{INVOICES}?limit=1", child).json["total"] == 9
    assert shelf.get(f"{INVOICES}?limit=1&{closed}", child).json["total"] == 2
    assert shelf.get(f"{INVOICES}?limit=1", operator).json["total"] == 12
    assert shelf.get(f"{INVOICES}?limit=1&{closed}", operator).json["total"] == 3
    assert shelf.get(f"{INVOICES}?limit=1&{closed}", shelf.token(RESELLER)).json["total"] == 1


def links(world: World, target: str, **headers: str) -> dict[str, str]:
    found: dict[str, str] = world.get(target, world.token(), **headers).json["pagination"]
    return found


def test_links_keep_the_arguments_in_order_and_as_received(shelf: World) -> None:
    asked = "order=amount+desc&filter=status%20ne%20%22void%22&limit=2&with_related=True&offset=2&exclude_fields=paid"
    kept = "order=amount+desc&filter=status%20ne%20%22void%22&limit=2&with_related=True&exclude_fields=paid"
    assert links(shelf, f"{INVOICES}?{asked}") == {
        "next": f"{BASE}?{kept}&offset=4",
        "previous": f"{BASE}?{kept}&offset=0",
    }


def test_links_carry_the_effective_limit_in_its_place(shelf: World) -> None:
    assert links(shelf, f"{INVOICES}?limit=&offset=2&filter=") == {"previous": f"{BASE}?limit=10&filter=&offset=0"}
    assert links(shelf, f"{INVOICES}?offset=4") == {"previous": f"{BASE}?limit=10&offset=0"}


@pytest.mark.parametrize(
    ("offset", "names"), [(0, ["next"]), (1, ["next", "previous"]), (6, ["previous"]), (9, ["previous"])]
)
def test_a_link_stands_only_where_there_is_a_page(shelf: World, offset: int, names: list[str]) -> None:
    reply = shelf.get(f"{INVOICES}?limit=3&offset={offset}", shelf.token())
    assert list(reply.json["pagination"]) == names
    assert reply.json["has_more"] is ("next" in names)


def test_cursor_lists_link_with_cursors_and_without_offset(shelf: World) -> None:
    newest_first = CHILDS[::-1]
    found = links(shelf, f"{INVOICES}?after={newest_first[1]}&limit=3&offset=0")
    assert found == {
        "next": f"{BASE}?limit=3&after={newest_first[4]}",
        "previous": f"{BASE}?limit=3&before={newest_first[2]}",
    }


def test_before_gives_the_records_just_before_in_the_same_order(shelf: World) -> None:
    newest_first = CHILDS[::-1]
    reply = shelf.get(f"{INVOICES}?before={newest_first[5]}&limit=2", shelf.token())
    assert reply.sids() == newest_first[3:5]
    assert reply.json["has_more"] is True
    assert list(reply.json["pagination"]) == ["next", "previous"]
    first = shelf.get(f"{INVOICES}?before={newest_first[2]}&limit=2", shelf.token())
    assert first.sids() == newest_first[:2]
    assert list(first.json["pagination"]) == ["next"]


def test_a_shuffled_list_has_neither_links_nor_cursors(shelf: World) -> None:
    token = shelf.token()
    replies = [shelf.get(f"{INVOICES}?order=shuffle&limit=9", token) for _ in range(12)]
    assert all(reply.json["pagination"] == {} and sorted(reply.sids()) == CHILDS for reply in replies)
    assert len({tuple(reply.sids()) for reply in replies}) > 1
    assert shelf.get(f"{INVOICES}?order=shuffle&limit=2", token).json["pagination"] == {}
    refused = shelf.get(f"{INVOICES}?order=shuffle&after={CHILDS[0]}", token)
    assert refused.body == refusal("bad request", ("after", "after does not go with order=shuffle"))


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        (f"after={sid(1)}&before={sid(2)}", "after", "after and before cannot both be given"),
        (f"after={sid(1)}&offset=1", "after", "after does not go with a non-zero offset"),
        (f"before={sid(1)}&offset=1", "before", "before does not go with a non-zero offset"),
    ],
)
def test_cursors_that_contradict_are_refused(shelf: World, query: str, field: str, message: str) -> None:
    reply = shelf.get(f"{INVOICES}?{query}", shelf.token())
    assert (reply.status, reply.body) == (400, refusal("bad request", (field, message)))


def test_a_cursor_may_miss_the_filter(shelf: World) -> None:
    reply = shelf.get(f"{INVOICES}?filter=status+eq+closed&after={sid(6)}", shelf.token())
    assert reply.sids() == [sid(2), sid(1)]
    assert reply.json["total"] == 2


def test_links_stand_on_the_public_url(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = make_world(tmp_path_factory.mktemp("public"), public_url="https://bill.example/base/")
    reply = world.get(f"{PARTNERS}?limit=1", world.token(OPERATOR), Host="evil.example")
    assert reply.json["pagination"]["next"] == f"https://bill.example/base{PARTNERS}?limit=1&offset=1"


def test_b12_links_stand_on_the_requests_own_host(shelf: World) -> None:
    found = links(shelf, f"{INVOICES}?limit=1", Host="billing.example:8443", X_Forwarded_Host="evil.example")
    assert found["next"] == f"http://billing.example:8443{INVOICES}?limit=1&offset=1"


@pytest.mark.parametrize("host", ["", "evil.example/x?", "a b", "x\u00e9", 'a"b', "<s>", "a@b", "[::1", "h:99999999"])
def test_b12_a_host_that_is_none_is_refused(shelf: World, host: str) -> None:
    reply = shelf.get(INVOICES, shelf.token(), Host=host)
    assert (reply.status, reply.code) == (400, "request_malformed")
    assert reply.json["errors"][0]["field"] == "Host"


def test_b12_forwarded_headers_count_from_a_trusted_proxy_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = make_world(tmp_path_factory.mktemp("proxied"), trusted_proxy="10.0.0.1")
    token, target = world.token(OPERATOR), f"{PARTNERS}?limit=1"
    said = {"X_Forwarded_Host": "billing.example", "X_Forwarded_Proto": "https"}
    trusted = world.get(target, token, remote="10.0.0.1", **said).json["pagination"]["next"]
    other = world.get(target, token, remote="10.0.0.2", **said).json["pagination"]["next"]
    assert trusted == f"https://billing.example{PARTNERS}?limit=1&offset=1"
    assert other == f"http://tollbook.test{PARTNERS}?limit=1&offset=1"
    lies = {"X_Forwarded_Host": "evil.example/x", "X_Forwarded_Proto": "https"}
    assert world.get(target, token, remote="10.0.0.1", **lies).status == 400
    assert world.get(target, token, remote="10.0.0.1", X_Forwarded_Proto="javascript").status == 400


def test_the_operator_lists_the_whole_family(shelf: World) -> None:
    reply = shelf.get(f"{PARTNERS}?order=partner_sid", shelf.token(OPERATOR))
    assert reply.sids("partner_sid") == sorted(FAMILY)
    assert shelf.get(PARTNERS, shelf.token(CHILD)).sids("partner_sid") == [CHILD]
