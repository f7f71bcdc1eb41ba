"""Usage onto invoices: counted once, on the right invoice, to the cent; what cannot be counted waits or is refused."""

from pathlib import Path

import pytest
from tests.engine import UK, Engine, call, message, usage

from tollbook.billing.sheets import CallRate, MessageRate, UsagePrice
from tollbook.money import parse_rate

NOW = "2024-12-20T10:00:00Z"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = Engine(tmp_path, NOW)
    made.sheet(CallRate(prefix="1", rate=parse_rate("0.0025"), billing_minimum=60, billing_increment=60))
    made.sheet(MessageRate(price=parse_rate("0.005")), service="sms")
    return made


@pytest.fixture
def acme(engine: Engine) -> str:
    return engine.partner("Acme")


def test_the_documented_arithmetic(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880), message(acme, "b", NOW, number_group_dst=(UK, UK, UK)))
    assert engine.items(acme) == [
        ("toll", "outbound", "USA", "2024-12-20", 8880, "0.37"),
        ("sms", "outbound", "GBR", "2024-12-20", 3, "0.02"),
    ]
    with engine.store.reading() as book:
        placed = book.placed(acme, "b")
    assert placed is not None
    assert placed.price == parse_rate("0.015")


def test_an_item_is_rounded_once_over_all_its_rates(engine: Engine, acme: str) -> None:
    engine.sheet(CallRate(prefix="1", rate=parse_rate("0.0025")), CallRate(prefix="1310", rate=parse_rate("0.0031")))
    both = [call(acme, "a", NOW, seconds=61), call(acme, "b", NOW, seconds=61, number_dst="13105550100")]
    engine.record(both[0])
    assert engine.items(acme)[0][4:] == (61, "0")
    engine.record(both[1])
    (item,) = engine.items(acme)
    assert item[4:] == (122, "0.01")


def test_what_comes_again_changes_nothing(engine: Engine, acme: str) -> None:
    event = call(acme, "a", NOW)
    assert [o.result for o in engine.record(event, event)] == ["accepted", "duplicate"]
    before = engine.invoices(acme)
    assert [o.result for o in engine.record(event)] == ["duplicate"]
    assert engine.invoices(acme) == before


def test_other_content_under_a_known_sid_is_refused_and_names_the_first(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW))
    (refused,) = engine.record(call(acme, "a", NOW, seconds=61))
    assert refused.result == "rejected"
    assert refused.flaws[0].field == "dr_sid"
    assert refused.flaws[0].reference_sid == "a"
    assert engine.items(acme)[0][4] == 60


def test_one_sid_may_be_two_partners(engine: Engine, acme: str) -> None:
    other = engine.partner("Other")
    assert [o.result for o in engine.record(call(acme, "a", NOW), call(other, "a", NOW))] == ["accepted"] * 2


def test_usage_of_an_ended_period_that_is_not_closed_is_not_late(engine: Engine, acme: str) -> None:
    engine.run("2025-01-20T12:00:00Z")
    (outcome,) = engine.record(call(acme, "a", "2025-01-19T23:59:59.999Z"))
    assert not outcome.late
    assert engine.figures(acme, "display_id", "amount", "balance_previous") == [
        ("001", "0", "0"),
        ("002", "0", "0"),
    ]
    engine.record(call(acme, "b", "2025-01-19T23:59:59.999Z", seconds=8880))
    assert engine.figures(acme, "display_id", "amount", "balance_previous") == [
        ("001", "0.37", "0"),
        ("002", "0", "0.37"),
    ]


def test_late_usage_goes_on_the_current_invoice_with_its_own_period(engine: Engine, acme: str) -> None:
    engine.run("2025-01-21T00:00:00Z")
    (outcome,) = engine.record(call(acme, "a", "2025-01-19T23:59:59.999Z", seconds=8880))
    assert outcome.late
    assert engine.items(acme) == [("toll", "outbound", "USA", "2024-12-20", 8880, "0.37")]
    assert engine.figures(acme, "status", "amount") == [("closed", "0"), ("open", "0.37")]


def test_usage_of_tomorrow_opens_the_next_invoice(engine: Engine, acme: str) -> None:
    engine.at("2025-01-19T12:00:00Z").record(call(acme, "a", "2025-01-20T11:00:00Z", seconds=8880))
    assert engine.figures(acme, "display_id", "amount") == [("001", "0"), ("002", "0.37")]
    assert engine.balance(acme) == "0"  # the current invoice is the first


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("2024-12-21T10:00:00.001Z", "is more than 24 hours ahead"),
        ("2024-12-19T23:59:59.999Z", "is before the partner's activation, 2024-12-20"),
        ("2022-12-20T09:00:00Z", "is older than 730 days"),
    ],
)
def test_untimely_usage_is_refused_with_the_limit(engine: Engine, acme: str, stop: str, said: str) -> None:
    (refused,) = engine.record(call(acme, "a", stop))
    assert (refused.result, refused.flaws[0].field) == ("rejected", "date_stop")
    assert said in refused.flaws[0].message
    assert engine.invoices(acme) == []


def test_usage_without_a_rate_is_kept_and_rated_when_a_rate_comes(engine: Engine, acme: str) -> None:
    (outcome,) = engine.record(call(acme, "a", NOW, number_dst=UK, seconds=8880))
    assert (outcome.result, outcome.unrated) == ("accepted", True)
    assert engine.items(acme) == []
    engine.sheet(CallRate(prefix=None, rate=parse_rate("0.0025")))
    engine.run()
    assert engine.items(acme) == [("toll", "outbound", "GBR", "2024-12-20", 8880, "0.37")]


def test_a_price_that_came_is_final(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, price=parse_rate("0.5"), duration_billing=30))
    assert engine.items(acme)[0][4:] == (30, "0.5")


def test_other_usage_has_a_name_and_a_quantity(engine: Engine, acme: str) -> None:
    engine.sheet(UsagePrice(type="lookup", price=parse_rate("0.004")), service="usage", direction=None)
    engine.record(usage(acme, "a", NOW, "lookup", 1000), usage(acme, "b", NOW, "tts", 5))
    assert engine.items(acme) == [("lookup", None, None, "2024-12-20", 1000, "4")]


def test_an_item_beyond_its_bound_parks_the_partner_and_loses_nothing(engine: Engine, acme: str) -> None:
    engine.record(call(acme, "a", NOW, seconds=8880))
    (outcome,) = engine.record(*[call(acme, "huge", NOW, price=parse_rate("999999"))])
    assert outcome.result == "accepted"
    many = [call(acme, f"huge {n}", NOW, price=parse_rate("999999")) for n in range(101)]
    assert {o.result for o in engine.record(*many)} == {"parked"}
    assert engine.billing(acme).status == "parked"
    assert ("parked", None) in engine.notices()
    assert engine.items(acme) == [("toll", "outbound", "USA", "2024-12-20", 8940, "999999.37")]
    assert [o.result for o in engine.record(call(acme, "later", NOW), many[0])] == ["parked", "duplicate"]


def test_a_stranger_and_the_operator_have_no_usage(engine: Engine, acme: str) -> None:
    stranger = "00000000-0000-4000-8000-000000000000"
    outcomes = engine.record(call(stranger, "a", NOW), call(engine.operator.partner_sid, "b", NOW))
    assert [(o.result, o.flaws[0].field) for o in outcomes] == [("rejected", "partner_sid")] * 2


def test_one_bad_record_leaves_the_others(engine: Engine, acme: str) -> None:
    bad = call(acme, "bad", NOW, date_talk=None, date_stop=None, duration=None)
    outcomes = engine.record(call(acme, "a", NOW), bad, call(acme, "b", NOW))
    assert [o.result for o in outcomes] == ["accepted", "rejected", "accepted"]
    assert engine.items(acme)[0][4] == 120


def test_what_a_batch_refused_is_no_duplicate_when_it_comes_again_in_it(engine: Engine, acme: str) -> None:
    ahead = call(acme, "a", "2024-12-22T10:00:00Z")
    outcomes = engine.record(ahead, ahead, call(acme, "a", NOW), call(acme, "a", NOW), ahead)
    assert [o.result for o in outcomes] == ["rejected", "rejected", "accepted", "duplicate", "rejected"]
    assert engine.items(acme)[0][4] == 60


def test_one_record_beyond_any_bound_parks_the_partner_however_dear_it_is(engine: Engine, acme: str) -> None:
    engine.sheet(CallRate(prefix="1", rate=parse_rate("999999")))
    (outcome,) = engine.record(call(acme, "a", NOW, seconds=31 * 86_400))
    assert outcome.result == "parked"
    assert engine.record(usage(acme, "b", NOW, "tts", 10**12, price=parse_rate("999999")))[0].result == "parked"


def test_days_on_which_more_is_spent_than_64_bits_hold(engine: Engine, acme: str) -> None:
    for number, country in enumerate(("12125550100", "442071838750", "4930123456")):
        dear = [call(acme, f"{number} {n}", NOW, number_dst=country, price=parse_rate("999999")) for n in range(90)]
        assert {o.result for o in engine.record(*dear)} == {"accepted"}
    assert engine.figures(acme, "amount") == [("269999730",)]


def test_the_end_of_a_message_follows_its_sending_where_it_was_not_told(engine: Engine, acme: str) -> None:
    engine.record(message(acme, "a", NOW))
    engine.correct("a", message(acme, "a", "2024-12-20T09:30:00Z"), kind="message")
    with engine.store.reading() as book:
        placed = book.placed(acme, "a")
    assert placed is not None
    assert placed.event == message(acme, "a", "2024-12-20T09:30:00Z")
