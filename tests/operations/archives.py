"""A book whose first month is put away and brought back, and all that is answered of it."""

import hashlib
import math
import time
from pathlib import Path
from typing import Any

import pytest
from tests.engine import Engine, call, day, message, usage
from tests.stores import ON_POSTGRES, TABLES, behind

from tollbook import limits
from tollbook.billing.sheets import CallRate
from tollbook.clock import parse_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import archiving
from tollbook.operations.explaining import encode_tidy, explain_invoice
from tollbook.operations.explaining_records import explain_records
from tollbook.operations.reading import get_record
from tollbook.operations.recording import Outcome
from tollbook.query.fields import CALL_DRS, MESSAGE_DRS
from tollbook.query.listing import View
from tollbook.store import Store

NOW = "2024-11-20T10:00:00Z"
DECEMBER = parse_instant("2024-12-01")
LISTS = {"c": CALL_DRS, "m": MESSAGE_DRS}


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of many groups, and months of many acts."""
    monkeypatch.setattr(limits, "ARCHIVE_GROUP_ROWS", 3)
    monkeypatch.setattr(limits, "ARCHIVE_MOVED_ROWS", 2)
    monkeypatch.setattr(time, "sleep", lambda _: None)


def two_months(folder: Path) -> Engine:
    """A book with two months of closed invoices, one record corrected since, and an open one."""
    engine = Engine(folder, NOW)
    engine.store.read_deadline_seconds = math.inf  # as at a terminal, where months are put away
    engine.sheet(CallRate(prefix="1", rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60))
    sids = [engine.partner(name, begins=day("2024-11-01")) for name in ("Acme", "Bolt")]
    for sid, of in zip(sids, ("", "b"), strict=True):
        calls = (call(sid, f"c{at}{of}", f"2024-11-{at:02}T10:00:00Z", seconds=at * 10) for at in range(5, 20))
        engine.record(*calls)
        engine.record(usage(sid, "u1", "2024-11-06T00:00:00Z", "tts", 7, price=1_000))
        engine.record(message(sid, "m1", "2024-11-07T00:00:00Z", price=5_000))
    engine.run("2024-12-03T00:00:00Z")
    engine.correct("c7", call(sids[0], "c7", "2024-11-07T10:00:00Z", seconds=600))
    engine.record(call(sids[0], "d1", "2024-12-02T10:00:00Z"))
    return engine


def put_away(engine: Engine, folder: Path | None, before: int = DECEMBER) -> list[archiving.Month]:
    """Put months away; what became of each."""
    return list(archiving.archive(engine.store, before, folder, lambda *_: None))


def back(engine: Engine, month: int) -> list[archiving.Month]:
    """Bring a month back; what became of its files."""
    return archiving.restore(engine.store, month, lambda *_: None)


def rows_of(store: Store) -> dict[str, str]:
    """What each table holds, but for what says of the book itself and of its archive."""
    with behind(store) as connection:
        order = " x ORDER BY x" if ON_POSTGRES else ""
        names = [name for (name,) in connection.execute(TABLES).fetchall() if name not in ("archive", "book")]
        found = {name: connection.execute(f"SELECT * FROM {name}{order}").fetchall() for name in names}
    return {name: hashlib.sha256(repr(rows).encode()).hexdigest() for name, rows in found.items()}


def answers(engine: Engine, records: dict[str, str], partners: list[str]) -> dict[str, Any]:
    """All that is answered of records by their sid, and of invoices explained."""
    made: dict[str, Any] = {}
    for sid in records:
        made[f"explained {sid}"] = encode_tidy(explain_records(engine.store, engine.caller, sid))
        if sid[0] in LISTS:
            try:
                made[sid] = get_record(engine.store, engine.caller, LISTS[sid[0]], sid, View())
            except Refusal as refusal:
                made[sid] = refusal.problem.code
    for partner in partners:
        for invoice in engine.invoices(partner):
            sid = invoice["invoice_sid"]
            made[sid] = encode_tidy(explain_invoice(engine.store, engine.caller, sid))
    return made


def first_partner(engine: Engine) -> str:
    """The partner that has `d1`."""
    with engine.store.reading() as book:
        (noted,) = book.owners_of(engine.caller.partner_sid, "d1")
    return noted


def results(outcomes: list[Outcome]) -> list[str]:
    """The result of each record that was sent."""
    return [each.result for each in outcomes]
