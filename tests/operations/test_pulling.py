"""A whole account page by page: to the end, on from where it broke, nowhere else than asked, within bounds."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.making import invoice
from tests.operations.lines import exported, line
from tests.operations.source import TOKEN, Reply, Source, serving

from tollbook import errors, limits
from tollbook.errors import Refusal
from tollbook.operations import pulling
from tollbook.operations.importing import Report
from tollbook.operations.pulling import pull_invoices, start_of
from tollbook.operations.verifying import check_book
from tollbook.store import Store


@pytest.fixture
def source() -> Iterator[Source]:
    """A server with seven invoices, three a page."""
    with serving(Source([json.loads(line(invoice(n))) for n in range(7)], page=3)) as made:
        yield made


class Pull:
    """Pulls, and the seconds that were waited between tries."""

    def __init__(self, book: Store, source: Source) -> None:
        self.book = book
        self.source = source
        self.waits: list[float] = []

    def __call__(self, **options: Any) -> tuple[bool, Report]:
        report = Report()
        asked = pulling.Source(self.source.url + "?limit=3", TOKEN, self.waits.append)
        return pull_invoices(self.book, asked, report, **options), report


@pytest.fixture
def pull(book: Store, source: Source) -> Pull:
    """What pulls from the source into the book."""
    return Pull(book, source)


def remembered(book: Store) -> list[str]:
    with book.reading() as read:
        return [value for name, value in read.settings().items() if name.startswith("pull:")]


def test_to_the_end(pull: Pull) -> None:
    told: list[tuple[int, int | None]] = []
    ended, report = pull(watch=lambda done, total: told.append((done, total)))
    assert (ended, report.read, report.new, report.bad_records) == (True, 7, 7, 0)
    assert told == [(3, 7), (6, 7), (7, 7)]
    assert [path.partition("?")[2] for path in pull.source.asked] == ["limit=3", "limit=3&offset=3", "limit=3&offset=6"]
    assert set(pull.source.tokens) == {f"Bearer {TOKEN}"}
    assert sorted(json.loads(text)["invoice_sid"] for text in exported(pull.book).splitlines()) == [
        record["invoice_sid"] for record in pull.source.records
    ]
    assert remembered(pull.book) == []
    assert check_book(pull.book).total == 0


def test_a_pull_that_broke_off_goes_on_where_it_was(pull: Pull) -> None:
    pull.source.script = lambda number: Reply(404) if number == 2 else None
    with pytest.raises(Refusal, match="answered 404"):
        pull()
    assert len(exported(pull.book).splitlines()) == 6
    assert pulling.resumed(pull.book, pull.source.url + "?limit=3")
    ended, report = pull()
    assert (ended, report.read, len(pull.source.asked)) == (True, 1, 4)
    assert remembered(pull.book) == []


def test_or_begins_anew(pull: Pull) -> None:
    pull.source.script = lambda number: Reply(404) if number == 2 else None
    with pytest.raises(Refusal):
        pull()
    _, report = pull(restart=True)
    assert (report.read, report.new, report.replaced) == (7, 1, 6)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_trouble_is_waited_out(pull: Pull, status: int) -> None:
    pull.source.script = lambda number: Reply(status) if number in (1, 2) else None
    assert pull()[0]
    assert pull.waits == [1, 2]


def test_as_long_as_the_server_asks_within_bounds(pull: Pull) -> None:
    waits = {0: "7", 1: "99999999999", 2: "soon", 3: "0"}
    pull.source.script = lambda number: Reply(503, headers={"Retry-After": waits[number]}) if number in waits else None
    assert pull()[0]
    assert pull.waits == [7, limits.FETCH_WAIT_SECONDS_MAX, 4, 0]


def test_a_cut_answer_is_asked_for_again(pull: Pull) -> None:
    pull.source.script = lambda number: pull.source.answer("?")._replace(cut=True) if number == 0 else None
    assert pull()[1].new == 7
    assert pull.waits == [1]


def test_lasting_trouble_ends_it(pull: Pull) -> None:
    pull.source.script = lambda number: Reply(503)
    with pytest.raises(Refusal, match="answered 503, 6 times in a row; run the same command to go on") as refused:
        pull()
    assert refused.value.problem is errors.SOURCE_BROKEN
    assert len(pull.waits) == limits.FETCH_TRIES_MAX - 1


def test_nobody_there(book: Store) -> None:
    waits: list[float] = []
    with pytest.raises(Refusal, match="6 times in a row"):
        pull_invoices(book, pulling.Source("http://127.0.0.1:9", TOKEN, waits.append), Report())


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_token_is_said_at_once(pull: Pull, status: int) -> None:
    pull.source.script = lambda number: Reply(status)
    with pytest.raises(Refusal, match="is the token right") as refused:
        pull()
    assert TOKEN not in str(refused.value)
    assert pull.waits == []


def test_a_redirect_is_not_followed(pull: Pull) -> None:
    pull.source.script = lambda number: Reply(302, headers={"Location": "http://127.0.0.1:1/"})
    with pytest.raises(Refusal, match="answered 302"):
        pull()


@pytest.mark.parametrize(
    "following",
    ["http://elsewhere.example/x", "https://127.0.0.1/x", "http://127.0.0.1:1/x", "//127.0.0.1/x", "x", "http://[/"],
)
def test_the_token_goes_nowhere_else(pull: Pull, following: str) -> None:
    body = json.dumps({"items": [], "pagination": {"next": following}}).encode()
    pull.source.script = lambda number: Reply(200, body)
    with pytest.raises(Refusal, match="the token is not sent there"):
        pull()
    assert len(pull.source.asked) == 1


def test_a_page_that_is_next_to_itself(pull: Pull) -> None:
    body = json.dumps({"items": [], "pagination": {"next": pull.source.url + "?limit=3"}}).encode()
    pull.source.script = lambda number: Reply(200, body)
    with pytest.raises(Refusal, match="this page again"):
        pull()


def test_a_list_that_never_ends(pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FETCH_PAGES_MAX", 2)
    with pytest.raises(Refusal, match="does not end"):
        pull()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"items":5}', b'{"items":[],"items":[]}', b"[" * 99_999])
def test_what_is_not_a_list(pull: Pull, body: bytes) -> None:
    pull.source.script = lambda number: Reply(200, body)
    with pytest.raises(Refusal):
        pull()


def test_a_page_over_the_limit(pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FETCH_BYTES_MAX", 100)
    with pytest.raises(Refusal, match="longer than 100 bytes"):
        pull()


def test_a_server_that_takes_too_long(pull: Pull, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FETCH_SECONDS_MAX", -1)
    with pytest.raises(Refusal, match="the answer took more than"):
        pull()


def test_a_bad_record_stops_at_its_page(pull: Pull) -> None:
    pull.source.records[4]["amount"] = "1."
    ended, report = pull()
    assert (ended, report.read, report.bad_records, report.new) == (False, 6, 1, 3)
    (bad,) = report.bad
    assert (bad.place.element, bad.field) == (1, "amount")
    assert bad.place.source.endswith("offset=3")
    pull.source.records[4]["amount"] = "1"
    assert pull()[1].new == 4


def test_or_is_left_out(pull: Pull) -> None:
    pull.source.records[4]["amount"] = "1."
    ended, report = pull(keep_going=True)
    assert (ended, report.bad_records, report.new) == (True, 1, 6)
    assert check_book(pull.book).total == 0


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://h.example", "https://h.example/core/v2/billing/invoices?limit=1000"),
        ("https://h.example/core/v2/", "https://h.example/core/v2/billing/invoices?limit=1000"),
        (
            "https://h.example/core/v2/billing/invoices?order=amount#x",
            "https://h.example/core/v2/billing/invoices?order=amount",
        ),
    ],
)
def test_where_to_begin(given: str, asked: str) -> None:
    assert start_of(given) == asked


@pytest.mark.parametrize(
    "url", ["ftp://h.example", "file:///etc/passwd", "h.example", "https://", "https://u:p@h.example", "https://[/"]
)
def test_where_not_to_begin(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        start_of(url)
    assert refused.value.problem is errors.ARGUMENT_INVALID
