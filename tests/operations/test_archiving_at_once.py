"""Two runs that put months away at once: nothing is lost, nothing is there twice, and no file is another's."""

import threading
from pathlib import Path
from typing import Any

import pytest
from tests.engine import Engine
from tests.operations.archives import (
    DECEMBER,
    answers,
    back,
    first_partner,
    put_away,
    rows_of,
)

from tollbook import errors, limits
from tollbook.clock import parse_instant
from tollbook.errors import Refusal
from tollbook.operations import archiving
from tollbook.operations.verifying import check_book
from tollbook.store import archive_files, open_store


class Paused:
    """A run of its own, over a connection of its own, that stops once where it is told, until it may go on."""

    def __init__(self, engine: Engine, folder: Path, at: str) -> None:
        self.at, self.there, self.on = at, threading.Event(), threading.Event()
        self.months: list[archiving.Month] = []
        self.refused: list[Refusal] = []
        self._engine, self._folder = engine, folder
        self.thread = threading.Thread(target=self._run)

    def begin(self) -> None:
        """Run to where it stops, or to the end."""
        self.thread.start()
        while self.thread.is_alive() and not self.there.wait(0.01):
            pass

    def end(self) -> None:
        """Run to the end."""
        self.on.set()
        self.thread.join(60)
        assert not self.thread.is_alive()

    def passes(self, step: str) -> None:
        if step == self.at and not self.there.is_set():
            self.there.set()
            assert self.on.wait(60)

    def _run(self) -> None:
        store = open_store(self._engine.store.url, self._engine.clock)
        try:
            for month in archiving.archive(store, DECEMBER, self._folder, lambda *_: None):
                self.months.append(month)
        except Refusal as refusal:
            self.refused.append(refusal)
        finally:
            store.close()


STEPS = {
    "judged": (archiving, "_judged"), "read": (archiving, "_file_of"), "written": (archive_files, "digest_of"),
    "named": (archiving, "_put_away"), "noted": (archiving, "_finished"), "going": (archive_files, "rows"),
}  # fmt: skip


def _watch(monkeypatch: pytest.MonkeyPatch, step: str, runs: tuple[Paused, ...]) -> None:
    owner, name = STEPS[step]
    original = getattr(owner, name)

    def watched(*given: Any, **named: Any) -> Any:
        for run in runs:
            if run.thread is threading.current_thread():
                run.passes(step)
        return original(*given, **named)

    monkeypatch.setattr(owner, name, watched)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("judged", "noted"), ("read", "named"), ("written", "written"), ("written", "the end"), ("named", "noted"),
        ("named", "the end"), ("noted", "judged"), ("noted", "noted"), ("noted", "the end"), ("going", "noted"),
    ],
)  # fmt: skip
def test_two_runs_at_once_lose_nothing_and_double_nothing(
    lived: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    """One stops somewhere, the other somewhere else, and then both go on, one after the other."""
    monkeypatch.setattr(limits, "ARCHIVE_TRIES_MAX", 2)
    monkeypatch.setattr(limits, "ARCHIVE_LOCK_MS", 20)
    records = {f"c{at}": "" for at in range(5, 20)} | {"u1": "", "m1": "", "d1": ""}
    partner = first_partner(lived)
    before = rows_of(lived.store), answers(lived, records, [partner])
    runs = Paused(lived, tmp_path / "files", first), Paused(lived, tmp_path / "files", second)
    with monkeypatch.context() as patched:
        for step in STEPS:
            _watch(patched, step, runs)
        for run in runs:
            run.begin()
        for run in runs:
            run.end()
    for run in runs:
        assert {each.problem for each in run.refused} <= {errors.CONFLICT, errors.STORE_BUSY}
        assert len(run.months) + len(run.refused) <= 1
    assert answers(lived, records, [partner]) == before[1]
    put_away(lived, tmp_path / "files")
    with lived.store.reading() as book:
        assert [(each.records, each.removed) for each in book.archives()] == [(34, 34)]
    assert answers(lived, records, [partner]) == before[1]
    assert check_book(lived.store).findings == []
    back(lived, parse_instant("2024-11-01"))
    assert rows_of(lived.store) == before[0]
