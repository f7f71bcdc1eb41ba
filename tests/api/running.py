"""The real server in a process of its own, over a book that the reference's examples fit."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.api.usage_world import put_record
from tests.engine import call, message
from tests.making import NOW, invoice, partner

from tollbook.api import samples
from tollbook.billing.ledger import Payment
from tollbook.billing.model import Caller, Token
from tollbook.billing.numbers import Direction
from tollbook.billing.scopes import SCOPES
from tollbook.billing.sheets import CallRate, MessageRate, Rate, Service
from tollbook.clock import SystemClock
from tollbook.operations.books import create_book
from tollbook.operations.invoice_records import read_invoice
from tollbook.operations.passwords import hash_password
from tollbook.operations.sheets import NewVersion, To, import_deck
from tollbook.operations.standing import begin_billing
from tollbook.operations.tokens import Wish, grant_to
from tollbook.query.fields import PARTNERS, PAYMENTS
from tollbook.query.records import encode_json
from tollbook.store import Store

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = str(samples.PASSWORD_GRANT["password"])
CALLER = str(samples.INVOICE["partner_sid"])
CHILD = str(PARTNERS.by_name["partner_sid"].example)

DIRECTIONS: tuple[Direction, ...] = ("inbound", "outbound")

PAID = Payment(
    partner_sid=CALLER,
    payment_sid=str(PAYMENTS.by_name["payment_sid"].example),
    kind="payment",
    amount=100_000_000,
    type="wire",
    date_created=NOW,
    who=CALLER,
)

RECORD = "a1b2c3d4-0000-4000-8000-000000000077"
"""The ID of a call; read backward, of a message."""


class Planted(NamedTuple):
    """A book's file, the token of the reseller whose the sample invoice is, and another of its tokens."""

    db: Path
    token: Token
    other: Token


def plant(folder: Path) -> Planted:
    """A new book with the sample invoice."""
    db = folder / "book.db"
    founded = create_book(str(db), SystemClock())
    token, other = fill(founded.store, founded.operator.partner_sid)
    founded.store.close()
    return Planted(db, token, other)


def fill(store: Store, operator_sid: str) -> tuple[Token, Token]:
    """A reseller with a child and invoices; the token to scan with, and another to look at."""
    sample = read_invoice(encode_json(samples.INVOICE)).invoice
    with store.writing() as act:
        made = partner(1, partner_sid=CALLER, parent_sid=operator_sid, available_scopes=SCOPES, login="john")
        act.add_partner(made, hash_password(PASSWORD))
        act.add_partner(partner(2, partner_sid=CHILD, parent_sid=CALLER, available_scopes=SCOPES))
        for each in (sample, *(invoice(number, CALLER if number % 2 else CHILD) for number in range(1, 30))):
            act.put_invoice(each, "imported")
        for sid in (CALLER, CHILD):
            begin_billing(act, sid, "a test")
        act.add_payment(PAID)
    for made_of in (
        call(CALLER, RECORD, "2024-12-24T10:00:00Z"),
        message(CALLER, RECORD[::-1], "2024-12-24T10:00:00Z"),
    ):
        put_record(store, made_of)
    _give_rates(store)
    caller = Caller(partner_sid=CALLER, scopes=frozenset(SCOPES))
    one, other = (grant_to(store, caller, CALLER, Wish(name=name, expires_in=86_400)) for name in ("scan", "other"))
    return one, other


def _give_rates(store: Store) -> None:
    """Sheets for everybody, so that there is something to list and a price for every number and network."""
    services: dict[Service, Rate] = {
        "calls": CallRate(prefix=None, rate=14_000_000, billing_minimum=60, billing_increment=60),
        "sms": MessageRate(price=10_000_000),
        "mms": MessageRate(price=30_000_000),
    }
    for service, rate in services.items():
        for direction in DIRECTIONS:
            new = NewVersion(
                name=f"{direction} {service}", service=service, direction=direction, effective_date=NOW, rates=(rate,)
            )
            import_deck(store, new, To(default=True))


@contextmanager
def serving(db: Path) -> Iterator[tuple[str, int]]:
    """The real server on a free port of loopback: its address and process."""
    command = [sys.executable, "-P", "-m", "tollbook", "serve", "--db", str(db), "--port", "0"]
    # Each request of the scan says that it comes from elsewhere; see the hooks.
    command += ["--trusted-proxy", "127.0.0.1", "--threads", "4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        try:
            first = process.stdout.readline()
            assert first.startswith("listening on "), first
            yield first.split()[-1], process.pid
        finally:
            process.terminate()
            process.stdout.read()
    assert process.returncode == 0
