"""Files of invoices are taken apart whatever their shape, and what is broken is told with its place."""

import io
import json

import pytest

from tollbook import limits
from tollbook.mediation.json_files import pieces


def parts(text: bytes) -> list[tuple[str, bytes]]:
    """Place and text of each piece, or what is wrong with it in the text's place."""
    return [(str(p.place), p.flaw.encode() if p.flaw else p.text) for p in pieces("f", io.BytesIO(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"\n \n", []),
        (b"[]", []),
        (b'{"items":[]}', []),
        (b'{"a":1}', [("f, line 1", b'{"a":1}')]),
        (b'{"a":1}\n\n  {"b":2}  \r\n', [("f, line 1", b'{"a":1}'), ("f, line 3", b'{"b":2}')]),
        (b'\xef\xbb\xbf{"a":1}', [("f, line 1", b'{"a":1}')]),
        (b'[{"a":1},\n {"b":2}]', [("f, item 0", b'{"a":1}'), ("f, item 1", b'{"b":2}')]),
        (b'{\n"count": 2,\n"items": [\n1, 2],\n"p": {}\n}\n', [("f, item 0", b"1"), ("f, item 1", b"2")]),
        (b'{"items":[1],"x":{}}\n{"items":[2]}', [("f, line 1, item 0", b"1"), ("f, line 2, item 0", b"2")]),
        (b'bad\n{"a":1}', [("f, line 1", b"bad"), ("f, line 2", b'{"a":1}')]),
        (b'{"a":1}\nbad', [("f, line 1", b'{"a":1}'), ("f, line 2", b"bad")]),
        (b'{"a"', [("f, line 1", b'{"a"')]),
        (b'{"items":5}', [("f, line 1", b'{"items":5}')]),
        (b'{"x":"\\"items\\""}', [("f, line 1", b'{"x":"\\"items\\""}')]),
    ],
)
def test_shapes(text: bytes, expected: list[tuple[str, bytes]]) -> None:
    assert parts(text) == expected


def test_a_pretty_object_is_one_record() -> None:
    text = json.dumps({"a": 1, "b": [1, 2]}, indent=2).encode()
    ((place, got),) = parts(text)
    assert place == "f"
    assert json.loads(got) == {"a": 1, "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'[{"a":1},]', b"Expecting value"),
        (b'[{"a":1}', b"Expecting ','"),
        (b"[1] [2]", b"line 1, column 5: Extra data"),
        (b'{"items":[1]', b"Expecting ','"),
        (b'{"items":[1],"total":1}x', b"column 24: Extra data"),
        (b'{"items" [1]}', b"Expecting ':'"),
        (b"[1 2]", b"Expecting ','"),
        (b"[" * 100_000, b"nested deeper than 8"),
        (b"[\xff]", b"not valid UTF-8 at byte 2"),
    ],
)
def test_a_broken_file_is_told_after_what_could_be_read(text: bytes, reason: bytes) -> None:
    assert reason in parts(text)[-1][1]


def test_a_line_over_the_limit_is_told_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_LINE_BYTES_MAX", 20)
    text = b'{"a":1}\n{"b":"' + b"x" * 100 + b'"}\n{"c":3}\n'
    assert parts(text) == [
        ("f, line 1", b'{"a":1}'),
        ("f, line 2", b"longer than 20 bytes"),
        ("f, line 3", b'{"c":3}'),
    ]


def test_a_whole_file_over_the_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_FILE_BYTES_MAX", 30)
    ((_, flaw),) = parts(b"[" + b"1,\n" * 50 + b"1]")
    assert flaw.startswith(b"longer than 30 bytes; give NDJSON")
