"""The quick writer of documents says the same as the plain one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.operations.test_invoice_records import invoices

from tollbook.billing.model import Invoice
from tollbook.query.fields import INVOICES, Field, Kind
from tollbook.query.records import encode_json, wire_record
from tollbook.query.rendering import renderer
from tollbook.store.nouns import document

render = renderer(INVOICES.fields)


def values(invoice: Invoice) -> list[object]:
    def rows(field: Field) -> list[list[object]]:
        return [[getattr(row, part.name) for part in field.parts] for row in getattr(invoice, field.name)]

    return [rows(field) if field.kind is Kind.ROWS else getattr(invoice, field.name) for field in INVOICES.fields]


@given(invoices)
def test_both_write_the_same(invoice: Invoice) -> None:
    assert render(values(invoice)) == document(INVOICES, invoice)


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_both_write_the_same_decimal(billionths: int) -> None:
    fields = (Field("rate", Kind.DECIMAL, ""),)
    assert renderer(fields)([billionths]) == encode_json(wire_record(fields, lambda _: billionths))


def test_a_text_that_does_not_read_back_is_refused() -> None:
    with pytest.raises(ValueError, match="control characters"):
        renderer(INVOICES.by_name["tax_items"].parts)([1, "a\n", "x"])
