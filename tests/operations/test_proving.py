"""A check proves a partner's billing from its records to its last hash, and makes anew what follows from them."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import PROVING
from tests.engine import UK, Engine, call
from tests.making import invoice, put
from tests.operations.random_bills import Life
from tests.stores import behind, file_of

from tollbook import limits
from tollbook.billing.sheets import CallRate
from tollbook.clock import DAY_MS
from tollbook.money import parse_rate
from tollbook.operations import crew, standing
from tollbook.operations.findings import Audited
from tollbook.operations.keeping import verify_backup
from tollbook.operations.mending import repair_book
from tollbook.operations.verifying import check_book
from tollbook.store.book_files import copy_book

NOW = "2024-12-20T10:00:00Z"
CLOSED = "2025-01-21T00:00:00Z"


@given(seed=st.integers(0, 2**32), acts=st.integers(1, 60))
@settings(max_examples=300 if PROVING else 20, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happened_everything_agrees(tmp_path_factory: pytest.TempPathFactory, seed: int, acts: int) -> None:
    life = Life(tmp_path_factory.mktemp("life"), seed).live(acts)
    assert check_book(life.engine.store).findings == []
    life.engine.store.close()


@pytest.fixture
def lived(tmp_path: Path) -> Engine:
    """A book with a partner that has closed, corrected, credited, paid and open invoices, after an imported one."""
    engine = Engine(tmp_path, NOW)
    engine.sheet(CallRate(prefix="1", rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60))
    with engine.store.writing() as act:
        from tollbook.operations.partners import new_partner

        made = new_partner(act, name="Acme", parent_sid=engine.operator.partner_sid)
        act.add_partner(made)
    sid = made.partner_sid
    start = engine.clock.instant - engine.clock.instant % DAY_MS - 40 * DAY_MS
    put(
        engine.store,
        invoice(
            7, sid, date_billing_period_start=start, date_billing_period_end=start + 30 * DAY_MS - 1000,
            date_created=start,
        ),
    )  # fmt: skip
    standing.start_billing(engine.store, sid, "me", begins=None)
    engine.record(call(sid, "a", NOW, seconds=8880), call(sid, "b", NOW), call(sid, "u", NOW, number_dst=UK))
    engine.run(CLOSED)
    engine.record(call(sid, "c", CLOSED, seconds=8880))
    engine.correct("a", call(sid, "a", NOW, seconds=600))
    engine.pay(sid, "5", reference="r1")
    engine.adjust(sid, "credit_note", "0.01", invoice_sid=engine.invoices(sid)[1]["invoice_sid"])
    engine.run("2025-02-25T00:00:00Z")
    engine.record(call(sid, "d", "2025-02-24T00:00:00Z", seconds=8880))
    engine.pay(sid, "1")
    assert [each["status"] for each in engine.invoices(sid)] == ["open", "closed", "closed", "open"]
    assert check_book(engine.store).total == 0
    return engine


def tampered(engine: Engine, *statements: str) -> Audited:
    with behind(engine.store) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount
    return check_book(engine.store)


OPEN = "invoice_sid = (SELECT current_sid FROM billing)"
FIRST = "invoice_sid = (SELECT invoice_sid FROM closed_invoice ORDER BY invoice_created LIMIT 1)"


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        (f"UPDATE item_sum SET units = units + 60000000000 WHERE {OPEN}", "law 5"),
        (f"DELETE FROM item_sum WHERE {OPEN}", "law 5"),
        (f"UPDATE invoice SET amount = amount + 1 WHERE {OPEN}", "law 1"),
        (f"UPDATE invoice_items SET amount = amount + 10000 WHERE {OPEN}", "law 1"),
        (f"UPDATE invoice SET balance_previous = 0 WHERE {OPEN}", "law 3"),
        (f"DELETE FROM pay_items WHERE {OPEN}", "law 3"),
        ("UPDATE billing SET balance_closed = balance_closed + 1", "counter"),
        ("UPDATE billing SET settled = settled + 1", "counter"),
        ("UPDATE billing SET settling = settling + 1", "counter"),
        ("UPDATE billing SET first_open = first_open + 1", "counter"),
        ("UPDATE billing SET number_next = 99", "counter"),
        ("UPDATE billing SET date_due = NULL", "counter"),
    ],
)
def test_what_follows_from_records_and_invoices_is_made_anew(lived: Engine, statement: str, about: str) -> None:
    partner_sid = lived_partner(lived)
    before = lived.invoices(partner_sid)
    audited = tampered(lived, statement)
    assert about in audited.counts
    repair_book(lived.store, audited)
    assert check_book(lived.store).findings == []
    assert lived.invoices(partner_sid) == before


def lived_partner(engine: Engine) -> str:
    with engine.store.reading() as book:
        return next(billing.partner_sid for billing in book.billings())


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        (f"UPDATE item_sum SET units = units + 1 WHERE {FIRST}", "law 5"),
        (f"UPDATE item_sum SET units = units + 60000000000 WHERE {FIRST}", "law 1"),
        (f"UPDATE invoice SET amount_tax = 1 WHERE {FIRST}", "law 2"),
        (f"UPDATE invoice SET amount = amount + 1 WHERE {FIRST}", "law 6"),
        (f"UPDATE invoice SET date_issued = date_issued + 1 WHERE {FIRST}", "law 6"),
        (f"UPDATE invoice SET display_id = '012' WHERE {FIRST}", "law 6"),
        (f"UPDATE invoice SET date_charged = 1735689600000 WHERE {FIRST}", "law 7"),
        (f"UPDATE invoice SET date_billing_period_start = 1732752000000 WHERE {FIRST}", "law 4"),
        (f"UPDATE invoice SET status = 'void' WHERE {FIRST}", "law 8"),
        (f"UPDATE closed_invoice SET hash = X'00' WHERE {FIRST}", "law 6"),
        (f"UPDATE closed_invoice SET paid_from = 7 WHERE {FIRST}", "law 7"),
        (f"DELETE FROM closed_invoice WHERE {FIRST}", "law 6"),
        ("UPDATE billing SET invoice_hash = X'00'", "law 6"),
        ("UPDATE billing SET journal_entries = 1", "law 6"),
        ("UPDATE journal SET why = 'because' WHERE position = 2", "law 6"),
        ("UPDATE journal SET move = 'void' WHERE move = 'open'", "law 8"),
        ("UPDATE billing SET status = 'held'", "law 8"),
        ("UPDATE payment SET amount = amount + 1000000", "law 3"),
        ("DELETE FROM fixed_line WHERE amount < 0", "law 1"),
        ("DELETE FROM event WHERE dr_sid = 'a'", "law 5"),
        ("DELETE FROM event WHERE dr_sid = 'b'", "record"),
        ("UPDATE event_seen SET date = NULL WHERE dr_sid = 'c'", "record"),
        ("UPDATE event SET units = units + 1 WHERE dr_sid = 'c'", "law 5"),
        ("UPDATE event_version SET frozen_sid = NULL", "law 5"),
        pytest.param("UPDATE event SET date = 1, date_stop = 1 WHERE dr_sid = 'b'", "law 5", marks=pytest.mark.files),
        ("DELETE FROM billing", "law 4"),
    ],
)
def test_what_is_frozen_and_broken_is_told_and_left(lived: Engine, statement: str, about: str) -> None:
    audited = tampered(lived, statement)
    assert about in audited.counts
    repair_book(lived.store, audited)
    with behind(lived.store) as connection:
        shown = connection.execute("SELECT count(*) FROM closed_invoice").fetchone()
    left = check_book(lived.store)
    assert about in left.counts
    assert shown[0] >= 1


def test_a_repair_of_open_invoices_leaves_closed_ones_as_they_are(lived: Engine) -> None:
    partner_sid = lived_partner(lived)
    closed = lived.invoices(partner_sid)[:3]
    audited = tampered(lived, f"DELETE FROM item_sum WHERE {OPEN}", f"UPDATE invoice SET amount = 5 WHERE {FIRST}")
    repair_book(lived.store, audited)
    left = check_book(lived.store)
    assert {finding.sid for finding in left.findings} <= {closed[1]["invoice_sid"], partner_sid}
    assert lived.invoices(partner_sid)[2] == closed[2]


def test_what_waits_is_noted_and_no_error(lived: Engine) -> None:
    partner_sid = lived_partner(lived)
    notes = check_book(lived.store).notes
    assert [(note.about, note.partner_sid, note.words) for note in notes] == [
        ("unrated", partner_sid, "1 record to GBR without a rate yet")
    ]
    lived.record(
        *(call(partner_sid, f"huge {n}", "2025-02-24T00:00:00Z", price=parse_rate("999999")) for n in range(101))
    )
    lived.pay(partner_sid, "3")
    audited = check_book(lived.store)
    assert audited.findings == []
    assert [note.words for note in audited.notes][1:] == [
        "101 records until the partner is unparked", "1 payment until the partner is unparked, 3 in all"
    ]  # fmt: skip


def test_several_processes_find_what_one_finds(lived: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Bolt", "Core", "Dyne"):
        sid = lived.partner(name)
        lived.record(call(sid, "a", "2025-02-24T00:00:00Z"))
    monkeypatch.setattr(limits, "CHECK_PART_INVOICES", 1)
    alone = tampered(lived, "UPDATE invoice SET amount = amount + 1 WHERE status = 'open'")
    monkeypatch.setattr(limits, "CHECK_ALONE_INVOICES_MAX", 0)
    monkeypatch.setattr(crew, "processors", lambda: 2)
    told: list[tuple[int, int | None]] = []
    together = check_book(lived.store, lambda done, total: told.append((done, total)))
    assert together == alone
    assert together.total > 4
    assert told[-1] == (together.invoices, together.invoices)


@pytest.mark.files
def test_a_backup_is_checked_by_several_and_not_touched(
    lived: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy_book(file_of(lived.store), tmp_path / "backup.db")
    before = (tmp_path / "backup.db").read_bytes()
    monkeypatch.setattr(limits, "CHECK_ALONE_INVOICES_MAX", 0)
    monkeypatch.setattr(crew, "processors", lambda: 2)
    assert verify_backup(tmp_path / "backup.db", lived.clock, lambda done, total: None).total == 0
    assert (tmp_path / "backup.db").read_bytes() == before
    assert not (tmp_path / "backup.db-wal").exists()


@pytest.mark.files
def test_one_process_does_where_the_book_cannot_be_held(lived: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECK_ALONE_INVOICES_MAX", 0)
    monkeypatch.setattr(limits, "LOCK_WAIT_SECONDS", 0)
    monkeypatch.setattr(crew, "processors", lambda: 2)
    with behind(lived.store) as other:
        other.execute("BEGIN IMMEDIATE")
        assert check_book(lived.store).total == 0


def fails(book: object, task: object) -> None:
    raise KeyError(task)


def test_a_process_that_fails_is_told(lived: Engine) -> None:
    with pytest.raises(RuntimeError, match="KeyError: 5"):
        list(crew.shared(lived.store, fails, [5]))
