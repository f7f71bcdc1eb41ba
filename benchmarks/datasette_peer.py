"""datasette over the book's own invoice table: a general tool on exactly the same file.

It shows rows, not invoices: no child arrays, raw integers for money, no token. That is less work
than the others do, and the report says so. Only its totals and the sids are compared.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import AbstractContextManager, closing
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.candidates import Candidate, Case, Material
from benchmarks.data import cents
from benchmarks.expected import Invoice, Page
from benchmarks.load import Request
from benchmarks.machine import on_cpu
from benchmarks.processes import HOST, Server, free_port, serving

NEEDED = {"invoice_sid", "partner_sid", "date_created", "status", "amount"}


def datasette(material: Material, sample: Invoice) -> Candidate | None:
    """datasette on Tollbook's book, else on the peers' file; None if neither has such a table."""
    files = [material.book.db] if material.book else []
    for file in [*files, material.peer_book]:
        table = _invoice_table(file)
        if table:
            whose = "peers' file" if file == material.peer_book else "same book"
            return _candidate(material, file, table, _amount_above(file, table, sample), whose)
    return None


def _candidate(material: Material, file: Path, table: str, above: int, whose: str) -> Candidate:
    def start() -> AbstractContextManager[Server]:
        port = free_port()
        options = ["--host", HOST, "--port", str(port), "--setting", "suggest_facets", "off"]
        command = [*on_cpu(0), sys.executable, "-m", "datasette", "serve", "-i", str(file)]
        return serving([*command, *options], material.log("datasette"), port)

    def request(case: Case, partner: str) -> Request:
        query = {"partner_sid__exact": partner, "_sort_desc": "date_created"}
        query |= {"_size": str(case.limit), "_shape": "objects", "_nofacet": "1"}
        if case.keep:
            query |= {"status__exact": "open", "amount__gt": str(above)}
        return Request(f"/{file.stem}/{table}.json?{urlencode(query)}", "unused")

    def read(body: bytes, case: Case, want: Page) -> Page:
        answer = json.loads(body)
        return Page(answer["rows"], answer["filtered_table_rows_count"])

    title = f"datasette, thin rows of the {whose}, no token"
    return Candidate("datasette", title, start, request, read, whole=False)


def _invoice_table(file: Path) -> str | None:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as book:
        names = [name for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for name in sorted(names):
            columns = {row[1] for row in book.execute(f'PRAGMA table_info("{name}")')}
            if columns >= NEEDED:
                return str(name)
    return None


def _amount_above(file: Path, table: str, sample: Invoice) -> int:
    """1.00 in the integers of the table, by the invoice whose amount is known."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as book:
        query = f'SELECT amount FROM "{table}" WHERE invoice_sid = ?'
        (stored,) = book.execute(query, (sample["invoice_sid"],)).fetchone()
    return int(stored) * 100 // cents(sample["amount"])
