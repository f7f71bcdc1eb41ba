"""A page of a list: its exact total, the way to it that reads the fewest rows, and what lies on either side."""

import re
from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from tollbook import limits
from tollbook.billing.model import Sight
from tollbook.errors import no_item
from tollbook.query.fields import INVOICES, Resource
from tollbook.query.listing import ListQuery
from tollbook.store.dialect import SQLITE, Dialect
from tollbook.store.invoice_rows import BY_SID
from tollbook.store.nouns import document, has_noun, noun, row_document
from tollbook.store.planning import COUNTED, COUNTERS, DOCUMENTS, matching, plan_of, select, walked
from tollbook.store.sql import Clause, Composed, beyond, open_from, told_of

Run = Callable[..., Any]
"""Runs one statement with its parameters; gives a cursor."""


class Row(msgspec.Struct, frozen=True):
    """One record of a list: its sid, its partner, and its JSON as it is served."""

    sid: str
    partner_sid: str
    document: bytes


class Page(msgspec.Struct, frozen=True):
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

    def __init__(self, run: Run, sight: Sight, query: ListQuery, dialect: Dialect = SQLITE) -> None:
        self._run = run
        self._sight = sight
        self._query = query
        self._dialect = dialect
        self._plan = plan = plan_of(query, sight.reach, dialect)
        self._composed = plan.composed
        self._seen = told_of(sight)
        self._everything: int | None = None

    def page(self) -> Page:
        """The page that the list asks for; 404 where its cursor names nothing in sight."""
        query = self._query
        if query.cursor:
            return self._page_at_cursor(query.cursor, self.total() if query.resource.counted else None)
        if not query.resource.counted:
            rows = self._read(self._plan.walk if self._are_many() else self._plan.sort, query.limit + 1)
            return Page(rows[: query.limit], None, len(rows) > query.limit, query.offset > 0)
        rows, total = self._range() if self._plan.range else ([], 0)
        if not rows:
            total = self.total()
            rows = self._read(self._way(total), query.limit) if query.offset < total else []
        if not rows:
            return Page([], total, False, total > 0)
        return Page(rows, total, query.offset + len(rows) < total, query.offset > 0)

    def total(self) -> int:
        """How many records match, exactly; from the counters where they know."""
        plan, seen = self._plan, self._seen
        if plan.statuses is not None:
            return self._counted(self._sight, plan.statuses)
        passed = seen if plan.weighed and self._sight.reach == "own" else ()
        total, self._everything = self._run(plan.total, (*passed, *seen, *self._composed.parameters)).fetchone()
        return int(total)

    def _range(self) -> tuple[list[Row], int]:
        """The page of a plain list and its total in one statement; no rows where none are left."""
        query, seen = self._query, self._seen
        found = self._run(self._plan.range, (*seen, *seen, query.limit, query.offset)).fetchall()
        return [Row(sid, partner, text) for sid, partner, text, _ in found], found[0][3] if found else 0

    def _way(self, total: int) -> str:
        return self._plan.walk if self._index(total) else self._plan.sort

    def _read(self, statement: str, limit: int) -> list[Row]:
        query = self._query
        parameters = (*self._seen, *self._composed.parameters, limit, query.offset)
        return _read(self._run, query.resource, statement, parameters)

    def _counted(self, sight: Sight, statuses: Sequence[Any]) -> int:
        clause = open_from(COUNTERS, sight)
        if statuses:
            clause.text += f" AND r.status IN ({', '.join('?' * len(statuses))})"
            clause.parameters += statuses
        return int(self._run(f"{COUNTED} {clause.text}", clause.parameters).fetchone()[0])

    def _source(self, total: int | None) -> _Source:
        """Where a page next to a cursor is read."""
        if total is None:
            clause = self._matching(passing=self._are_many())
            return _Source(self._query.resource, clause, self._composed)
        if self._plan.ranged:
            return _Source(DOCUMENTS, open_from(DOCUMENTS, self._sight), self._plan.ranged)
        clause = self._matching(self._index(total))
        return _Source(self._query.resource, clause, self._composed)

    def _matching(self, index: str = "", *, passing: bool = False) -> Clause:
        return matching(self._query.resource, self._composed, self._sight, index, passing=passing)

    def _are_many(self) -> bool:
        """Whether a tree has too many records to sort, and everybody's are walked in their order instead."""
        if not self._plan.many:
            return False
        parameters = (*self._seen, *self._composed.parameters, limits.SORTED_RECORDS_MAX)
        found = self._run(self._plan.many, parameters).fetchone()[0]
        return bool(found >= limits.SORTED_RECORDS_MAX)

    def _index(self, total: int) -> str:
        """The index to walk in order, where that reads fewer rows than sorting all that match.

        Walking meets a match every `all / total` rows and stops after the page; sorting reads `total`.
        """
        query, plan = self._query, self._plan
        if not plan.weighed:
            return plan.index
        everything = self._everything
        if everything is None:
            everything = self._counted(walked(self._sight), ())
        return plan.index if everything * (query.offset + query.limit) <= total * total else ""

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
            behind = bool(self._fetch(source.resource, source.matching, "", 1)) if total is None else total > 0
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
        past, within = beyond(source.composed.keys, anchor, reverse=reverse), source.matching
        if (narrowed := self._narrowed(anchor, reverse=reverse)) is not None:
            within = matching(self._query.resource, self._composed, narrowed)
        clause = Clause(within.text + past.text, within.parameters + past.parameters)
        return self._fetch(source.resource, clause, source.composed.order_by(reverse=reverse), limit)

    def _fetch(self, resource: Resource, clause: Clause, order: str, limit: int) -> list[Row]:
        return fetch(self._run, resource, clause, order, limit, self._dialect)

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
        return _of_partner(clause, owner_of(run, resource, sight, sid), sid)
    if resource is INVOICES:
        clause.text += " AND r.partner_sid = ? AND r.date_created = ?"
        clause.parameters += run(BY_SID, (sid,)).fetchone() or ("", 0)
    clause.text += f" AND r.{resource.sid} = ?"
    clause.parameters.append(sid)
    return clause


def owner_of(run: Run, resource: Resource, sight: Sight, dr_sid: str) -> str:
    """Whose detail record of that sid is meant: the nearest partner's that has one; the caller's where none has."""
    if sight.reach not in ("tree", "all"):
        return sight.partner_sid
    found = run(_OWNER, (sight.partner_sid, dr_sid, KINDS[resource.name])).fetchone()
    return found[0] if found else sight.partner_sid


_OWNER = (
    "SELECT s.partner_sid FROM partner_tree t JOIN event_seen s ON s.partner_sid = t.descendant_sid"
    " WHERE t.ancestor_sid = ? AND s.dr_sid = ? AND s.kind = ? AND s.date IS NOT NULL"
    " ORDER BY t.depth, t.descendant_sid LIMIT 1"
)
KINDS = {"call_dr": "call", "message_dr": "message"}


def _of_partner(clause: Clause, partner_sid: str, dr_sid: str) -> Clause:
    """One partner's record, by its key: the book knows when it was."""
    clause.text += (
        " AND r.partner_sid = ? AND r.dr_sid = ?"
        " AND r.date = (SELECT s.date FROM event_seen s WHERE s.partner_sid = ? AND s.dr_sid = ?)"
    )
    clause.parameters += [partner_sid, dr_sid] * 2
    return clause


def fetch(run: Run, resource: Resource, clause: Clause, order: str, limit: int, dialect: Dialect = SQLITE) -> list[Row]:
    """The first rows of a record's table in an order, with the JSON of each."""
    return _read(run, resource, select(resource, clause.text, order, dialect), (*clause.parameters, limit, 0))


def _read(run: Run, resource: Resource, statement: str, parameters: Sequence[Any]) -> list[Row]:
    found = run(statement, parameters).fetchall()
    if resource is INVOICES or resource is DOCUMENTS:
        return list(starmap(Row, found))
    if not has_noun(resource):
        return [Row(row[0], row[1], row_document(resource, row[2:])) for row in found]
    nouns = [noun(resource, row) for row in found]
    return [Row(getattr(n, resource.sid), n.partner_sid, document(resource, n)) for n in nouns]
