"""What chance chooses from: partners, prices, records, instants."""

from fractions import Fraction

from hypothesis import strategies as st
from tests.simulation.periods import DAY
from tests.simulation.prices import Sheet, Use

NUMBERS = ("12125550100", "13105550100", "442071838750", "447400123456", "4930123456")
NAMES = ("first", "second")
BEGINS = ("2024-12-20T10:00:00Z", "2025-01-31T00:00:00Z", "2024-02-29T23:45:00Z", "2024-08-30T12:00:00Z")
PRICES = ("0.0025", "0.0031", "0.005", "0.333333333", "7", "0.01", "0.000000001", "0")
TOO_MUCH = Fraction(999_999)

prices = st.sampled_from(PRICES).map(Fraction)
CYCLES = ("monthly", "weekly", "biweekly", "semi_monthly", "calendar_month", "quarter", "year")

cycles = st.sampled_from(("monthly", *CYCLES))
places = st.integers(0, 40)
parts = st.sampled_from((2, 1, 3, 4))
names = st.sampled_from(NAMES)
cents = st.integers(1, 5_000).map(lambda number: Fraction(number, 100))
lines = st.tuples(prices, st.sampled_from((0, 1, 6, 30, 60)), st.sampled_from((1, 6, 18, 60)))
sheets = st.builds(
    Sheet,
    effective=st.sampled_from((-1, 0, 5)),  # days from now; -1: always
    calls=st.dictionaries(st.sampled_from(("1", "44", "1310", "447", "49")), lines, min_size=3),
    message=prices | st.none(),
    lookup=prices | st.none(),
    whole=st.booleans(),
    rounding=st.none() | st.tuples(st.sampled_from(("half_up", "up", "down")), st.integers(0, 9)),
)
whens = st.one_of(
    st.tuples(st.just("ago"), st.integers(0, 3 * DAY)),
    st.tuples(st.just("months ago"), st.integers(0, 400)),
    st.tuples(st.just("at the end of a period"), places),
    st.tuples(st.just("exactly"), st.sampled_from((-730 * DAY - 1, -730 * DAY, 0, DAY, DAY + 1))),
    st.tuples(st.just("ahead"), st.integers(0, DAY)),
)
uses = st.builds(
    Use,
    sid=st.integers(0, 150).map(lambda number: f"dr-{number:03}"),
    kind=st.sampled_from(("call", "call", "message", "lookup")),
    number=st.sampled_from(NUMBERS),
    at=st.just(0),
    talked=st.integers(1, 200_000) | st.sampled_from((None, 60_000, 8_880_000, 86_400_000)),
    segments=st.integers(1, 3),
    recipients=st.integers(0, 3),
    quantity=st.integers(0, 5_000),
    price=st.none() | st.none() | st.none() | prices,
    billed=st.integers(0, 500),
)
