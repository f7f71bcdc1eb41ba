"""Rows to nouns, and nouns to the JSON that is served, by the catalogue."""

import json
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from tollbook.billing.model import Invoice, Partner, Token
from tollbook.query.fields import Field, Kind, Resource
from tollbook.query.records import WRITERS, encode_json, wire_record

_NOUNS: dict[str, type[Partner] | type[Token]] = {"partner": Partner, "token": Token}


def names(resource: Resource) -> tuple[str, ...]:
    """The attributes that are columns of a record's own row."""
    return tuple(field.name for field in resource.scalars)


def columns(resource: Resource) -> str:
    """The same as the columns of a SELECT from `r`; a secret has none."""
    return ", ".join("NULL" if field.secret else f"r.{field.name}" for field in resource.scalars)


def noun(resource: Resource, row: Sequence[Any]) -> Partner | Token:
    """A row of `columns` as a noun."""
    values = (_inside(field, value) for field, value in zip(resource.scalars, row, strict=True))
    return _NOUNS[resource.name](**dict(zip(names(resource), values, strict=True)))


def row_document(resource: Resource, row: Sequence[Any]) -> bytes:
    """A row of `columns` as the JSON that is served, for records that are no noun of their own."""
    columns_ = _columns.get(resource.name) or _columns.setdefault(resource.name, _columns_of(resource))
    record: dict[str, Any] = {}
    for (name, absent, write), value in zip(columns_, row, strict=True):
        if value is not None:
            record[name] = write(value) if write else value
        elif not absent:
            record[name] = None
    return encode_json(record)


_Write = Callable[[Any], Any]
_AS_STORED = frozenset((Kind.TEXT, Kind.SID, Kind.INTEGER))
_columns: dict[str, tuple[tuple[str, bool, _Write | None], ...]] = {}
"""By the names of resources: each column's name, whether it is left out where it is null, and what writes it."""


def _columns_of(resource: Resource) -> tuple[tuple[str, bool, _Write | None], ...]:
    return tuple((field.name, field.absent, _writer_of(field.kind)) for field in resource.scalars)


def _writer_of(kind: Kind) -> _Write | None:
    """What makes a stored value a JSON value; None where they are the same."""
    if kind in (Kind.WORDS, Kind.MAP):
        return json.loads
    return None if kind in _AS_STORED else WRITERS[kind]


def has_noun(resource: Resource) -> bool:
    """Whether records of that kind are a noun of their own."""
    return resource.name in _NOUNS


def _inside(field: Field, value: Any) -> Any:
    if field.kind is Kind.WORDS:
        return tuple(json.loads(value))
    return json.loads(value) if field.kind is Kind.MAP else value


def document(resource: Resource, record: Invoice | Partner | Token) -> bytes:
    """The JSON of a record, as it is served."""
    return encode_json(wire_record(resource.fields, lambda name: attrgetter(name)(record)))
