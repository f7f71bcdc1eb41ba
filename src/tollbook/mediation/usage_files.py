"""Files of usage records, of whatever shape: each record with its place, its very text, and the event that it is.

NDJSON, an array, an envelope or one object, as `json_files` takes them apart; or CSV with the API's names for headings.
Which it is shows in the first character, and what kind of records they are in the first one's attributes. Files are
read as a stream, but for a JSON value over several lines.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.batches import Given, read_text, read_values
from tollbook.mediation.deck_headings import delimiter_of
from tollbook.mediation.json_files import Piece, Place, pieces
from tollbook.mediation.records import SHAPES, RecordKind, from_row
from tollbook.query.arguments import nearest
from tollbook.query.strict_json import parse_json

_BOM = b"\xef\xbb\xbf"
_TELLING: dict[str, RecordKind] = {
    "date_sent": "message",
    "quantity": "usage",
    "date_start": "call",
    "date_stop": "call",
}
"""Attributes that tell a kind, those first that only one kind has."""


class Line(NamedTuple):
    """One record: where it stands, its text as it stands there, and what it says."""

    place: Place
    text: bytes
    given: Given


class UsageFile(NamedTuple):
    """What a file holds: the kind of its records, its heading (empty for JSON), and the records, to be read once."""

    kind: RecordKind
    heading: bytes
    lines: Iterator[Line]


def read_usage(
    source: str, file: io.BufferedReader, kind: RecordKind | None = None, partner_sid: str | None = None
) -> UsageFile:
    """The records of a file, whose they are unless they say it themselves; a Refusal where it cannot be understood.

    >>> csv_ = io.BufferedReader(io.BytesIO(b"dr_sid,type,quantity,date\\nu1,lookup,x,2025-01-15T12:00:00Z\\n"))
    >>> made = read_usage("u.csv", csv_, partner_sid="a1b2c3d4-0000-4000-8000-000000000000")
    >>> made.kind, [(str(line.place), line.given.read[0].field) for line in made.lines]
    ('usage', [('u.csv, line 2', 'quantity')])
    """
    first = file.peek(limits.PEEKED_BYTES).removeprefix(_BOM).lstrip()[:1]
    if first in (b"{", b"[", b""):
        return _of_json(source, file, kind, partner_sid)
    return _of_rows(source, file, kind, partner_sid)


def _of_json(source: str, file: io.BufferedReader, kind: RecordKind | None, partner_sid: str | None) -> UsageFile:
    found = pieces(source, file)
    waiting: list[Piece] = []
    known = kind
    while known is None and (piece := next(found, None)):
        waiting.append(piece)
        known = None if piece.flaw else _kind_of_text(piece.text)
        if len(waiting) == limits.USAGE_BATCH_MAX:
            break
    if known is None and waiting:
        raise _cannot_tell(source)
    told = known or "call"  # of an empty file it does not matter
    return UsageFile(told, b"", (_of_piece(told, piece, partner_sid) for piece in chain(waiting, found)))


def _of_piece(kind: RecordKind, piece: Piece, partner_sid: str | None) -> Line:
    if piece.flaw:
        return Line(piece.place, piece.text, Given(None, (Flaw(None, piece.flaw),)))
    return Line(piece.place, piece.text, read_text(kind, piece.text, partner_sid))


def _kind_of_text(text: bytes) -> RecordKind | None:
    try:
        record = parse_json(text)
    except ValueError:
        return None
    return kind_of(record) if isinstance(record, Mapping) else None


def kind_of(names: Iterable[str]) -> RecordKind | None:
    """The kind of records that have such attributes; None where they do not tell.

    >>> kind_of(["dr_sid", "date_sent", "date_stop"]), kind_of(["dr_sid"])
    ('message', None)
    """
    given = set(names)
    return next((kind for name, kind in _TELLING.items() if name in given), None)


def _cannot_tell(source: str) -> Refusal:
    said = f"{source}: cannot tell what its records are; say --kind calls, messages or usage"
    return Refusal(errors.ARGUMENT_INVALID, Flaw("file", said))


# Rows of text.


class _Heading(NamedTuple):
    """The first line: its text, its names, and what parts them."""

    text: bytes
    names: tuple[str, ...]
    delimiter: str


def _of_rows(source: str, file: io.BufferedReader, kind: RecordKind | None, partner_sid: str | None) -> UsageFile:
    rows = _rows(source, file)
    _, text = next(rows, (None, b""))
    heading = _heading(source, text)
    known = kind or kind_of(heading.names)
    if known is None:
        raise _cannot_tell(source)
    _check_names(source, heading.names, known)
    return UsageFile(known, text, (_of_row(known, heading, place, row, partner_sid) for place, row in rows))


def _heading(source: str, text: bytes) -> _Heading:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        said = f"{source}: not valid UTF-8 at byte {error.start + 1} of its heading"
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("file", said)) from None
    delimiter = delimiter_of(decoded)
    return _Heading(text, tuple(_cells(decoded, delimiter)), delimiter)


def _check_names(source: str, names: tuple[str, ...], kind: RecordKind) -> None:
    """Refuse a heading under which every row would be wrong."""
    shape = SHAPES[kind]
    flaws = [
        Flaw("file", f"{source}: unknown column {name}{nearest(name, shape.readers)}")
        for name in names
        if name not in shape.readers and name not in shape.answered
    ]
    flaws += [Flaw("file", f"{source}: the column {name} stands twice") for name in names if names.count(name) > 1]
    flaws += [Flaw("file", f"{source}: the column {name} is missing") for name in shape.required if name not in names]
    if flaws:
        raise Refusal(errors.ARGUMENT_INVALID, *dict.fromkeys(flaws))


def _rows(source: str, file: io.BufferedReader) -> Iterator[tuple[Place, bytes]]:
    """The rows that are not blank, each with the line where it begins; a cell in quotes may hold line ends."""
    number = 0
    while line := file.readline(limits.USAGE_ROW_BYTES_MAX):
        number += 1
        place = Place(source, number)
        row = line.removeprefix(_BOM) if number == 1 else line
        while row.count(b'"') % 2 or not row.endswith(b"\n"):
            if len(row) > limits.USAGE_ROW_BYTES_MAX or not (line := file.readline(limits.USAGE_ROW_BYTES_MAX)):
                break
            row += line
            number += 1
        if row.strip():
            yield place, row


def _of_row(kind: RecordKind, heading: _Heading, place: Place, text: bytes, partner_sid: str | None) -> Line:
    try:
        cells = _cells(text.decode("utf-8"), heading.delimiter)
        if len(cells) != len(heading.names):
            raise ValueError(f"has {len(cells)} cells under {len(heading.names)} headings")
    except UnicodeDecodeError as error:
        return _bad_row(place, text, f"not valid UTF-8 at byte {error.start + 1}")
    except ValueError as error:
        return _bad_row(place, text, str(error))
    record = from_row(kind, dict(zip(heading.names, cells, strict=True)))
    return Line(place, text, read_values(kind, record, partner_sid))


def _bad_row(place: Place, text: bytes, why: str) -> Line:
    return Line(place, text, Given(None, (Flaw(None, why),)))


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of a row, without blanks around them; ValueError where it is none."""
    reader: Any = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        (cells,) = reader
    except csv.Error as error:
        raise ValueError(f"not a row of CSV: {error}") from None
    return [cell.strip() for cell in cells]
