"""What every answer carries, whatever the endpoint: HEAD, OPTIONS, CORS, tags, compression, request ids, links."""

import gzip
import re

import pytest
from tests.api.client import INVOICES, PARTNERS, TOKENS, World, make_world
from tests.making import CHILD, OPERATOR, sid

from tollbook.api.resources import CORE, ROUTES

READABLE = [INVOICES, f"{INVOICES}/{sid(8)}", PARTNERS, f"{PARTNERS}/{CHILD}", TOKENS, f"{CORE}/oauth/whoami"]
BIG = f"{INVOICES}?limit=9"


@pytest.mark.parametrize("target", [*READABLE, "/health/live", f"{INVOICES}/{sid(99)}", f"{INVOICES}?limit=x", "/no"])
def test_head_is_get_without_its_body(shelf: World, target: str) -> None:
    token = shelf.token()
    got, headed = shelf.get(target, token, X_Request_Id="one"), shelf.ask("HEAD", target, token, X_Request_Id="one")
    assert headed.body == b""
    assert (headed.status, headed.headers) == (got.status, got.headers)
    assert int(headed.headers["content-length"]) == len(got.body) > 0


@pytest.mark.parametrize("path", sorted({CORE + route.path for route in ROUTES}))
def test_options_needs_no_credentials_and_lists_all(shelf: World, path: str) -> None:
    target = re.sub(r"\{\w+\}", sid(1), path)
    reply = shelf.ask("OPTIONS", target, Origin="https://app.example", Access_Control_Request_Method="GET")
    methods = {route.method for route in ROUTES if CORE + route.path == path}
    expected = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    assert (reply.status, reply.body) == (204, b"")
    assert set(reply.headers["allow"].split(", ")) == expected
    assert reply.headers["access-control-allow-methods"] == reply.headers["allow"]


@pytest.mark.parametrize(
    ("target", "status"), [(INVOICES, 200), (f"{INVOICES}?x=1", 400), (f"{INVOICES}/{sid(0)}", 404), ("/nowhere", 404)]
)
def test_every_answer_lets_any_origin_read_it(shelf: World, target: str, status: int) -> None:
    reply = shelf.get(target, shelf.token(), Origin="https://app.example")
    assert reply.status == status
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in reply.headers
    allowed = reply.headers["access-control-allow-headers"].split(", ")
    assert {"Authorization", "Content-Type"} <= set(allowed)
    exposed = set(reply.headers["access-control-expose-headers"].split(", "))
    assert exposed == {"ETag", "Idempotency-Replayed", "Link", "X-Request-Id", "Retry-After", "X-Error-Code"}
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("target", READABLE)
def test_an_answer_has_a_strong_tag_and_304_has_no_body(shelf: World, target: str) -> None:
    token = shelf.token()
    first = shelf.get(target, token)
    assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["etag"])
    again = shelf.get(target, token, If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert again.headers[name] == first.headers[name]
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept-Encoding, Authorization"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("*", 304),
        ('"other", {tag}', 304),
        ("W/{tag}", 304),
        ('"other"', 200),
        ("", 200),
        ("nonsense", 200),
        ('"{tag}', 200),
    ],
)
def test_if_none_match_is_read_as_the_standard_says(shelf: World, header: str, status: int) -> None:
    token = shelf.token()
    tag = shelf.get(INVOICES, token).headers["etag"]
    sent = header.replace("{tag}", tag if header != '"{tag}' else tag[1:4])
    assert shelf.get(INVOICES, token, If_None_Match=sent).status == status


def test_b15_a_thousand_tags_are_read_in_part_only(shelf: World) -> None:
    token = shelf.token()
    tag = shelf.get(INVOICES, token).headers["etag"]
    others = ", ".join(f'"{number}"' for number in range(1000))
    assert shelf.get(INVOICES, token, If_None_Match=f"{tag}, {others}").status == 304
    assert shelf.get(INVOICES, token, If_None_Match=f"{others}, {tag}").status == 200


def test_b15_a_range_is_not_taken(shelf: World) -> None:
    token = shelf.token()
    whole = shelf.get(INVOICES, token)
    part = shelf.get(INVOICES, token, Range="bytes=0-1,5-9,0-", If_Range=whole.headers["etag"])
    assert (part.status, part.body) == (200, whole.body)


def test_a_changed_record_has_another_tag(world: World) -> None:
    token, target = world.token(OPERATOR), f"{PARTNERS}/{CHILD}"
    before = world.get(target, token).headers["etag"]
    assert world.ask("PATCH", target, token, json_body={"city": "Oslo"}).status == 200
    after = world.get(target, token, If_None_Match=before)
    assert after.status == 200
    assert after.headers["etag"] != before


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "*", "deflate, gzip;q=1.0"])
def test_a_long_answer_is_compressed_under_a_tag_of_its_own(shelf: World, accepted: str) -> None:
    token = shelf.token()
    plain, zipped = shelf.get(BIG, token), shelf.get(BIG, token, Accept_Encoding=accepted)
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body)
    assert zipped.headers["etag"] == plain.headers["etag"][:-1] + '-gzip"'
    assert zipped.headers["vary"] == plain.headers["vary"]
    same = shelf.get(BIG, token, Accept_Encoding=accepted, If_None_Match=zipped.headers["etag"])
    assert same.status == 304
    assert shelf.get(BIG, token, If_None_Match=zipped.headers["etag"]).status == 200


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "gzip; q=0.000", "br", "xgzip"])
def test_an_answer_is_not_compressed_for_who_does_not_ask(shelf: World, accepted: str) -> None:
    reply = shelf.get(BIG, shelf.token(), Accept_Encoding=accepted)
    assert "content-encoding" not in reply.headers


def test_a_refused_gzip_is_not_overruled_by_a_star(shelf: World) -> None:
    reply = shelf.get(BIG, shelf.token(), Accept_Encoding="gzip;q=0, *;q=1")
    assert "content-encoding" not in reply.headers


def test_a_short_answer_is_not_compressed(shelf: World) -> None:
    reply = shelf.get(f"{INVOICES}?limit=1&include_fields=amount", shelf.token(), Accept_Encoding="gzip")
    assert "content-encoding" not in reply.headers
    assert len(reply.body) < 1024


def test_a_request_id_is_given_back(shelf: World) -> None:
    assert shelf.get(INVOICES, X_Request_Id="Ab-9._~").headers["x-request-id"] == "Ab-9._~"


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", 'a"b', "a\u00e9", "<x>", "a;b", "a\tb"])
def test_b13_a_request_id_that_is_none_is_replaced(shelf: World, given: str) -> None:
    reply = shelf.get(INVOICES, X_Request_Id=given)
    assert re.fullmatch(r"[0-9a-f]{32}", reply.headers["x-request-id"])


def test_each_request_has_an_id_of_its_own(shelf: World) -> None:
    assert len({shelf.get(INVOICES).headers["x-request-id"] for _ in range(5)}) == 5


def test_the_next_page_is_linked_in_a_header(shelf: World) -> None:
    reply = shelf.get(f"{INVOICES}?limit=2", shelf.token())
    assert reply.headers["link"] == f'<{reply.json["pagination"]["next"]}>; rel="next"'
    assert "link" not in shelf.get(f"{INVOICES}?limit=9", shelf.token()).headers


def test_b13_a_link_holds_no_character_that_ends_it(shelf: World) -> None:
    query = 'filter=status+ne+"x>;y"&limit=1'
    reply = shelf.get(f"{INVOICES}?{query}", shelf.token())
    assert reply.headers["link"].count(">") == 1
    assert '"' not in reply.headers["link"].partition(">")[0]


def test_server_timing_is_said_in_development_only(shelf: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    world = make_world(tmp_path_factory.mktemp("development"), development=True)
    assert re.fullmatch(r"app;dur=[0-9.]+", world.get("/health/live").headers["server-timing"])
    assert "server-timing" not in shelf.get("/health/live").headers


@pytest.mark.parametrize("target", [f"{INVOICES}/{sid(99)}", INVOICES, "/nowhere"])
def test_errors_are_not_cached(shelf: World, target: str) -> None:
    reply = shelf.get(target)
    assert reply.headers["cache-control"] == "no-store"
    assert "etag" not in reply.headers


def test_e8_answers_do_not_tell_what_serves_them(shelf: World) -> None:
    reply = shelf.get(INVOICES, shelf.token())
    assert not {"server", "x-powered-by", "set-cookie"} & set(reply.headers)
