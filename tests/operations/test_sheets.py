"""Sheets taken in and given to partners: versions, what may replace what, and which one an event has."""

from typing import Any

import pytest
from tests.making import CHILD, GRANDCHILD, NOW, OPERATOR, RESELLER

from tollbook import errors, limits
from tollbook.billing.bands import Band, TimeBands
from tollbook.billing.sheets import CallDeck, CallRate, MessageDeck, MessageRate, SheetVersion, UsageDeck, UsagePrice
from tollbook.clock import DAY_MS
from tollbook.errors import Refusal
from tollbook.operations import sheets
from tollbook.operations.sheets import (
    Imported,
    NewVersion,
    Tariffs,
    To,
    assign,
    compiled,
    import_deck,
    linted,
    zone_offset,
)
from tollbook.store import Store

ANY = CallRate(prefix=None, rate=10)


def new(effective: int = NOW, *rates: Any, **other: Any) -> NewVersion:
    made: dict[str, Any] = {"name": "Retail", "service": "calls", "direction": "outbound"}
    return NewVersion(**{**made, "effective_date": effective, "rates": rates or (ANY,), **other})


def in_force(book: Store, partner_sid: str = CHILD, start: int = NOW) -> str | None:
    with book.reading() as now:
        return Tariffs(now).version_sid(partner_sid, "calls", "outbound", start)


def refused(book: Store, *given: Any, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        import_deck(book, *given, **more)
    return caught.value


def heads(book: Store) -> list[str]:
    with book.reading() as now:
        return [head.version_sid for head in now.version_heads()]


def test_a_new_sheet_is_kept_and_given(book: Store) -> None:
    made = import_deck(book, new(), To((CHILD, CHILD)))
    assert (made.new_sheet, made.replaced_sid, made.assigned_to) == (True, None, (CHILD,))
    assert in_force(book) == made.version.version_sid
    assert in_force(book, start=NOW - 1) is None
    assert in_force(book, RESELLER) is None
    with book.reading() as now:
        (sheet,) = now.sheets()
        assert (sheet.name, sheet.partner_sid, sheet.date_created) == ("Retail", OPERATOR, NOW)
        assert now.sheet_version(made.version.version_sid) == made.version


def test_a_sheet_is_inherited_and_the_nearest_wins(book: Store) -> None:
    everybody = import_deck(book, new(name="All"), To(default=True)).version.version_sid
    nearer = import_deck(book, new(name="Near"), To((RESELLER,))).version.version_sid
    assert [in_force(book, sid) for sid in (OPERATOR, CHILD, RESELLER, GRANDCHILD)] == [
        everybody, everybody, nearer, nearer
    ]  # fmt: skip
    assign(book, "All", To((GRANDCHILD,)), NOW + 1)
    assert [in_force(book, GRANDCHILD, NOW + late) for late in (0, 1)] == [nearer, everybody]


def test_an_unused_version_of_the_same_instant_is_replaced(book: Store) -> None:
    first = import_deck(book, new(), To((CHILD,)))
    second = import_deck(book, new(NOW, CallRate(prefix="1", rate=5)))
    assert (second.new_sheet, second.replaced_sid) == (False, first.version.version_sid)
    assert second.version.rates_plan_sid == first.version.rates_plan_sid
    assert heads(book) == [second.version.version_sid]
    assert in_force(book) == second.version.version_sid
    assert not [finding for finding in second.findings if finding.name == "dates"]


def test_a_version_that_has_rated_something_stays_and_a_later_one_wins(book: Store) -> None:
    first = import_deck(book, new(), To((CHILD,))).version.version_sid
    with book.writing() as act:
        act.mark_used([first])
    second = import_deck(book, new(NOW, CallRate(prefix="1", rate=5)))
    assert second.replaced_sid is None
    assert [finding.name for finding in second.findings].count("dates") == 1
    assert heads(book) == [first, second.version.version_sid]
    assert in_force(book) == second.version.version_sid
    with book.reading() as now:
        deck = Tariffs(now).deck_of(first)
        assert isinstance(deck, CallDeck)
        assert deck.rates == (ANY,)
    third = import_deck(book, new()).version.version_sid
    assert heads(book) == [first, third]


def test_a_version_of_another_day_stands_beside(book: Store) -> None:
    later = import_deck(book, new(NOW + DAY_MS), To((CHILD,))).version.version_sid
    sooner = import_deck(book, new(NOW))
    assert [finding.name for finding in sooner.findings] == ["dates"]
    assert heads(book) == [sooner.version.version_sid, later]
    assert [in_force(book, start=NOW + late) for late in (DAY_MS - 1, DAY_MS)] == [None, later]


def test_a_sheet_keeps_what_it_prices(book: Store) -> None:
    import_deck(book, new())
    refusal = refused(book, new(direction="inbound"))
    assert refusal.problem is errors.CONFLICT
    assert "Retail prices outbound calls" in str(refusal)
    assert refused(book, new(0, MessageRate(price=1), service="sms")).problem is errors.CONFLICT


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (new(name=" "), "name: is blank"),
        (new(name="a\n"), "name: control characters"),
        (new(direction=None), "direction: is inbound or outbound"),
        (new(0, UsagePrice(type="tts", price=1), service="usage"), "direction: is inbound or outbound"),
        (NewVersion(name="A", service="calls", direction="inbound", effective_date=0, rates=()), "there is no line"),
        (new(0, ANY, ANY), "the prefix catch-all stands twice"),
    ],
)
def test_what_is_no_version(book: Store, wrong: NewVersion, said: str) -> None:
    refusal = refused(book, wrong)
    assert refusal.problem is errors.OBJECT_INVALID
    assert said in str(refusal)


def test_an_unknown_partner_gets_nothing_and_nothing_is_written(book: Store) -> None:
    assert refused(book, new(), To((CHILD, "nobody"))).problem is errors.ITEM_UNKNOWN
    import_deck(book, new())
    with pytest.raises(Refusal, match="there is no partner nobody"):
        assign(book, "Retail", To((CHILD, "nobody")))
    with pytest.raises(Refusal, match="no sheet is called Other"):
        assign(book, "Other", To((CHILD,)))
    with book.reading() as now:
        assert now.assignments() == []


def test_a_dry_run_writes_nothing(book: Store) -> None:
    import_deck(book, new(NOW - DAY_MS, CallRate(prefix=None, rate=100)))
    before = heads(book)
    would = import_deck(book, new(NOW + 1), To((CHILD,)), dry_run=True, jump_percent=80)
    assert [finding.name for finding in would.findings] == ["jump"]
    assert heads(book) == before
    assert import_deck(book, new(NOW + 1), dry_run=True, jump_percent=95).findings == []
    assert refused(book, new(), To(("nobody",)), dry_run=True).problem is errors.ITEM_UNKNOWN


def test_a_version_is_judged_beside_the_one_before_it_alone(book: Store) -> None:
    for day, rate in enumerate((1, 100)):
        import_deck(book, new(NOW + day * DAY_MS, CallRate(prefix=None, rate=rate)))
    made = import_deck(book, new(NOW + 2 * DAY_MS, CallRate(prefix=None, rate=90)))
    with book.reading() as now:
        assert linted(now, made.version) == []
        names = [finding.name for finding in linted(now, made.version, jump_percent=5)]
        assert names == ["jump"]


def test_decks_of_every_service(book: Store) -> None:
    import_deck(book, new(NOW, MessageRate(price=1), name="S", service="sms"), To(default=True))
    import_deck(
        book, new(NOW, UsagePrice(type="tts", price=1), name="U", service="usage", direction=None), To(default=True)
    )
    with book.reading() as now:
        tariffs = Tariffs(now)
        assert isinstance(tariffs.deck(CHILD, "sms", "outbound", NOW), MessageDeck)
        assert isinstance(tariffs.deck(CHILD, "usage", None, NOW), UsageDeck)
        assert tariffs.deck(CHILD, "mms", "outbound", NOW) is None
        with pytest.raises(Refusal) as caught:
            tariffs.deck_of("nobody's")
    assert caught.value.problem is errors.ITEM_UNKNOWN


def test_few_lines_are_remembered(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_decks", sheets._Decks())
    monkeypatch.setattr(limits, "DECK_LINES_REMEMBERED_MAX", 4)
    made: list[Imported] = [import_deck(book, new(name=str(number))) for number in range(3)]
    sids = [each.version.version_sid for each in made]
    with book.reading() as now:
        for version_sid in (*sids[:2], sids[0], sids[2]):
            assert Tariffs(now).deck_of(version_sid).version.version_sid == version_sid
    assert list(sheets._decks._kept) == [sids[0], sids[2]]


def test_few_states_are_remembered(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_tables", sheets._Tables())
    for number in range(limits.SHEET_TABLES_REMEMBERED_MAX + 2):
        import_deck(book, new(NOW + number))
        assert in_force(book) is None
    assert len(sheets._tables._kept) == limits.SHEET_TABLES_REMEMBERED_MAX


def test_bands_have_the_offset_of_their_zone() -> None:
    def of(zone: str) -> SheetVersion:
        return SheetVersion(
            rates_plan_sid="p", version_sid="v", name="n", service="calls", effective_date=0, rates=(ANY,),
            times=TimeBands(bands=(Band(name="night"),), zone=zone),
        )  # fmt: skip

    deck = compiled(of("America/New_York"))
    assert isinstance(deck, CallDeck)
    assert deck.offset(NOW) == -5 * 3_600_000
    assert deck.offset(NOW + 180 * DAY_MS) == -4 * 3_600_000
    assert zone_offset("UTC")(NOW) == 0
    for zone in ("Europe/Nowhere", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="no time zone"):
            compiled(of(zone))
