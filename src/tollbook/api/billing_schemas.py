"""JSON Schemas of what bills: bodies that are no record of the catalogue, and answers that are none."""

from tollbook.api.shapes import INSTANT, Json, closed

_NOW = {"type": "string", "format": "date-time", "description": "The instant to move to; never an earlier one."}
_ADVANCE = {
    "type": "string",
    "pattern": "^[1-9][0-9]{0,8}[smhdw]$",
    "description": "How far to move: a whole number of seconds, minutes, hours, days or weeks.",
}


def schemas() -> Json:
    """Each by its name."""
    return {
        "Clock": closed({"now": INSTANT}, examples=[{"now": "2025-01-20T00:00:00.000Z"}]),
        "ClockMove": closed(
            {"advance": _ADVANCE, "now": _NOW}, [], minProperties=1, maxProperties=1, examples=[{"advance": "31d"}]
        ),
    }
