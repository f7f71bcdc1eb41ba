"""What the schemas of answers and of bodies are made of."""

from typing import Any

from tollbook import limits

Json = dict[str, Any]

AMOUNT: Json = {"type": "string", "format": "decimal", "pattern": r"^(?!-0$)-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$"}
INSTANT: Json = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
}
SID: Json = {
    "type": "string",
    "format": "uuid",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}

TEXT: Json = {"type": "string", "format": "text", "maxLength": limits.NAME_CHARS_MAX}
WORD: Json = {"type": "string", "pattern": "^[!-~]+$", "maxLength": limits.WORD_CHARS_MAX}
WHOLE = 10**limits.AMOUNT_WHOLE_DIGITS_MAX - 1
DECIMALS = rf"[0-9]{{1,{limits.AMOUNT_WHOLE_DIGITS_MAX}}}(\.[0-9]{{1,{limits.AMOUNT_DECIMALS_MAX}}})?"


def closed(properties: Json, required: list[str] | None = None, **more: Any) -> Json:
    """An object of these properties and no other; all are required unless some are named."""
    needed = list(properties) if required is None else required
    listed = {"required": needed} if needed else {}
    return {"type": "object", **more, "properties": properties, **listed, "additionalProperties": False}
