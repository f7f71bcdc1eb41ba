"""The book of the peers: one SQLite file of ordinary normalised tables, filled from the NDJSON.

Money is integer cents and an instant is text that both object mappers read; the indexes are those
the queries want, the same for every peer. Tokens are kept as SHA-256, as the server under test
does.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.data import cents

BATCH = 5_000

SCHEMA = """
CREATE TABLE token (
    digest TEXT PRIMARY KEY,
    partner_sid TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE invoice (
    id INTEGER PRIMARY KEY,
    invoice_sid TEXT NOT NULL UNIQUE,
    partner_sid TEXT NOT NULL,
    display_id TEXT NOT NULL,
    status TEXT NOT NULL,
    paid BOOLEAN NOT NULL,
    amount INTEGER NOT NULL,
    amount_due INTEGER NOT NULL,
    amount_tax INTEGER NOT NULL,
    balance_forward INTEGER NOT NULL,
    balance_previous INTEGER NOT NULL,
    date_billing_period_end DATETIME NOT NULL,
    date_billing_period_start DATETIME NOT NULL,
    date_charge_expected DATETIME NOT NULL,
    date_charged DATETIME,
    date_created DATETIME NOT NULL,
    date_issued DATETIME
);
CREATE TABLE invoice_item (
    id INTEGER PRIMARY KEY,
    invoice_id INTEGER NOT NULL REFERENCES invoice(id),
    amount INTEGER NOT NULL,
    country_code TEXT NOT NULL,
    date_billing_period_end DATETIME NOT NULL,
    date_billing_period_start DATETIME NOT NULL,
    direction TEXT,
    type TEXT NOT NULL,
    usage INTEGER NOT NULL
);
CREATE TABLE pay_item (
    id INTEGER PRIMARY KEY,
    invoice_id INTEGER NOT NULL REFERENCES invoice(id),
    amount INTEGER NOT NULL,
    date_created DATETIME NOT NULL,
    type TEXT NOT NULL
);
CREATE TABLE tax_item (
    id INTEGER PRIMARY KEY,
    invoice_id INTEGER NOT NULL REFERENCES invoice(id),
    amount INTEGER NOT NULL,
    jurisdiction TEXT NOT NULL,
    type TEXT NOT NULL
);
"""

INDEXES = """
CREATE INDEX invoice_newest
    ON invoice (partner_sid, date_created DESC, invoice_sid DESC, status, amount);
CREATE INDEX invoice_item_of ON invoice_item (invoice_id);
CREATE INDEX pay_item_of ON pay_item (invoice_id);
CREATE INDEX tax_item_of ON tax_item (invoice_id);
ANALYZE;
"""


def digest(token: str) -> str:
    """What the token table keeps instead of the token."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_of(partner_sid: str) -> str:
    """The peers' bearer token of a partner: made up, but only its digest is stored."""
    return "peer-" + hashlib.sha256(b"bearer " + partner_sid.encode()).hexdigest()[:40]


def build(path: Path, ndjson: Path, partners: Iterable[str]) -> None:
    """Fills a new file at `path`; it appears only when complete."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    book = sqlite3.connect(partial)
    book.execute("PRAGMA journal_mode = OFF")
    book.execute("PRAGMA synchronous = OFF")
    book.executescript(SCHEMA)
    book.executemany("INSERT INTO token VALUES (?, ?)", [(digest(token_of(p)), p) for p in partners])
    with ndjson.open(encoding="utf-8") as source:
        invoices = enumerate((json.loads(line) for line in source), start=1)
        while batch := list(islice(invoices, BATCH)):
            _insert(book, batch)
    book.executescript(INDEXES)
    book.execute("PRAGMA journal_mode = WAL")
    book.commit()
    book.close()
    partial.replace(path)


def stored(instant: str | None) -> str | None:
    """An instant of the wire as the peers' columns hold it.

    >>> stored("2024-12-19T23:30:01.007Z")
    '2024-12-19 23:30:01.007000'
    """
    return None if instant is None else f"{instant[:10]} {instant[11:23]}000"


def _insert(book: sqlite3.Connection, batch: list[tuple[int, dict[str, Any]]]) -> None:
    for table, rows in rows_of(batch):
        book.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * WIDTHS[table])})", rows)
    book.commit()


WIDTHS = {"invoice": 17, "invoice_item": 9, "pay_item": 5, "tax_item": 5}


def rows_of(batch: list[tuple[int, dict[str, Any]]]) -> Iterator[tuple[str, Iterator[tuple[Any, ...]]]]:
    """The rows that some invoices make, by table; without a key where the database draws it."""
    yield "invoice", (_invoice_row(key, invoice) for key, invoice in batch)
    yield "invoice_item", _child_rows(batch, "invoice_items", _item_row)
    yield "pay_item", _child_rows(batch, "pay_items", _pay_row)
    yield "tax_item", _child_rows(batch, "tax_items", _tax_row)


def _child_rows(batch: list[tuple[int, dict[str, Any]]], array: str, row: Any) -> Iterator[tuple[Any, ...]]:
    for key, invoice in batch:
        for child in invoice[array]:
            yield (None, key, *row(child))


def _invoice_row(key: int, invoice: dict[str, Any]) -> tuple[Any, ...]:
    return (
        key,
        invoice["invoice_sid"],
        invoice["partner_sid"],
        invoice["display_id"],
        invoice["status"],
        invoice["paid"],
        cents(invoice["amount"]),
        cents(invoice["amount_due"]),
        cents(invoice["amount_tax"]),
        cents(invoice["balance_forward"]),
        cents(invoice["balance_previous"]),
        stored(invoice["date_billing_period_end"]),
        stored(invoice["date_billing_period_start"]),
        stored(invoice["date_charge_expected"]),
        stored(invoice["date_charged"]),
        stored(invoice["date_created"]),
        stored(invoice["date_issued"]),
    )


def _item_row(item: dict[str, Any]) -> tuple[Any, ...]:
    return (
        cents(item["amount"]),
        item["country_code"],
        stored(item["date_billing_period_end"]),
        stored(item["date_billing_period_start"]),
        item.get("direction"),
        item["type"],
        item["usage"],
    )


def _pay_row(item: dict[str, Any]) -> tuple[Any, ...]:
    return cents(item["amount"]), stored(item["date_created"]), item["type"]


def _tax_row(item: dict[str, Any]) -> tuple[Any, ...]:
    return cents(item["amount"]), item["jurisdiction"], item["type"]
