"""`include_fields` and `exclude_fields`: which attributes an answer's records show.

Include first, then exclude; dotted paths reach into arrays and sub-objects; unknown names select nothing. The
envelope around the records is never filtered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal

Tree = Mapping[str, "Tree | None"]
"""Names to what is chosen beneath them; None chooses all of it."""


@dataclass(frozen=True, eq=False)
class Projection:
    """What to show of a record: what is in `include` (None: all), less what is in `exclude`."""

    include: Tree | None
    exclude: Tree | None

    def apply(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record with the chosen attributes only, in the record's own order."""
        kept = dict(record) if self.include is None else _only(record, self.include)
        return kept if self.exclude is None else _without(kept, self.exclude)


def parse_projection(include: str, exclude: str) -> Projection | None:
    """The projection that two comma lists ask for; None where both are blank.

    >>> parse_projection("amount, invoice_items.type", "").apply(
    ...     {"amount": "1", "paid": True, "invoice_items": [{"type": "toll", "usage": 6}]})
    {'amount': '1', 'invoice_items': [{'type': 'toll'}]}
    """
    chosen, left_out = _tree("include_fields", include), _tree("exclude_fields", exclude)
    return Projection(chosen, left_out) if chosen or left_out else None


def _tree(field: str, text: str) -> Tree | None:
    names = [name for part in text.split(",") if (name := part.strip())]
    if len(names) > limits.PROJECTION_NAMES_MAX:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw(field, f"more than {limits.PROJECTION_NAMES_MAX} names"))
    return _grown(names) if names else None


def _grown(names: Iterable[str]) -> Tree:
    grouped: dict[str, list[str] | None] = {}
    for name in names:
        first, _, rest = name.partition(".")
        if not rest:
            grouped[first] = None
        elif (beneath := grouped.setdefault(first, [])) is not None:
            beneath.append(rest)
    return {name: None if rest is None else _grown(rest) for name, rest in grouped.items()}


def _only(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_only(element, tree) for element in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: inner if (beneath := tree[name]) is None else _only(inner, beneath)
        for name, inner in value.items()
        if name in tree
    }


def _without(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_without(element, tree) for element in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: inner if (beneath := tree.get(name)) is None else _without(inner, beneath)
        for name, inner in value.items()
        if name not in tree or tree[name] is not None
    }
