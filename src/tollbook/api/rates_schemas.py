"""JSON Schemas of rates: what the list of a sheet says of it, the arguments of a rating, and what it answers."""

from typing import Any

from tollbook import limits
from tollbook.api.shapes import INSTANT, SID, Json, closed
from tollbook.billing.numbers import JURISDICTIONS

_PADDED: Json = {"type": "string", "format": "decimal", "pattern": r"^(0|[1-9][0-9]*)\.[0-9]{5,9}$"}
_COUNT: Json = {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"}
_DIRECTION: Json = {"type": "string", "enum": ["inbound", "outbound"]}
_PLAN = closed({"name": {"type": "string"}, "rates_plan_sid": SID}, description="The sheet; null where there is none.")

SHEET: Json = {
    "active": {"type": "string", "enum": ["yes", "no"], "description": "`no` where the partner has no sheet now."},
    "effective_date": INSTANT
    | {"type": ["string", "null"], "description": "From when this version of the sheet holds."},
    "partner_sid": SID | {"type": ["string", "null"], "description": "Who has it: the caller."},
    "rates_plan": _PLAN | {"type": ["object", "null"]},
}

SUB_TYPE: Json = {
    "name": "sub_type",
    "in": "path",
    "required": True,
    "description": "The kind of number that the message is sent from, or received by.",
    "schema": {"type": "string", "enum": ["short_code", "toll", "toll_free"]},
    "example": "toll",
}

_NUMBER = {"type": "string", "pattern": r"^ ?\+?[1-9][0-9]{2,14}$"}
_SEGMENTS = {"type": "integer", "minimum": 1, "maximum": limits.SEGMENTS_MAX, "default": 1}
ARGUMENTS: dict[str, tuple[str, Json, object]] = {
    "direction": ("`inbound` for what is received, `outbound` for what is sent.", _DIRECTION, "outbound"),
    "duration": (
        "Seconds that the call is talked.",
        {"type": "integer", "minimum": 0, "maximum": limits.CALL_SECONDS_MAX},
        10,
    ),
    "to": ("The number that is rated, in international form.", _NUMBER, "17605692222"),
    "partner_sid": ("For whom: the caller unless given, or a partner beneath it.", SID, None),
    "date_start": ("The instant that chooses the sheet and its bands of time; now unless given.", INSTANT, None),
    "jurisdiction": (
        "Where a sheet has prices by jurisdiction.",
        {"type": "string", "enum": [*JURISDICTIONS.values(), *JURISDICTIONS]},
        None,
    ),
    "message_segments": ("How many segments the message takes.", _SEGMENTS, 1),
    "text": ("The message itself, whose segments are counted.", {"type": "string", "format": "short-text"}, None),
    "mcc": ("The mobile country code of the network.", {"type": "string", "pattern": "^[0-9]{3}$"}, None),
    "mnc": ("The mobile network code of the network.", {"type": "string", "pattern": "^[0-9]{1,3}$"}, None),
}
"""The arguments of a rating: what each means, its form, an example."""

_NEEDED = frozenset(("direction", "duration", "to"))


def argument(name: str) -> Json:
    """One argument of a rating."""
    doc, schema, example = ARGUMENTS[name]
    shown: dict[str, Any] = {} if example is None else {"example": example}
    needed = {"required": True} if name in _NEEDED else {}
    return {"name": name, "in": "query", "description": doc, "schema": schema, **needed, **shown}


def schemas() -> Json:
    """Each by its name."""
    price = _PADDED | {"description": "What it costs."}
    return {
        "CallPrice": closed(
            {
                "direction": _DIRECTION,
                "duration_billing": _COUNT | {"description": "Seconds that are billed."},
                "price": price,
                "rate": _PADDED | {"description": "Per minute."},
            },
            description="The price of a call that nobody made; money with at least five decimals.",
            examples=[{"direction": "outbound", "duration_billing": "60", "price": "0.01400", "rate": "0.01400"}],
        ),
        "MessagePrice": closed(
            {
                "direction": _DIRECTION,
                "price": price,
                "rate": _PADDED | {"description": "Per segment."},
                "segments": _COUNT | {"description": "Segments that are billed."},
            },
            description="The price of a message that nobody sent; money with at least five decimals.",
            examples=[{"direction": "outbound", "price": "0.01000", "rate": "0.01000", "segments": "1"}],
        ),
    }
