"""Imports: verbatim, all or nothing, or whatever is good; into the right partner, never over a computed invoice."""

import json
from pathlib import Path

import pytest
from tests.making import CHILD, EVERYTHING, GRANDCHILD, NOW, OPERATOR, RESELLER, invoice, item, plant_family, put, sid
from tests.operations.lines import exported, line, take
from tests.stores import fresh_store

from tollbook import errors, limits
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.operations.verifying import check_book
from tollbook.query.fields import INVOICES
from tollbook.query.listing import parse_list
from tollbook.query.sample import SAMPLE
from tollbook.store import Store

UNKNOWN = sid(0xB0)


def total(book: Store) -> int:
    with book.reading() as read:
        return read.total(EVERYTHING, parse_list("", INVOICES))


def clean(book: Store) -> bool:
    return check_book(book).total == 0


def test_the_sample_is_served_back_equal(book: Store) -> None:
    report = take(book, [json.dumps(SAMPLE).encode()])
    assert (report.read, report.new, report.replaced, report.bad_records) == (1, 1, 0, 0)
    assert json.loads(exported(book)) == SAMPLE
    assert clean(book)


def test_an_export_imported_is_exported_the_same(book: Store, tmp_path: Path) -> None:
    put(
        book,
        *(
            invoice(n, partner, invoice_items=(item(), item(direction=None)))
            for n, partner in enumerate([CHILD, RESELLER, GRANDCHILD] * 5)
        ),
    )
    text = exported(book)
    again = fresh_store(tmp_path / "again", FixedClock(NOW))
    plant_family(again)
    report = take(again, [text])
    assert report.new == 15
    assert exported(again) == text
    assert exported(again, CHILD) == b"".join(row for row in text.splitlines(True) if CHILD.encode() in row)
    assert clean(again)
    again.close()


def test_sending_a_file_twice_changes_nothing(book: Store) -> None:
    lines = [line(invoice(n)) for n in range(5)]
    take(book, lines)
    before = exported(book)
    report = take(book, lines)
    assert (report.new, report.replaced) == (0, 5)
    assert exported(book) == before
    assert clean(book)


def test_a_known_sid_is_replaced_whole(book: Store) -> None:
    take(book, [line(invoice(1, invoice_items=(item(), item(), item())))])
    take(
        book,
        [line(invoice(1, status="closed", date_created=NOW - 5, invoice_items=(item(type="did"),), balance_forward=7))],
    )
    record = json.loads(exported(book))
    assert [row["type"] for row in record["invoice_items"]] == ["did"]
    with book.reading() as read:
        assert read.total(EVERYTHING, parse_list("filter=status eq open".replace(" ", "+"), INVOICES)) == 0
        assert read.partner(EVERYTHING, CHILD).balance == -7
    assert clean(book)


def test_nothing_is_written_unless_all_is_good_and_all_is_told(book: Store) -> None:
    bad = [line(invoice(7), amount="1."), line(invoice(8), paid=...), b"{\n"]
    report = take(book, [line(invoice(1)), bad[0], line(invoice(2)), *bad[1:]])
    assert (report.read, report.bad_records, report.written, report.partners) == (5, 3, 0, [])
    assert [(bad.place.line, bad.field) for bad in report.bad] == [(2, "amount"), (4, "paid"), (5, None)]
    assert total(book) == 0
    assert clean(book)


def test_with_keep_going_whatever_is_good_is_written(book: Store) -> None:
    report = take(book, [line(invoice(1)), b"nonsense\n", line(invoice(2))], keep_going=True)
    assert (report.read, report.bad_records, report.new) == (3, 1, 2)
    assert total(book) == 2
    assert clean(book)


def test_many_batches_in_either_way(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_BATCH", 3)
    monkeypatch.setattr(limits, "IMPORT_COMMIT_SECONDS", 0)
    lines = [line(invoice(n)) for n in range(10)]
    assert take(book, lines, keep_going=True).new == 10
    assert take(book, lines).replaced == 10
    assert total(book) == 10
    assert clean(book)


def test_every_flaw_is_counted_and_the_first_are_kept(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_ERRORS_SHOWN_MAX", 4)
    report = take(book, [b"{}\n", *([b"x\n"] * 9)])
    assert (report.bad_records, len(report.bad)) == (10, 4)


def test_an_invoice_of_another_partner_is_a_bad_record(book: Store) -> None:
    take(book, [line(invoice(1, CHILD))])
    report = take(book, [line(invoice(1, RESELLER)), line(invoice(2))], keep_going=True)
    (bad,) = report.bad
    assert (bad.field, bad.reason) == ("invoice_sid", "is known in this book as an invoice of another partner")
    assert report.new == 1
    assert json.loads(exported(book, CHILD).splitlines()[0])["partner_sid"] == CHILD


def test_also_when_both_are_in_one_file(book: Store) -> None:
    report = take(book, [line(invoice(1, CHILD)), line(invoice(1, RESELLER))], keep_going=True)
    assert (report.new, report.bad_records, total(book)) == (1, 1, 1)
    assert clean(book)


def test_a_computed_invoice_is_never_overwritten(book: Store) -> None:
    with book.writing() as act:
        act.put_invoice(invoice(1), "computed")
    before = exported(book)
    report = take(book, [line(invoice(1, status="void"))], keep_going=True)
    assert "computed" in report.bad[0].reason
    assert exported(book) == before


def test_of_the_same_sid_twice_in_a_file_the_later_counts(book: Store) -> None:
    report = take(book, [line(invoice(1, status="open")), line(invoice(1, status="closed"))])
    assert (report.read, report.new, total(book)) == (2, 1, 1)
    assert json.loads(exported(book))["status"] == "closed"
    assert clean(book)


def test_an_unknown_partner_is_made_beneath_the_operator_and_told(book: Store) -> None:
    report = take(book, [line(invoice(1, UNKNOWN)), line(invoice(2, UNKNOWN))])
    assert report.partners == [UNKNOWN]
    with book.reading() as read:
        made = read.partner(EVERYTHING, UNKNOWN)
        assert (made.parent_sid, made.name) == (OPERATOR, f"Partner {UNKNOWN[:8]}")
        assert read.is_beneath(OPERATOR, UNKNOWN)
        assert not read.is_beneath(RESELLER, UNKNOWN)
    assert take(book, [line(invoice(3, UNKNOWN))]).partners == []
    assert clean(book)


def test_or_beneath_a_partner_of_choice(book: Store) -> None:
    take(book, [line(invoice(1, UNKNOWN))], under=RESELLER)
    with book.reading() as read:
        assert read.is_beneath(RESELLER, UNKNOWN)


@pytest.mark.parametrize("under", [UNKNOWN, "", "x"])
def test_which_must_be_there(book: Store, under: str) -> None:
    with pytest.raises(Refusal) as refused:
        take(book, [line(invoice(1, UNKNOWN))], under=under)
    assert refused.value.problem is errors.ITEM_UNKNOWN


def test_and_not_too_deep(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TREE_DEPTH_MAX", 2)
    with pytest.raises(Refusal, match="levels"):
        take(book, [line(invoice(1, UNKNOWN))], under=GRANDCHILD)


def test_unknown_attributes_are_counted(book: Store) -> None:
    report = take(book, [line(invoice(n), colour="red") for n in range(3)])
    assert dict(report.unknown) == {"colour": 3}
    assert b"colour" not in exported(book)


def test_an_empty_file_is_no_invoices(book: Store) -> None:
    assert take(book, []).read == 0
