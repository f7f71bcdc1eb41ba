"""Invoices out of nothing but a seed: realistic, deterministic, streamed line by line.

One line is one invoice as the wire shows it: the 19 keys in order, money as canonical strings. All
sums are integer cents, so that the balances chain exactly. Nothing here reads a clock, and no line
depends on another partner's, only on the seed, the partner's number and how many it has.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path

SEED = 20_240_719
MONTHLY_MAX = 240
"""A partner with more invoices than twenty years have months gets shorter periods instead."""

_LAST_MONTH = (2025, 6)
_SPAN_START = datetime(2005, 6, 1)  # noqa: DTZ001  (everything here is UTC)
_SPAN_SECONDS = 20 * 365 * 86_400
_FRACTION = tuple("" if c == 0 else f".{c:02d}".rstrip("0") for c in range(100))
_KINDS = (
    ("toll", "inbound", "USA"),
    ("toll", "outbound", "USA"),
    ("toll_free", "inbound", "USA"),
    ("did", "", "USA"),
    ("sms", "inbound", "USA"),
    ("sms", "outbound", "USA"),
    ("toll", "outbound", "CAN"),
    ("toll", "outbound", "GBR"),
    ("did", "", "CAN"),
    ("sms", "outbound", "MEX"),
)
_TAXES = (
    ("federal", "fed_universal_service_fund", 514),
    ("state", "state_telecommunications_excise", 600),
    ("city", "city_utility_users", 175),
)
_METHODS = ("visa", "master_card", "american_express", "wire", "electronic_check", "credit")


def money(cents: int) -> str:
    """Cents as the wire writes money: plain, without padding.

    >>> money(0), money(37), money(-35_191), money(1_200), money(50)
    ('0', '0.37', '-351.91', '12', '0.5')
    """
    if cents < 0:
        return f"-{-cents // 100}{_FRACTION[-cents % 100]}"
    return f"{cents // 100}{_FRACTION[cents % 100]}"


def cents(text: str) -> int:
    """What `money` wrote, back as an integer.

    >>> cents("-351.91"), cents("12"), cents("0.5")
    (-35191, 1200, 50)
    """
    whole, _, fraction = text.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return sign * (abs(int(whole)) * 100 + int(fraction.ljust(2, "0") or "0"))


def sid(bits: int) -> str:
    """A lower-case version 4 UUID out of 128 random bits."""
    h = f"{bits:032x}"
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def partner_sids(partners: int, seed: int = SEED) -> list[str]:
    """The sids of the first `partners` partners, in the generator's order."""
    return [sid(_random(seed, number).getrandbits(128)) for number in range(partners)]


def wire(instant: datetime) -> str:
    """The wire form of a UTC instant: three fraction digits and a Z."""
    return instant.isoformat(timespec="milliseconds") + "Z"


@dataclass(frozen=True, slots=True)
class _Prices:
    """Drawn once: what an item may cost, in cents, and which kinds of item go together."""

    amounts: tuple[int, ...]
    baskets: tuple[tuple[int, ...], ...]


def _prices() -> _Prices:
    rng = random.Random(7)
    amounts = [int(math.exp(rng.uniform(math.log(3), math.log(30_000)))) for _ in range(1024)]
    baskets = [tuple(sorted(rng.sample(range(len(_KINDS)), rng.randint(3, 6)))) for _ in range(256)]
    return _Prices(tuple(amounts), tuple(baskets))


_PRICES = _prices()


def _random(seed: int, number: int) -> random.Random:
    return random.Random(f"{seed}:{number}")


def lines(sizes: Sequence[int], seed: int = SEED) -> Iterator[str]:
    """One NDJSON line (no newline) an invoice, oldest first; `sizes` is invoices per partner.

    The partners take turns, as billing runs write: a partner's invoices lie scattered over the
    file, never side by side.
    """
    streams = [partner_lines(number, count, seed) for number, count in enumerate(sizes)]
    for turn in zip_longest(*streams):
        for line in turn:
            if line is not None:
                yield line


def write(path: Path, sizes: Sequence[int], seed: int = SEED) -> int:
    """Writes the lines to `path` (by way of a temporary name) and answers how many there are."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="ascii", newline="\n", buffering=1 << 20) as out:
        for line in lines(sizes, seed):
            out.write(line + "\n")
    partial.replace(path)
    return sum(sizes)


def _starts(rng: random.Random, count: int) -> Iterator[datetime]:
    """`count` + 1 ascending period starts: monthly, or an even slice of twenty years."""
    if count > MONTHLY_MAX:
        step = timedelta(seconds=_SPAN_SECONDS // count)
        return (_SPAN_START + step * k for k in range(count + 1))
    day = rng.randint(1, 28)
    last = _LAST_MONTH[0] * 12 + _LAST_MONTH[1] - 1
    months = range(last - count + 1, last + 2)
    return (datetime(month // 12, month % 12 + 1, day) for month in months)  # noqa: DTZ001


def partner_lines(number: int, count: int, seed: int = SEED) -> Iterator[str]:
    """All invoices of one partner, oldest first, each balance carried into the next."""
    rng = _random(seed, number)
    partner = sid(rng.getrandbits(128))
    taxes = _TAXES[: rng.randint(1, 3)]
    method = _METHODS[rng.randrange(len(_METHODS))]
    # A run writes one invoice after another: a partner has its own place, to the millisecond.
    lead = timedelta(minutes=30) if count <= MONTHLY_MAX else timedelta(0)
    lead -= timedelta(milliseconds=number * 7 % 1_799_000)
    balance = 0
    starts = _starts(rng, count)
    start = next(starts)
    before = ("", "")
    for running, after in enumerate(starts, start=1):
        draw = rng.getrandbits(320)
        period = (wire(start), wire(after - timedelta(seconds=1)))
        amount, items = _items(draw >> 128, period, before if before[0] else period)
        tax, tax_items = _taxes(amount, taxes)
        paid_in, pay_items = _payments(draw >> 288, balance, method, start)
        forward = balance + amount + tax - paid_in
        status, paid, charged, issued = _state(draw >> 300, count - running, after)
        yield (
            f'{{"amount":"{money(amount)}","amount_due":"{money(max(0, forward))}",'
            f'"amount_tax":"{money(tax)}","balance_forward":"{money(forward)}",'
            f'"balance_previous":"{money(balance)}","date_billing_period_end":"{period[1]}",'
            f'"date_billing_period_start":"{period[0]}","date_charge_expected":"{period[1]}",'
            f'"date_charged":{charged},"date_created":"{wire(start - lead)}",'
            f'"date_issued":{issued},"display_id":"{running:03d}","invoice_items":[{items}],'
            f'"invoice_sid":"{sid(draw & (1 << 128) - 1)}","paid":{paid},'
            f'"partner_sid":"{partner}","pay_items":[{pay_items}],"status":"{status}",'
            f'"tax_items":[{tax_items}]}}'
        )
        balance, start, before = forward, after, period


def _items(draw: int, period: tuple[str, str], before: tuple[str, str]) -> tuple[int, str]:
    """Three to six lines and their sum; one month in eight is a quiet one, worth almost nothing."""
    basket = _PRICES.baskets[draw & 255]
    quiet = 200 if draw >> 8 & 7 == 0 else 1
    late = draw >> 11 & 15 == 0
    draw >>= 15
    total, parts = 0, []
    for kind in basket:
        amount = _PRICES.amounts[draw & 1023] // quiet
        type_, direction, country = _KINDS[kind]
        usage = amount // 100 + 1 if type_ == "did" else amount * 41 + (draw & 63)
        start, end = before if late and kind == basket[-1] else period
        way = f'"direction":"{direction}",' if direction else ""
        parts.append(
            f'{{"amount":"{money(amount)}","country_code":"{country}",'
            f'"date_billing_period_end":"{end}","date_billing_period_start":"{start}",'
            f'{way}"type":"{type_}","usage":{usage}}}'
        )
        total += amount
        draw >>= 10
    return total, ",".join(parts)


def _taxes(amount: int, taxes: Sequence[tuple[str, str, int]]) -> tuple[int, str]:
    total, parts = 0, []
    for jurisdiction, type_, basis_points in taxes:
        tax = (amount * basis_points + 5_000) // 10_000
        parts.append(f'{{"amount":"{money(tax)}","jurisdiction":"{jurisdiction}","type":"{type_}"}}')
        total += tax
    return total, ",".join(parts)


def _payments(draw: int, balance: int, method: str, start: datetime) -> tuple[int, str]:
    """Mostly what was owed, sometimes in two parts, rounded up to whole units, or not at all."""
    if balance <= 0 or draw & 7 == 0:
        return 0, ""
    habit = draw >> 3 & 15
    amounts = [balance]
    if habit == 0 and balance > 1:
        amounts = [balance // 2, balance - balance // 2]
    elif habit == 1:
        amounts = [-(-balance // 100) * 100]
    parts = (
        f'{{"amount":"{money(amount)}",'
        f'"date_created":"{wire(start + timedelta(hours=9 + 50 * nth))}","type":"{method}"}}'
        for nth, amount in enumerate(amounts)
    )
    return sum(amounts), ",".join(parts)


def _state(draw: int, to_come: int, end: datetime) -> tuple[str, str, str, str]:
    """`status`, and as JSON text: `paid`, `date_charged`, `date_issued`.

    The newest two are open; so is every fourth of the others, as books that were never settled
    are: a filter on the status then has something to find and something to leave out.
    """
    if to_come < 2 or draw & 3 == 0:
        return "open", "false", "null", "null"
    issued = f'"{wire(end + timedelta(days=1))}"'
    if draw >> 2 & 63 == 0:
        return "void", "false", "null", issued
    if draw >> 8 & 15 == 0:
        return "closed", "false", "null", issued
    return "closed", "true", f'"{wire(end + timedelta(days=3, hours=4))}"', issued
