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
    included, excluded = _names(include), _names(exclude)
    flaws = [
        Flaw(field, f"more than {limits.PROJECTION_NAMES_MAX} names")
        for field, names in (("include_fields", included), ("exclude_fields", excluded))
        if len(names) > limits.PROJECTION_NAMES_MAX
    ]
    if flaws:
        raise Refusal(errors.ARGUMENT_INVALID, *flaws)
    return Projection(_grown(included) or None, _grown(excluded) or None) if included or excluded else None


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _grown(names: Iterable[str]) -> Tree:
    """Dotted names as one tree; a hostile name has thousands of dots, no record is nested as deep as is looked."""
    tree: dict[str, Any] = {}
    for name in names:
        *within, last = name.split(".", limits.BODY_DEPTH_MAX)
        branch = tree
        for part in within:
            branch = branch.setdefault(part, {})
            if branch is None:  # all of it is chosen already
                break
        else:
            branch[last] = None
    return tree


def _only(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_only(element, tree) for element in value if isinstance(element, Mapping)]
    return {
        name: inner if beneath is None else _only(inner, beneath)
        for name, inner in value.items()
        if name in tree and ((beneath := tree[name]) is None or isinstance(inner, list | Mapping))
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
