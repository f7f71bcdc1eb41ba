"""Which sheet, which version, which line."""

from typing import Any

import msgspec
import pytest

from tollbook.billing.bands import Band, TimeBands
from tollbook.billing.sheets import (
    Assignment,
    CallDeck,
    CallRate,
    Conversion,
    MessageDeck,
    MessageRate,
    PriceRounding,
    SheetVersion,
    Step,
    UsageDeck,
    UsagePrice,
    assigned_sheet,
)


def version(effective: int = 0, *rates, sid: str = "v", **terms: Any) -> SheetVersion:
    return SheetVersion(
        rates_plan_sid="p", version_sid=sid, name="n", effective_date=effective, rates=rates,
        **{"service": "calls", **terms},
    )  # fmt: skip


def given_to(partner: str | None, sheet: str, effective: int = 0, service: Any = "calls", direction: Any = "outbound"):
    return Assignment(
        rates_plan_sid=sheet, partner_sid=partner, service=service, direction=direction, effective_date=effective
    )


def test_a_partner_has_its_own_sheet_or_its_nearest_ancestors_or_the_default() -> None:
    given = [given_to(None, "default"), given_to("root", "high"), given_to("reseller", "mid"), given_to("me", "own")]
    chain = ("me", "reseller", "root")

    def found(*kept: int) -> str | None:
        return assigned_sheet([given[i] for i in kept], chain, "calls", "outbound", 10)

    assert found(0, 1, 2, 3) == "own"
    assert found(2, 0, 1) == "mid"
    assert found(0, 1) == "high"
    assert found(0) == "default"
    assert found() is None
    assert assigned_sheet(given, ("other", "root"), "calls", "outbound", 10) == "high"
    assert assigned_sheet(given, chain, "calls", "inbound", 10) is None
    assert assigned_sheet(given, chain, "sms", "outbound", 10) is None


def test_an_assignment_takes_effect_on_its_date_and_the_latest_wins() -> None:
    given = [given_to("me", "new", 20), given_to("me", "old", 10), given_to("me", "same", 20), given_to(None, "any")]
    assert [assigned_sheet(given, ("me",), "calls", "outbound", at) for at in (9, 10, 19, 20)] == [
        "any", "old", "old", "same",
    ]  # fmt: skip


def test_zeros_in_front_of_a_network_code_do_not_count() -> None:
    lines = (MessageRate(price=4, mcc="230", mnc="04"), MessageRate(price=0, mcc="230", mnc="0"))
    deck = MessageDeck(version(0, *lines, MessageRate(price=1, mcc="230"), service="sms"))
    found = [deck.find("toll", "230", mnc, "420601") for mnc in ("4", "04", "004", "00", "40", None)]
    assert [rate.price if rate else None for rate in found] == [4, 4, 4, 0, 1, 1]
    with pytest.raises(ValueError, match="stands twice"):
        MessageDeck(version(0, lines[0], MessageRate(price=5, mcc="230", mnc="4"), service="sms"))


def test_decks_refuse_what_stands_twice() -> None:
    with pytest.raises(ValueError, match="the prefix 44 stands twice"):
        CallDeck(version(0, CallRate(prefix="44", rate=1), CallRate(prefix="44", rate=2)))
    line = MessageRate(price=1, mcc="310", mnc="410")
    with pytest.raises(ValueError, match="the network 310 410 stands twice"):
        MessageDeck(version(0, line, msgspec.structs.replace(line, price=2), service="sms"))
    with pytest.raises(ValueError, match="the network catch-all"):
        MessageDeck(version(0, MessageRate(price=1), MessageRate(price=2), service="sms"))
    with pytest.raises(ValueError, match="the prefix 1 stands twice"):
        MessageDeck(
            version(0, MessageRate(price=1, prefix="1"), MessageRate(price=2, prefix="1"), messages_by="prefix")
        )
    with pytest.raises(ValueError, match="the type tts stands twice"):
        UsageDeck(version(0, UsagePrice(type="tts", price=1), UsagePrice(type="tts", price=2), service="usage"))


@pytest.mark.parametrize(
    ("by", "line", "said"),
    [
        ("network", MessageRate(price=1, prefix="44"), "goes by network"),
        ("prefix", MessageRate(price=1, mcc="310"), "goes by prefix"),
        ("prefix", MessageRate(price=1, mnc="410"), "goes by prefix"),
        ("network", MessageRate(price=1, mnc="410"), "410 has no country code"),
    ],
)
def test_a_message_line_that_could_never_be_found_is_refused(by: Any, line: MessageRate, said: str) -> None:
    """Otherwise a line for one network would quietly be the catch-all of a sheet by prefixes."""
    with pytest.raises(ValueError, match=said):
        MessageDeck(version(0, line, service="sms", messages_by=by))


def test_a_deck_reads_only_lines_of_its_kind() -> None:
    mixed = version(0, CallRate(prefix="44", rate=1), MessageRate(price=1), UsagePrice(type="tts", price=1))
    assert len(CallDeck(mixed).rates) == len(MessageDeck(mixed).by_network) == len(UsageDeck(mixed).prices) == 1
    assert UsageDeck(mixed).find("lookup") is None
    assert CallDeck(mixed).find("49") is None


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"billing_increment": 0}, "increment of 1 to 86400"),
        ({"billing_minimum": -1}, "minimum of 0 to 86400"),
        ({"billing_minimum": 86_401}, "minimum of 0 to 86400"),
        ({"billing_increment": 86_401}, "increment of 1 to 86400"),
        ({"steps": (Step(from_second=0, rate=1, billing_increment=1),)}, "each later"),
        ({"steps": (Step(from_second=9, rate=1, billing_increment=0),)}, "increment of 1 to"),
        ({"steps": tuple(Step(from_second=n, rate=1, billing_increment=1) for n in (9, 9))}, "each later"),
        ({"steps": tuple(Step(from_second=n, rate=1, billing_increment=1) for n in (9, 8))}, "each later"),
        ({"steps": tuple(Step(from_second=n, rate=1, billing_increment=1) for n in range(1, 18))}, "at most 16"),
    ],
)
def test_lines_by_which_nothing_could_be_billed_are_refused(terms: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CallRate(prefix="44", rate=1, **terms)


def test_terms_out_of_bounds_are_refused() -> None:
    wrong: tuple[Any, ...] = ({"by": 0}, {"by": 1, "decimals": 10}, {"by": 1, "decimals": -1})
    for terms in wrong:
        with pytest.raises(ValueError, match="factor of at least 1"):
            Conversion(how="divide", **terms)
    for decimals in (-1, 10):
        with pytest.raises(ValueError, match="expected 0 to 9 decimals"):
            PriceRounding("up", decimals)
    with pytest.raises(ValueError, match="at most 64 bands"):
        version(times=TimeBands(bands=tuple(Band(name=str(number)) for number in range(65))))


def test_a_version_survives_its_encoding() -> None:
    full = version(
        5,
        CallRate(prefix=None, rate=1, steps=(Step(from_second=9, rate=1, billing_increment=1),)),
        MessageRate(price=2, sender_class="toll"),
        UsagePrice(type="tts", price=3, conversion=Conversion(how="divide", by=60, rounding="up")),
        price_rounding=PriceRounding("half_up", 4),
        times=TimeBands(bands=(Band(name="peak", weekdays=(1,)),)),
    )
    assert msgspec.json.decode(msgspec.json.encode(full), type=SheetVersion) == full
