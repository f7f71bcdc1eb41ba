"""Every key begins with the partner, and what is asked all day names it: a distributed book does it on one node.

Proven on plain PostgreSQL: by its catalogue, and by the statements that a distributed book would be asked.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine import Engine, call, message, usage
from tests.stores import bare_database, behind

from tollbook import errors
from tollbook.billing.model import Caller
from tollbook.billing.scopes import SCOPES
from tollbook.billing.sheets import CallRate
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.operations import reading, tokens
from tollbook.operations.books import operator_caller
from tollbook.query.fields import CALL_DRS, INVOICES, MESSAGE_DRS, PAYMENTS, Resource
from tollbook.query.listing import View, parse_list
from tollbook.store import create_store, migrations, postgres_books
from tollbook.store.postgres import PostgresStore
from tollbook.store.postgres_distributed import is_distributed, key_of_table
from tollbook.store.postgres_distributed_acts import DistributedReads, DistributedWrites
from tollbook.store.postgres_session import Session

pytestmark = pytest.mark.postgres

FAN_OUT = {
    "r.partner_sid IN (SELECT descendant_sid": "a reseller's list is of all beneath",
    "WHERE 1 = 1": "the operator's list is of everybody",
    "FROM partner_tree t JOIN event_seen s": "of whom beneath a record is, only its partner knows",
    "date_due <= ?": "a billing run asks for whom it has something to do, once",
    "FROM billing b WHERE EXISTS (SELECT 1 FROM event e": "a billing run asks whose records wait for a rate, once",
    "AND b.spent_day <> ?": "a new day is begun for everybody, once",
    "UPDATE notice SET date_answered = ? WHERE kind = ?": "a new day is begun for everybody, once",
}
"""What statements have in them that go to all nodes, and why."""

_VIEWS = {"call_dr": "event", "message_dr": "event", "usage_dr": "event"}
_TABLE = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE) (\w+)(?: (?:AS )?(?!(?:WHERE|SET|ON|JOIN|LEFT|VALUES|ORDER)\b)(\w+))?"
)
_VALUE = r"(?:= \?|IN \(\?(?:, \?)*\)|= ANY\(\?\))"


def unkeyed(statement: str, known: frozenset[str] = frozenset()) -> list[str]:
    """The tables that a statement touches without a value for the column they are spread by."""
    text, inner = _apart(statement.partition(" FOR ")[0])
    tables = [(_VIEWS.get(name, name), alias or name) for name, alias in _TABLE.findall(text)]
    spread = {alias: table for table, alias in tables if table in migrations.tables() and key_of_table(table)}
    bound = set(known)
    for alias, table in spread.items():
        named = rf"(?:\b{alias}\.|(?<![\w.]))" if len(tables) == 1 else rf"\b{alias}\."
        inserted = text.startswith("INSERT INTO") and "VALUES" in text
        if inserted or re.search(rf"{named}{key_of_table(table)} {_VALUE}", text):
            bound.add(alias)
    for _ in tables:
        for one, other in re.findall(r"\b(\w+)\.partner_sid = (\w+)\.partner_sid\b", text):
            bound |= {one, other} if {one, other} & bound else set()
    missing = [table for alias, table in spread.items() if alias not in bound]
    return missing + [table for part in inner for table in unkeyed(part, frozenset(bound))]


def _apart(statement: str) -> tuple[str, list[str]]:
    """A statement without its questions in brackets, and those."""
    inner: list[str] = []
    while found := re.search(r"\((?=SELECT\b)", statement):
        depth, end = 0, found.start()
        for end in range(found.start(), len(statement)):
            depth += {"(": 1, ")": -1}.get(statement[end], 0)
            if depth == 0:
                break
        inner.append(statement[found.end() : end])
        statement = f"{statement[: found.start()]}<>{statement[end + 1 :]}"
    return statement, inner


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that run from now on."""
    noted: list[str] = []
    for name in ("execute", "executemany", "stream"):
        run = getattr(Session, name)

        def note(self: Session, statement: str, *parameters: Any, _run: Any = run) -> Any:
            noted.append(statement)
            return _run(self, statement, *parameters)

        monkeypatch.setattr(Session, name, note)
    return noted


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A book that is asked as a distributed one is."""
    made = Engine(tmp_path, "2024-12-20T10:00:00Z")
    assert isinstance(made.store, PostgresStore)
    made.store.reads, made.store.writes = DistributedReads, DistributedWrites
    made.sheet(CallRate(prefix="1", rate=2_500_000))
    yield made
    made.store.close()


def test_a_table_without_its_partner_is_seen() -> None:
    of_partner = "SELECT 1 FROM invoice i JOIN billing b ON b.partner_sid = i.partner_sid WHERE i.partner_sid = ?"
    by_question = (
        "SELECT 1 FROM invoice i WHERE i.partner_sid = (SELECT g.partner_sid FROM directory g WHERE g.sid = ?)"
    )
    assert unkeyed(of_partner) == []
    assert unkeyed(by_question) == ["invoice"]
    assert unkeyed("SELECT (SELECT sum(invoices) FROM invoice_counter) FROM partner") == ["invoice_counter"]
    assert unkeyed("DELETE FROM event WHERE date = ?") == ["event"]
    assert unkeyed("INSERT INTO directory SELECT invoice_sid, partner_sid, date_created FROM invoice") != []


def test_a_server_that_spreads_nothing_is_told() -> None:
    url = bare_database()
    with postgres_books.connect(url) as connection:
        can = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'citus'").fetchone()
    if can:
        create_store(url, FixedClock(0)).close()
        create_store(url, FixedClock(0), distributed=True).close()  # as after an init that was interrupted
        with postgres_books.connect(url) as connection:
            assert is_distributed(connection)
        return
    with pytest.raises(Refusal) as refused:
        create_store(url, FixedClock(0), distributed=True)
    assert refused.value.problem is errors.SETTING_INVALID
    assert "this server has no extension citus" in refused.value.flaws[0].message


def test_every_key_begins_with_the_partner(engine: Engine) -> None:
    with behind(engine.store) as connection:
        keys = connection.execute(
            "SELECT c.relname, i.relname, a.attname FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid"
            " JOIN pg_class i ON i.oid = x.indexrelid"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]"
            " WHERE x.indisunique AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition"
        ).fetchall()
    first = {(table, key): column for table, key, column in keys if key_of_table(table)}
    assert {table for table, _, _ in keys} == set(migrations.tables())
    assert len(first) >= 19
    assert [(key, column) for (table, key), column in first.items() if column != key_of_table(table)] == []


def test_what_refers_to_a_table_finds_it_on_its_node(engine: Engine) -> None:
    with behind(engine.store) as connection:
        refers = "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
        found = connection.execute(refers).fetchall()
    of_ours = [pair for pair in found if pair[0] in migrations.tables()]
    assert of_ours
    assert [pair for pair in of_ours if key_of_table(pair[1])] == []


def lists(engine: Engine, caller: Caller) -> None:
    """The pages that a caller asks for."""
    for resource, queries in QUERIES.items():
        for query in queries:
            listed = reading.list_records(engine.store, caller, parse_list(query, resource))
            for cursor in ("after", "before"):
                if listed.last:
                    reading.list_records(engine.store, caller, parse_list(f"{cursor}={listed.last}", resource))


QUERIES: dict[Resource, tuple[str, ...]] = {
    INVOICES: (
        "limit=2", "limit=1&offset=3", "order=amount", "order=shuffle", "filter=status+eq+open", "filter=amount+gt+1",
        "filter=amount+gt+1&limit=1&offset=2", "filter=invoice_items.type+eq+toll&order=date_created",
        "filter=partner.name+ne+x&order=amount", "with_related=true",
    ),
    CALL_DRS: ("limit=2", "filter=duration+gt+1", "order=price"),
    MESSAGE_DRS: ("limit=2",),
    PAYMENTS: ("limit=2", "order=amount"),
}  # fmt: skip


def month(engine: Engine) -> str:
    """A partner's month: usage by the piece and by the thousand, payments, credits, closes, a void."""
    acme = engine.partner("Acme")
    engine.record(call(acme, "c1", "2024-12-20T09:00:00Z"))
    engine.record(*(call(acme, f"c{n}", "2024-12-20T09:30:00Z") for n in range(10, 50)))
    engine.record(message(acme, "m1", "2024-12-20T09:00:00Z"), usage(acme, "u1", "2024-12-20T09:00:00Z", "numbers", 2))
    engine.correct("c1", call(acme, "c1", "2024-12-20T09:00:00Z", seconds=120))
    engine.pay(acme, "5.00", reference="a1")
    engine.run("2025-01-22T00:00:00Z", partner_sid=acme)
    closed = next(invoice for invoice in engine.invoices(acme) if invoice["status"] == "closed")
    engine.record(call(acme, "late", "2024-12-20T09:45:00Z"))
    engine.correct("c10", None)
    engine.adjust(acme, "goodwill", "1.00")
    engine.adjust(acme, "credit_note", "0.01", invoice_sid=closed["invoice_sid"])
    engine.run("2025-02-22T00:00:00Z", partner_sid=acme)
    engine.void(closed["invoice_sid"])
    return acme


def test_hot_statements_name_their_partner(engine: Engine, asked: list[str]) -> None:
    acme = month(engine)
    lived = len(asked)
    alone, caller = (Caller(partner_sid=acme, scopes=scopes) for scopes in (frozenset[str](), frozenset(SCOPES)))
    invoice_sid = engine.invoices(acme)[0]["invoice_sid"]
    for resource, sid in ((INVOICES, invoice_sid), (CALL_DRS, "c11"), (MESSAGE_DRS, "m1")):
        reading.get_record(engine.store, alone, resource, sid, View())
    reading.list_usage(engine.store, alone, invoice_sid, parse_list("limit=2", CALL_DRS))
    granted = tokens.grant_to(engine.store, caller, acme, tokens.Wish())
    tokens.caller_of_token(engine.store, granted.access_token or "")
    lists(engine, alone)
    assert [statement for statement in asked[lived:] if unkeyed(statement)] == []
    lists(engine, caller)
    lists(engine, operator_caller(engine.store))
    engine.run("2025-03-22T00:00:00Z")
    assert len(set(asked)) > 100
    wide = {statement: missing for statement in asked if (missing := unkeyed(statement))}
    assert {each: wide[each] for each in wide if not any(part in each for part in FAN_OUT)} == {}
    used = [part for part in FAN_OUT if any(part in statement for statement in asked)]
    assert used == list(FAN_OUT)
