"""A page of a list: its exact total, the way to it that reads the fewest rows, and what lies on either side.

Invoices are read in one of three ways. A plain list of one partner in the default order is a range of documents,
which lie in that order. A list whose matches are dense walks the index of its order and stops after the page.
Everything else is fetched and sorted by its keys, before a document is touched.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace

from tollbook.billing.model import Sight
from tollbook.errors import no_item
from tollbook.query.fields import INVOICES, Resource
from tollbook.query.filters import Condition, Operator
from tollbook.query.listing import ListQuery
from tollbook.store.invoice_rows import DOCUMENT_OF_INVOICE
from tollbook.store.nouns import columns, document, has_noun, noun, row_document
from tollbook.store.sql import Clause, Composed, as_documents, beyond, compose, open_from, ordered_index

Run = Callable[..., Any]
"""Runs one statement with its parameters; gives a cursor."""

_COUNTERS = Resource("invoice_counter", "", "", "", "", ())
_DOCUMENTS = Resource("invoice_document", "", "", "", "", ())


class Row(NamedTuple):
    """One record of a list: its sid, its partner, and its JSON as it is served."""

    sid: str
    partner_sid: str
    document: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its rows in order, the exact total (None where it is not counted), what is on either side."""

    rows: list[Row]
    total: int | None
    has_next: bool
    has_previous: bool


class _Source(NamedTuple):
    """Where a page is read: the table, the conditions, and the order."""

    resource: Resource
    matching: Clause
    composed: Composed


class Pager:
    """One list, within one sight, in one snapshot."""

    def __init__(self, run: Run, sight: Sight, query: ListQuery) -> None:
        self._run = run
        self._sight = sight
        self._query = query
        self._composed = compose(query)

    def page(self) -> Page:
        """The page that the list asks for; 404 where its cursor names nothing in sight."""
        query = self._query
        total = self.total() if query.resource.counted else None
        if query.cursor:
            return self._page_at_cursor(query.cursor, total)
        if total is None:
            rows = self._fetch_from(self._source(None), query.limit + 1)
            return Page(rows[: query.limit], None, len(rows) > query.limit, query.offset > 0)
        if query.offset >= total:
            return Page([], total, False, total > 0)
        rows = self._fetch_from(self._source(total), query.limit)
        return Page(rows, total, query.offset + len(rows) < total, query.offset > 0)

    def _fetch_from(self, source: _Source, limit: int) -> list[Row]:
        order = "ORDER BY random()" if self._query.shuffle else source.composed.order_by()
        return fetch(self._run, source.resource, source.matching, order, limit, self._query.offset)

    def total(self) -> int:
        """How many records match, exactly; from the counters where they know."""
        statuses = _statuses(self._query)
        if self._query.resource is INVOICES and statuses is not None:
            return self._counted(self._sight, statuses)
        clause = self._matching()
        return int(self._run(f"SELECT count(*) {clause.text}", clause.parameters).fetchone()[0])

    def _counted(self, sight: Sight, statuses: Sequence[Any]) -> int:
        clause = open_from(_COUNTERS, sight)
        if statuses:
            clause.text += f" AND r.status IN ({', '.join('?' * len(statuses))})"
            clause.parameters += statuses
        found = self._run(f"SELECT coalesce(sum(r.invoices), 0) {clause.text}", clause.parameters)
        return int(found.fetchone()[0])

    def _matching(self, index: str = "", sight: Sight | None = None) -> Clause:
        composed = self._composed
        clause = open_from(self._query.resource, sight or self._sight, joined=composed.joined, index=index)
        return Clause(clause.text + composed.where, [*clause.parameters, *composed.parameters])

    def _source(self, total: int | None) -> _Source:
        if total is None:
            return _Source(self._query.resource, self._matching(), self._composed)
        documents = as_documents(self._query) if self._sight.reach == "own" else None
        if documents:
            return _Source(_DOCUMENTS, open_from(_DOCUMENTS, self._sight), documents)
        return _Source(self._query.resource, self._matching(self._index(total)), self._composed)

    def _index(self, total: int) -> str:
        """The index to walk in order, where that reads fewer rows than sorting all that match.

        Walking meets a match every `all / total` rows and stops after the page; sorting reads `total`.
        """
        query, sight = self._query, self._sight
        index = ordered_index(query, self._composed, sight)
        if not index or (sight.reach != "tree" and not query.conditions):
            return index
        everything = self._counted(sight if sight.reach == "own" else Sight("all", ""), ())
        return index if everything * (query.offset + query.limit) <= total * total else ""

    def _page_at_cursor(self, cursor: str, total: int | None) -> Page:
        query, forward = self._query, self._query.after is not None
        anchor = self._anchor(cursor)
        source = self._source(total)
        rows = self._next_to(source, anchor, query.limit + 1, reverse=not forward)
        more = len(rows) > query.limit
        del rows[query.limit :]
        if not forward:
            rows.reverse()
        behind = bool(rows) and self._is_behind(source, rows[0 if forward else -1], reverse=forward)
        if forward:
            return Page(rows, total, more, behind)
        if not rows:
            behind = bool(fetch(self._run, source.resource, source.matching, "", 1, 0)) if total is None else total > 0
        return Page(rows, total, behind, more)

    def _anchor(self, cursor: str) -> tuple[Any, ...]:
        """The values that a record is ordered by; 404 where there is none in sight."""
        clause = by_cursor(self._run, self._query.resource, self._sight, cursor, joined=self._composed.joined)
        keys = ", ".join(key.expression for key in self._composed.keys)
        row = self._run(f"SELECT {keys} {clause.text}", clause.parameters).fetchone()
        if row is None:
            raise no_item()
        return tuple(row)

    def _next_to(self, source: _Source, anchor: tuple[Any, ...], limit: int, *, reverse: bool) -> list[Row]:
        past, matching = beyond(source.composed.keys, anchor, reverse=reverse), source.matching
        if (narrowed := self._narrowed(anchor, reverse=reverse)) is not None:
            matching = self._matching(sight=narrowed)
        clause = Clause(matching.text + past.text, matching.parameters + past.parameters)
        return fetch(self._run, source.resource, clause, source.composed.order_by(reverse=reverse), limit, 0)

    def _narrowed(self, anchor: tuple[Any, ...], *, reverse: bool) -> Sight | None:
        """What is behind an invoice from the anchor on: of two bounds the database takes the one that stands first."""
        key, sight = self._composed.keys[0], self._sight
        if sight.reach != "invoice" or key.expression != "r.date":
            return None
        if key.descending is reverse:
            return replace(sight, start=max(sight.start, anchor[0]))
        return replace(sight, end=min(sight.end, anchor[0] + 1))

    def _is_behind(self, source: _Source, edge: Row, *, reverse: bool) -> bool:
        """Whether there is a record on the side that the page came from."""
        if not self._query.conditions:
            return True  # the cursor's own record is one
        return bool(self._next_to(source, self._anchor(cursor_of(source.resource, edge)), 1, reverse=reverse))


def cursor_of(resource: Resource, row: Row, own_sid: str = "") -> str:
    """The `after` or `before` that names a record: its sid, with its partner's before it where that is needed.

    A sid alone names the record of the partner `own_sid`, who asks, before one of a partner beneath.
    """
    plain = not resource.within or (row.partner_sid == own_sid and not _QUALIFIED.match(row.sid))
    return row.sid if plain else f"{row.partner_sid}/{row.sid}"


_QUALIFIED = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(.+)", re.DOTALL)


def by_cursor(run: Run, resource: Resource, sight: Sight, cursor: str, *, joined: bool = False) -> Clause:
    """The FROM and WHERE of the record that a cursor names."""
    found = _QUALIFIED.fullmatch(cursor) if resource.within else None
    if found is None:
        return by_sid(run, resource, sight, cursor, joined=joined)
    return _of_partner(open_from(resource, sight, joined=joined), found[1], found[2])


def by_sid(run: Run, resource: Resource, sight: Sight, sid: str, *, joined: bool = False) -> Clause:
    """The FROM and WHERE of one record: where several partners have it, the caller's or that of the nearest beneath."""
    clause = open_from(resource, sight, joined=joined)
    if resource.within:
        owner = sight.partner_sid
        if sight.reach in ("tree", "all"):
            found = run(_OWNER, (sight.partner_sid, sid, _KINDS[resource.name])).fetchone()
            owner = found[0] if found else owner
        return _of_partner(clause, owner, sid)
    if resource is INVOICES:
        for name, known in (("partner_sid", "partner_sid"), ("date_created", "invoice_created")):
            clause.text += f" AND r.{name} = (SELECT g.{known} FROM directory g WHERE g.sid = ?)"
            clause.parameters.append(sid)
    clause.text += f" AND r.{resource.sid} = ?"
    clause.parameters.append(sid)
    return clause


_OWNER = (
    "SELECT s.partner_sid FROM partner_tree t JOIN event_seen s ON s.partner_sid = t.descendant_sid"
    " WHERE t.ancestor_sid = ? AND s.dr_sid = ? AND s.kind = ? AND s.date IS NOT NULL"
    " ORDER BY t.depth, t.descendant_sid LIMIT 1"
)
_KINDS = {"call_dr": "call", "message_dr": "message"}


def _of_partner(clause: Clause, partner_sid: str, dr_sid: str) -> Clause:
    """One partner's record, by its key: the book knows when it was."""
    clause.text += (
        " AND r.partner_sid = ? AND r.dr_sid = ?"
        " AND r.date = (SELECT s.date FROM event_seen s WHERE s.partner_sid = ? AND s.dr_sid = ?)"
    )
    clause.parameters += [partner_sid, dr_sid] * 2
    return clause


def fetch(run: Run, resource: Resource, clause: Clause, order: str, limit: int, offset: int) -> list[Row]:
    """Rows of a record's table in an order, with the JSON of each."""
    end = f"{clause.text} {order} LIMIT ? OFFSET ?"
    parameters = [*clause.parameters, limit, offset]
    if resource is _DOCUMENTS:
        statement = f"SELECT r.invoice_sid, r.partner_sid, r.document {end}"
    elif resource is INVOICES:
        statement = (
            f"WITH page AS MATERIALIZED (SELECT r.partner_sid, r.date_created, r.invoice_sid {end})"
            f" SELECT r.invoice_sid, r.partner_sid, {DOCUMENT_OF_INVOICE} FROM page r"
        )
    elif not has_noun(resource):
        whose = "r.partner_sid" if "partner_sid" in resource.by_name else "NULL"
        statement = f"SELECT r.{resource.sid}, {whose}, {columns(resource)} {end}"
        return [Row(row[0], row[1], row_document(resource, row[2:])) for row in run(statement, parameters)]
    else:
        nouns = [noun(resource, row) for row in run(f"SELECT {columns(resource)} {end}", parameters)]
        return [Row(getattr(n, resource.sid), n.partner_sid, document(resource, n)) for n in nouns]
    return list(map(Row._make, run(statement, parameters)))


def _statuses(query: ListQuery) -> list[Any] | None:
    """The statuses that a list is narrowed to: none for a list without filter, None where counters cannot tell."""
    if not query.conditions:
        return []
    condition: Condition = query.conditions[0]
    plain = len(query.conditions) == 1 and [f.name for f in condition.path] == ["status"] and condition.values
    return list(condition.values) if plain and condition.operator in (Operator.EQ, Operator.IN) else None
