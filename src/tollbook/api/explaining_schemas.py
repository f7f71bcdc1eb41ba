"""The JSON Schema of an explained invoice."""

from tollbook.api.shapes import AMOUNT, INSTANT, SID, Json, closed

_INTEGER: Json = {"type": "integer", "format": "int64"}
_TEXT: Json = {"type": "string"}
_WORDS: Json = {"type": "array", "items": _TEXT, "description": "The same for people."}
_UNITS: Json = {
    "type": "string",
    "pattern": "^(0|-?[1-9][0-9]*)$",
    "description": "The exact sum in sixtieths of a billionth of the currency: these add up.",
}
_EXACT = _TEXT | {"description": "The exact sum: a plain decimal, with sixtieths of a billionth where it has such."}


def _or_null(schema: Json) -> Json:
    return (
        {"oneOf": [schema, {"type": "null"}]} if "properties" in schema else schema | {"type": [schema["type"], "null"]}
    )


def _part(words: Json, **properties: Json) -> Json:
    return closed(dict(sorted((properties | {"words": words}).items())))


_SHEET = closed({"effective_date": INSTANT, "name": _TEXT, "rates_plan_sid": SID, "version_sid": SID})
_RATE = _part(
    _TEXT,
    exact=_EXACT,
    jurisdiction=_or_null(_TEXT),
    kind=_TEXT | {"enum": ["call", "message", "usage"]},
    prefix=_or_null(_TEXT) | {"description": "Null for the catch-all, and where the prices came with the records."},
    rate=_or_null(AMOUNT) | {"description": "Per minute, segment or unit; null: the prices came with the records."},
    records=_INTEGER,
    seconds_measured=_or_null(AMOUNT) | {"description": "How long the calls were talked; null for other usage."},
    sheet=_or_null(_SHEET),
    units=_UNITS,
    usage=_INTEGER | {"description": "Billed seconds, segments or units."},
)
_SIDE = closed({"exact": _EXACT, "price": _or_null(AMOUNT), "rate": _or_null(AMOUNT), "usage": _INTEGER})
_WHO = _or_null(_TEXT) | {"description": "Null where the caller may not know of them."}
_CORRECTION = _part(
    _TEXT,
    after=_or_null(_SIDE) | {"description": "Null: withdrawn, or counted on another item or invoice."},
    before=_or_null(_SIDE),
    date_replaced=INSTANT,
    dr_sid=_TEXT,
    exact=_EXACT,
    units=_UNITS,
    reason=_TEXT,
    usage=_INTEGER,
    who=_WHO,
)
_CREDIT = closed(
    {
        "date_created": INSTANT,
        "invoice_sid": SID | {"description": "The closed invoice that it corrects."},
        "reason": _TEXT,
        "who": _WHO,
    }
)
_ITEM = _part(
    _WORDS,
    amount=AMOUNT,
    corrections={"type": "array", "items": _CORRECTION, "description": "Of an `adjustment`, the first thousand."},
    country_code=_or_null(_TEXT),
    credit=_or_null(_CREDIT),
    date_billing_period_end=INSTANT,
    date_billing_period_start=INSTANT,
    direction=_or_null(_TEXT),
    exact=_or_null(_EXACT),
    item=_INTEGER | {"description": "Its place on the invoice, from 0."},
    more_corrections=_or_null(_part(_TEXT, exact=_EXACT, records=_INTEGER, units=_UNITS)),
    rates={"type": "array", "items": _RATE},
    records=_INTEGER,
    type=_TEXT,
    units=_or_null(_UNITS),
    usage=_INTEGER,
)
_PAY = _part(
    _TEXT,
    amount=AMOUNT,
    date_created=INSTANT,
    date_value=_or_null(INSTANT),
    kind=_or_null(_TEXT),
    payment_sid=_or_null(SID),
    provider=_or_null(_TEXT),
    reason=_or_null(_TEXT),
    reference=_or_null(_TEXT),
    refunds_sid=_or_null(SID),
    type=_TEXT,
    who=_WHO,
)
_TAX = _part(_TEXT, amount=AMOUNT, credit=_or_null(_CREDIT), jurisdiction=_TEXT, type=_TEXT)
_FIGURES = ("amount", "amount_due", "amount_tax", "balance_forward", "balance_previous", "paid")
_EXAMPLE = {
    "balance": {
        "amount": "0.37",
        "amount_due": "0.37",
        "amount_tax": "0",
        "balance_forward": "0.37",
        "balance_previous": "0",
        "paid": "0",
        "words": ["0 carried over + 0.37 charged + 0 tax - 0 paid = 0.37"],
    },
    "currency": "USD",
    "date_billing_period_end": "2025-01-19T23:59:59.000Z",
    "date_billing_period_start": "2024-12-20T00:00:00.000Z",
    "display_id": "004",
    "invoice_items": [
        {
            "amount": "0.37",
            "corrections": [],
            "country_code": "USA",
            "credit": None,
            "date_billing_period_end": "2025-01-19T23:59:59.000Z",
            "date_billing_period_start": "2024-12-20T00:00:00.000Z",
            "direction": "inbound",
            "exact": "0.37",
            "item": 0,
            "more_corrections": None,
            "rates": [
                {
                    "exact": "0.37",
                    "jurisdiction": None,
                    "kind": "call",
                    "prefix": "1",
                    "rate": "0.0025",
                    "records": 148,
                    "seconds_measured": "6210.204",
                    "sheet": {
                        "effective_date": "2024-01-01T00:00:00.000Z",
                        "name": "Inbound",
                        "rates_plan_sid": "9c0d5b2e-6f0e-4d53-9a1b-1f4a3c2d7e60",
                        "version_sid": "4d1f0f6e-8d5c-4f7b-b1a6-0c9d2e3f4a5b",
                    },
                    "units": "22200000000",
                    "usage": 8880,
                    "words": "148 records: 8880 s at 0.0025 a minute (prefix 1) = 0.37",
                }
            ],
            "records": 148,
            "type": "toll",
            "units": "22200000000",
            "usage": 8880,
            "words": ["exact sum 0.37, rounded once half up: 0.37"],
        }
    ],
    "invoice_sid": "c4ee49a6-5c54-4b9f-a35d-ad8a5d5f4e85",
    "origin": "computed",
    "partner_sid": "ccef8c51-8d66-4a5d-a1a5-70a8a3d86c6b",
    "pay_items": [],
    "status": "open",
    "tax_items": [],
}


def schemas() -> Json:
    """Each by its name."""
    return {
        "Explanation": closed(
            {
                "balance": closed(dict.fromkeys(_FIGURES, AMOUNT) | {"words": _WORDS}),
                "currency": _TEXT,
                "date_billing_period_end": INSTANT,
                "date_billing_period_start": INSTANT,
                "display_id": _TEXT,
                "invoice_items": {"type": "array", "items": _ITEM},
                "invoice_sid": SID,
                "origin": _TEXT | {"enum": ["computed", "imported"]},
                "partner_sid": SID,
                "pay_items": {"type": "array", "items": _PAY},
                "status": _TEXT,
                "tax_items": {"type": "array", "items": _TAX},
            },
            description="What stands behind each line of an invoice.",
            examples=[_EXAMPLE],
        )
    }
