"""What looks wrong in a rate sheet: findings in words, for a person to judge. Nothing is refused or changed here."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from tollbook import limits
from tollbook.billing.bands import overlapping
from tollbook.billing.sheets import CallRate, MessageRate, Rate, SheetVersion, UsagePrice
from tollbook.clock import format_instant
from tollbook.money import format_rate

FlawName = Literal[
    "duplicate", "overlap", "no_catch_all", "jump", "never_matches", "dates", "charges", "step", "band_unknown"
]
_DIGITS = "0123456789"


class SheetFlaw(msgspec.Struct, frozen=True):
    """One finding: what kind it is, the line it concerns (a prefix, network or type; None: the sheet), and why."""

    name: FlawName
    line: str | None
    words: str


def lint(
    version: SheetVersion, others: Sequence[SheetVersion] = (), now: int | None = None, jump_percent: int = 50
) -> list[SheetFlaw]:
    """Every finding of a version, beside the other versions of its sheet.

    `now` (milliseconds) finds a date that lies in the past; `jump_percent` is how far a price may move from the
    version before without a word.
    """
    former = max(
        (other for other in others if other.effective_date < version.effective_date),
        key=lambda other: other.effective_date,
        default=None,
    )
    calls = [rate for rate in version.rates if isinstance(rate, CallRate)]
    return [
        *_duplicates(version.rates),
        *_without_catch_all(version),
        *_never_matching(_prefixes(version)),
        *_unlikely_lines(calls),
        *_bands(version, calls),
        *(_jumps(former, version, jump_percent) if former else ()),
        *_dates(version, others, now),
    ]


def line_of(rate: Rate) -> str:
    """How a person names a line of a sheet."""
    if isinstance(rate, CallRate):
        return rate.prefix or "catch-all"
    if isinstance(rate, UsagePrice):
        return rate.type
    network = " ".join(filter(None, (rate.sender_class, rate.mcc, rate.mnc, rate.prefix)))
    return network or "catch-all"


def _price(rate: Rate) -> int:
    return rate.rate if isinstance(rate, CallRate) else rate.price


def _duplicates(rates: Iterable[Rate]) -> list[SheetFlaw]:
    counted = Counter(line_of(rate) for rate in rates)
    return [SheetFlaw("duplicate", line, f"stands {count} times") for line, count in counted.items() if count > 1]


def _prefixes(version: SheetVersion) -> set[str]:
    return {rate.prefix for rate in version.rates if isinstance(rate, CallRate | MessageRate) and rate.prefix}


def _without_catch_all(version: SheetVersion) -> list[SheetFlaw]:
    if version.service == "usage" or any(_is_catch_all(rate) for rate in version.rates):
        return []
    return [SheetFlaw("no_catch_all", None, "has no catch-all: what no line matches stays unrated")]


def _is_catch_all(rate: Rate) -> bool:
    if isinstance(rate, MessageRate):
        return (rate.sender_class, rate.mcc, rate.mnc, rate.prefix) == (None, None, None, None)
    return isinstance(rate, CallRate) and rate.prefix is None


def _never_matching(prefixes: set[str]) -> list[SheetFlaw]:
    flaws = []
    for prefix in sorted(prefixes):
        if not (prefix.isascii() and prefix.isdigit()):
            flaws.append(SheetFlaw("never_matches", prefix, "is not a prefix of digits"))
        elif prefix.startswith("0"):
            flaws.append(SheetFlaw("never_matches", prefix, "starts with 0, as no country code does"))
        elif len(prefix) > limits.NUMBER_DIGITS_MAX:
            flaws.append(
                SheetFlaw("never_matches", prefix, f"is longer than any number, {limits.NUMBER_DIGITS_MAX} digits")
            )
        elif all(prefix + digit in prefixes for digit in _DIGITS):
            flaws.append(SheetFlaw("never_matches", prefix, "is hidden: all ten longer prefixes are listed"))
    return flaws


def _unlikely_lines(rates: Iterable[CallRate]) -> list[SheetFlaw]:
    flaws = []
    for rate in rates:
        if rate.charge_maximum is not None and rate.charge_maximum < rate.charge_minimum:
            flaws.append(SheetFlaw("charges", line_of(rate), "has a maximum charge below its minimum"))
        if (late := _step_in_block(rate)) is not None:
            words = f"has a step at {late} s, in the midst of a block: it waits for the block's end"
            flaws.append(SheetFlaw("step", line_of(rate), words))
    return flaws


def _step_in_block(rate: CallRate) -> int | None:
    """The first step that does not begin where a block ends, blocks being counted after the minimum."""
    begins = (rate.billing_minimum, *(step.from_second for step in rate.steps))
    lengths = (rate.billing_increment, *(step.billing_increment for step in rate.steps))
    for (former, latter), length in zip(pairwise(begins), lengths, strict=False):
        if latter < former or (latter - former) % length:
            return latter
    return None


def _bands(version: SheetVersion, rates: Iterable[CallRate]) -> list[SheetFlaw]:
    times = version.times
    known = {band.name for band in times.bands} if times else set()
    flaws = [
        SheetFlaw("overlap", None, f"has two bands for the same minutes: {former.name} wins over {latter.name}")
        for former, latter in (overlapping(times) if times else ())
    ]
    for rate in rates:
        priced = (*rate.bands, *(price for step in rate.steps for price in step.bands))
        flaws += [
            SheetFlaw("band_unknown", line_of(rate), f"prices a band {price.band!r} that is not there")
            for price in priced
            if price.band not in known
        ]
    return flaws


def _jumps(former: SheetVersion, version: SheetVersion, percent: int) -> list[SheetFlaw]:
    before = {line_of(rate): _price(rate) for rate in former.rates}
    flaws = []
    for rate in version.rates:
        old, new = before.get(line_of(rate)), _price(rate)
        if old is not None and abs(new - old) * 100 > percent * old:
            words = f"moves by more than {percent} %, from {format_rate(old)} to {format_rate(new)}"
            flaws.append(SheetFlaw("jump", line_of(rate), words))
    return flaws


def _dates(version: SheetVersion, others: Sequence[SheetVersion], now: int | None) -> list[SheetFlaw]:
    effective = format_instant(version.effective_date)
    flaws = []
    if any(other.effective_date == version.effective_date for other in others):
        flaws.append(SheetFlaw("dates", None, f"takes effect when another version does, {effective}: the later wins"))
    if any(other.effective_date > version.effective_date for other in others):
        flaws.append(SheetFlaw("dates", None, f"takes effect on {effective}, before a version that is there already"))
    if now is not None and version.effective_date < now:
        flaws.append(SheetFlaw("dates", None, f"takes effect in the past, {effective}: what is rated does not move"))
    return flaws
