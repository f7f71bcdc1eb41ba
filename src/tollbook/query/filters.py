"""`filter` text to typed conditions: a hand-written scanner that knows positions, one loop, no recursion.

    amount gt 1 and status in (open, "closed") and partner.name like "Acme%"

The grammar is `attr op value [and attr op value]…`, nothing else. Types decide what a value means: a condition
leaves here with integers for money, dates and numbers, so no text of a user's is ever compared as another
kind, or reaches SQL as anything but a parameter.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from tollbook import errors, limits
from tollbook.clock import parse_instant
from tollbook.errors import Flaw, Problem, Refusal
from tollbook.money import parse_amount, parse_decimal
from tollbook.query.arguments import nearest
from tollbook.query.fields import Field, Kind, Resource

Value = str | int | bool


class Operator(StrEnum):
    """The closed list of comparisons."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    LIKE = "like"
    ILIKE = "ilike"
    BIT = "bit"


_RANGES = frozenset({Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE, Operator.IN})
_TEXTS = _RANGES | {Operator.LIKE, Operator.ILIKE}

OPERATORS: dict[Kind, frozenset[Operator]] = {
    Kind.TEXT: _TEXTS,
    Kind.SID: _TEXTS,
    Kind.MAP: _TEXTS,
    Kind.WORDS: _TEXTS,
    Kind.MONEY: _RANGES,
    Kind.DECIMAL: _RANGES,
    Kind.INSTANT: _RANGES,
    Kind.INTEGER: _RANGES | {Operator.BIT},
    Kind.BOOLEAN: frozenset({Operator.EQ, Operator.NE}),
}
"""Which operators fit which kind; arrays of objects and objects themselves cannot be compared."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `path` ends in the attribute compared; before it stands the array or object it is in.

    `key` is the entry of a MAP. `values` holds the typed value, several for `in`, none where it is compared
    with null. A pattern of `like` or `ilike` is in canonical form: `%` and `_` match, a backslash escapes.
    """

    path: tuple[Field, ...]
    operator: Operator
    values: tuple[Value, ...]
    key: str | None = None

    @property
    def field(self) -> Field:
        """The attribute that is compared."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, a quoted text or one of `( ) ,`; `at` is its first character's position, from 1."""

    kind: str
    text: str
    pattern: str
    at: int


_BARE = re.compile(r"[\w:\-+.%/@]+")
_INTEGER = re.compile(rf"-?[0-9]{{1,{limits.INTEGER_DIGITS_MAX}}}")
_SMART_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u0060\u00b4"


def parse_filter(text: str, resource: Resource) -> tuple[Condition, ...]:
    """The conditions that all must hold; none for blank text.

    Refuses what it cannot read with `field: "filter"` and the position, counted in characters from 1.

    >>> from tollbook.query.fields import INVOICES
    >>> [c.values for c in parse_filter("amount gt 0.380 and paid eq true", INVOICES)]
    [(380000,), (True,)]
    """
    if len(text) > limits.FILTER_CHARS_MAX:
        last = limits.FILTER_CHARS_MAX
        _refuse(errors.FILTER_TOO_LARGE, f"position {last + 1}: more than {last} characters")
    return _Parser(_scan(text), resource, end=len(text.rstrip()) + 1).conditions()


def _scan(text: str) -> list[_Token]:
    tokens = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
        elif text[at] in "(),":
            tokens.append(_Token(text[at], text[at], "", at + 1))
            at += 1
        elif text[at] in "\"'":
            token, at = _quoted(text, at)
            tokens.append(token)
        elif word := _BARE.match(text, at):
            tokens.append(_Token("word", word[0], word[0], at + 1))
            at = word.end()
        else:
            _refuse_character(text[at], at + 1)
    return tokens


def _quoted(text: str, start: int) -> tuple[_Token, int]:
    value: list[str] = []
    pattern: list[str] = []
    at = start + 1
    while at < len(text) and text[at] != text[start]:
        literal = text[at] == "\\"
        at += literal
        if at == len(text):
            break
        value.append(text[at])
        pattern.append("\\" + text[at] if literal and text[at] in "%_\\" else text[at])
        at += 1
    if at >= len(text):
        _refuse(errors.FILTER_SYNTAX, f"position {start + 1}: the quote opened here is not closed")
    return _Token("quoted", "".join(value), "".join(pattern), start + 1), at + 1


def _refuse_character(character: str, at: int) -> NoReturn:
    if character in _SMART_QUOTES:
        _refuse(errors.FILTER_SYNTAX, f"position {at}: a typographic quote; use \" or '")
    if character in "=<>!":
        _refuse(errors.FILTER_SYNTAX, f"position {at}: {character} is no operator; write {', '.join(Operator)}")
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    _refuse(errors.FILTER_SYNTAX, f"position {at}: {shown} cannot stand here; put the value in quotes")


def _refuse(problem: Problem, message: str) -> NoReturn:
    raise Refusal(problem, Flaw("filter", message))


class _Parser:
    """Reads tokens from left to right, once."""

    def __init__(self, tokens: list[_Token], resource: Resource, end: int) -> None:
        self.tokens = tokens
        self.resource = resource
        self.end = end
        self.next = 0

    def conditions(self) -> tuple[Condition, ...]:
        found: list[Condition] = []
        while self.next < len(self.tokens):
            if found:
                self._joiner()
            if len(found) == limits.FILTER_CONDITIONS_MAX:
                at, most = self._at(), limits.FILTER_CONDITIONS_MAX
                _refuse(errors.FILTER_TOO_LARGE, f"position {at}: more than {most} conditions")
            found.append(self._condition())
        return tuple(found)

    def _at(self) -> int:
        """The position of what comes next."""
        return self.tokens[self.next].at if self.next < len(self.tokens) else self.end

    def _take(self, expected: str) -> _Token:
        if self.next == len(self.tokens):
            _refuse(errors.FILTER_SYNTAX, f"position {self.end}: expected {expected}, found the end")
        self.next += 1
        return self.tokens[self.next - 1]

    def _joiner(self) -> None:
        token = self._take("and")
        if token.kind != "word" or token.text.lower() != "and":
            _refuse(errors.FILTER_SYNTAX, f"position {token.at}: expected and, {_found(token)}")

    def _condition(self) -> Condition:
        name = self._take("an attribute")
        if name.text.lower() == "not" or name.kind == "(":
            _refuse(
                errors.FILTER_SYNTAX,
                f"position {name.at}: {name.text} is not in the language; conditions are joined by and only",
            )
        if name.kind != "word":
            _refuse(errors.FILTER_SYNTAX, f"position {name.at}: expected an attribute, found {name.text}")
        path, key = self._path(name)
        operator = self._operator(path[-1], name.text)
        if operator is Operator.IN:
            return Condition(path, operator, self._choices(path[-1]), key)
        return Condition(path, operator, self._values(path[-1], operator), key)

    def _path(self, name: _Token) -> tuple[tuple[Field, ...], str | None]:
        first, *rest = name.text.split(".")
        field = self.resource.by_name.get(first)
        path = [field] if field else []
        while field and rest and field.kind in (Kind.ROWS, Kind.OBJECT):
            field = field.part(rest.pop(0))
            path += [field] if field else []
        key = ".".join(rest) if field and field.kind is Kind.MAP and rest else None
        if field is None or (rest and key is None):
            hint = nearest(name.text, self.resource.paths())
            _refuse(errors.FILTER_UNKNOWN_FIELD, f"position {name.at}: unknown attribute {name.text}{hint}")
        if field.kind not in OPERATORS or (field.kind is Kind.MAP and not key):
            _refuse(
                errors.FILTER_UNFIT,
                f"position {name.at}: {name.text} cannot be compared itself; name an attribute within it",
            )
        return tuple(path), key

    def _operator(self, field: Field, name: str) -> Operator:
        token = self._take("an operator")
        try:
            operator = Operator(token.text.lower()) if token.kind == "word" else None
        except ValueError:
            operator = None
        if operator is None:
            _refuse(
                errors.FILTER_SYNTAX,
                f"position {token.at}: expected an operator ({', '.join(Operator)}), {_found(token)}",
            )
        if operator not in OPERATORS[field.kind]:
            _refuse(
                errors.FILTER_UNFIT, f"position {token.at}: {operator} does not fit {name}, which is {field.kind.value}"
            )
        return operator

    def _values(self, field: Field, operator: Operator) -> tuple[Value, ...]:
        token = self._take("a value")
        if token.kind not in ("word", "quoted"):
            _refuse(errors.FILTER_SYNTAX, f"position {token.at}: expected a value, {_found(token)}")
        if _is_null(token):
            if operator not in (Operator.EQ, Operator.NE):
                _refuse(errors.FILTER_UNFIT, f"position {token.at}: null goes with eq and ne only")
            return ()
        return (_typed(field, operator, token),)

    def _choices(self, field: Field) -> tuple[Value, ...]:
        opening = self._take("(")
        if opening.kind != "(":
            _refuse(errors.FILTER_SYNTAX, f"position {opening.at}: expected ( after in, found {opening.text}")
        values: list[Value] = []
        while True:
            token = self._take("a value")
            if token.kind not in ("word", "quoted"):
                _refuse(errors.FILTER_SYNTAX, f"position {token.at}: expected a value, found {token.text}")
            if _is_null(token):
                _refuse(errors.FILTER_UNFIT, f"position {token.at}: null cannot stand in a list; use eq null")
            values.append(_typed(field, Operator.IN, token))
            if len(values) > limits.FILTER_CHOICES_MAX:
                _refuse(errors.FILTER_TOO_LARGE, f"more than {limits.FILTER_CHOICES_MAX} values in one list")
            token = self._take(", or )")
            if token.kind == ")":
                return tuple(values)
            if token.kind != ",":
                _refuse(errors.FILTER_SYNTAX, f"position {token.at}: expected , or ), found {token.text}")


def _found(token: _Token) -> str:
    """What stands there; where it would be of a richer language, that this one has `and` only."""
    foreign = token.kind in ("(", ")") or (token.kind == "word" and token.text.lower() in ("or", "not"))
    return f"found {token.text}" + ("; conditions are joined by and only" if foreign else "")


def _is_null(token: _Token) -> bool:
    return token.kind == "word" and token.text == "null"


def _typed(field: Field, operator: Operator, token: _Token) -> Value:
    if operator in (Operator.LIKE, Operator.ILIKE):
        return _pattern(token)
    try:
        value = _READERS[field.kind](token.text)
        if operator is Operator.BIT and value < 0:  # type: ignore[operator]  # BIT fits integers only
            raise ValueError("expected a whole number that is not negative")
    except ValueError as error:
        _refuse(errors.FILTER_UNFIT, f"position {token.at}: {error}")
    return value


def _pattern(token: _Token) -> str:
    if len(token.pattern) > limits.PATTERN_CHARS_MAX:
        _refuse(
            errors.FILTER_TOO_LARGE,
            f"position {token.at}: a pattern of more than {limits.PATTERN_CHARS_MAX} characters",
        )
    wildcards = re.sub(r"\\.", "", token.pattern).count("%")
    if wildcards > limits.PATTERN_WILDCARDS_MAX:
        _refuse(
            errors.FILTER_TOO_LARGE, f"position {token.at}: a pattern with more than {limits.PATTERN_WILDCARDS_MAX} %"
        )
    return token.pattern


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"expected a whole number of at most {limits.INTEGER_DIGITS_MAX} digits")
    return int(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("expected true or false")
    return text == "true"


_READERS: dict[Kind, Callable[[str], Value]] = {
    Kind.TEXT: str,
    Kind.SID: str,
    Kind.MAP: str,
    Kind.WORDS: str,
    Kind.MONEY: parse_amount,
    Kind.DECIMAL: parse_decimal,
    Kind.INTEGER: _integer,
    Kind.INSTANT: parse_instant,
    Kind.BOOLEAN: _boolean,
}
