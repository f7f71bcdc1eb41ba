"""Section B against the real server: what the wire may carry, and what is said to it.

What is asserted of the HTTP parser itself (an empty body, no request id) was measured on Granian 2.8.7.
"""

import pytest
from tests.api.client import CORE, INVOICES, NO_ITEM, PARTNERS, refusal
from tests.hostile.conftest import Served
from tests.hostile.process import Heard, hear, request
from tests.making import CHILD

from tollbook import limits

JSON = "Content-Type: application/json"
CLOSE = b"Connection: close\r\n"


def refused_by_the_parser(heard: Heard, status: int) -> bool:
    """Whether it was answered before there was a request: no body, no header of ours, and the end."""
    return heard.status == status and heard.body == b"" and "x-request-id" not in heard.headers


def refused(heard: Heard, status: int, code: str) -> bool:
    """Whether it was answered with one of our problems."""
    return heard.status == status and heard.headers.get("x-error-code") == code


def is_well(served: Served) -> bool:
    """Whether the server still answers."""
    return served.server.get(f"{INVOICES}?limit=1", served.token).status == 200


def test_b4_one_header_of_ten_megabytes_is_431_and_memory_stays_flat(served: Served) -> None:
    assert is_well(served)
    before = served.server.memory()
    for _ in range(3):
        heard = served.server.say(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 10_000_000 + b"\r\n\r\n")
        assert refused_by_the_parser(heard, 431)
    assert served.server.memory() - before < 8 * 1_048_576
    assert is_well(served)


def test_b5_a_hundred_headers_are_taken_and_one_more_is_431(served: Served) -> None:
    own = 3  # Host, Connection, Authorization
    fits = served.server.get(INVOICES, served.token, *(f"X-{n}: a" for n in range(100 - own)))
    assert fits.status == 200
    for number in (101, 1000):
        heard = served.server.get(INVOICES, served.token, *(f"X-{n}: a" for n in range(number - own)))
        assert refused_by_the_parser(heard, 431)


def test_b6_a_url_past_8_kb_is_414(served: Served) -> None:
    longest = limits.URL_BYTES_MAX - len(INVOICES)
    assert refused(served.server.get(f"{INVOICES}?{'x' * longest}", served.token), 400, "argument_unknown")
    for length in (longest + 1, 20_000):
        assert refused(served.server.get(f"{INVOICES}?{'x' * length}", served.token), 414, "url_too_long")


def test_b6_a_url_of_100_kb_overflows_the_header_buffer(served: Served) -> None:
    assert refused_by_the_parser(served.server.get(f"{INVOICES}?{'x' * 100_000}", served.token), 431)


@pytest.mark.parametrize("more", [[], ["Content-Length: 2"]], ids=["alone", "with a length"])
def test_b7_a_transfer_encoding_is_411_and_the_end_of_the_connection(served: Served, more: list[str]) -> None:
    head = request("POST", PARTNERS, served.token, JSON, "Transfer-Encoding: chunked", *more).replace(CLOSE, b"")
    smuggled = request("GET", f"{INVOICES}?limit=1", served.token)
    with served.server.connect() as sock:
        sock.sendall(head + b"2\r\n{}\r\n0\r\n\r\n" + smuggled)
        assert refused(hear(sock), 411, "length_required")
        assert hear(sock) == Heard(None, {}, b"", True)


@pytest.mark.parametrize("coding", ["gzip", "identity", "chunked, gzip", "\x0bchunked", "chunkedx"])
def test_b7_a_transfer_encoding_that_is_not_chunked_never_becomes_a_request(served: Served, coding: str) -> None:
    heard = served.server.say(request("POST", PARTNERS, served.token, JSON, f"Transfer-Encoding: {coding}") + b"{}")
    assert heard.status in (400, 411)
    assert heard.closed or heard.headers["connection"] == "close"


@pytest.mark.parametrize(
    "lengths",
    [
        ["2", "3"],
        ["3", "2"],
        ["2, 2"],
        ["2,3"],
        ["-2"],
        ["+2"],
        ["0x2"],
        ["2 2"],
        ["abc"],
        [""],
        ["9" * 20],
        ["\u00b2"],
    ],
)
def test_b7_a_length_that_is_none_or_two_is_400(served: Served, lengths: list[str]) -> None:
    fields = [f"Content-Length: {length}" for length in lengths]
    heard = served.server.say(request("POST", PARTNERS, served.token, JSON, *fields) + b"{}x")
    assert refused_by_the_parser(heard, 400)


def test_b7_two_equal_lengths_are_one(served: Served) -> None:
    """The parser merges them, as RFC 9110, 8.6 allows; nothing behind it can tell."""
    heard = served.server.say(request("POST", PARTNERS, served.token, JSON, *["Content-Length: 2"] * 2) + b"{}")
    assert refused(heard, 422, "object_invalid")


@pytest.mark.parametrize("query", ["filter=%ff", "filter=%c0%ae", "filter=%", "filter=%2", "%ff=1", "filter=%ed%a0%80"])
def test_b8_bad_bytes_in_a_query_are_400(served: Served, query: str) -> None:
    assert refused(served.server.get(f"{INVOICES}?{query}", served.token), 400, "query_malformed")


@pytest.mark.parametrize("segment", ["%ff", "%", "%zz", "%c0%ae", "%00", "%2e%2e", "%0d%0a", "%e2%80%ae"])
def test_b8_bad_bytes_in_a_path_are_404(served: Served, segment: str) -> None:
    heard = served.server.get(f"{INVOICES}/{segment}", served.token)
    assert heard.status == 404
    assert heard.body == NO_ITEM
    assert served.server.get(f"/{segment}/x", served.token).status == 404


@pytest.mark.parametrize("target", ["/core/\xff", f"{INVOICES}?filter=\xff", "/a b", "\\", "/\x7f\x01"])
def test_b8_raw_bytes_outside_ascii_never_become_a_request(served: Served, target: str) -> None:
    assert refused_by_the_parser(served.server.get(target, served.token), 400)


def test_b10_ten_megabytes_are_413_without_being_read(served: Served) -> None:
    head = request("POST", PARTNERS, served.token, JSON, "Content-Length: 10000000")
    with served.server.connect() as sock:
        sock.sendall(head)  # and not a byte of the body
        assert refused(hear(sock), 413, "body_too_large")
    heard = served.server.say(head + b"x" * 10_000_000)
    assert refused(heard, 413, "body_too_large")
    assert is_well(served)


def test_b10_a_client_that_waits_for_continue_gets_the_refusal_instead(served: Served) -> None:
    expect = "Expect: 100-continue"
    with served.server.connect() as sock:
        sock.sendall(request("POST", PARTNERS, served.token, JSON, expect, "Content-Length: 10000000"))
        assert refused(hear(sock), 413, "body_too_large")
    with served.server.connect() as sock:
        sock.sendall(request("POST", PARTNERS, "", JSON, expect, "Content-Length: 2"))
        assert refused(hear(sock), 401, "credentials_missing")
    with served.server.connect() as sock:
        sock.sendall(request("POST", PARTNERS, served.token, JSON, expect, "Content-Length: 2"))
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"{}")
        assert refused(hear(sock), 422, "object_invalid")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_b10_an_encoded_body_is_refused_unread(served: Served, coding: str) -> None:
    fields = (JSON, f"Content-Encoding: {coding}", "Content-Length: 1000000")
    assert refused(served.server.say(request("POST", PARTNERS, served.token, *fields)), 415, "media_type")


def test_b10_a_body_where_none_is_expected_is_not_read(served: Served) -> None:
    head = request("GET", f"{INVOICES}?limit=1", served.token, "Content-Length: 1000000")
    assert served.server.say(head).status == 200
    assert refused(
        served.server.say(request("DELETE", INVOICES, served.token, "Content-Length: 9")), 405, "method_unknown"
    )


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "FOO", "get", "PROPFIND", "A" * 200])
def test_b11_other_methods_are_405_with_allow(served: Served, method: str) -> None:
    heard = served.server.say(request(method, f"{PARTNERS}/{CHILD}", served.token))
    assert refused(heard, 405, "method_unknown")
    assert heard.headers["allow"] == "GET, HEAD, PUT, PATCH, OPTIONS"
    assert served.server.say(request(method, "/nowhere", served.token)).status == 404


def test_b11_a_method_that_is_no_word_and_a_tunnel_are_refused(served: Served) -> None:
    assert refused_by_the_parser(served.server.say(request("G@T", INVOICES, served.token)), 400)
    assert served.server.say(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 404


def test_b12_neither_host_nor_forwarded_lies_reach_a_link_unchecked(served: Served) -> None:
    target = f"{INVOICES}?limit=1"
    lies = ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "Forwarded: host=evil.example")
    heard = served.server.get(target, served.token, *lies)
    assert heard.headers["link"] == f'<http://127.0.0.1{target}&offset=1>; rel="next"'
    absolute = served.server.get(f"http://evil.example{target}", served.token)
    assert b"evil" not in absolute.body
    for host in ("evil.example/", "a b", "x\r\nHost: y", "\u00ff", "<script>"):
        text = request("GET", target, served.token).replace(b"Host: 127.0.0.1", b"Host: " + host.encode("latin-1"))
        assert served.server.say(text).status == 400


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\x00b", "a\r\n b", "a\x01b"])
def test_b13_a_header_with_a_control_character_never_becomes_a_request(served: Served, value: str) -> None:
    assert refused_by_the_parser(served.server.get("/health/live", "", f"X-Request-Id: {value}"), 400)


@pytest.mark.parametrize("value", ["x" * 300, "\u00e9", "a%0d%0aSet-Cookie: x", 'a"b'])
def test_b13_no_request_id_but_a_plain_one_comes_back(served: Served, value: str) -> None:
    heard = served.server.get("/health/live", "", f"X-Request-Id: {value}")
    assert heard.status == 200
    assert len(heard.headers["x-request-id"]) == 32
    assert "set-cookie" not in heard.headers


def test_b13_encoded_line_ends_in_a_query_stay_encoded_in_the_link(served: Served) -> None:
    target = f"{INVOICES}?limit=1&filter=status%20ne%20%22%0d%0aX-Evil:%201%22"
    heard = served.server.get(target, served.token)
    assert (heard.status, heard.headers["link"]) == (200, f'<http://127.0.0.1{target}&offset=1>; rel="next"')
    assert "x-evil" not in heard.headers


def test_b14_http2_is_not_spoken_and_upgrades_are_ignored(served: Served) -> None:
    assert served.server.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == Heard(None, {}, b"", True)
    for upgrade in (["Upgrade: h2c", "HTTP2-Settings: AAMAAABk"], ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]):
        heard = served.server.get(f"{INVOICES}?limit=1", served.token, *upgrade)
        assert heard.status == 200
        assert "upgrade" not in heard.headers


def test_b15_many_tags_and_ranges_cost_nothing(served: Served) -> None:
    first = served.server.get(f"{INVOICES}?limit=1", served.token)
    others = ", ".join(f'W/"{number}"' for number in range(1000))
    mine = f"If-None-Match: {first.headers['etag']}, {others}"
    again = served.server.get(f"{INVOICES}?limit=1", served.token, mine)
    assert (again.status, again.body) == (304, b"")
    ranged = served.server.get(f"{INVOICES}?limit=1", served.token, "Range: bytes=0-" + ",5-6" * 1000)
    assert (ranged.status, ranged.body) == (200, first.body)


def test_e1_two_authorization_headers_let_nobody_in(served: Served) -> None:
    right, wrong = f"Authorization: Bearer {served.token}", "Authorization: Bearer guess"
    for pair in ([right, wrong], [wrong, right], [right, right], ["Authorization: Basic Og==", right]):
        heard = served.server.get(INVOICES, "", *pair)
        assert heard.status == 401
        assert heard.headers["www-authenticate"] == "Bearer"


def test_e1_tokens_of_any_bytes_and_length_are_one_401(served: Served) -> None:
    for text in ("\u00e9\u00ff", "", "a" * 20_000, "%00", "x y"):
        heard = served.server.get(INVOICES, "", f"Authorization: Bearer {text}")
        assert heard.status == 401
        assert heard.headers["x-error-code"] in ("credentials_wrong", "credentials_missing")
    assert refused_by_the_parser(served.server.get(INVOICES, "a" * 1_000_000), 431)
    unread = served.server.get(f"{INVOICES}?access_token={served.token}")
    assert refused(unread, 401, "credentials_missing")


def test_b12_two_hosts_are_none(served: Served) -> None:
    hosts = request("GET", INVOICES, served.token, "Host: evil.example")
    assert refused(served.server.say(hosts), 400, "request_malformed")


def test_a_request_without_a_host_is_answered_where_no_link_needs_one(served: Served) -> None:
    assert served.server.say(b"GET /health/ready HTTP/1.0\r\n\r\n").body == b'{"status":"ready"}'
    head = f"GET {INVOICES} HTTP/1.0\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode()
    assert refused(served.server.say(head), 400, "request_malformed")


def test_an_error_is_whole_on_the_wire(served: Served) -> None:
    heard = served.server.get(f"{CORE}/nothing", served.token)
    assert heard.body == refusal("not found", (None, "no such path"))
    assert heard.headers["content-length"] == str(len(heard.body))
