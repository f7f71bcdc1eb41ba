"""Books that lived: partners that were billed, corrected, credited and paid at random, month after month."""

import itertools
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.engine import UK, US, Engine, call, message, usage

from tollbook.billing.events import Event
from tollbook.billing.sheets import CallRate, Conversion, MessageRate, PriceRounding, Step, UsagePrice
from tollbook.clock import DAY_MS, format_instant, parse_instant
from tollbook.errors import Refusal
from tollbook.money import parse_rate
from tollbook.operations import correcting

BEGINS = "2024-12-20T10:00:00Z"
KINDS = {"c": "call", "m": "message", "u": "usage"}


class Life:
    """One book that lives by a seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.engine = Engine(folder, BEGINS, close_delay_seconds=0)
        self._random = random.Random(seed)
        self._number = itertools.count()
        self._records: dict[str, str] = {}
        self._sheets()
        self.partners = [self.engine.partner(name) for name in ("Acme", "Bolt")]

    def _sheets(self) -> None:
        draw, price = self._random.choice, self._price
        rounding = draw([None, None, PriceRounding("up", 4), PriceRounding("half_up", 2)])
        fees: dict[str, Any] = {"connection_fee": draw([0, 7]), "charge_minimum": draw([0, 0, price()])}
        steps = draw([(), (Step(from_second=60, rate=price(), billing_increment=30),)])
        self.engine.sheet(
            CallRate(prefix="1", rate=price(), billing_minimum=30, billing_increment=6, **fees),
            CallRate(prefix="44", rate=price(), billing_minimum=1, billing_increment=1, steps=steps),
            name="calls",
            effective=draw(["2020-01-01", self.now]),
            price_rounding=rounding,
        )
        if draw([True, False]):
            self.engine.sheet(MessageRate(price=price()), service="sms")
        how = draw([None, Conversion(how="divide", by=7, rounding=draw([None, "up"]))])
        self.engine.sheet(UsagePrice(type="tts", price=price(), conversion=how), service="usage", direction=None)

    @property
    def now(self) -> str:
        """The instant of the book."""
        return format_instant(self.engine.clock.instant)

    def live(self, acts: int) -> "Life":
        """Do so many acts; what a book refuses does not happen."""
        for _ in range(acts):
            with suppress(Refusal):
                self._random.choice(
                    [self._use, self._use, self._use, self._correct, self._correct, self._wait, self._pay, self._credit]
                )()
        return self

    def _price(self) -> int:
        return self._random.choice([2_500_000, 3_100_000, 1, 999_999, parse_rate("0.07"), 0])

    def _event(self, dr_sid: str, partner_sid: str) -> Event:
        ago = self._random.choice([0, 0, 1, 9, 40]) * DAY_MS
        when = format_instant(max(parse_instant(BEGINS), self.engine.clock.instant - ago))
        price = self._random.choice([None, None, None, self._price()])
        if dr_sid[0] == "m":
            return message(partner_sid, dr_sid, when, price=price, message_segments=self._random.randint(1, 3))
        if dr_sid[0] == "u":
            return usage(partner_sid, dr_sid, when, "tts", self._random.randint(0, 50), price=price)
        seconds = self._random.choice([0, 1, 61, 8880])
        dialled = self._random.choice([US, UK, UK, "33140205050"])
        return call(partner_sid, dr_sid, when, seconds=seconds, number_dst=dialled, price=price)

    def _use(self) -> None:
        partner_sid = self._random.choice(self.partners)
        sids = [f"{self._random.choice('cccmu')}{next(self._number)}" for _ in range(self._random.randint(1, 6))]
        self.engine.record(*(self._event(dr_sid, partner_sid) for dr_sid in sids))
        self._records |= dict.fromkeys(sids, partner_sid)

    def _correct(self) -> None:
        if not self._records:
            return
        dr_sid = self._random.choice(list(self._records))
        event = self._random.choice([None, *[self._event(dr_sid, self._records[dr_sid])] * 3])
        self.engine.correct(dr_sid, event, KINDS[dr_sid[0]])

    def _wait(self) -> None:
        self.engine.clock.instant += self._random.choice([1, 13, 32, 70]) * DAY_MS
        if self._random.random() < 0.3:
            self._sheets()
        if self._random.random() < 0.2:
            partner_sid, now = self._random.choice(self.partners), self.engine.clock.instant
            list(correcting.rerate(self.engine.store, partner_sid, 0, now, who="me", why="anew", apply=True))
        self.engine.run()

    def _pay(self) -> None:
        partner_sid = self._random.choice(self.partners)
        if self._random.random() < 0.3:
            self.engine.adjust(partner_sid, "goodwill", "0.05")
            return
        paid = self.engine.pay(partner_sid, self._random.choice(["0.05", "1", "20"]), reference=str(next(self._number)))
        if self._random.random() < 0.5:
            self.engine.pay(partner_sid, "-0.05", refunds_sid=paid.payment_sid)

    def _credit(self) -> None:
        partner_sid = self._random.choice(self.partners)
        closed = [each["invoice_sid"] for each in self.engine.invoices(partner_sid) if each["status"] == "closed"]
        if not closed:
            return
        invoice_sid = self._random.choice(closed)
        if self._random.random() < 0.3:
            self.engine.void(invoice_sid)
        else:
            self.engine.adjust(partner_sid, "credit_note", "0.01", invoice_sid=invoice_sid)
