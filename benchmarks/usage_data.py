"""Generated call records: the same seed gives the same records, each with a sid of its own.

Calls come as switches write them: in the order of their end, partners mixed, a dozen of destinations.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

BATCH = 1_000
_DESTINATIONS = (
    "12125550100", "13105550100", "17135550100", "14165550100", "442071838750", "447700900123", "33142685300",
    "4930901820", "551132300000", "919812345678", "61293744000", "525555550100",
)  # fmt: skip

RATES = [
    ("1", "0.0025", "6/6"),
    ("1416", "0.004", "6/6"),
    ("44", "0.0071", "60/60"),
    ("447", "0.0199", "60/60"),
    ("33", "0.0062", "1/1"),
    ("49", "0.0075", "1/1"),
    ("52", "0.0112", "60/60"),
    ("55", "0.0143", "30/6"),
    ("61", "0.0121", "30/6"),
    ("91", "0.0098", "60/60"),
    ("", "0.25", "60/60"),
]


def deck() -> str:
    """A rate sheet for all of these destinations, as CSV."""
    return "prefix,rate,increments\n" + "".join(f"{prefix},{rate},{blocks}\n" for prefix, rate, blocks in RATES)


def records(partners: Sequence[str], count: int, begin: datetime, seed: int) -> Iterator[dict[str, str]]:
    """So many calls of these partners, a tenth of a second apart."""
    drawn = random.Random(seed)
    for number in range(count):
        stop = begin + timedelta(milliseconds=100 * number)
        talk = stop - timedelta(milliseconds=drawn.randrange(1_000, 600_000))
        yield {
            "date_start": _instant(talk - timedelta(seconds=drawn.randrange(2, 20))),
            "date_stop": _instant(stop),
            "date_talk": _instant(talk),
            "direction": "outbound",
            "dr_sid": str(uuid.UUID(int=drawn.getrandbits(128), version=4)),
            "number_dst": drawn.choice(_DESTINATIONS),
            "number_src": f"1646555{drawn.randrange(10_000):04}",
            "partner_sid": partners[drawn.randrange(len(partners))],
        }


def batches(partners: Sequence[str], count: int, begin: datetime, seed: int, size: int = BATCH) -> list[bytes]:
    """Bodies of bulk writes, `count` records in all."""
    made = list(records(partners, count, begin, seed))
    return [_body({"items": made[start : start + size]}) for start in range(0, count, size)]


def singles(partners: Sequence[str], count: int, begin: datetime, seed: int) -> list[bytes]:
    """Bodies of one record each."""
    return [_body(record) for record in records(partners, count, begin, seed)]


def _body(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
