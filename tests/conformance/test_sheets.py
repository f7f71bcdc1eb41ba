"""Rate sheets in every store: what is written is read back, and Tariffs find what a plain search finds."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.making import CHILD, FAMILY, GRANDCHILD, NOW, OPERATOR, RESELLER

from tollbook import errors
from tollbook.billing.bands import Band, TimeBands
from tollbook.billing.events import CallEvent
from tollbook.billing.numbers import Direction
from tollbook.billing.rating import Rated, rate_call
from tollbook.billing.sheets import (
    Assignment,
    BandPrice,
    CallDeck,
    CallRate,
    Conversion,
    MessageRate,
    PriceRounding,
    Service,
    SheetVersion,
    Step,
    UsagePrice,
    assigned_sheet,
)
from tollbook.operations.sheets import Tariffs
from tollbook.store import Sheet, Store, Writes
from tollbook.store.overtaking import Overtaken

# The lines of a sheet, of every service.

prices = st.integers(0, 10**15 - 1)
maybe_text = st.none() | st.sampled_from(["United States", "Åland", "x"])
call_rates = st.builds(
    CallRate,
    prefix=st.none() | st.from_regex(r"[1-9][0-9]{0,6}", fullmatch=True),
    rate=prices,
    billing_minimum=st.integers(0, 86_400),
    billing_increment=st.integers(1, 86_400),
    connection_fee=prices,
    charge_minimum=prices,
    charge_maximum=st.none() | prices,
    country_code=st.none() | st.just("USA"),
    country_name=maybe_text,
    steps=st.lists(st.integers(1, 3_600), max_size=3, unique=True).map(
        lambda begins: tuple(
            Step(from_second=at, rate=at, billing_increment=6, bands=(BandPrice("night", at, at),))
            for at in sorted(begins)
        )
    ),
    bands=st.just(()) | st.just((BandPrice("night", 1), BandPrice("day", 2, 3))),
    jurisdictions=st.dictionaries(st.sampled_from(["interstate", "intrastate", "indeterminate"]), prices),
)
message_rates = st.builds(
    MessageRate,
    price=prices,
    sender_class=st.none() | st.sampled_from(["short_code", "toll", "toll_free"]),
    mcc=st.none() | st.just("310"),
    mnc=st.none() | st.just("004"),
    prefix=st.none() | st.just("44"),
    country_code=st.none() | st.just("USA"),
    country_name=maybe_text,
    network=maybe_text,
    operator=maybe_text,
)
usage_prices = st.builds(
    UsagePrice,
    type=st.sampled_from(["lookup", "tts"]),
    price=prices,
    conversion=st.none()
    | st.builds(
        Conversion,
        how=st.sampled_from(["multiply", "divide"]),
        by=st.integers(1, 10**6),
        rounding=st.none() | st.sampled_from(["up", "down", "half_up"]),
        decimals=st.integers(0, 9),
    ),
)
TIMES = TimeBands(
    bands=(Band(name="night", weekdays=(0, 6), to_minute=60), Band(name="day", holidays=True)),
    holidays=(date(2025, 12, 25),),
    zone="Europe/Berlin",
)
terms = st.fixed_dictionaries(
    {
        "convention": st.sampled_from(["whole", "after_minimum"]),
        "price_rounding": st.none() | st.just(PriceRounding("up", 4)),
        "times": st.none() | st.just(TIMES),
        "messages_by": st.sampled_from(["network", "prefix"]),
    }
)
versions = st.one_of(
    *(
        st.builds(
            SheetVersion,
            rates_plan_sid=st.just("plan"),
            version_sid=st.just("version"),
            name=st.just("A sheet"),
            service=st.just(service),
            direction=st.just(direction),
            effective_date=st.integers(0, NOW),
            rates=st.lists(lines, max_size=5).map(tuple),
        ).flatmap(lambda version: terms.map(lambda said: replace(version, **said)))
        for service, direction, lines in (
            ("calls", "outbound", call_rates), ("mms", "inbound", message_rates), ("usage", None, usage_prices),
        )
    )
)  # fmt: skip

in_one_store = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class _Undone(Exception):
    """Thrown to leave a store as it was."""


@contextmanager
def undone(store: Store) -> Iterator[Writes]:
    """An act that leaves no trace."""
    with suppress(_Undone), store.writing() as act:
        yield act
        raise _Undone


def sheet_of(version: SheetVersion, plan: str | None = None) -> Sheet:
    sid = plan or version.rates_plan_sid
    return Sheet(sid, f"{version.name} {sid}", version.service, version.direction, OPERATOR, NOW)


@in_one_store
@given(version=versions)
def test_a_version_is_read_back_as_it_was_written(store: Store, version: SheetVersion) -> None:
    with undone(store) as act:
        assert act.sheet_version("version") is None
        act.add_sheet(sheet_of(version))
        act.add_version(version, NOW)
        assert act.sheet_version("version") == replace(version, name="A sheet plan")
        (head,) = act.version_heads("plan")
        assert head == ("version", "plan", version.effective_date, NOW, len(version.rates), False)
        act.drop_version("version")
        assert act.version_heads() == []


LINE = CallRate(prefix="1", rate=1)
ROOT_VERSION = SheetVersion(
    rates_plan_sid="plan", version_sid="one", name="A", service="calls", direction="outbound", effective_date=0,
    rates=(LINE,),
)  # fmt: skip


def given_to(partner_sid: str | None, plan: str, effective: int = 0, **other: Any) -> Assignment:
    made = {"service": "calls", "direction": "outbound", **other}
    return Assignment(rates_plan_sid=plan, partner_sid=partner_sid, effective_date=effective, **made)


def plant(act: Writes) -> None:
    act.add_sheet(sheet_of(ROOT_VERSION))
    act.add_version(ROOT_VERSION, NOW)


def generation_after(store: Store, change: Any) -> bool:
    """Whether a change gave the book another generation."""
    with store.writing() as act:
        before = act.sheets_generation()
        change(act)
        return act.sheets_generation() != before


def test_a_version_that_another_act_dropped_is_not_used(store: Store) -> None:
    """What was rated by it is rated again, by what is in force then."""
    with pytest.raises(Overtaken) as caught, store.writing() as act:
        act.mark_used(["nobody's"])
    assert caught.value.problem is errors.STORE_BUSY


def test_every_change_but_a_use_changes_the_generation(store: Store) -> None:
    with store.reading() as book:
        assert book.sheets_generation() is None
    assert generation_after(store, plant)
    assert generation_after(store, lambda act: act.put_assignment(given_to(None, "plan")))
    assert generation_after(store, lambda act: act.add_version(replace(ROOT_VERSION, version_sid="two"), NOW + 1))
    assert not generation_after(store, lambda act: act.mark_used(["one", "one"]))
    assert generation_after(store, lambda act: act.drop_version("two"))
    with store.reading() as book:
        assert [(head.version_sid, head.used) for head in book.version_heads()] == [("one", True)]


def test_a_used_version_cannot_be_dropped(store: Store) -> None:
    with store.writing() as act:
        plant(act)
        act.mark_used(["one"])
        act.drop_version("one")
        assert act.sheet_version("one") == replace(ROOT_VERSION, name="A plan")


def test_an_assignment_of_the_same_instant_is_replaced(store: Store) -> None:
    with store.writing() as act:
        plant(act)
        act.add_sheet(sheet_of(ROOT_VERSION, "other"))
        for partner_sid in (None, CHILD):
            act.put_assignment(given_to(partner_sid, "plan"))
            act.put_assignment(given_to(partner_sid, "other"))
            act.put_assignment(given_to(partner_sid, "plan", 5))
    with store.reading() as book:
        assert book.assignments() == [
            given_to(None, "other"), given_to(None, "plan", 5), given_to(CHILD, "other"), given_to(CHILD, "plan", 5)
        ]  # fmt: skip
        assert [sheet.rates_plan_sid for sheet in book.sheets()] == ["other", "plan"]
        assert book.sheet_named("A other") == sheet_of(ROOT_VERSION, "other")
        assert book.sheet_named("A") is None


def test_the_chain_of_a_partner_leads_upwards(store: Store) -> None:
    with store.reading() as book:
        assert book.chain_above(GRANDCHILD) == (GRANDCHILD, RESELLER, OPERATOR)
        assert book.chain_above("nobody") == ()


# Tariffs against the plain search of billing.sheets.

PLANS = ("p0", "p1", "p2")
PRICED: tuple[tuple[Service, Direction | None], ...] = (("calls", "outbound"), ("sms", "inbound"), ("usage", None))
instants = st.integers(0, 12)
few_versions = st.lists(st.tuples(st.sampled_from(PLANS), instants), max_size=8)
few_assignments = st.dictionaries(
    st.tuples(
        st.sampled_from([None, *FAMILY]), st.sampled_from(PRICED),
        instants,
    ),
    st.sampled_from(PLANS),
    max_size=8,
)  # fmt: skip


def write_sheets(act: Writes, dates: list[tuple[str, int]], given: dict[Any, str]) -> tuple[Any, Any]:
    """Plant sheets and assignments; the same as nouns."""
    made: dict[str, list[SheetVersion]] = {plan: [] for plan in PLANS}
    for plan in PLANS:
        act.add_sheet(sheet_of(ROOT_VERSION, plan))
    for number, (plan, effective) in enumerate(dates):
        version = replace(
            ROOT_VERSION,
            rates_plan_sid=plan,
            version_sid=f"{act.sheets_generation()} {number}",
            effective_date=effective,
        )
        made[plan].append(version)
        act.add_version(version, number)
    assignments = [
        given_to(partner_sid, plan, at, service=service, direction=direction)
        for (partner_sid, (service, direction), at), plan in given.items()
    ]
    for assignment in assignments:
        act.put_assignment(assignment)
    return made, assignments


@in_one_store
@given(few_versions, few_assignments)
def test_tariffs_find_what_a_plain_search_finds(
    store: Store, dates: list[tuple[str, int]], given: dict[Any, str]
) -> None:
    with undone(store) as act:
        made, assignments = write_sheets(act, dates, given)
        tariffs = Tariffs(act)
        for partner_sid in FAMILY:
            chain = act.chain_above(partner_sid)
            for service, direction in PRICED:
                for start in range(-1, 14):
                    plan = assigned_sheet(assignments, chain, service, direction, start)
                    in_force = [each for each in reversed(made[plan]) if each.effective_date <= start] if plan else []
                    version = max(in_force, key=lambda each: each.effective_date, default=None)
                    found = tariffs.version_sid(partner_sid, service, direction, start)
                    assert found == (version.version_sid if version else None)


def test_tariffs_see_a_change_that_was_made_after_them_only_anew(store: Store) -> None:
    with store.writing() as act:
        plant(act)
        act.put_assignment(given_to(None, "plan"))
        before = Tariffs(act)
        assert before.version_sid(CHILD, "calls", "outbound", 5) == "one"
        act.add_version(replace(ROOT_VERSION, version_sid="two", effective_date=3), NOW)
        assert before.version_sid(CHILD, "calls", "outbound", 5) == "one"
        assert Tariffs(act).version_sid(CHILD, "calls", "outbound", 5) == "two"
        assert Tariffs(act).version_sid(CHILD, "calls", "inbound", 5) is None
    with store.reading() as book:
        assert Tariffs(book).version_sid(CHILD, "calls", "outbound", 2) == "one"


# Rating through a store against the longest prefix found by hand.

digits = st.text("12", min_size=1, max_size=5)


def by_hand(decks: dict[str | None, int], number: str) -> int | None:
    """The rate of the longest prefix, else of the catch-all."""
    fitting = [prefix for prefix in decks if prefix is not None and number.startswith(prefix)]
    return decks[max(fitting, key=len)] if fitting else decks.get(None)


@in_one_store
@given(
    st.dictionaries(st.none() | digits, st.integers(0, 10**9), max_size=12), st.lists(digits, min_size=1, max_size=9)
)
def test_rating_through_the_book_is_the_longest_prefix(
    store: Store, decks: dict[str | None, int], numbers: list[str]
) -> None:
    lines = tuple(CallRate(prefix=prefix, rate=rate, billing_increment=6) for prefix, rate in decks.items())
    with undone(store) as act:
        act.add_sheet(sheet_of(ROOT_VERSION))
        sid = str(act.sheets_generation())
        act.add_version(replace(ROOT_VERSION, rates=lines, version_sid=sid), NOW)
        act.put_assignment(given_to(None, "plan"))
        deck = Tariffs(act).deck(GRANDCHILD, "calls", "outbound", 0)
        assert isinstance(deck, CallDeck)
        for number in numbers:
            call = CallEvent(
                dr_sid="a", partner_sid=GRANDCHILD, direction="outbound", number_src="19", number_dst=number,
                date_start=0, date_talk=0, date_stop=61_000,
            )  # fmt: skip
            rated, rate = rate_call(call, deck), by_hand(decks, number)
            if rate is None:
                assert not isinstance(rated, Rated)
            else:
                assert isinstance(rated, Rated)
                assert (rated.quantity, rated.units) == (66, 66 * rate)


def test_tariffs_of_a_snapshot_are_those_of_the_snapshot(store: Store) -> None:
    with store.writing() as act:
        plant(act)
        act.put_assignment(given_to(None, "plan"))
    with store.reading() as book:
        assert book.sheets_generation()  # a snapshot begins with its first question
        with store.writing() as act:
            act.add_version(replace(ROOT_VERSION, version_sid="two", effective_date=1), NOW)
            assert Tariffs(act).version_sid(CHILD, "calls", "outbound", 9) == "two"
        assert Tariffs(book).version_sid(CHILD, "calls", "outbound", 9) == "one"
    with store.reading() as book:
        assert Tariffs(book).version_sid(CHILD, "calls", "outbound", 9) == "two"
