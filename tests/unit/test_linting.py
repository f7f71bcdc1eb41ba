"""What the linter of rate sheets finds, and that a sensible sheet gives it nothing to say."""

from datetime import date
from typing import Any

import msgspec

from tollbook.billing.bands import Band, TimeBands
from tollbook.billing.linting import line_of, lint
from tollbook.billing.sheets import BandPrice, CallRate, MessageRate, SheetVersion, Step, UsagePrice


def version(*rates, effective: int = 0, **terms: Any) -> SheetVersion:
    return SheetVersion(
        rates_plan_sid="p", version_sid="v", name="n", effective_date=effective, rates=rates,
        **{"service": "calls", **terms},
    )  # fmt: skip


REST = CallRate(prefix=None, rate=100)


def found(*rates, others: tuple[SheetVersion, ...] = (), now: int | None = None, **terms: Any) -> list[tuple]:
    return [(flaw.name, flaw.line) for flaw in lint(version(REST, *rates, **terms), others, now)]


def test_a_sensible_sheet_has_no_findings() -> None:
    step = Step(from_second=66, rate=1, billing_increment=1, bands=(BandPrice("peak", 1),))
    times = TimeBands(bands=(Band(name="peak", weekdays=(0,)),), holidays=(date(2025, 1, 1),))
    line = CallRate(prefix="44", rate=100, billing_minimum=60, billing_increment=6, steps=(step,), charge_maximum=10)
    others = (version(msgspec.structs.replace(line, rate=80), effective=5),)
    assert found(line, times=times, effective=10, others=others, now=10) == []
    assert lint(version(UsagePrice(type="tts", price=1), service="usage")) == []
    assert lint(version(MessageRate(price=1), MessageRate(price=1, mcc="310"), service="sms")) == []


def test_duplicates() -> None:
    line = CallRate(prefix="44", rate=1)
    assert found(line, line, line) == [("duplicate", "44")]
    assert lint(version(REST, line, line))[0].words == "stands 2 times"


def test_no_catch_all() -> None:
    assert [flaw.name for flaw in lint(version(CallRate(prefix="44", rate=1)))] == ["no_catch_all"]
    by_class = MessageRate(price=1, sender_class="toll")
    assert [flaw.name for flaw in lint(version(by_class, service="sms"))] == ["no_catch_all"]


def test_prefixes_that_never_match() -> None:
    hidden = [CallRate(prefix=f"4{digit}", rate=1) for digit in range(10)]
    assert found(CallRate(prefix="4", rate=1), *hidden) == [("never_matches", "4")]
    assert found(*hidden) == []
    for prefix in ("044", "+44", "4a", "1234567890123456"):
        assert found(CallRate(prefix=prefix, rate=1)) == [("never_matches", prefix)]


def test_overlapping_and_unknown_bands() -> None:
    times = TimeBands(bands=(Band(name="a", weekdays=(1,)), Band(name="b", weekdays=(1,))))
    assert found(times=times) == [("overlap", None)]
    assert found(CallRate(prefix="44", rate=1, bands=(BandPrice("peak", 1),))) == [("band_unknown", "44")]


def test_charges_that_contradict_and_steps_within_a_block() -> None:
    assert found(CallRate(prefix="44", rate=1, charge_minimum=2, charge_maximum=1)) == [("charges", "44")]

    def stepped(*seconds: int) -> CallRate:
        steps = tuple(Step(from_second=second, rate=1, billing_increment=10) for second in seconds)
        return CallRate(prefix="44", rate=1, billing_minimum=60, billing_increment=60, steps=steps)

    assert found(stepped(120, 130)) == []
    assert found(stepped(90)) == found(stepped(30)) == found(stepped(120, 125)) == [("step", "44")]


def test_jumps_over_a_percentage_from_the_version_before() -> None:
    before = version(REST, CallRate(prefix="44", rate=100), CallRate(prefix="49", rate=0), effective=1)
    older = version(REST, CallRate(prefix="44", rate=1_000), effective=0)
    for rate, names in ((150, []), (151, [("jump", "44")]), (49, [("jump", "44")]), (50, [])):
        assert found(CallRate(prefix="44", rate=rate), effective=2, others=(before, older)) == names
    assert found(CallRate(prefix="49", rate=1), effective=2, others=(before,)) == [("jump", "49")]
    words = lint(version(CallRate(prefix="44", rate=151), REST, effective=2), (before,))[0].words
    assert words == "moves by more than 50 %, from 0.0000001 to 0.000000151"


def test_dates_in_conflict() -> None:
    assert found(effective=5, others=(version(REST, effective=5),)) == [("dates", None)]
    assert found(effective=5, others=(version(REST, effective=6),)) == [("dates", None)]
    assert found(effective=5, now=6) == [("dates", None)]


def test_lines_have_names() -> None:
    line = MessageRate(price=1, sender_class="toll", mcc="310", mnc="410")
    assert [line_of(rate) for rate in (REST, MessageRate(price=1), line, UsagePrice(type="tts", price=1))] == [
        "catch-all", "catch-all", "toll 310 410", "tts",
    ]  # fmt: skip
