"""JSON Schemas of what bills: bodies that are no record of the catalogue, and answers that are none."""

from typing import Any

from tollbook import limits
from tollbook.api import samples
from tollbook.api.shapes import DECIMALS, INSTANT, SID, TEXT, WHOLE, WORD, Json, closed
from tollbook.billing.balances import PAY_TYPES
from tollbook.operations.adjusting import KINDS

_SUM: Json = {
    "type": ["string", "number"],
    "pattern": rf"^(?!0+(\.0+)?$){DECIMALS}$",
    "exclusiveMinimum": 0,
    "maximum": WHOLE,
    "description": "Whole minor units of the book's currency.",
}
_BACK: Json = {
    "type": ["string", "number"],
    "pattern": rf"^(?!-0+(\.0+)?$)-{DECIMALS}$",
    "minimum": -WHOLE,
    "exclusiveMaximum": 0,
    "description": "Negative, and together with earlier refunds no more than was paid.",
}
_DAY: Json = {"format": "date-time", "description": "When the money came; kept, and moves nothing."}
_REASON = TEXT | {"minLength": 1, "description": "Why, in words."}
_ADVANCE = {
    "type": "string",
    "pattern": "^[1-9][0-9]{0,8}[smhdw]$",
    "description": "How far to move: a whole number of seconds, minutes, hours, days or weeks.",
}
_NOW = {"type": "string", "format": "date-time", "description": "The instant to move to; never an earlier one."}


def schemas() -> Json:
    """Each by its name."""
    return {
        "PaymentCreate": _payment(_SUM, "PaymentCreate", samples.PAYMENT),
        "RefundCreate": _payment(_BACK, "RefundCreate", samples.REFUND, refunds_sid=SID | {"description": _GIVEN_BACK}),
        "CreditNoteCreate": _credit_note(),
        "GoodwillCreate": _goodwill(),
        "Voiding": closed({"reason": _REASON}, examples=[{"reason": "billed to the wrong partner"}]),
        "Clock": closed({"now": INSTANT}, examples=[{"now": "2025-01-20T00:00:00.000Z"}]),
        "ClockMove": closed(
            {"advance": _ADVANCE, "now": _NOW}, [], minProperties=1, maxProperties=1, examples=[{"advance": "31d"}]
        ),
    }


_GIVEN_BACK = "The payment that is given back, wholly or in part."


def _optional(schema: Json, doc: str = "") -> Json:
    """An attribute that may be null, which is as good as left out."""
    described = {"description": doc} if doc else {}
    return schema | described | {"type": [schema.get("type", "string"), "null"]}


_WHOSE = _optional(SID, "Whose it is; the caller's unless given.")


def _payment(amount: Json, name: str, example: Json, **more: Any) -> Json:
    types = [each for each in PAY_TYPES if each != "credit"]
    properties = {
        "amount": amount,
        "date_value": _optional(_DAY),
        "partner_sid": _WHOSE,
        "provider": _optional(WORD, "Who gave the reference: a bank, a card processor."),
        "reason": _optional(TEXT, "What it is for, in words."),
        "reference": _optional(WORD, "The provider's own name for it; counts once, whoever sends it again."),
        "type": {"type": "string", "enum": types, "description": "How it was paid."},
        **more,
    }
    return closed(dict(sorted(properties.items())), ["amount", "type", *more], title=name, examples=[example])


def _credit_note() -> Json:
    place = {"type": "integer", "minimum": 0, "maximum": limits.CHILD_ROWS_MAX}
    properties = {
        "amount": _SUM,
        "invoice_sid": SID | {"description": "The closed invoice that it corrects."},
        "item": _optional(place, "The place of the item that is credited, from 0; else the invoice's largest."),
        "kind": {"type": "string", "const": "credit_note"},
        "partner_sid": _optional(SID, "Whose the invoice is."),
        "reason": _REASON,
    }
    return closed(properties, ["amount", "invoice_sid", "kind", "reason"], examples=[samples.CREDIT_NOTE])


def _goodwill() -> Json:
    properties = {
        "amount": _SUM,
        "invoice_sid": _optional(SID, "The closed invoice that it concerns."),
        "kind": {"type": "string", "enum": [kind for kind in KINDS if kind != "credit_note"]},
        "partner_sid": _WHOSE,
        "reason": _REASON,
    }
    return closed(properties, ["amount", "kind", "reason"], examples=[samples.GOODWILL])
