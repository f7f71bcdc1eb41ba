"""Months that are put away: everything is answered as before, and comes back as it was.

What may interrupt it is in `test_archiving_interrupted.py`.
"""

import json
import math
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import PROVING
from tests.engine import Engine, call
from tests.operations.archives import (
    DECEMBER,
    answers,
    back,
    first_partner,
    make_small,
    put_away,
    results,
    rows_of,
)
from tests.operations.random_bills import KINDS, Life

from tollbook import errors
from tollbook.clock import DAY_MS, format_instant, month_around, parse_instant
from tollbook.errors import Refusal
from tollbook.operations import correcting
from tollbook.operations.mending import repair_book
from tollbook.operations.reading import get_record, list_records
from tollbook.operations.verifying import check_book
from tollbook.query.fields import CALL_DRS
from tollbook.query.listing import View, parse_list
from tollbook.store import archive_files
from tollbook.store.event_rows import COLUMNS


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


@given(seed=st.integers(0, 2**32), acts=st.integers(5, 50))
@settings(max_examples=150 if PROVING else 12, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_was_put_away_is_answered_as_before(
    tmp_path_factory: pytest.TempPathFactory, seed: int, acts: int
) -> None:
    folder = tmp_path_factory.mktemp("life")
    life = Life(folder, seed).live(acts)
    engine = life.engine
    engine.store.read_deadline_seconds = math.inf
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
    sid = first_partner(lived)
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


def test_a_record_counts_once_for_ever(lived: Engine, tmp_path: Path) -> None:
    sid = first_partner(lived)
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
    archived.unlink()
    written = archive_files.write(archived, COLUMNS, rows)
    with lived.store.writing() as act:
        act.connection.execute(
            "UPDATE archive SET records = 33, removed = 33, quantity = ?, units = ?, size = ?, digest = ?",
            (str(written.totals.quantity), str(written.totals.units), written.size, written.digest),
        )
    assert set(check_book(lived.store).counts) == {"law 5", "record"}


def test_the_folder_may_move_with_its_files(lived: Engine, archived: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"has no event_2024_11\.parquet"):
        put_away(lived, tmp_path / "other")
    (tmp_path / "other" / archived.name).write_bytes(archived.read_bytes())
    archived.unlink()
    put_away(lived, tmp_path / "other")
    assert get_record(lived.store, lived.caller, CALL_DRS, "c8", View())


def test_the_file_is_one_that_other_programs_read(lived: Engine, archived: Path) -> None:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(archived)
    assert table.num_rows == 34
    keys = list(zip(*(table[name].to_pylist() for name in ("partner_sid", "date", "dr_sid")), strict=True))
    assert keys == sorted(keys)
    assert json.dumps(table.column_names) == json.dumps(list(COLUMNS))
    assert format_instant(keys[0][1])[:7] == "2024-11"
    assert set(table["kind"].to_pylist()) == set(KINDS.values())
