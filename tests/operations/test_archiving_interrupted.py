"""Months that are put away while processes die, records change and others ask: nothing is lost, and all is answered."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.engine import Engine, call
from tests.operations.archives import answers, back, first_partner, put_away, results, rows_of
from tests.stores import ON_POSTGRES

from tollbook import errors, limits
from tollbook.clock import parse_instant
from tollbook.errors import Refusal
from tollbook.operations import archiving, recording
from tollbook.operations.explaining_records import explain_records
from tollbook.operations.reading import get_record
from tollbook.operations.verifying import check_book
from tollbook.query.fields import CALL_DRS
from tollbook.query.listing import View
from tollbook.store import archive_files, open_store

# What may interrupt it.


class Stopped(Exception):
    """The process died here."""


def _stop_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, times: int) -> None:
    original, left = getattr(owner, name), [times]

    def stopping(*given: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Stopped
        return original(*given, **named)

    monkeypatch.setattr(owner, name, stopping)


@pytest.mark.parametrize(
    ("owner", "name", "times"),
    [
        (archive_files, "_flush", 0), (archive_files, "totals_of", 0), (archive_files, "digest_of", 0),
        (archive_files, "sync_folder", 0), (archiving, "_put_away", 0), (archiving, "_finished", 0),
        (archive_files, "rows", 0), (archive_files, "rows", 3),
    ],
)  # fmt: skip
def test_what_was_interrupted_is_gone_on_with(
    lived: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, times: int
) -> None:
    records = {f"c{at}": "" for at in range(5, 20)} | {"u1": "", "m1": "", "d1": ""}
    partner = first_partner(lived)
    before = rows_of(lived.store), answers(lived, records, [partner])
    with monkeypatch.context() as patched:
        _stop_at(patched, owner, name, times)
        try:
            put_away(lived, tmp_path / "files")
        except Stopped:
            pass
        else:
            assert ON_POSTGRES  # there no rows are removed one by one
            assert name == "rows"
    assert answers(lived, records, [partner]) == before[1]
    assert check_book(lived.store).findings == []
    put_away(lived, tmp_path / "files")
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["event_2024_11.parquet"]
    with lived.store.reading() as book:
        assert [each.removed for each in book.archives()] == [34]
    with monkeypatch.context() as patched:
        _stop_at(patched, archive_files, "rows", 4)
        with pytest.raises(Stopped):
            back(lived, parse_instant("2024-11-01"))
    with pytest.raises(Refusal, match="--restore"):
        lived.correct("c8", None)
    with pytest.raises(Refusal, match="--restore"):
        lived.correct("c19", None)
    assert answers(lived, records, [partner]) == before[1]
    assert check_book(lived.store).findings == []
    back(lived, parse_instant("2024-11-01"))
    assert rows_of(lived.store) == before[0]


def test_a_file_that_was_left_and_is_out_of_date_stays_beside_the_new_one(lived: Engine, tmp_path: Path) -> None:
    put_away(lived, tmp_path / "files")
    back(lived, parse_instant("2024-11-01"))
    lived.correct("c8", call(first_partner(lived), "c8", "2024-11-08T10:00:00Z", number_src="441"))
    (made,) = put_away(lived, None)
    assert made.file == "event_2024_11.2.parquet"
    assert check_book(lived.store).findings == []


def test_a_record_that_changes_meanwhile_stops_it(
    lived: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner, original = first_partner(lived), archiving._put_away

    def meddled(*given: Any) -> Any:
        lived.correct("c8", call(partner, "c8", "2024-11-08T10:00:00Z", seconds=80, number_src="441"))
        return original(*given)

    with monkeypatch.context() as patched:
        patched.setattr(archiving, "_put_away", meddled)
        with pytest.raises(Refusal, match="run it again"):
            put_away(lived, tmp_path / "files")
    assert check_book(lived.store).findings == []
    assert put_away(lived, None)[0].result == "archived"
    assert check_book(lived.store).findings == []


# Several at once, on PostgreSQL; a file has one writer.


@pytest.mark.postgres
def test_a_long_reading_is_waited_for(lived: Engine, tmp_path: Path) -> None:
    with lived.store.reading() as book:
        assert book.first_there(first_partner(lived), 0)
        with pytest.raises(Refusal) as refused:
            put_away(lived, tmp_path / "files")
        assert refused.value.problem is errors.STORE_BUSY
    assert put_away(lived, None)[0].result == "archived"
    assert check_book(lived.store).findings == []


@pytest.mark.postgres
def test_a_batch_that_is_being_written_is_not_dropped_with_its_month(
    lived: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner, written, let_go = first_partner(lived), threading.Event(), threading.Event()
    late = [call(partner, f"late{number}", "2024-11-09T10:00:00Z") for number in range(limits.COPIED_ROWS_MIN)]

    def write() -> None:
        with lived.store.writing() as act:
            recording.record(act, lived.caller, late)
            act.settings()  # so that the batch was answered
            written.set()
            let_go.wait(30)

    def drop(*given: Any) -> Any:
        threading.Timer(limits.ARCHIVE_LOCK_MS * 0.0007, let_go.set).start()
        return dropped(*given)

    writer, dropped = threading.Thread(target=write), archiving._dropped
    monkeypatch.setattr(archiving, "_dropped", drop)
    writer.start()
    assert written.wait(30)
    assert put_away(lived, tmp_path / "files")[0].result == "archived"
    writer.join()
    assert check_book(lived.store).findings == []
    assert [get_record(lived.store, lived.caller, CALL_DRS, each.dr_sid, View()) for each in late]


@pytest.mark.postgres
def test_another_host_writes_to_a_month_that_was_dropped(lived: Engine, tmp_path: Path) -> None:
    partner, other = first_partner(lived), open_store(lived.store.url, lived.clock)
    late = [call(partner, f"late{number}", "2024-11-09T10:00:00Z") for number in range(2)]
    other.act(lambda act: recording.record(act, lived.caller, late[:1]))  # it knows the month's part
    lived.run("2025-01-03T00:00:00Z")
    put_away(lived, tmp_path / "files")
    assert results(other.act(lambda act: recording.record(act, lived.caller, late))) == ["duplicate", "accepted"]
    assert check_book(lived.store).findings == []
    other.close()


@pytest.mark.postgres
def test_whoever_asks_meanwhile_is_answered_the_same(lived: Engine, tmp_path: Path) -> None:
    stopping, wrong, asked, moved = threading.Event(), [], 0, []
    right = get_record(lived.store, lived.caller, CALL_DRS, "c8", View())
    correctly = explain_records(lived.store, lived.caller, "c7")

    def ask() -> None:
        nonlocal asked
        while not stopping.is_set():
            if get_record(lived.store, lived.caller, CALL_DRS, "c8", View()) != right:
                wrong.append("c8")
            if explain_records(lived.store, lived.caller, "c7") != correctly:
                wrong.append("c7")
            asked += 1

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    try:
        for _ in range(4):
            with suppress(Refusal):
                moved += put_away(lived, tmp_path / "files")
            assert check_book(lived.store).findings == []
            with suppress(Refusal):
                moved += back(lived, parse_instant("2024-11-01"))
    finally:
        stopping.set()
        for asker in askers:
            asker.join()
    assert asked > 10
    assert {each.result for each in moved} == {"archived", "restored"}
    assert wrong == []


@pytest.mark.postgres
def test_records_that_come_meanwhile_are_in_the_file_or_in_the_book(lived: Engine, tmp_path: Path) -> None:
    partner, stopping = first_partner(lived), threading.Event()
    sent: list[str] = []

    def send() -> None:
        while not stopping.is_set():
            sid = f"late{len(sent)}"
            lived.record(call(partner, sid, "2024-11-09T10:00:00Z"))
            sent.append(sid)
            with suppress(Refusal):
                lived.correct("c8", call(partner, "c8", "2024-11-08T10:00:00Z", seconds=len(sent), number_src="441"))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(3):
            with suppress(Refusal):
                put_away(lived, tmp_path / "files")
    finally:
        stopping.set()
        sender.join()
    assert sent
    assert check_book(lived.store).findings == []
    for sid in sent:
        assert get_record(lived.store, lived.caller, CALL_DRS, sid, View())
