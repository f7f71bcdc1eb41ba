"""How a list is read within a reach: its statements, made once; callers differ by parameters only.

Invoices are read in one of three ways. A plain list of one partner in the default order is a range of documents,
which lie in that order. A list whose matches are dense walks the index of its order and stops after the page.
Everything else is fetched and sorted by its keys, before a document is touched. A database that chooses by itself
is asked that last way: a walk is one way to do it, and no document is in the way of its choice.
"""

from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from tollbook import limits
from tollbook.billing.model import Sight
from tollbook.query.fields import INVOICES, Resource
from tollbook.query.filters import Operator
from tollbook.query.listing import ListQuery
from tollbook.store.dialect import SQLITE, Dialect
from tollbook.store.invoice_rows import DOCUMENT_OF_INVOICE
from tollbook.store.nouns import columns, has_noun
from tollbook.store.sql import Clause, Composed, as_documents, compose, open_from, ordered_index

Reach = Literal["own", "tree", "all", "invoice"]

COUNTERS: Final = Resource("invoice_counter", "", "", "", "", ())
DOCUMENTS: Final = Resource("invoice_document", "", "", "", "", ())
COUNTED: Final = "SELECT CAST(coalesce(sum(r.invoices), 0) AS BIGINT)"


class Plan(msgspec.Struct, frozen=True):
    """The statements of a list. Each takes the sight's parameters, then those that its comment names.

    `statuses` are those that the counters know the total of: none for all, None where they do not know it.
    """

    composed: Composed
    ranged: Composed | None  # the list over documents, where it is a range of them
    statuses: tuple[Any, ...] | None
    index: str  # the one that has the order, if any
    weighed: bool  # whether the total decides if `index` is walked
    total: str  # the sight again where `weighed`; the conditions. A second column: how many a whole walk meets
    range: str  # the sight again; limit, offset. A fourth column: the total. Empty where the list is no range
    walk: str  # the conditions; limit, offset. Empty without an index
    many: str  # the conditions, a bound: how many match, up to it. Empty where that does not decide if to walk
    sort: str  # the conditions; limit, offset


@lru_cache(limits.PLANS_REMEMBERED_MAX)
def plan_of(query: ListQuery, reach: Reach, dialect: Dialect = SQLITE) -> Plan:
    """The plan of a list, remembered as long as the list is."""
    composed, sight = compose(query, dialect), Sight(reach, "")
    ranged = as_documents(query) if reach == "own" else None
    index = ordered_index(query, composed, sight) if dialect.hinted else ""
    weighed = bool(index) and (reach == "tree" or bool(query.conditions))
    order = "ORDER BY random()" if query.shuffle else composed.order_by()
    passed = dialect.hinted and _is_passed(query, composed, sight)
    passing = _pass(query, composed, sight, order) if passed else ""
    return Plan(
        composed=composed,
        ranged=ranged,
        statuses=_statuses(query) if query.resource is INVOICES else None,
        index=index,
        weighed=weighed,
        total=_total(query, composed, sight, weighed=weighed),
        range=_range(ranged, sight) if ranged else "",
        walk=_walk(query, composed, sight, index, order) if index else passing,
        many=_many(query, composed, sight) if passing else "",
        sort=select(query.resource, matching(query.resource, composed, sight).text, order, dialect),
    )


def is_one_statement(query: ListQuery, sight: Sight) -> bool:
    """Whether a page is read by one statement, which is a snapshot by itself; but for a page behind the last."""
    return not query.with_related and not query.cursor and bool(plan_of(query, sight.reach).range)


def _total(query: ListQuery, composed: Composed, sight: Sight, *, weighed: bool) -> str:
    """The statement that counts what matches, with the number of all where that decides the way."""
    found = matching(query.resource, composed, sight).text
    if not weighed:
        return f"SELECT count(*), NULL {found}"
    everything = f"{COUNTED} AS number {open_from(COUNTERS, walked(sight)).text}"
    counted = f"SELECT count(*) AS number {found}"
    return f"SELECT counted.number, everything.number FROM ({everything}) everything, ({counted}) counted"


def _range(ranged: Composed, sight: Sight) -> str:
    total = f"({COUNTED} {open_from(COUNTERS, sight).text})"
    end = f"{open_from(DOCUMENTS, sight).text} {ranged.order_by()} LIMIT ? OFFSET ?"
    return f"SELECT r.invoice_sid, r.partner_sid, r.document, {total} {end}"


def _walk(query: ListQuery, composed: Composed, sight: Sight, index: str, order: str) -> str:
    """Along an index rows come in order, each with its document; far in, those skipped shall not read theirs."""
    near = query.offset <= query.limit
    document = "d.document" if near else DOCUMENT_OF_INVOICE
    clause = matching(query.resource, composed, sight, index, documents=near)
    return f"SELECT r.invoice_sid, r.partner_sid, {document} {clause.text} {order} LIMIT ? OFFSET ?"


# What everybody's records of a kind have an index by.
_PASSED: Final = {"call_dr": "r.date_stop", "message_dr": "r.date_stop"}


def _is_passed(query: ListQuery, composed: Composed, sight: Sight) -> bool:
    """Whether a tree's records can be met by walking everybody's in the order of the list."""
    order = composed.keys[0].expression
    return sight.reach == "tree" and not query.shuffle and order == _PASSED.get(query.resource.name)


def _pass(query: ListQuery, composed: Composed, sight: Sight, order: str) -> str:
    return select(query.resource, matching(query.resource, composed, sight, passing=True).text, order)


def _many(query: ListQuery, composed: Composed, sight: Sight) -> str:
    """Few records are sorted; beside many, those of others that a walk passes do not weigh."""
    return f"SELECT count(*) FROM (SELECT 1 {matching(query.resource, composed, sight).text} LIMIT ?) few"


def select(resource: Resource, matching: str, order: str, dialect: Dialect = SQLITE) -> str:
    """The statement that reads a page, sorted by its keys; its last parameters are the limit and the offset.

    Where tables lie in parts each part sorts its own, and reads the documents of what it skips too.
    """
    end = f"{matching} {order} LIMIT ? OFFSET ?"
    if resource is DOCUMENTS:
        return f"SELECT r.invoice_sid, r.partner_sid, r.document {end}"
    if resource is not INVOICES:
        whose = "r.partner_sid" if "partner_sid" in resource.by_name else "NULL"
        keys = "" if has_noun(resource) else f"r.{resource.sid}, {whose}, "
        return f"SELECT {keys}{columns(resource)} {end}"
    if dialect.parted:
        return f"SELECT r.invoice_sid, r.partner_sid, {DOCUMENT_OF_INVOICE} {end}"
    return (
        f"WITH page AS MATERIALIZED (SELECT r.partner_sid, r.date_created, r.invoice_sid {end})"
        f" SELECT r.invoice_sid, r.partner_sid, {DOCUMENT_OF_INVOICE} FROM page r"
    )


def matching(
    resource: Resource,
    composed: Composed,
    sight: Sight,
    index: str = "",
    *,
    documents: bool = False,
    passing: bool = False,
) -> Clause:
    """The FROM and WHERE of a list within a sight."""
    how: Any = {"joined": composed.joined, "index": index, "documents": documents, "passing": passing}
    clause = open_from(resource, sight, **how)
    return Clause(clause.text + composed.where, [*clause.parameters, *composed.parameters])


def walked(sight: Sight) -> Sight:
    """Whose invoices a walk of the order's index passes: one partner's, or everybody's."""
    return sight if sight.reach == "own" else Sight("all", "")


def _statuses(query: ListQuery) -> tuple[Any, ...] | None:
    """The statuses that a list is narrowed to: none for a list without filter, None where counters cannot tell."""
    if not query.conditions:
        return ()
    condition = query.conditions[0]
    plain = len(query.conditions) == 1 and [f.name for f in condition.path] == ["status"] and condition.values
    return condition.values if plain and condition.operator in (Operator.EQ, Operator.IN) else None
