"""Files of usage: of whatever shape, each record is read as a body's would be, and told by its place and its text."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.making import CHILD
from tests.unit.test_usage_records import CALL, MESSAGE, SAMPLES, USAGE

from tollbook.errors import Refusal
from tollbook.mediation.records import from_row, read_record
from tollbook.mediation.usage_files import Line, kind_of, read_usage

CALL_ROW = b"c1,outbound,+13105550100,442071838750,2024-12-24T09:58:10.120Z,2024-12-24T10:00:05Z"
HEADING = b"dr_sid,direction,number_src,number_dst,date_start,date_stop\n"


def read(text: bytes, **how: Any) -> Any:
    return read_usage("f", io.BufferedReader(io.BytesIO(text)), partner_sid=CHILD, **how)


def told(line: Line) -> tuple[str, str]:
    """Where a line stands, and what it is or what is wrong with it."""
    found = line.given.read
    return str(line.place), "; ".join(flaw.message for flaw in found) if isinstance(found, tuple) else found.dr_sid


def encoded(record: dict[str, Any]) -> bytes:
    return json.dumps({name: int(v) if name == "quantity" else v for name, v in record.items()}).encode()


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize(
    ("shape", "places"),
    [
        (b"%s\n%s\n", ["f, line 1", "f, line 2"]),
        (b"\xef\xbb\xbf%s\n\n%s", ["f, line 1", "f, line 3"]),
        (b"[%s,\n %s]", ["f, item 0", "f, item 1"]),
        (b'\n{"count":2,\n"items":[%s,%s]}', ["f, item 0", "f, item 1"]),
        (b'{"items":[%s,%s]}\n', ["f, line 1, item 0", "f, line 1, item 1"]),
    ],
)
def test_json_of_every_shape(kind: Any, shape: bytes, places: list[str]) -> None:
    record = encoded(SAMPLES[kind])
    found = read(shape % (record, record))
    lines = list(found.lines)
    assert (found.kind, found.heading) == (kind, b"")
    assert [str(line.place) for line in lines] == places
    assert [line.text for line in lines] == [record] * 2
    assert [line.given.read for line in lines] == [read_record(kind, SAMPLES[kind], CHILD)] * 2


def test_rows_under_a_heading() -> None:
    found = read(b"\xef\xbb\xbf\n" + HEADING + CALL_ROW + b"\r\n\n" + CALL_ROW.replace(b"c1", b'"c2"'))
    assert (found.kind, found.heading) == ("call", HEADING)
    lines = list(found.lines)
    assert [told(line) for line in lines] == [("f, line 3", "c1"), ("f, line 5", "c2")]
    assert lines[0].given.read == read_record("call", CALL | {"date_stop": "2024-12-24T10:00:05Z"}, CHILD)
    assert [line.text for line in lines] == [CALL_ROW + b"\r\n", CALL_ROW.replace(b"c1", b'"c2"')]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(delimiter: str) -> None:
    text = (HEADING + CALL_ROW).replace(b",", delimiter.encode())
    assert [told(line) for line in read(text).lines] == [("f, line 2", "c1")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (CALL_ROW + b",more", "has 7 cells under 6 headings"),
        (b"c1,outbound", "has 2 cells under 6 headings"),
        (CALL_ROW.replace(b"c1", b"c\xff"), "not valid UTF-8 at byte 2"),
        (CALL_ROW.replace(b"c1", b'"c"1'), "not a row of CSV: ',' expected after '\"'"),
        (CALL_ROW.replace(b"c1", b""), "is missing"),
    ],
)
def test_a_bad_row_is_told_and_stops_nothing(row: bytes, said: str) -> None:
    lines = list(read(HEADING + row + b"\n" + CALL_ROW).lines)
    assert [told(line) for line in lines] == [("f, line 2", said), ("f, line 3", "c1")]
    assert lines[0].text == row + b"\n"


def test_a_quote_that_is_never_closed_does_not_take_the_file_along() -> None:
    rows = b"\n".join([CALL_ROW.replace(b"c1", b'"c1'), *[CALL_ROW] * 2_000])
    lines = list(read(HEADING + rows).lines)
    assert isinstance(lines[0].given.read, tuple)
    assert len(lines[0].text) < 200_000
    assert len(lines) > 1_000
    assert b"".join(line.text for line in lines) == rows


def test_cells_in_quotes_may_hold_line_ends() -> None:
    text = (
        b"dr_sid,direction,number_src,number_dst,date_sent,text\n"
        b'm1,outbound,12345,442071838750,2024-12-24T10:00:00Z,"two\nlines, ""quoted"""\n'
        b"m2,outbound,,442071838750,2024-12-24T10:00:00Z,\n"
    )
    assert [told(line) for line in read(text).lines] == [("f, line 2", "m1"), ("f, line 4", "m2")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"dr_sid,date_start,prise\n", "unknown column prise; did you mean price?"),
        (HEADING.replace(b"dr_sid", b"dr_sid,dr_sid"), "the column dr_sid stands twice"),
        (b"dr_sid,direction,number_src,date_start,date_stop\n", "the column number_dst is missing"),
        (b"name,amount\nx,1\n", "cannot tell what its records are; say --kind calls, messages or usage"),
        (b"\xff\xfe,\n", "not valid UTF-8 at byte 1 of its heading"),
        (b'{"a":1}\n' * 3, "cannot tell what its records are"),
        (b"[1]", "cannot tell what its records are"),
    ],
)
def test_a_file_that_cannot_be_understood(text: bytes, said: str) -> None:
    with pytest.raises(Refusal, match="f: ") as refused:
        list(read(text).lines)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", [b"", b"\n", b"[]", b'{"items":[]}'])
def test_an_empty_file_is_one(text: bytes) -> None:
    assert list(read(text).lines) == []


def test_the_kind_is_seen_in_the_first_record_that_tells_it_or_said() -> None:
    assert [kind_of(sample) for sample in (CALL, MESSAGE, USAGE)] == ["call", "message", "usage"]
    found = read(b'{"x":1}\n' + encoded(MESSAGE) + b"\n" + encoded(CALL))
    assert found.kind == "message"
    assert [line.given.dr_sid for line in found.lines] == [None, "m1", "c1"]
    assert read(b'{"x":1}', kind="usage").kind == "usage"


@given(st.lists(st.fixed_dictionaries({
    "dr_sid": st.text("abc019-", min_size=1, max_size=8), "text": st.text(max_size=20).map(str.strip),
    "number_src": st.sampled_from(["", "Acme, Inc.", 'The "X"', "12345"]),
}), max_size=6))  # fmt: skip
def test_a_file_that_is_written_is_read_as_its_rows_say(records: list[dict[str, str]]) -> None:
    rows = [{**MESSAGE, **record} for record in records]
    names = [*MESSAGE, "text"]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    found = list(read(out.getvalue().encode("utf-8", "replace"), kind="message").lines)
    expected = [read_record("message", from_row("message", row), CHILD) for row in rows]
    assert [line.given.read for line in found] == expected


def test_nothing_is_read_ahead_of_its_turn() -> None:
    """A pipe's records are recorded as they come."""
    source: Any = io.BufferedReader(io.BytesIO(HEADING + (CALL_ROW + b"\n") * 20_000), buffer_size=4_096)
    lines = read_usage("f", source, partner_sid=CHILD).lines
    next(lines)
    assert source.tell() < 10_000
