"""Months that are put away: everything is answered as before, whatever interrupts it, and comes back as it was."""

import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import PROVING
from tests.engine import Engine, call, day, message, usage
from tests.operations.random_bills import KINDS, Life
from tests.stores import ON_POSTGRES, TABLES, behind

from tollbook import errors, limits
from tollbook.billing.sheets import CallRate
from tollbook.clock import DAY_MS, format_instant, month_around, parse_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import archiving, correcting, recording
from tollbook.operations.explaining import encode_tidy, explain_invoice
from tollbook.operations.explaining_records import explain_records
from tollbook.operations.mending import repair_book
from tollbook.operations.reading import get_record, list_records
from tollbook.operations.recording import Outcome
from tollbook.operations.verifying import check_book
from tollbook.query.fields import CALL_DRS, MESSAGE_DRS
from tollbook.query.listing import View, parse_list
from tollbook.store import Store, archive_files, open_store
from tollbook.store.event_rows import COLUMNS

NOW = "2024-11-20T10:00:00Z"
DECEMBER = parse_instant("2024-12-01")
LISTS = {"c": CALL_DRS, "m": MESSAGE_DRS}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of many groups, and months of many acts."""
    monkeypatch.setattr(limits, "ARCHIVE_GROUP_ROWS", 3)
    monkeypatch.setattr(limits, "ARCHIVE_MOVED_ROWS", 2)
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Engine]:
    """A book with two months of closed invoices, one record corrected since, and an open one."""
    engine = Engine(tmp_path, NOW)
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
    yield engine
    engine.store.close()


def put_away(engine: Engine, folder: Path | None, before: int = DECEMBER) -> list[archiving.Month]:
    return list(archiving.archive(engine.store, before, folder, lambda *_: None))


def back(engine: Engine, month: int) -> list[archiving.Month]:
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


@given(seed=st.integers(0, 2**32), acts=st.integers(5, 50))
@settings(max_examples=150 if PROVING else 12, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_was_put_away_is_answered_as_before(
    tmp_path_factory: pytest.TempPathFactory, seed: int, acts: int
) -> None:
    folder = tmp_path_factory.mktemp("life")
    life = Life(folder, seed).live(acts)
    engine = life.engine
    with engine.store.reading() as book:
        waiting = [each.event.dr_sid for sid in life.partners for each in book.waiting(sid, "unrated", 100)]
    for dr_sid in waiting:
        engine.correct(dr_sid, None, KINDS[dr_sid[0]])
    engine.clock.instant += 70 * DAY_MS
    engine.run()
    before = rows_of(engine.store), answers(engine, life._records, life.partners)
    end = month_around(engine.clock.instant)[0]
    months = put_away(engine, folder / "archive", end)
    with engine.store.reading() as book:
        assert all(book.first_there(sid, 0) is None for sid in life.partners)
    assert answers(engine, life._records, life.partners) == before[1]
    assert check_book(engine.store).findings == []
    assert put_away(engine, None, end) == []
    for each in months:
        back(engine, parse_instant(f"{each.month}-01"))
    assert rows_of(engine.store) == before[0]
    assert answers(engine, life._records, life.partners) == before[1]
    engine.store.close()


def test_a_month_goes_whole_and_says_what_became_of_it(lived: Engine, tmp_path: Path) -> None:
    (made,) = put_away(lived, tmp_path / "files")
    assert made[:4] == ("2024-11", "archived", 34, "event_2024_11.parquet")
    assert "late records" in (made.words or "")
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["event_2024_11.parquet"]
    with lived.store.reading() as book:
        assert [book.first_there(sid, 0) for sid in book.billed_sids()].count(None) == 1
        (noted,) = book.archives()
        assert (noted.records, noted.removed, noted.part) == (34, 34, 1)
    (kept,) = put_away(lived, None, parse_instant("2025-01-01"))
    assert kept == ("2024-12", "kept", 1, None, "on an invoice that is open: 1")


@pytest.mark.parametrize(
    ("before", "to", "said"),
    [("2024-12-02", "files", "first day of a month"), ("2024-12-01", None, "name the folder")],
)
def test_what_is_asked_wrongly(lived: Engine, tmp_path: Path, before: str, to: str | None, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        put_away(lived, tmp_path / to if to else None, parse_instant(before))


def test_a_month_with_records_that_wait_is_kept(lived: Engine, tmp_path: Path) -> None:
    with lived.store.reading() as book:
        sid = book.billed_sids()[0]
    lived.record(call(sid, "x", "2024-11-08T10:00:00Z", number_dst="33140205050"))
    (kept,) = put_away(lived, tmp_path / "files")
    assert (kept.result, kept.words) == ("kept", "unrated: 1")


def test_lists_leave_them_out_and_say_so(lived: Engine, tmp_path: Path) -> None:
    asked = parse_list("", CALL_DRS)
    page = list_records(lived.store, lived.caller, asked)
    assert (len(page.documents), page.archived_before) == (31, None)
    put_away(lived, tmp_path / "files")
    page = list_records(lived.store, lived.caller, asked)
    assert (len(page.documents), page.archived_before) == (1, DECEMBER)


def test_no_archived_record_is_changed(lived: Engine, tmp_path: Path) -> None:
    put_away(lived, tmp_path / "files")
    sid = _first_partner(lived)
    for event in (None, call(sid, "c8", "2024-11-08T10:00:00Z")):
        with pytest.raises(Refusal, match="--restore 2024-11") as refused:
            lived.correct("c8", event)
        assert refused.value.problem is errors.ARCHIVED
    with pytest.raises(Refusal, match="--restore 2024-11"):
        list(correcting.rerate(lived.store, sid, 0, DECEMBER, who="me", why="anew"))
    assert list(correcting.rerate(lived.store, sid, DECEMBER, DECEMBER * 2, who="me", why="anew")) == []
    back(lived, parse_instant("2024-11-01"))
    lived.correct("c8", None)
    assert check_book(lived.store).findings == []


def _first_partner(engine: Engine) -> str:
    with engine.store.reading() as book:
        (noted,) = book.owners_of(engine.caller.partner_sid, "d1")
    return noted


def results(outcomes: list[Outcome]) -> list[str]:
    return [each.result for each in outcomes]


def test_a_record_counts_once_for_ever(lived: Engine, tmp_path: Path) -> None:
    sid = _first_partner(lived)
    put_away(lived, tmp_path / "files")
    again = call(sid, "c9", "2024-11-09T10:00:00Z", seconds=90)
    assert results(lived.record(again)) == ["duplicate"]
    late = call(sid, "late", "2024-11-09T10:00:00Z", seconds=90)
    assert results(lived.record(late, late)) == ["accepted", "duplicate"]
    assert check_book(lived.store).findings == []
    lived.correct("late", call(sid, "late", "2024-11-09T11:00:00Z", seconds=30))
    lived.run("2025-01-03T00:00:00Z")
    made = put_away(lived, None, parse_instant("2025-01-01"))
    assert [each.file for each in made] == ["event_2024_11.2.parquet", "event_2024_12.parquet"]
    assert check_book(lived.store).findings == []
    assert b'"late"' in get_record(lived.store, lived.caller, CALL_DRS, "late", View())
    assert [each.records for each in back(lived, parse_instant("2024-11-01"))] == [34, 1]
    assert check_book(lived.store).findings == []


# What may go wrong with a file.


@pytest.fixture
def archived(lived: Engine, tmp_path: Path) -> Path:
    put_away(lived, tmp_path / "files")
    return tmp_path / "files" / "event_2024_11.parquet"


def _turn(path: Path, places: list[int]) -> None:
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 0x55
    path.write_bytes(content)


@pytest.mark.parametrize("harm", ["missing", "cut", "pages", "empty", "end"])
def test_a_file_that_is_not_what_was_written_is_named(lived: Engine, archived: Path, harm: str) -> None:
    size = archived.stat().st_size
    if harm == "missing":
        archived.unlink()
    elif harm == "cut":
        archived.write_bytes(archived.read_bytes()[: size // 2])
    elif harm == "empty":
        archived.write_bytes(b"")
    elif harm == "pages":
        _turn(archived, list(range(100, size // 2, 40)))
    else:
        _turn(archived, [size - 3])
    with pytest.raises(Refusal, match=r"event_2024_11\.parquet") as refused:
        [get_record(lived.store, lived.caller, CALL_DRS, f"c{at}", View()) for at in range(5, 20)]
    assert refused.value.problem is errors.ARCHIVE_UNAVAILABLE
    with pytest.raises(Refusal, match=r"event_2024_11\.parquet"):
        back(lived, parse_instant("2024-11-01"))
    audited = check_book(lived.store)
    assert set(audited.counts) == {"archive"}
    assert any(finding.sid == "event_2024_11.parquet" for finding in audited.findings)
    repair_book(lived.store, audited)
    assert set(check_book(lived.store).counts) == {"archive"}
    assert get_record(lived.store, lived.caller, CALL_DRS, "d1", View())


def test_a_check_finds_what_a_file_lacks(lived: Engine, archived: Path) -> None:
    with lived.store.reading() as book:
        (noted,) = book.archives()
        rows = archive_files.rows(book.content(noted), 0, 33)
    written = archive_files.write(archived, COLUMNS, rows)
    with lived.store.writing() as act:
        act.connection.execute(
            "UPDATE archive SET records = 33, removed = 33, quantity = ?, units = ?, size = ?, digest = ?",
            (str(written.totals.quantity), str(written.totals.units), written.size, written.digest),
        )
    assert set(check_book(lived.store).counts) == {"law 5", "record"}


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
    partner = _first_partner(lived)
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
    lived.correct("c8", call(_first_partner(lived), "c8", "2024-11-08T10:00:00Z", number_src="441"))
    (made,) = put_away(lived, None)
    assert made.file == "event_2024_11.2.parquet"
    assert check_book(lived.store).findings == []


def test_a_record_that_changes_meanwhile_stops_it(
    lived: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner, original = _first_partner(lived), archiving._put_away

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


def test_the_folder_may_move_with_its_files(lived: Engine, archived: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"has no event_2024_11\.parquet"):
        put_away(lived, tmp_path / "other")
    (tmp_path / "other" / archived.name).write_bytes(archived.read_bytes())
    archived.unlink()
    put_away(lived, tmp_path / "other")
    assert get_record(lived.store, lived.caller, CALL_DRS, "c8", View())


def test_a_month_that_is_not_archived_is_not_restored(lived: Engine) -> None:
    with pytest.raises(Refusal, match="no records of 2024-10 are archived"):
        back(lived, parse_instant("2024-10-01"))


def test_what_is_missing_to_do_it_is_said(lived: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive_files._arrow.cache_clear()
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(Refusal, match="pip install"):
            put_away(lived, tmp_path / "files")
    archive_files._arrow.cache_clear()


def test_the_file_is_one_that_other_programs_read(lived: Engine, archived: Path) -> None:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(archived)
    assert table.num_rows == 34
    keys = list(zip(*(table[name].to_pylist() for name in ("partner_sid", "date", "dr_sid")), strict=True))
    assert keys == sorted(keys)
    assert json.dumps(table.column_names) == json.dumps(list(COLUMNS))
    assert format_instant(keys[0][1])[:7] == "2024-11"
    assert set(table["kind"].to_pylist()) == set(KINDS.values())


# Several at once, on PostgreSQL; a file has one writer.


@pytest.mark.postgres
def test_a_long_reading_is_waited_for(lived: Engine, tmp_path: Path) -> None:
    with lived.store.reading() as book:
        assert book.first_there(_first_partner(lived), 0)
        with pytest.raises(Refusal) as refused:
            put_away(lived, tmp_path / "files")
        assert refused.value.problem is errors.STORE_BUSY
    assert put_away(lived, None)[0].result == "archived"
    assert check_book(lived.store).findings == []


@pytest.mark.postgres
def test_another_host_writes_to_a_month_that_was_dropped(lived: Engine, tmp_path: Path) -> None:
    partner, other = _first_partner(lived), open_store(lived.store.url, lived.clock)
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
    partner, stopping = _first_partner(lived), threading.Event()
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
