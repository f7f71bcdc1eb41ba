"""How many segments a text takes: GSM-7 with its extension table, else UCS-2.

Source: 3GPP TS 23.038, 6.2.1 (the alphabet and its extension) and TS 23.040, 9.2.3.24 (concatenation). National
shift tables are not used: a sender must announce them, and a record does not say. Nothing here knows a price.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

_GSM_7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_PLAIN: Final = re.compile(f"[{re.escape(''.join(sorted(_GSM_7)))}]*")  # one septet each
_GSM_7_EXTENSION: Final = frozenset("\f^{}\\[~]|€")  # each after an escape: two septets
_WHOLE: Final = {"gsm_7": 160, "ucs_2": 70}
_PART: Final = {"gsm_7": 153, "ucs_2": 67}  # the rest of a part is its header


class Segments(NamedTuple):
    """The alphabet that a text needs, its length in septets or 16-bit units, and its segments (at least 1)."""

    alphabet: Literal["gsm_7", "ucs_2"]
    length: int
    segments: int


def segments_of(text: str) -> Segments:
    """The segments of a message's text.

    A character of two septets, or of two units, is never torn between segments:

    >>> segments_of("a" * 160), segments_of("a" * 152 + "€" + "a" * 152)
    (Segments(alphabet='gsm_7', length=160, segments=1), Segments(alphabet='gsm_7', length=306, segments=3))
    >>> segments_of("č" * 71)
    Segments(alphabet='ucs_2', length=71, segments=2)
    """
    if _PLAIN.fullmatch(text):
        whole = len(text) <= _WHOLE["gsm_7"]
        return Segments("gsm_7", len(text), 1 if whole else -(-len(text) // _PART["gsm_7"]))
    if all(character in _GSM_7 or character in _GSM_7_EXTENSION for character in text):
        return _counted("gsm_7", [2 if character in _GSM_7_EXTENSION else 1 for character in text])
    return _counted("ucs_2", [2 if character > "\uffff" else 1 for character in text])


def _counted(alphabet: Literal["gsm_7", "ucs_2"], widths: Iterable[int]) -> Segments:
    widths = tuple(widths)
    length = sum(widths)
    count = 1 if length <= _WHOLE[alphabet] else _packed(widths, _PART[alphabet])
    return Segments(alphabet, length, count)


def _packed(widths: Iterable[int], room: int) -> int:
    count, used = 1, 0
    for width in widths:
        used += width
        if used > room:
            count, used = count + 1, width
    return count
