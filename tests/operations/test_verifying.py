"""A check finds whatever was changed behind the program's back, and repairs what follows from the rows."""

import pytest
from tests.making import CHILD, GRANDCHILD, RESELLER, invoice, item, payment, put, sid
from tests.operations.lines import exported
from tests.stores import behind, file_of

from tollbook import limits
from tollbook.operations.findings import Audited
from tollbook.operations.mending import repair_book
from tollbook.operations.verifying import check_book
from tollbook.store import Store


@pytest.fixture
def filled(book: Store) -> Store:
    """A book with a dozen invoices of three partners."""
    partners = (CHILD, RESELLER, GRANDCHILD)
    put(
        book,
        *(invoice(n, partners[n % 3], pay_items=(payment(),), status=("open", "closed")[n % 2]) for n in range(12)),
    )
    assert check_book(book).total == 0
    return book


def tampered(book: Store, *statements: str) -> Audited:
    with behind(book) as connection:
        for statement in statements:
            connection.execute(statement)
    return check_book(book)


ANOTHER_ROOT = (
    "INSERT INTO partner (partner_sid, display_id, date_created, name, status, payment_type, available_scopes,"
    " attributes) VALUES ('x', 'x', 0, 'x', 'active', 'postpay', '[]', '{}')"
)
FIRST = f"invoice_sid = '{sid(0)}'"


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        (f"UPDATE invoice SET amount = amount + 1 WHERE {FIRST}", {"document"}),
        (f"UPDATE invoice SET paid = 1 WHERE {FIRST}", {"document"}),
        (f"UPDATE invoice SET display_id = 'x' WHERE {FIRST}", {"document"}),
        (f"DELETE FROM invoice_items WHERE {FIRST}", {"document"}),
        (f"UPDATE tax_items SET amount = 5 WHERE {FIRST}", {"document"}),
        (f"DELETE FROM invoice_document WHERE {FIRST}", {"document"}),
        (f"UPDATE invoice_document SET document = X'7b7d' WHERE {FIRST}", {"document"}),
        (f"UPDATE invoice_document SET document = X'ff' WHERE {FIRST}", {"document"}),
        (f"UPDATE invoice_document SET document = CAST(document || ' ' AS BLOB) WHERE {FIRST}", {"document"}),
        ("UPDATE invoice_counter SET invoices = invoices + 1", {"counter"}),
        ("DELETE FROM invoice_counter", {"counter"}),
        ("INSERT INTO invoice_counter VALUES ('x', 'y', 1)", {"counter", "partner"}),
        ("UPDATE partner SET balance = balance + 1", {"balance"}),
        (f"DELETE FROM directory WHERE sid = '{sid(3)}'", {"directory"}),
        ("INSERT INTO directory VALUES ('x', 'y', 0)", {"directory"}),
        (f"UPDATE directory SET partner_sid = 'x' WHERE sid = '{sid(3)}'", {"directory"}),
        ("DELETE FROM partner_tree WHERE depth = 2", {"partner tree"}),
        ("INSERT INTO partner_tree VALUES ('x', 'y', 1)", {"partner tree"}),
    ],
)
def test_what_follows_from_the_rows_is_found_and_repaired(filled: Store, statement: str, about: set[str]) -> None:
    audited = tampered(filled, statement)
    assert set(audited.counts) == about
    assert all(finding.repairable or finding.about == "partner" for finding in audited.findings)
    repair_book(filled, audited)
    assert check_book(filled).total == 0
    assert len(exported(filled).splitlines()) == 12


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        (f"UPDATE invoice SET status = 'a' || char(10) WHERE {FIRST}", "law 11"),
        (f"UPDATE invoice_items SET type = 'e' || char(769) WHERE {FIRST}", "law 11"),
        ("INSERT INTO pay_items VALUES ('x', 0, 'y', 0, 1, 1, 'visa')", "pay_items"),
        (ANOTHER_ROOT, "partner"),
    ],
)
def test_what_a_repair_cannot_know_stays_told(filled: Store, statement: str, about: str) -> None:
    audited = tampered(filled, statement)
    assert about in audited.counts
    repair_book(filled, audited)
    left = check_book(filled)
    assert set(left.counts) == {about}
    assert not any(finding.repairable for finding in left.findings)


def test_a_document_without_an_invoice_is_dropped(filled: Store) -> None:
    audited = tampered(
        filled,
        f"DELETE FROM invoice WHERE {FIRST}",
        f"DELETE FROM invoice_items WHERE {FIRST}",
        f"DELETE FROM tax_items WHERE {FIRST}",
        f"DELETE FROM pay_items WHERE {FIRST}",
    )
    assert set(audited.counts) >= {"document", "counter", "directory"}
    repair_book(filled, audited)
    assert check_book(filled).total == 0
    assert len(exported(filled).splitlines()) == 11


def test_what_differs_is_named(filled: Store) -> None:
    audited = tampered(filled, f"UPDATE invoice SET amount = 1, status = 'void' WHERE {FIRST}")
    (finding,) = (finding for finding in audited.findings if finding.about == "document")
    assert finding.problem == "differs from the rows in amount, status"
    assert finding.sid == sid(0)


def test_partners_in_a_circle_end(filled: Store) -> None:
    audited = tampered(filled, f"UPDATE partner SET parent_sid = '{GRANDCHILD}' WHERE partner_sid = '{RESELLER}'")
    assert audited.counts["partner tree"] > 0


def test_all_findings_are_counted_and_the_first_are_kept(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FINDINGS_SHOWN_MAX", 3)
    audited = tampered(filled, "DELETE FROM invoice_document")
    assert (audited.total, len(audited.findings)) == (12, 3)
    repair_book(filled, audited)
    assert check_book(filled).total == 0


def test_progress_is_told(filled: Store) -> None:
    put(filled, *(invoice(n, invoice_items=(item(),)) for n in range(100, 1100)))
    told: list[tuple[int, int | None]] = []
    check_book(filled, lambda done, total: told.append((done, total)))
    assert told == [(1000, 1012)]


@pytest.mark.files
def test_a4_a_damaged_page_is_told_and_nothing_else(filled: Store) -> None:
    put(filled, *(invoice(n) for n in range(100, 400)))
    filled.close()
    with behind(filled) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tax_items'").fetchone()[0]
    with file_of(filled).open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 64)
    audited = check_book(filled)
    assert set(audited.counts) == {"file"}
