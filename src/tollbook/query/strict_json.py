"""JSON read strictly: numbers keep their digits, a key stands once, nesting is bounded, text is real Unicode.

The usual parsers keep the last of two equal keys, read numbers as binary fractions, accept NaN and lone
surrogates. Here each of these is a ValueError that says what is wrong.
"""

import json
from typing import Any, NoReturn

from tollbook import limits
from tollbook.query.records import Number


def parse_json(text: bytes) -> Any:
    """The value of a JSON text: dict, list, str, `Number`, bool or None; ValueError says what is wrong.

    >>> parse_json(b'{"amount": 0.380}')
    {'amount': '0.380'}
    >>> parse_json(b'{"usage": 1, "usage": 9}')
    Traceback (most recent call last):
    ValueError: the key usage stands twice
    """
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not valid UTF-8 at byte {error.start + 1}") from None
    try:
        value = _DECODER.decode(decoded)
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {limits.BODY_DEPTH_MAX}") from None
    _check(value, limits.BODY_DEPTH_MAX)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        shown = twice.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair could not be told
        raise ValueError(f"the key {shown} stands twice")
    return record


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_float=Number, parse_int=Number, parse_constant=_no_constant)


def _check(value: Any, depth: int) -> None:
    """Refuse lone surrogates and nesting beyond `depth`."""
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("a text holds half of a surrogate pair")
    elif isinstance(value, (dict, list)):
        if not depth:
            raise ValueError(f"nested deeper than {limits.BODY_DEPTH_MAX}")
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(inner, depth - 1)
