"""The catalogue: complete, in wire order, the same names as the nouns and the columns, with examples that hold."""

import sqlite3
from collections.abc import Iterator
from importlib import resources
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from tests.stores import file_of

from tollbook.billing.model import Invoice, InvoiceItem, Partner, PayItem, TaxItem, Token
from tollbook.query.fields import INVOICES, PARTNERS, RESOURCES, SCALARS, TOKENS, Field, Kind, Resource
from tollbook.query.filters import OPERATORS
from tollbook.query.records import READERS, Number, wire_record
from tollbook.store import Store, migrations

NOUNS: list[tuple[tuple[Field, ...], type[msgspec.Struct]]] = [
    (INVOICES.fields, Invoice),
    (PARTNERS.fields, Partner),
    (TOKENS.fields, Token),
    *((INVOICES.by_name[name].parts, noun) for name, noun in (
        ("invoice_items", InvoiceItem), ("pay_items", PayItem), ("tax_items", TaxItem),
    )),
]  # fmt: skip
TYPES = {
    Kind.TEXT: str, Kind.SID: str, Kind.MONEY: int, Kind.INTEGER: int, Kind.INSTANT: int, Kind.BOOLEAN: bool,
    Kind.ROWS: tuple, Kind.WORDS: tuple, Kind.MAP: dict,
}  # fmt: skip

each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
each_noun = pytest.mark.parametrize(("fields", "noun"), NOUNS, ids=lambda value: getattr(value, "__name__", ""))


def every_field(resource: Resource) -> Iterator[Field]:
    for field in (*resource.fields, *resource.related):
        yield field
        yield from field.parts


def test_an_invoice_has_exactly_the_documented_keys() -> None:
    documented = (
        "amount amount_due amount_tax balance_forward balance_previous date_billing_period_end "
        "date_billing_period_start date_charge_expected date_charged date_created date_issued display_id "
        "invoice_items invoice_sid paid partner_sid pay_items status tax_items"
    )
    assert [field.name for field in INVOICES.fields] == documented.split()
    assert len(INVOICES.fields) == 19
    assert [field.name for field in INVOICES.related] == ["partner"]


@each_noun
def test_the_catalogue_and_the_nouns_say_the_same(fields: tuple[Field, ...], noun: type[msgspec.Struct]) -> None:
    assert tuple(field.name for field in fields) == noun.__struct_fields__


@each_noun
def test_kinds_and_nulls_are_those_of_the_nouns(fields: tuple[Field, ...], noun: type[msgspec.Struct]) -> None:
    hints = get_type_hints(noun)
    for field in fields:
        hint = hints[field.name]
        assert field.null is (type(None) in get_args(hint)), field.name
        shape = get_args(hint)[0] if field.null else hint
        assert getattr(shape, "__origin__", shape) is TYPES[field.kind], field.name


@each_noun
def test_wire_order_is_alphabetical(fields: tuple[Field, ...], noun: type[msgspec.Struct]) -> None:
    names = [field.name for field in fields]
    assert names == sorted(set(names)), noun


@each_resource
def test_partner_would_stand_between_its_neighbours(resource: Resource) -> None:
    names = [field.name for field in (*resource.fields, *resource.related)]
    assert len(set(names)) == len(names)
    if resource.related:
        assert {"partner", "partner_sid"} <= set(names)


@each_resource
def test_every_column_has_its_field(resource: Resource, book: Store) -> None:
    """And a column that is no field is known, and hidden on purpose."""
    connection = sqlite3.connect(file_of(book))
    columns = {row[1]: row for row in connection.execute(f"PRAGMA table_info({resource.name})")}
    (kind,) = connection.execute("SELECT type FROM sqlite_schema WHERE name = ?", (resource.name,)).fetchone()
    connection.close()
    hidden = {"password_hash", "origin", "access_hash", "refresh_hash", "who", "invoice_created"}
    hidden |= {"date"} - set(resource.by_name)
    if not resource.cursors:
        hidden |= {"version_sid", resource.sid, "sender_class"}
    assert set(columns) - hidden == {field.name for field in resource.scalars if not field.secret}
    for field in resource.scalars:
        if not field.secret and kind == "table":  # a view does not say what may be null
            assert bool(columns[field.name][3]) is not field.null, field.name


@each_resource
def test_every_example_is_valid_for_its_kind(resource: Resource) -> None:
    for field in every_field(resource):
        if field.example is None:
            assert field.null or field.parts, field.name
        else:
            read = READERS[field.kind](as_read(field))
            (shown,) = wire_record((field,), lambda name, read=read: read).values()  # type: ignore[misc]
            assert shown == field.example, field.name


def as_read(field: Field) -> Any:
    return Number(field.example) if field.kind is Kind.INTEGER else field.example


@each_resource
def test_a_resource_is_whole(resource: Resource) -> None:
    if resource.cursors:
        assert resource.by_name[resource.sid].kind is (Kind.TEXT if resource.within else Kind.SID)
        assert resource.by_name["partner_sid"].kind is Kind.SID
    else:
        assert not {resource.sid, "partner_sid"} & set(resource.by_name)
    assert all(field.doc.endswith(".") or field.doc.endswith("…") for field in every_field(resource))
    assert all(not field.absent or field.null for field in every_field(resource))
    assert set(resource.scalars) <= set(resource.fields)


@each_resource
def test_paths_name_everything_an_answer_holds(resource: Resource) -> None:
    paths = list(resource.paths())
    assert len(set(paths)) == len(paths)
    assert set(resource.by_name) <= set(paths)
    assert "partner.name" in paths or not resource.related
    assert ("invoice_items.amount" in paths) is (resource is INVOICES)


def test_every_kind_that_can_be_compared_has_operators() -> None:
    assert set(OPERATORS) == set(Kind) - {Kind.ROWS, Kind.OBJECT}
    assert set(OPERATORS) >= SCALARS
    assert set(READERS) == set(Kind) - {Kind.ROWS, Kind.OBJECT}


def test_a_part_is_found_by_its_name_or_not_at_all() -> None:
    tax_items = INVOICES.by_name["tax_items"]
    assert tax_items.part("amount") is tax_items.parts[0]
    assert tax_items.part("usage") is tax_items.part("") is None


def test_every_step_of_the_schema_is_there() -> None:
    folder = {path.name for path in resources.files(migrations).iterdir()}
    assert {f"{step}.sql" for step in migrations.STEPS} == {name for name in folder if name.endswith(".sql")}
