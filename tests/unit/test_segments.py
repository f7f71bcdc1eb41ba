"""Segments of a text: each alphabet's edges, and nothing torn between two segments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.billing import segments as module
from tollbook.billing.segments import segments_of

BASIC = "abcXYZ 0123@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà_\n\r"
EXTENDED = "^{}\\[~]|€\f"


def packed(text: str, width, room: int) -> int:
    """Segments by brute force: fill each with whole characters."""
    segments, left = 0, 0
    for character in text:
        if width(character) > left:
            segments, left = segments + 1, room
        left -= width(character)
    return segments


@given(st.text(st.sampled_from(BASIC + EXTENDED), max_size=500))
def test_gsm_7(text: str) -> None:
    found = segments_of(text)
    length = len(text) + sum(character in EXTENDED for character in text)
    assert (found.alphabet, found.length) == ("gsm_7", length)
    expected = 1 if length <= 160 else packed(text, lambda c: 2 if c in EXTENDED else 1, 153)
    assert found.segments == expected


@given(st.text(st.sampled_from(BASIC + "čш漢😀𝄞"), max_size=300).map(lambda text: text + "ш"))
def test_ucs_2(text: str) -> None:
    found = segments_of(text)
    units = len(text.encode("utf-16-le")) // 2
    assert (found.alphabet, found.length) == ("ucs_2", units)
    expected = 1 if units <= 70 else packed(text, lambda c: len(c.encode("utf-16-le")) // 2, 67)
    assert found.segments == expected


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3),
        ("€" * 80, 1), ("€" * 81, 2), ("€" * 76 + "a", 1), ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the escape pair moves whole to the second segment
        ("ш" * 70, 1), ("ш" * 71, 2), ("ш" * 134, 2), ("ш" * 135, 3),
        ("😀" * 35, 1), ("😀" * 36, 2), ("😀" * 66, 2), ("😀" * 67, 3),  # 33 pairs fit in 67 units
        ("`", 1), ("ç" * 71, 2), ("Ç" * 71, 1),
    ],
)  # fmt: skip
def test_edges(text: str, segments: int) -> None:
    assert segments_of(text).segments == segments


def test_the_alphabet_has_its_128_places() -> None:

    assert len(module._GSM_7) == 127  # and the escape
    assert len(module._GSM_7_EXTENSION) == 10
