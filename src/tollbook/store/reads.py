"""What can be asked of a book within one snapshot, in the words of `billing.model`.

Every list and look-up of records takes the caller's `Sight`. The connection is a store's; what it raises is
translated at the store's border, not here.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from tollbook.billing.model import Invoice, InvoiceItem, Partner, PayItem, Sight, TaxItem, Token
from tollbook.errors import no_item
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS, Field, Kind, Resource
from tollbook.query.filters import Condition, Operator
from tollbook.query.listing import ListQuery
from tollbook.query.records import encode_json, wire_record
from tollbook.store.auditing import Audit
from tollbook.store.invoice_rows import DOCUMENT_OF_INVOICE, Key
from tollbook.store.sql import Clause, Composed, beyond, compose, open_from, ordered_index


class Connection(Protocol):
    """What a driver must offer: run one statement with its parameters, give its rows."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Any:
        """Run one statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Any:
        """Run one statement for each row of parameters."""
        ...


class Row(NamedTuple):
    """One record of a list: its sid, its partner, and its JSON as it is served."""

    sid: str
    partner_sid: str
    document: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its rows in order, the exact total, and whether there is more on either side."""

    rows: list[Row]
    total: int
    has_next: bool
    has_previous: bool


class Login(NamedTuple):
    """What is needed to verify a partner's password."""

    partner_sid: str
    password_hash: str | None


class Grant(NamedTuple):
    """What a token in use may do, as the book says now. Scopes are JSON arrays of words."""

    token_sid: str
    partner_sid: str
    scopes: str
    partner_scopes: str
    parent_sid: str | None
    date_expiration: int
    date_last_accessed: int | None


_NOUNS: dict[str, type[Partner] | type[Token]] = {"partner": Partner, "token": Token}
_CHILDREN = {"invoice_items": InvoiceItem, "pay_items": PayItem, "tax_items": TaxItem}


class Reads(Audit):
    """The questions, over one connection in one snapshot."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.execute

    def page(self, sight: Sight, query: ListQuery) -> Page:
        """The page that a list asks for; 404 where its cursor names nothing in sight."""
        composed = compose(query)
        total = self.total(sight, query)
        if query.cursor:
            return self._page_at_cursor(sight, query, composed, total)
        if query.offset >= total:
            return Page([], total, False, total > 0)
        clause = self._matching(sight, query, composed, self._index(sight, query, composed, total))
        order = "ORDER BY random()" if query.shuffle else composed.order_by()
        rows = self._rows(query.resource, clause, order, query.limit, query.offset)
        return Page(rows, total, query.offset + len(rows) < total, query.offset > 0)

    def total(self, sight: Sight, query: ListQuery) -> int:
        """How many records match within sight, exactly; from the counters where they know."""
        counted = self._counted(sight, query)
        if counted is not None:
            return counted
        clause = self._matching(sight, query, compose(query))
        return int(self._one(f"SELECT count(*) {clause.text}", clause.parameters)[0])

    def record(self, resource: Resource, sight: Sight, sid: str) -> Row:
        """One record by its sid; 404 where there is none in sight."""
        clause = self._by_sid(resource, sight, sid)
        rows = self._rows(resource, clause, "", 1, 0)
        if not rows:
            raise no_item()
        return rows[0]

    def partner(self, sight: Sight, sid: str) -> Partner:
        """One partner as a noun; 404 where there is none in sight."""
        clause = self._by_sid(PARTNERS, sight, sid)
        row = self._run(f"SELECT {_columns(PARTNERS)} {clause.text}", clause.parameters).fetchone()
        if row is None:
            raise no_item()
        return noun(PARTNERS, row)  # type: ignore[return-value]

    def partner_documents(self, sids: Iterable[str]) -> dict[str, bytes]:
        """The JSON of partners whose records are in sight, for `with_related`."""
        wanted = sorted(set(sids))
        marks = ", ".join("?" * len(wanted))
        rows = self._run(f"SELECT {_columns(PARTNERS)} FROM partner r WHERE r.partner_sid IN ({marks})", wanted)
        nouns = [noun(PARTNERS, row) for row in rows]
        return {partner.partner_sid: document(PARTNERS, partner) for partner in nouns}

    def invoice(self, sid: str) -> Invoice:
        """One invoice as a noun, from its rows, whoever's it is; 404 where there is none."""
        row = self._run("SELECT partner_sid, invoice_created, sid FROM directory WHERE sid = ?", (sid,)).fetchone()
        if row is None:
            raise no_item()
        return self.invoice_at(row)

    def invoice_at(self, key: Key) -> Invoice:
        """One invoice as a noun, from its rows, by its key; 404 where there is none."""
        where = "FROM invoice r WHERE r.partner_sid = ? AND r.date_created = ? AND r.invoice_sid = ?"
        found = self._run(f"SELECT {_columns(INVOICES)} {where}", key).fetchone()
        if found is None:
            raise no_item()
        return self._invoice(found)

    def _invoice(self, row: Sequence[Any]) -> Invoice:
        values: dict[str, Any] = dict(zip(_names(INVOICES), row, strict=True))
        key = (values["partner_sid"], values["date_created"], values["invoice_sid"])
        children: dict[str, Any] = {name: self._children(name, key) for name in _CHILDREN}
        values |= children | {"paid": bool(values["paid"])}
        return Invoice(**values)

    def _children(self, table: str, key: Key) -> tuple[Any, ...]:
        shape = _CHILDREN[table]
        rows = self._run(
            f"SELECT {', '.join(shape.__struct_fields__)} FROM {table}"
            " WHERE partner_sid = ? AND invoice_created = ? AND invoice_sid = ? ORDER BY position",
            key,
        )
        return tuple(shape(**dict(zip(shape.__struct_fields__, row, strict=True))) for row in rows)

    def invoice_documents(self, partner_sid: str | None = None) -> Iterator[bytes]:
        """The JSON of every invoice, or of one partner's, in the order of creation."""
        where, parameters = ("WHERE partner_sid = ? ", (partner_sid,)) if partner_sid else ("", ())
        order = "ORDER BY partner_sid, invoice_created, invoice_sid"
        rows = self._run(f"SELECT document FROM invoice_document {where}{order}", parameters)
        for (text,) in rows:
            yield text

    def directory(self, sid: str) -> str | None:
        """The partner that a sid belongs to, if the book knows it."""
        row = self._run("SELECT partner_sid FROM directory WHERE sid = ?", (sid,)).fetchone()
        return row[0] if row else None

    def grant(self, access_hash: bytes) -> Grant | None:
        """What the token with that hash may do now."""
        row = self._run(
            "SELECT t.token_sid, t.partner_sid, t.scopes, p.available_scopes, p.parent_sid,"
            " t.date_expiration_access_token, t.date_last_accessed"
            " FROM token t JOIN partner p ON p.partner_sid = t.partner_sid WHERE t.access_hash = ?",
            (access_hash,),
        ).fetchone()
        return Grant(*row) if row else None

    def token_by_refresh(self, refresh_hash: bytes) -> Token | None:
        """The token that a refresh token renews."""
        row = self._run(f"SELECT {_columns(TOKENS)} FROM token r WHERE r.refresh_hash = ?", (refresh_hash,)).fetchone()
        return noun(TOKENS, row) if row else None  # type: ignore[return-value]

    def login(self, login: str) -> Login | None:
        """Whose login that is."""
        row = self._run("SELECT partner_sid, password_hash FROM partner WHERE login = ?", (login,)).fetchone()
        return Login(*row) if row else None

    def operator_sid(self) -> str:
        """The root of the partner tree."""
        return str(self._one("SELECT partner_sid FROM partner WHERE parent_sid IS NULL")[0])

    def is_beneath(self, ancestor_sid: str, sid: str) -> bool:
        """Whether a partner is that ancestor or beneath it."""
        row = self._run("SELECT 1 FROM partner_tree WHERE ancestor_sid = ? AND descendant_sid = ?", (ancestor_sid, sid))
        return row.fetchone() is not None

    def depth(self, sid: str) -> int:
        """How many partners are above one."""
        return int(self._one("SELECT max(depth) FROM partner_tree WHERE descendant_sid = ?", (sid,))[0] or 0)

    def taken(self, column: str, value: str) -> bool:
        """Whether a partner has that `login` or `display_id` already."""
        known = {"login": "login", "display_id": "display_id"}[column]
        return self._run(f"SELECT 1 FROM partner WHERE {known} = ?", (value,)).fetchone() is not None

    def settings(self) -> dict[str, str]:
        """What the book says of itself."""
        return dict(self._run("SELECT name, value FROM book").fetchall())

    def _one(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return self._run(statement, parameters).fetchone()

    def _counted(self, sight: Sight, query: ListQuery) -> int | None:
        statuses = _statuses(query)
        if query.resource is not INVOICES or statuses is None:
            return None
        clause = open_from(_COUNTERS, sight)
        if statuses:
            clause.text += f" AND r.status IN ({', '.join('?' * len(statuses))})"
            clause.parameters += statuses
        return int(self._one(f"SELECT coalesce(sum(r.invoices), 0) {clause.text}", clause.parameters)[0])

    def _matching(self, sight: Sight, query: ListQuery, composed: Composed, index: str = "") -> Clause:
        clause = open_from(query.resource, sight, joined=composed.joined, index=index)
        return Clause(clause.text + composed.where, [*clause.parameters, *composed.parameters])

    def _index(self, sight: Sight, query: ListQuery, composed: Composed, total: int) -> str:
        """The index to walk in order, where that reads fewer rows than sorting all that match.

        Walking meets a match every `all / total` rows and stops after the page; sorting reads `total`.
        """
        index = ordered_index(query, composed, sight)
        if not index or (sight.reach != "tree" and not query.conditions):
            return index
        whole = sight if sight.reach == "own" else Sight("all", "")
        everything = self._counted(whole, ListQuery(query.resource)) or 0
        return index if everything * (query.offset + query.limit) <= total * total else ""

    def _rows(self, resource: Resource, clause: Clause, order: str, limit: int, offset: int) -> list[Row]:
        parameters = [*clause.parameters, limit, offset]
        if resource is INVOICES:
            return [
                Row(*row)
                for row in self._run(
                    "WITH page AS MATERIALIZED (SELECT r.partner_sid, r.date_created, r.invoice_sid"
                    f" {clause.text} {order} LIMIT ? OFFSET ?)"
                    f" SELECT r.invoice_sid, r.partner_sid, {DOCUMENT_OF_INVOICE} FROM page r",
                    parameters,
                )
            ]
        rows = self._run(f"SELECT {_columns(resource)} {clause.text} {order} LIMIT ? OFFSET ?", parameters)
        nouns = [noun(resource, row) for row in rows]
        return [Row(getattr(n, resource.sid), n.partner_sid, document(resource, n)) for n in nouns]

    def _by_sid(self, resource: Resource, sight: Sight, sid: str, *, joined: bool = False) -> Clause:
        clause = open_from(resource, sight, joined=joined)
        if resource is INVOICES:
            for name, known in (("partner_sid", "partner_sid"), ("date_created", "invoice_created")):
                clause.text += f" AND r.{name} = (SELECT g.{known} FROM directory g WHERE g.sid = ?)"
                clause.parameters.append(sid)
        clause.text += f" AND r.{resource.sid} = ?"
        clause.parameters.append(sid)
        return clause

    def _page_at_cursor(self, sight: Sight, query: ListQuery, composed: Composed, total: int) -> Page:
        forward = query.after is not None
        anchor = self._anchor(sight, query, composed, query.cursor or "")
        matching = self._matching(sight, query, composed, self._index(sight, query, composed, total))
        rows = self._next_to(matching, query, composed, anchor, query.limit + 1, reverse=not forward)
        more = len(rows) > query.limit
        del rows[query.limit :]
        if not forward:
            rows.reverse()
        edge = rows[0 if forward else -1].sid if rows else None
        behind = edge is not None and self._behind(matching, sight, query, composed, edge, reverse=forward)
        if forward:
            return Page(rows, total, more, behind)
        return Page(rows, total, behind if rows else total > 0, more)

    def _anchor(self, sight: Sight, query: ListQuery, composed: Composed, sid: str) -> tuple[Any, ...]:
        clause = self._by_sid(query.resource, sight, sid, joined=composed.joined)
        names = ", ".join(key.expression for key in composed.keys)
        row = self._run(f"SELECT {names} {clause.text}", clause.parameters).fetchone()
        if row is None:
            raise no_item()
        return tuple(row)

    def _next_to(
        self,
        matching: Clause,
        query: ListQuery,
        composed: Composed,
        anchor: tuple[Any, ...],
        limit: int,
        *,
        reverse: bool,
    ) -> list[Row]:
        past = beyond(composed.keys, anchor, reverse=reverse)
        clause = Clause(matching.text + past.text, matching.parameters + past.parameters)
        return self._rows(query.resource, clause, composed.order_by(reverse=reverse), limit, 0)

    def _behind(
        self, matching: Clause, sight: Sight, query: ListQuery, composed: Composed, edge_sid: str, *, reverse: bool
    ) -> bool:
        """Whether there is a record on the side that the page came from."""
        if not query.conditions:
            return True  # the cursor's own record is one
        edge = self._anchor(sight, query, composed, edge_sid)
        return bool(self._next_to(matching, query, composed, edge, 1, reverse=reverse))


_COUNTERS = Resource("invoice_counter", "", "", "", "", ())


def _statuses(query: ListQuery) -> list[Any] | None:
    """The statuses that a list is narrowed to: none for a list without filter, None where counters cannot tell."""
    if not query.conditions:
        return []
    condition: Condition = query.conditions[0]
    plain = len(query.conditions) == 1 and [f.name for f in condition.path] == ["status"] and condition.values
    return list(condition.values) if plain and condition.operator in (Operator.EQ, Operator.IN) else None


def _names(resource: Resource) -> tuple[str, ...]:
    return tuple(field.name for field in resource.scalars)


def _columns(resource: Resource) -> str:
    return ", ".join("NULL" if field.secret else f"r.{field.name}" for field in resource.scalars)


def noun(resource: Resource, row: Sequence[Any]) -> Partner | Token:
    """A row of `_columns` as a noun."""
    values = (_inside(field, value) for field, value in zip(resource.scalars, row, strict=True))
    return _NOUNS[resource.name](**dict(zip(_names(resource), values, strict=True)))


def _inside(field: Field, value: Any) -> Any:
    if field.kind is Kind.WORDS:
        return tuple(json.loads(value))
    return json.loads(value) if field.kind is Kind.MAP else value


def document(resource: Resource, record: Invoice | Partner | Token) -> bytes:
    """The JSON of a record, as it is served."""
    return encode_json(wire_record(resource.fields, lambda name: attrgetter(name)(record)))
