"""Files of JSON records, taken apart: from bytes to one text a record, each with its place.

What a server gives comes as a list envelope, an array, one object, or one object a line (NDJSON; a line may be an
envelope too). Lines are streamed, so that memory does not grow with the file; the other shapes are held whole, up
to a bound. What a record says is not known here.
"""

import json
from collections.abc import Iterator
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

from tollbook import limits
from tollbook.query.strict_json import parse_json

_SPACE = " \t\r\n"
_BOM = b"\xef\xbb\xbf"
_decoder = json.JSONDecoder(parse_float=str, parse_int=str)


class Place(NamedTuple):
    """Where a record stands: a file or page, its line from 1 in NDJSON, its index from 0 in an array."""

    source: str
    line: int | None = None
    element: int | None = None

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        return self.source + line + ("" if self.element is None else f", item {self.element}")


class Piece(NamedTuple):
    """One record's text and its place; `flaw` says why there is none."""

    place: Place
    text: bytes = b""
    flaw: str | None = None


def pieces(source: str, file: BinaryIO) -> Iterator[Piece]:
    """The records of a file of any of the known shapes, in order.

    >>> import io
    >>> [(str(p.place), p.text) for p in pieces("a", io.BytesIO(b'{"items": [{"x": 1}, {}]}'))]
    [('a, line 1, item 0', b'{"x": 1}'), ('a, line 1, item 1', b'{}')]
    >>> [(str(p.place), p.text) for p in pieces("b", io.BytesIO(b'{"x":1}\\n{"x":2}\\n'))]
    [('b, line 1', b'{"x":1}'), ('b, line 2', b'{"x":2}')]
    """
    lines = _lines(source, file)
    head = list(islice(lines, 2))
    if _is_whole(head):
        yield from _of_whole(Place(source), b"\n".join(piece.text for piece in head) + b"\n", file)
        return
    for piece in chain(head, lines):
        yield from _of_line(piece)


def _lines(source: str, file: BinaryIO) -> Iterator[Piece]:
    """The lines that are not blank, numbered as they stand in the file."""
    number = 0
    while line := file.readline(limits.IMPORT_LINE_BYTES_MAX + 1):
        number += 1
        place = Place(source, number)
        if len(line) > limits.IMPORT_LINE_BYTES_MAX:
            yield Piece(place, flaw=f"longer than {limits.IMPORT_LINE_BYTES_MAX} bytes")
            while line and not line.endswith(b"\n"):
                line = file.readline(limits.IMPORT_LINE_BYTES_MAX)
            continue
        text = (line.removeprefix(_BOM) if number == 1 else line).strip(b" \t\r\n")
        if text:
            yield Piece(place, text)


def _is_whole(head: list[Piece]) -> bool:
    """Whether a file that begins so is one JSON value over all its lines, not one a line."""
    if not head or head[0].text.startswith(b"["):
        return bool(head)
    if not head[0].text.startswith(b"{") or len(head) < 2 or head[1].text.startswith(b"{"):
        return False
    try:
        parse_json(head[0].text)
    except ValueError:
        return True
    return False


def _of_line(piece: Piece) -> Iterator[Piece]:
    """The record of a line, or those of the envelope that it is."""
    if b'"items"' in piece.text:
        yield from split(piece.place, piece.text)
    else:
        yield piece


def _of_whole(place: Place, head: bytes, file: BinaryIO) -> Iterator[Piece]:
    text = head + file.read(limits.IMPORT_FILE_BYTES_MAX)
    if len(text) > limits.IMPORT_FILE_BYTES_MAX:
        yield Piece(place, flaw=f"longer than {limits.IMPORT_FILE_BYTES_MAX} bytes; give NDJSON, an object a line")
    else:
        yield from split(place, text)


def split(place: Place, text: bytes) -> Iterator[Piece]:
    """The records of one JSON value: an envelope's items, an array's elements, or the object itself."""
    try:
        decoded = text.decode("utf-8")
        found = _array(decoded)
        if found is None:
            yield Piece(place, text)
            return
        start, before = found
        for index, (begin, end) in enumerate(_elements(decoded, start, before)):
            yield Piece(place._replace(element=index), decoded[begin:end].encode("utf-8"))
    except UnicodeDecodeError as error:
        yield Piece(place, flaw=f"not valid UTF-8 at byte {error.start + 1}")
    except json.JSONDecodeError as error:
        yield Piece(place, flaw=f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        yield Piece(place, flaw=f"nested deeper than {limits.BODY_DEPTH_MAX}")


def _array(text: str) -> tuple[int, str] | None:
    """Where the array to take apart begins, and a stand-in for all up to its end; None for a lone object.

    The array is the text itself, or an envelope's `items`.
    """
    at = _skip(text, 0)
    if text.startswith("[", at):
        return at, "0"
    if not text.startswith("{", at):
        return None
    at = _skip(text, at + 1)
    while not text.startswith("}", at):
        key, at = _decoder.raw_decode(text, at)
        at = _after(text, at, ":")
        if key == "items" and text.startswith("[", at):
            return at, '{"items":0'
        _, at = _decoder.raw_decode(text, at)
        if text.startswith("}", _skip(text, at)):
            break
        at = _after(text, at, ",")
    return None


def _elements(text: str, at: int, before: str) -> Iterator[tuple[int, int]]:
    """Where each element of the array at a position begins and ends; `before` stands for all up to its end."""
    at = _skip(text, at + 1)
    more = not text.startswith("]", at)
    while more:
        _, end = _decoder.raw_decode(text, at)
        yield at, end
        at = _skip(text, end)
        if more := not text.startswith("]", at):
            at = _after(text, at, ",")
    rest = text[at + 1 :]
    try:
        _decoder.decode(before + rest)
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(error.msg, text, at + 1 + max(0, error.pos - len(before))) from None


def _after(text: str, at: int, mark: str) -> int:
    """The start of what follows a mark, which must come next."""
    at = _skip(text, at)
    if not text.startswith(mark, at):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, at)
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
