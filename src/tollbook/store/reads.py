"""What can be asked of a book within one snapshot, in the words of `billing.model`.

Every list and look-up of records takes the caller's `Sight`. The connection is a store's; what it raises is
translated at the store's border, not here.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from tollbook.billing.model import Invoice, InvoiceItem, Partner, PayItem, Sight, TaxItem, Token
from tollbook.errors import no_item
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS, Resource
from tollbook.query.listing import ListQuery
from tollbook.store.archiving import ArchiveReads
from tollbook.store.auditing import Audit
from tollbook.store.copying import TableReads
from tollbook.store.dialect import SQLITE
from tollbook.store.event_rows import EventReads, document_of, kind_of
from tollbook.store.invoice_rows import OF_INVOICE, Key
from tollbook.store.ledger import LedgerReads
from tollbook.store.ledger_audit import LedgerAudit
from tollbook.store.nouns import columns, document, names, noun
from tollbook.store.paging import KINDS, Page, Pager, Row, by_sid, fetch, owner_of
from tollbook.store.sheet_rows import GENERATION, SheetReads
from tollbook.store.standing_rows import StandingReads
from tollbook.store.usage_sums import UsageSums


class Connection(Protocol):
    """What a driver must offer: run one statement with its parameters, give its rows."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Any:
        """Run one statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Any:
        """Run one statement for each row of parameters."""
        ...


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


class Instants(NamedTuple):
    """The latest instant of an act that the book holds, and its test clock; None where it has none."""

    date_last_act: int | None
    sandbox_clock: int | None

    def at(self, wall: int) -> int:
        """The book's instant when the machine's is `wall`."""
        return max(wall, self.date_last_act or 0) if self.sandbox_clock is None else self.sandbox_clock


_CHILDREN = {"invoice_items": InvoiceItem, "pay_items": PayItem, "tax_items": TaxItem}


class Reads(
    SheetReads, LedgerReads, StandingReads, EventReads, UsageSums, LedgerAudit, Audit, ArchiveReads, TableReads
):
    """The questions, over one connection in one snapshot."""

    dialect = SQLITE
    row_lock = ""
    """What an act says behind a question for what it alone may use, where others run at the same time."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._run = connection.execute
        self._stream = connection.execute
        """The same for many rows, which need not fit in memory."""

    def page(self, sight: Sight, query: ListQuery) -> Page:
        """The page that a list asks for; 404 where its cursor names nothing in sight."""
        return Pager(self._run, sight, query, self.dialect).page()

    def total(self, sight: Sight, query: ListQuery) -> int:
        """How many records match within sight, exactly."""
        return Pager(self._run, sight, query, self.dialect).total()

    def record(self, resource: Resource, sight: Sight, sid: str) -> Row:
        """One record by its sid, from the archive where it was put away; 404 where there is none in sight."""
        rows = fetch(self._run, resource, by_sid(self._run, resource, sight, sid), "", 1, self.dialect)
        if not rows and resource.within:
            rows = self._archived_row(resource, sight, sid)
        if not rows:
            raise no_item()
        return rows[0]

    def _archived_row(self, resource: Resource, sight: Sight, sid: str) -> list[Row]:
        owner = owner_of(self._run, resource, sight, sid)
        placed = self.archived(owner, sid)
        if placed is None or kind_of(placed.event) != KINDS[resource.name]:
            return []
        return [Row(sid, owner, document_of(resource, placed))]

    def partner(self, sight: Sight, sid: str) -> Partner:
        """One partner as a noun; 404 where there is none in sight."""
        clause = by_sid(self._run, PARTNERS, sight, sid)
        row = self._run(f"SELECT {columns(PARTNERS)} {clause.text}", clause.parameters).fetchone()
        if row is None:
            raise no_item()
        return noun(PARTNERS, row)  # type: ignore[return-value]

    def partner_documents(self, sids: Iterable[str]) -> dict[str, bytes]:
        """The JSON of partners whose records are in sight, for `with_related`."""
        wanted = sorted(set(sids))
        if not wanted:
            return {}
        marks = ", ".join("?" * len(wanted))
        rows = self._run(f"SELECT {columns(PARTNERS)} FROM partner r WHERE r.partner_sid IN ({marks})", wanted)
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
        found = self._run(f"SELECT {columns(INVOICES)} {where}", key).fetchone()
        if found is None:
            raise no_item()
        return self._invoice(found)

    def _invoice(self, row: Sequence[Any]) -> Invoice:
        values: dict[str, Any] = dict(zip(names(INVOICES), row, strict=True))
        key = (values["partner_sid"], values["date_created"], values["invoice_sid"])
        children: dict[str, Any] = {name: self._children(name, key) for name in _CHILDREN}
        values |= children | {"paid": bool(values["paid"])}
        return Invoice(**values)

    def _children(self, table: str, key: Key) -> tuple[Any, ...]:
        shape = _CHILDREN[table]
        rows = self._run(
            f"SELECT {', '.join(shape.__struct_fields__)} FROM {table} WHERE {OF_INVOICE} ORDER BY position",
            key,
        )
        return tuple(shape(**dict(zip(shape.__struct_fields__, row, strict=True))) for row in rows)

    def invoice_documents(self, partner_sid: str | None = None) -> Iterator[bytes]:
        """The JSON of every invoice, or of one partner's, in the order of creation."""
        where, parameters = ("WHERE partner_sid = ? ", (partner_sid,)) if partner_sid else ("", ())
        order = "ORDER BY partner_sid, invoice_created, invoice_sid"
        rows = self._stream(f"SELECT document FROM invoice_document {where}{order}", parameters)
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
        found = f"SELECT {columns(TOKENS)} FROM token r WHERE r.refresh_hash = ?{self.row_lock}"
        row = self._run(found, (refresh_hash,)).fetchone()
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

    def present(self, wall: int) -> int:
        """The book's instant when the machine's is `wall`: a test clock's where it has one, and never an earlier one.

        A machine whose clock was set back is not followed: time stands still until it has caught up.
        """
        return self.instants().at(wall)

    def instants(self) -> Instants:
        """What the book knows of the time."""
        kept = self.settings()
        return Instants(*(int(kept[name]) if name in kept else None for name in Instants._fields))

    def settings(self) -> dict[str, str]:
        """What the book says of itself."""
        return dict(self._run("SELECT name, value FROM book").fetchall())

    def sheets_generation(self) -> str | None:
        """What the rate sheets' present state is known by; None where there never were any."""
        return self.settings().get(GENERATION)

    def _one(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return self._run(statement, parameters).fetchone()
