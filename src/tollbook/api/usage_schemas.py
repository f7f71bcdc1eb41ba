"""JSON Schemas of records that are sent and corrected, and of what is told of them; made from `mediation.records`."""

from tollbook import limits
from tollbook.api import samples
from tollbook.api.shapes import SID, Json, closed
from tollbook.mediation.records import SHAPES, RecordKind

TITLES: dict[RecordKind, str] = {"call": "Call", "message": "Message", "usage": "Usage"}
_WORD: Json = {"type": "string", "pattern": f"^[!-~]{{1,{limits.WORD_CHARS_MAX}}}$"}
_TEXT: Json = {"type": "string", "format": "text", "maxLength": limits.NAME_CHARS_MAX}
_DATE: Json = {"type": "string", "format": "date-time"}
_NUMBER: Json = {"type": "string", "pattern": "^[+]?[1-9][0-9]{2,14}$"}
_PARTY: Json = {"type": "string", "format": "text", "maxLength": limits.WORD_CHARS_MAX}
_RATE = rf"[0-9]{{1,{limits.RATE_WHOLE_DIGITS_MAX}}}([.][0-9]{{1,{limits.RATE_DECIMALS_MAX}}})?"
_PART = rf"([.][0-9]{{1,{limits.SECONDS_DECIMALS_MAX}}})?"
_SECONDS = rf"[0-9]{{1,{limits.SECONDS_WHOLE_DIGITS_MAX}}}"


def _decimal(pattern: str, digits: int) -> Json:
    """A decimal as a text, or as a number by its digits."""
    return {"type": ["string", "number"], "pattern": f"^{pattern}$", "minimum": 0, "exclusiveMaximum": 10**digits}


_SENT: dict[str, Json] = {
    "country_code": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "date": _DATE,
    "date_sent": _DATE,
    "date_start": _DATE,
    "date_stop": _DATE,
    "date_talk": _DATE,
    "direction": {"type": "string", "enum": ["inbound", "outbound"]},
    "dr_sid": _WORD,
    "duration": _decimal(
        _SECONDS + rf"([.][0-9]{{1,{limits.SECONDS_DECIMALS_MAX}}})?", limits.SECONDS_WHOLE_DIGITS_MAX
    ),
    "duration_billing": {"type": ["string", "integer"], "pattern": f"^{_SECONDS}$", "minimum": 0, "maximum": 10**9 - 1},
    "jurisdiction": {
        "type": "string",
        "enum": ["interstate", "intrastate", "toll_free", "international", "indeterminate", *"EATIU"],
        "description": "What a sheet with rates by jurisdiction is asked for; also as the letter of files.",
    },
    "kind": {"type": "string", "const": "usage"},
    "mcc": {"type": "string", "pattern": "^[0-9]{3}$"},
    "message_segments": {"type": "integer", "minimum": 1, "maximum": limits.SEGMENTS_MAX},
    "mnc": {"type": "string", "pattern": "^[0-9]{2,3}$"},
    "number_billing": _NUMBER,
    "number_dst": _NUMBER,
    "number_external": _PARTY,
    "number_group_dst": {"type": "array", "maxItems": limits.RECIPIENTS_MAX, "items": _NUMBER},
    "number_src": _PARTY,
    "partner_sid": SID | {"description": "Whose it is; the caller's unless given."},
    "price": _decimal(_RATE, limits.RATE_WHOLE_DIGITS_MAX) | {"description": "Given, it is final; else it is rated."},
    "quantity": {"type": "integer", "minimum": 0, "maximum": limits.USAGE_MAX},
    "sender_class": {"type": "string", "enum": ["short_code", "toll", "toll_free"]},
    "sipcause": {"type": "integer", "minimum": 0, "maximum": 999},
    "status": _WORD,
    "text": {"type": "string", "description": "Counted where `message_segments` is not told, and not kept."},
    "type": _WORD,
}


def schemas() -> Json:
    """Each by its name: a record, some records, a correction of one, and what became of some."""
    made: Json = {"RecordResults": _results()}
    for kind, title in TITLES.items():
        made[f"{title}Record"] = _record(kind)
        made[f"{title}Records"] = _records(kind)
        if kind != "usage":
            made[f"{title}Correction"] = _correction(kind)
    return made


def _properties(kind: RecordKind) -> Json:
    """What a record may say; an attribute that only answers have is let go, so that an answer can be sent."""
    shape = SHAPES[kind]
    told = {name: field.doc for name, field in shape.resource.by_name.items()}
    sent = {name: {"description": told.get(name, ""), **_schema(kind, name)} for name in shape.readers}
    answered: Json = {name: {"description": "Let go: only answers have it."} for name in shape.answered}
    return dict(sorted((sent | answered).items()))


def _schema(kind: RecordKind, name: str) -> Json:
    schema = {"type": "string", "enum": ["sms", "mms"]} if (kind, name) == ("message", "type") else _SENT[name]
    needed = name in SHAPES[kind].required
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema if needed else {**schema, "type": [*types, "null"], **_with_null(schema)}


def _with_null(schema: Json) -> Json:
    if "const" in schema:
        return {"enum": [schema["const"], None]}
    return {"enum": [*schema["enum"], None]} if "enum" in schema else {}


def _record(kind: RecordKind) -> Json:
    return closed(_properties(kind), list(SHAPES[kind].required), examples=[samples.RECORDS[kind]])


def _records(kind: RecordKind) -> Json:
    items: Json = {
        "type": "array",
        "minItems": 1,
        "maxItems": limits.USAGE_BATCH_MAX,
        "items": {
            "type": "object",
            "description": f"A `{TITLES[kind]}Record`; one that is wrong is rejected by itself.",
        },
    }
    return closed({"items": items}, examples=[{"items": [samples.RECORDS[kind]]}])


def _correction(kind: RecordKind) -> Json:
    shape = SHAPES[kind]
    kept = ("dr_sid", "partner_sid")
    properties = {name: schema for name, schema in _properties(kind).items() if name not in {*kept, *shape.answered}}
    properties["reason"] = _TEXT | {"pattern": r"\S", "description": "Why, in words."}
    example = {"number_billing": "442071838750", "reason": "billed to the wrong number"}
    return closed(dict(sorted(properties.items())), ["reason"], examples=[example])


def _results() -> Json:
    text = {"type": ["string", "null"]}
    flaw = closed({"field": text, "message": {"type": "string"}, "reference_sid": text})
    result = closed(
        {
            "dr_sid": {"type": ["string", "null"], "description": "The record's; null where it cannot be read."},
            "errors": {"type": "array", "items": flaw, "description": "Why it was rejected."},
            "late": {"type": "boolean", "description": "Its period is closed: it is on the current invoice."},
            "result": {"type": "string", "enum": ["accepted", "duplicate", "parked", "rejected"]},
            "unrated": {"type": "boolean", "description": "It waits for a rate."},
        }
    )
    count = {"type": "integer", "minimum": 1, "maximum": limits.USAGE_BATCH_MAX}
    items = {"type": "array", "items": result, "description": "One a record, in their order."}
    return closed({"count": count, "items": items}, examples=[samples.RECORD_RESULTS])
