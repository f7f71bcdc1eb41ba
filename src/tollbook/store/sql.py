"""(Sight, ListQuery) to SQL: the one place that opens a FROM, and puts the caller's sight on it first.

Identifiers come from the catalogue, values go as parameters; no character of a user's text is ever part of a
statement. Only a database that is `hinted` is told of indexes (`INDEXED BY`, `CROSS JOIN`, a `+`).
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from tollbook import limits
from tollbook.billing.model import Sight
from tollbook.query.fields import Field, Kind, Resource
from tollbook.query.filters import Condition, Operator
from tollbook.query.listing import ListQuery, OrderKey
from tollbook.store.dialect import SQLITE, Dialect
from tollbook.store.invoice_rows import beside

_COMPARISONS: Final = {
    Operator.EQ: "=",
    Operator.LT: "<",
    Operator.LE: "<=",
    Operator.GT: ">",
    Operator.GE: ">=",
}


@dataclass(slots=True)
class Clause:
    """A piece of SQL with its parameters, in order."""

    text: str
    parameters: list[Any] = field(default_factory=list)


def open_from(
    resource: Resource,
    sight: Sight,
    *,
    joined: bool = False,
    index: str = "",
    documents: bool = False,
    passing: bool = False,
) -> Clause:
    """FROM and the start of WHERE: the caller's sight. Nothing else in the program opens a FROM of a list.

    `r` is the record, `p` its partner where `joined`. `index` names the one to walk, if one must be walked; with
    `documents`, `d` is the document of the invoice `r`, looked up once `r` is known to match. `passing`: the sight is
    no way in, so that whatever index has the order is walked past what is out of sight.
    """
    text = f"FROM {resource.name} r"
    if index:
        text += f" INDEXED BY {index}"
    if joined:
        text += " JOIN partner p ON p.partner_sid = r.partner_sid"
    if documents:
        text += f" CROSS JOIN invoice_document d ON {beside('d')}"
    no_way_in = "+" if passing else ""  # SQLite looks up no expression
    return Clause(f"{text} WHERE {no_way_in}{_SIGHTS[sight.reach][0]}", told_of(sight))


def told_of(sight: Sight) -> list[Any]:
    """The parameters that a FROM within a sight takes."""
    return [getattr(sight, name) for name in _SIGHTS[sight.reach][1]]


_SENDERS: Final = "r.version_sid = ? AND (r.sender_class IS NULL OR r.sender_class = '{}')"
_SIGHTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "own": ("r.partner_sid = ?", ("partner_sid",)),
    "tree": (
        "r.partner_sid IN (SELECT descendant_sid FROM partner_tree WHERE ancestor_sid = ?)",
        ("partner_sid",),
    ),
    "all": ("1 = 1", ()),
    "invoice": (
        "r.partner_sid = ? AND r.date >= ? AND r.date < ? AND r.invoice_sid = ?",
        ("partner_sid", "start", "end", "invoice_sid"),
    ),
    "version": ("r.version_sid = ?", ("version_sid",)),
    **{sender: (_SENDERS.format(sender), ("version_sid",)) for sender in ("short_code", "toll", "toll_free")},
}
"""The condition of each sight, and what of the sight it asks for."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A list's conditions and order, ready to be put behind any sight."""

    joined: bool
    where: str
    parameters: tuple[Any, ...]
    keys: tuple["Key", ...]

    def order_by(self, *, reverse: bool = False) -> str:
        """The ORDER BY, or its exact reverse."""
        return "ORDER BY " + ", ".join(
            f"{key.expression} {_direction(key, descending=key.descending is not reverse)}" for key in self.keys
        )


@dataclass(frozen=True, slots=True)
class Key:
    """One column that a list is ordered by, the tie-breaking sid included."""

    expression: str
    descending: bool
    null: bool


def _direction(key: Key, *, descending: bool) -> str:
    """Null is lowest; where a database thinks otherwise of it, it has to be told."""
    nulls = (" NULLS LAST" if descending else " NULLS FIRST") if key.null else ""
    return ("DESC" if descending else "ASC") + nulls


@lru_cache(limits.PLANS_REMEMBERED_MAX)
def compose(query: ListQuery, dialect: Dialect = SQLITE) -> Composed:
    """The conditions and order of a list, as SQL; remembered as long as the query is."""
    clauses = [_condition(condition, dialect) for condition in query.conditions]
    paths = [c.path for c in query.conditions] + [k.path for k in query.order]
    return Composed(
        joined=any(path[0].kind is Kind.OBJECT for path in paths),
        where="".join(f" AND {clause.text}" for clause in clauses),
        parameters=tuple(parameter for clause in clauses for parameter in clause.parameters),
        keys=_keys(query.order, query.resource),
    )


def _keys(order: tuple[OrderKey, ...], resource: Resource) -> tuple[Key, ...]:
    keys = [Key(_column(key.path), key.descending, key.path[-1].null) for key in order if not key.path[-1].secret]
    descending = order[-1].descending if order else False
    ordered = {key.expression for key in keys}
    ties = (f"r.{name}" for name in (resource.sid, *resource.within))
    return (*keys, *(Key(tie, descending, null=False) for tie in ties if tie not in ordered))


def _column(path: tuple[Field, ...]) -> str:
    table = "r" if len(path) == 1 else "p"
    return "NULL" if path[-1].secret else f"{table}.{path[-1].name}"


def _condition(condition: Condition, dialect: Dialect) -> Clause:
    outer = condition.path[0]
    if outer.kind is Kind.ROWS:
        inner = _comparison(condition, f"x.{condition.field.name}", dialect)
        return Clause(
            f"EXISTS (SELECT 1 FROM {outer.name} x WHERE {beside('x')} AND {inner.text})",
            inner.parameters,
        )
    column = _column(condition.path)
    if condition.field.kind is Kind.WORDS:
        inner = _comparison(condition, "x.value", dialect)
        return Clause(
            f"EXISTS (SELECT 1 FROM {dialect.words.format(column=column)} x WHERE {inner.text})",
            inner.parameters,
        )
    if condition.key is None:
        return _comparison(condition, column, dialect)
    entry = dialect.map_entry.format(column=column)
    inner = _comparison(condition, entry, dialect)
    keys = [dialect.map_key(condition.key)] * inner.text.count(entry)
    return Clause(inner.text, _interleaved(inner, entry, keys))


def _interleaved(inner: Clause, entry: str, keys: list[str]) -> list[Any]:
    """The parameters of a comparison of a map's entry: the key of each mention of it stands where the mention does."""
    first, *rest = keys
    return [first, *inner.parameters, *rest]


def _comparison(condition: Condition, expression: str, dialect: Dialect) -> Clause:
    operator, values = condition.operator, [_parameter(value) for value in condition.values]
    if not values:
        return Clause(f"{expression} IS {'NOT ' if operator is Operator.NE else ''}NULL")
    if operator is Operator.NE:
        nullable = condition.field.null or condition.key is not None
        unlike = f"{expression} <> ?"
        return Clause(f"({unlike} OR {expression} IS NULL)" if nullable else unlike, values)
    if operator is Operator.IN:
        return Clause(f"{expression} IN ({', '.join('?' * len(values))})", values)
    if operator is Operator.BIT:
        return Clause(f"({expression} & ?) = ?", values * 2)
    if operator in _COMPARISONS:
        return Clause(f"{expression} {_COMPARISONS[operator]} ?", values)
    text, pattern = dialect.pattern(operator, expression, values[0])
    return Clause(text, [pattern])


def _parameter(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def beyond(keys: tuple[Key, ...], anchor: tuple[Any, ...], *, reverse: bool) -> Clause:
    """The condition that a record comes strictly after the anchor in the order of `keys` (or before it).

    `anchor` holds the anchor's value of each key. Null is lowest. Where no value can be null and all keys run
    one way this is a comparison of rows, which an index serves wherever the anchor stands.
    """
    ascending = {key.descending is reverse for key in keys}
    if len(ascending) == 1 and not any(key.null for key in keys):
        names = ", ".join(key.expression for key in keys)
        marks = ", ".join("?" * len(keys))
        return Clause(f" AND ({names}) {'>' if ascending.pop() else '<'} ({marks})", list(anchor))
    alternatives: list[str] = []
    parameters: list[Any] = []
    for position, key in enumerate(keys):
        equal = [_same(k, v) for k, v in zip(keys[:position], anchor[:position], strict=True)]
        past = _past(key, anchor[position], ascending=key.descending is reverse)
        if past is None:
            continue
        clauses = [*equal, past]
        alternatives.append(" AND ".join(clause.text for clause in clauses))
        parameters += [parameter for clause in clauses for parameter in clause.parameters]
    return Clause(f" AND ({' OR '.join(f'({text})' for text in alternatives)})", parameters)


def _same(key: Key, value: Any) -> Clause:
    return Clause(f"{key.expression} IS NULL") if value is None else Clause(f"{key.expression} = ?", [value])


def _past(key: Key, value: Any, *, ascending: bool) -> Clause | None:
    if value is None:
        return Clause(f"{key.expression} IS NOT NULL") if ascending else None
    if ascending:
        return Clause(f"{key.expression} > ?", [value])
    either = f"({key.expression} < ? OR {key.expression} IS NULL)" if key.null else f"{key.expression} < ?"
    return Clause(either, [value])


# The indexes that give an order without sorting, for one partner's invoices and for everybody's.
ORDERED: Final = {
    ("invoice", "own", "r.date_created"): "invoice_by_date_created",
    ("invoice", "tree", "r.date_created"): "invoice_all_by_date_created",
    ("invoice", "all", "r.date_created"): "invoice_all_by_date_created",
}


def ordered_index(query: ListQuery, composed: Composed, sight: Sight) -> str:
    """The index whose walk yields the list's order, or nothing where it has to be sorted."""
    if len(composed.keys) != 2 or query.shuffle:
        return ""
    return ORDERED.get((query.resource.name, sight.reach, composed.keys[0].expression), "")


@lru_cache(limits.PLANS_REMEMBERED_MAX)
def as_documents(query: ListQuery) -> Composed | None:
    """One partner's list over its documents, where it is a range of them: a plain list in the default order.

    Not far in: to skip a row there means to read its document.
    """
    composed = compose(query)
    if query.conditions or query.shuffle or query.offset > query.limit:
        return None
    if [key.expression for key in composed.keys] != ["r.date_created", "r.invoice_sid"]:
        return None
    created, sid = composed.keys
    if created.descending is not sid.descending:
        return None
    return replace(composed, keys=(replace(created, expression="r.invoice_created"), sid))
