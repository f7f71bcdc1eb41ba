"""Single records that are recorded in one go: the same answers, and the same book, as one after the other."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.engine import UK, US, Engine, call, day, message, usage
from tests.simulation.book_laws import broken_laws
from tests.stores import ON_POSTGRES, TABLES, copied, in_file

from tollbook.billing.events import Event
from tollbook.billing.model import Caller, Sight
from tollbook.billing.sheets import CallRate, MessageRate, UsagePrice
from tollbook.clock import FixedClock, parse_instant
from tollbook.errors import Refusal
from tollbook.mediation.records import SHAPES
from tollbook.money import parse_rate
from tollbook.operations import recording
from tollbook.operations.accounts import terms_of
from tollbook.operations.correcting import correct
from tollbook.operations.idempotency import Once, reply_once
from tollbook.operations.spending import POLICY
from tollbook.operations.usage import Single, record_singles
from tollbook.store import Alike, Store, Writes, open_store
from tollbook.store.event_rows import kind_of
from tollbook.store.sharing import Line, Place, run

pytestmark = pytest.mark.files

NOW = "2025-02-20T12:00:00Z"
OPERATOR = "operator"
WHO = ("plain", "beneath", "watched", "parked", "other", OPERATOR)
RANDOM = {"revision", "notice_sid"}
"""Columns that are drawn: two books never have the same."""

Act = Callable[[Writes], Any]


class World:
    """A book with all kinds of partners, which each case begins with a copy of."""

    def __init__(self, folder: Path) -> None:
        engine = Engine(folder, "2024-12-20T10:00:00Z")
        engine.sheet(CallRate(prefix="1", rate=parse_rate("0.0031"), billing_minimum=1))
        engine.sheet(MessageRate(price=parse_rate("0.005")), service="sms")
        engine.sheet(UsagePrice(type="lookup", price=parse_rate("1")), service="usage", direction=None)
        begins = day("2024-12-20")
        plain = engine.partner("Plain", begins=begins)
        watched: dict[str, Any] = {"payment_type": "prepay", "charge_at": -500_000, "prepay_amount": 7_000_000}
        watched |= {"spending_limit": 1_000_000, "daily_spending_limit": 500_000}
        self.sids = {
            "plain": plain,
            "beneath": engine.partner("Beneath", plain, begins=begins),
            "watched": engine.partner("Watched", begins=begins, **watched),
            "parked": engine.partner("Parked", begins=begins),
            "other": engine.partner("Other", begins=begins),
            OPERATOR: engine.operator.partner_sid,
        }
        self.callers = {name: Caller(partner_sid=sid, scopes=frozenset()) for name, sid in self.sids.items()}
        self.callers[OPERATOR] = engine.caller
        for sid in self.sids.values():
            if sid != engine.operator.partner_sid:
                engine.record(call(sid, "known", "2024-12-20T10:00:00Z"), call(sid, "gone", "2024-12-20T10:00:00Z"))
        with engine.store.writing() as act:
            act.set_book(POLICY, "charge")
            recording.park(act, self.sids["parked"], terms_of(act), "a test")
        engine.run(NOW)
        engine.store.act(lambda act: correct(act, self.callers["plain"], "call", "gone", None, "a test"))
        self.url = engine.store.url
        engine.store.close()

    def copy(self, folder: str, name: str) -> Store:
        """A copy of the book."""
        store = open_store(copied(self.url, Path(folder) / name), FixedClock(parse_instant(NOW)))
        if not ON_POSTGRES:
            in_file(store)._write_connection().execute("PRAGMA synchronous = OFF")
        return store


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def in_one_go(store: Store, acts: Sequence[Act]) -> list[Any]:
    """What acts answer that stand in line together."""
    places, line = [Place(act) for act in acts], Line()
    line.wait(places[0])
    line._behind.extend(places[1:])
    with store.writing() as act:
        for some in line.shared(places[0]):
            run(act, some)
    return [answer(place.answer) for place in places]


def in_turn(store: Store, acts: Sequence[Act]) -> list[Any]:
    """What they answer one after the other."""
    return [answer(lambda act=act: store.act(act)) for act in acts]  # type: ignore[misc]


def answer(give: Callable[[], Any]) -> Any:
    try:
        return give()
    except Refusal as refusal:
        return refusal.problem, refusal.flaws, refusal.retry_after


def shown(store: Store, single: Single) -> bytes:
    """A record as the list of its kind shows it."""
    with store.reading() as book:
        sight = Sight("own", single.event.partner_sid)
        return book.record(SHAPES[single.kind].resource, sight, single.event.dr_sid).document


def rows(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a book, without what is drawn."""
    found = {}
    with store.reading() as book:
        for (table,) in book.connection.execute(TABLES).fetchall():
            described = book.connection.execute(f"SELECT * FROM {table} LIMIT 0").description
            some = ", ".join(name for name, *_ in described if name not in RANDOM)
            found[table] = sorted(book.connection.execute(f"SELECT {some} FROM {table}").fetchall(), key=repr)
    return found


def recorded(act: Writes, singles: Sequence[Single]) -> list[bytes | Refusal]:
    """As `record_singles`; a group that cannot be done in one go, for which it is done one by one, is a defect here."""
    try:
        return record_singles(act, singles)
    except Exception as error:
        pytest.fail(f"not in one go: {error!r}")


def act_of(single: Single, key: str | None) -> Act:
    alike = Alike(recorded, single)
    if key is None:
        return alike
    return lambda act: reply_once(act, single.caller, Once(key, repr(single).encode()), alike)


whens = st.sampled_from(
    (NOW, "2025-02-20T11:59:00Z", "2025-02-20T00:00:00Z", "2025-02-19T23:59:59.999Z", "2025-01-01T00:00:00Z",
     "2024-12-19T23:59:59Z", "2025-02-21T13:00:00Z", "2025-02-21T11:00:00Z")
)  # fmt: skip
"""Now, today, the period before (open yet), one that is closed, before any, too far ahead, tomorrow."""

dr_sids = st.sampled_from(("a", "b", "c", "d", "e", "known", "gone"))


@st.composite
def events(draw: st.DrawFn) -> Event:
    """A record of some kind; few sids, so that many come again, with the same content or another."""
    kind, when, sid = draw(st.sampled_from("cccmuu")), draw(whens), draw(dr_sids)
    if kind == "m":
        group = draw(st.sampled_from(((), (US, UK))))
        return message("", sid, when, message_segments=draw(st.integers(1, 2)), number_group_dst=group, mcc="310")
    if kind == "u":
        return usage("", sid, when, "lookup", draw(st.sampled_from((1, 60_000_000, 10**12))))
    how: dict[str, Any] = draw(
        st.sampled_from(({}, {"date_talk": None}, {"duration": 1_500_000_000}, {"price": 1, "sipcause": 200}))
    )
    seconds = draw(st.sampled_from((0, 60, 40 * 86_400)))
    return call("", sid, when, seconds=seconds, number_dst=draw(numbers), **how)


numbers = st.sampled_from((US, US, UK))
keys = st.sampled_from((None, None, None, None, "k", "l"))


@st.composite
def sendings(draw: st.DrawFn) -> list[tuple[str, str, Event, str | None]]:
    """Who sends whose record, with a key or none: mostly of one partner, by itself or the operator."""
    whose = st.sampled_from((draw(st.sampled_from(WHO)),) * 4 + WHO)
    sent = []
    for _ in range(draw(st.integers(2, 10))):
        of = draw(whose)
        sent.append((draw(st.sampled_from((OPERATOR, of, of, draw(whose)))), of, draw(events()), draw(keys)))
    return sent


BEYOND = [
    (OPERATOR, "plain", usage("", "a", NOW, "lookup", 60_000_000), None),
    (OPERATOR, "plain", call("", "b", NOW), None),
    ("plain", "plain", usage("", "c", NOW, "lookup", 60_000_000), None),
    (OPERATOR, "plain", call("", "d", NOW), None),
]
"""The third is more than an item may be: the partner is parked, and the first two stay on its invoice."""
WATCHED = [(OPERATOR, "watched", usage("", sid, NOW, "lookup", 1), None) for sid in "abc"]
"""Each passes a mark, and is told of with what the balance was then."""
STRANGER = [(by, "plain", call("", "a", NOW), None) for by in ("other", OPERATOR, "plain")]


@given(sent=sendings())
@example(sent=BEYOND)
@example(sent=WATCHED)
@example(sent=STRANGER)
@settings(max_examples=max(200, settings().max_examples))
def test_in_one_go_is_as_one_after_the_other(world: World, sent: list[tuple[str, str, Event, str | None]]) -> None:
    singles = []
    for by, whose, event, key in sent:
        whole = replace(event, partner_sid=world.sids[whose])
        singles.append((Single(world.callers[by], kind_of(whole), whole), key))  # type: ignore[arg-type]
    acts = [act_of(single, key) for single, key in singles]
    with tempfile.TemporaryDirectory() as folder:
        together, apart = world.copy(folder, "together.db"), world.copy(folder, "apart.db")
        answers = in_one_go(together, acts)
        assert answers == in_turn(apart, acts)
        for (single, _), told in zip(singles, answers, strict=True):
            assert not isinstance(told, bytes) or told == shown(together, single)
        assert rows(together) == rows(apart)
        assert broken_laws(together) == []
        together.close()
        apart.close()
