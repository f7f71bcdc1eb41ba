"""What the simulation found, or would hardly meet by chance: the same acts again, by their names."""

from collections.abc import Iterator
from fractions import Fraction

import pytest
from tests.simulation.choices import NUMBERS
from tests.simulation.machine import Simulation
from tests.simulation.periods import DAY, instant
from tests.simulation.prices import Sheet, Use

PRICES = Sheet(-1, {"1": (Fraction(1, 400), 60, 60), "44": (Fraction(1, 100), 0, 1)}, Fraction(1, 200), None)
WHOLE, HALF, ANY = 1, 2, 4


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    made = Simulation()
    made.begin(
        begins="2024-12-20T10:00:00Z", delay=86_400, careful=False, sooner=0, deck=PRICES,
        cycles=("monthly", "monthly"), lived=0,
    )  # fmt: skip
    try:
        yield made
        made.the_book_is_as_believed()
    finally:
        made.teardown()


def call(simulation: Simulation, sid: str, at: int, talked: int = 8_880_000) -> None:
    """A call of the first partner to New York."""
    simulation.record_batch([("first", Use(sid, "call", NUMBERS[0], at, talked))])
    simulation.the_book_is_as_believed()


def close(simulation: Simulation, number: int = 0) -> None:
    """The first instant at which an invoice may be closed."""
    end = simulation.book.partners["first"].invoices[number].end
    simulation.engine.clock.instant = instant(end) + DAY
    simulation.run_billing()
    simulation.the_book_is_as_believed()


def test_the_balance_of_the_next_invoice_counts_from_its_first_day(simulation: Simulation) -> None:
    call(simulation, "a", simulation.book.now)
    end = instant(simulation.book.partners["first"].invoices[0].end)
    simulation.engine.clock.instant = end - DAY // 2
    simulation.look_at_clock()
    call(simulation, "b", end + 1)
    simulation.engine.clock.instant = end
    simulation.run_billing()
    simulation.balance_is_as_believed("first")
    assert simulation.engine.balance(simulation.sids["first"]) == "-0.74"


def test_a_late_record_stays_on_its_open_invoice(simulation: Simulation) -> None:
    began = simulation.book.now
    call(simulation, "early", began)
    close(simulation)
    call(simulation, "late", began)
    simulation.engine.clock.instant = instant(simulation.book.partners["first"].invoices[1].end)
    simulation.run_billing()
    simulation.look_at_clock()
    shorter = Use("late", "call", NUMBERS[0], began, 60_000)
    simulation.correct(place=1, to=shorter, when=None, withdraw=False)
    simulation.the_book_is_as_believed()
    assert [item[4] for item in simulation.engine.items(simulation.sids["first"], 1)] == [60]


def test_a_call_that_64_bits_cannot_hold_parks_until_its_price_is_mended(simulation: Simulation) -> None:
    simulation.record_too_much("first", 1)
    assert simulation.book.partners["first"].parked
    simulation.unpark(0)
    assert simulation.book.partners["first"].parked
    simulation.unpark(1)
    assert not simulation.book.partners["first"].parked


def test_what_was_paid_on_an_invoice_itself_settles_nothing_of_it_twice(simulation: Simulation) -> None:
    call(simulation, "a", simulation.book.now)
    simulation.pay("first", Fraction(1, 10), None, HALF)
    close(simulation)
    simulation.pay("first", Fraction(1, 10), None, ANY)
    simulation.the_book_is_as_believed()
    assert not simulation.book.partners["first"].invoices[0].charged
    simulation.pay("first", Fraction(1, 10), None, WHOLE)


def test_a_payment_is_given_back_once(simulation: Simulation) -> None:
    simulation.pay("first", Fraction(5), None, ANY)
    simulation.refund(0, Fraction(3), ANY)
    simulation.refund(0, Fraction(3), ANY)
    assert simulation.engine.balance(simulation.sids["first"]) == "2"
    simulation.refund(0, Fraction(1), WHOLE)


def test_a_crash_in_the_midst_of_each_act_leaves_nothing(simulation: Simulation) -> None:
    for act in (
        lambda: call(simulation, "a", simulation.book.now),
        lambda: simulation.pay("first", Fraction(1, 10), "r", ANY),
        lambda: close(simulation),
        lambda: simulation.credit(0, Fraction(1, 100), HALF),
        lambda: simulation.void(0),
        lambda: simulation.correct(0, Use("a", "call", NUMBERS[0], 0, 60_000), None, False),
    ):
        simulation.something_goes_wrong("crash", 0)
        act()
        assert not simulation.crashing
        simulation.the_book_is_as_believed()


def test_a_credit_falls_with_the_voided_invoice_that_it_was_on(simulation: Simulation) -> None:
    call(simulation, "a", simulation.book.now)
    close(simulation)
    simulation.credit(0, Fraction(1, 100), HALF)
    call(simulation, "b", simulation.book.now)
    close(simulation, 1)
    for place in (1, 0):
        simulation.credit_and_void(place, WHOLE)
        simulation.the_book_is_as_believed()
    assert simulation.engine.balance(simulation.sids["first"]) == "0"


def test_a_voided_invoice_gives_back_what_its_records_charge_in_all(simulation: Simulation) -> None:
    began = simulation.book.now
    call(simulation, "a", began)
    call(simulation, "b", began)
    close(simulation)
    simulation.correct(0, Use("a", "call", NUMBERS[0], 0, 600_000), None, False)
    call(simulation, "c", simulation.book.now)
    close(simulation, 1)
    simulation.correct(1, Use("b", "call", NUMBERS[2], 0, 60_000), None, False)
    simulation.void(0)
    simulation.the_book_is_as_believed()
    owed = simulation.engine.balance(simulation.sids["first"])
    assert owed == "-0.37", "what is left is the call of the second invoice"
    simulation.put_prices(Sheet(0, {"1": (Fraction(1), 1, 1)}, None, None), None)
    simulation.rate_anew("first")
    simulation.correct(0, Use("a", "call", NUMBERS[0], 0, 8_880_000), None, False)
    simulation.correct(1, Use("b", "call", NUMBERS[0], 0, None), None, withdraw=True)
    simulation.the_book_is_as_believed()
    simulation.void(1)  # it carries a correction of the first
    simulation.the_book_is_as_believed()
    assert [i["status"] for i in simulation.engine.invoices(simulation.sids["first"])] == ["void", "closed", "open"]


def test_a_hold_in_the_first_minutes_of_a_day_keeps_the_run_that_is_due(simulation: Simulation) -> None:
    call(simulation, "a", simulation.book.now)
    end = instant(simulation.book.partners["first"].invoices[0].end)
    simulation.engine.clock.instant = end - DAY // 2
    simulation.look_at_clock()
    call(simulation, "b", end + 1)
    simulation.engine.clock.instant = end
    simulation.hold("first", True)
    simulation.the_book_is_as_believed()
    simulation.run_billing()
    simulation.balance_is_as_believed("first")
    assert simulation.engine.balance(simulation.sids["first"]) == "-0.74"
