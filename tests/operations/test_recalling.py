"""Open invoices that are kept at hand are what the book holds, or are not used."""

from copy import deepcopy
from pathlib import Path

import pytest
from tests.engine import Engine, call

from tollbook import limits
from tollbook.billing.sheets import CallRate
from tollbook.clock import FixedClock
from tollbook.money import parse_rate
from tollbook.operations import recording
from tollbook.operations.recalling import Recall, recall
from tollbook.store import Writes, open_store

NOW = "2024-12-20T10:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix=None, rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60))
    return made


def usage_of(engine: Engine, partner_sid: str) -> int:
    return int(engine.items(partner_sid)[0][4])


def test_what_an_undone_act_left_is_not_used(engine: Engine) -> None:
    acme = engine.partner("Acme")
    engine.record(call(acme, "a", NOW))

    def undone(act: Writes) -> None:
        recording.record(act, engine.caller, [call(acme, "b", NOW)])
        raise KeyError

    with pytest.raises(KeyError):
        engine.store.act(undone)
    engine.record(call(acme, "c", NOW))
    assert usage_of(engine, acme) == 120


def test_what_another_process_wrote_meanwhile_counts(engine: Engine) -> None:
    acme = engine.partner("Acme")
    engine.record(call(acme, "a", NOW))
    stale = engine.billing(acme).revision
    kept = deepcopy(recall.take(acme, stale))
    assert kept is not None
    other = open_store(engine.store.url, FixedClock(engine.clock.instant))
    with other.writing() as act:
        recording.record(act, engine.caller, [call(acme, "b", NOW)])
    other.close()
    recall.keep(acme, stale, kept)  # as in a process that did not see the other's act
    engine.record(call(acme, "c", NOW))
    assert usage_of(engine, acme) == 180


def test_few_are_kept_and_no_large_ones(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECALLED_PARTNERS_MAX", 2)
    few = Recall()
    for name in "abc":
        few.keep(name, 1, [])
    assert [few.take(name, 1) for name in "abc"] == [None, [], []]
    assert few.take("c", 1) is None  # taking is having
    acme = engine.partner("Acme")
    engine.record(call(acme, "a", NOW))
    opens = recall.take(acme, engine.billing(acme).revision)
    assert opens is not None
    monkeypatch.setattr(limits, "RECALLED_LINES_MAX", 0)
    few.keep(acme, 1, opens)
    assert few.take(acme, 1) is None
