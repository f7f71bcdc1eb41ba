"""The demo book: the documented sample as documented, and a reseller with two customers and a year of invoices each.

Beneath the operator stand the documented partner, whose newest invoice is the sample, and the reseller. Everything
follows from the partner and the month, so that every demo book is the same but for its tokens.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from tollbook import errors
from tollbook.billing.model import Invoice, InvoiceItem, Partner, PayItem, TaxItem, Token
from tollbook.billing.scopes import PARTNER_SCOPES
from tollbook.clock import DAY_MS, Clock, format_instant, parse_instant
from tollbook.errors import Flaw, Refusal
from tollbook.operations.books import create_book, operator_caller
from tollbook.operations.importing import ORIGIN
from tollbook.operations.invoice_records import read_invoice
from tollbook.operations.partners import new_partner
from tollbook.operations.passwords import hash_password
from tollbook.operations.reading import list_records
from tollbook.operations.tokens import Wish, grant_to, revoke_sid
from tollbook.query.fields import TOKENS
from tollbook.query.listing import parse_list
from tollbook.query.records import decode_json, encode_json
from tollbook.query.sample import SAMPLE
from tollbook.store import Store, Writes, open_store, store_path
from tollbook.store.book_files import remove_book

PASSWORD: Final = "demo-password"  # noqa: S105  (every demo partner's, told in the README)
DOCUMENTED_PARTNER: Final[str] = SAMPLE["partner_sid"]

_CENT: Final = 10_000  # in millionths
_NAMESPACE = uuid.UUID("6f0b3c52-5d0e-4f7a-9a77-0d6b6c1d2a54")
_TOKEN_NAME = "demo"  # noqa: S105  (a name, not a secret)
_TOKEN_SECONDS = 86_400


def _sid(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))


OPERATOR: Final = _sid("operator")
RESELLER: Final = _sid("reseller")


class Line(NamedTuple):
    """What a customer uses in a usual month, and its price: millionths a minute for calls, a unit otherwise."""

    type: str
    direction: str | None
    country_code: str
    usage: int
    price: int


class Tax(NamedTuple):
    """A tax of so many basis points on the invoice's amount."""

    jurisdiction: str
    type: str
    basis_points: int


class Customer(NamedTuple):
    """One partner of the demo with its habits; `pays` is how, None for not at all."""

    sid: str
    parent_sid: str
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    pays: str | None
    partner: dict[str, Any]


_FEDERAL = Tax("federal", "fed_universal_service_fund", 514)
_STATE = Tax("state", "state_telecommunications_excise", 600)
_CITY = Tax("city", "city_utility_users", 175)

CUSTOMERS: Final = (
    Customer(
        RESELLER,
        OPERATOR,
        (
            Line("toll", "inbound", "USA", 1_905_000, 2_500),
            Line("toll", "outbound", "USA", 2_760_000, 7_000),
            Line("toll_free", "inbound", "USA", 402_000, 18_000),
            Line("did", None, "USA", 140, 500_000),
            Line("sms", "outbound", "USA", 88_000, 4_000),
        ),
        (_FEDERAL, _STATE),
        "wire",
        {
            "name": "Lakeside Telecom",
            "company_name": "Lakeside Telecom LLC",
            "login": "lakeside",
            "city": "Duluth",
            "state": "MN",
            "display_id": "CX20000001",
        },
    ),
    Customer(
        _sid("clinic"),
        RESELLER,
        (
            Line("toll", "inbound", "USA", 214_000, 3_000),
            Line("toll", "outbound", "USA", 97_000, 9_000),
            Line("did", None, "USA", 12, 750_000),
            Line("sms", "outbound", "USA", 5_400, 6_000),
        ),
        (_FEDERAL, _STATE, _CITY),
        "visa",
        {
            "name": "Harbor Clinic",
            "company_name": "Harbor Clinic Inc.",
            "login": "harbor",
            "city": "Duluth",
            "state": "MN",
            "display_id": "CX20000002",
        },
    ),
    Customer(
        _sid("logistics"),
        RESELLER,
        (
            Line("toll", "outbound", "USA", 318_000, 9_000),
            Line("toll", "outbound", "CAN", 41_000, 12_000),
            Line("toll", "outbound", "MEX", 9_600, 31_000),
            Line("sms", "inbound", "USA", 22_000, 2_000),
            Line("sms", "outbound", "USA", 41_000, 6_000),
        ),
        (_FEDERAL,),
        None,
        {
            "name": "Summit Logistics",
            "company_name": "Summit Logistics GmbH & Co. KG",
            "login": "summit",
            "city": "Zürich",
            "country_code": "CHE",
            "display_id": "CX20000003",
        },
    ),
)
_DOCUMENTED = Customer(
    DOCUMENTED_PARTNER,
    OPERATOR,
    (),
    (_FEDERAL,),
    "american_express",
    {"name": "ABC", "company_name": "ABC", "login": "abc", "city": "Long Beach", "state": "CA"}
    | {"address1": "1 Main Street", "zip": "90804", "display_id": "CX57121051"},
)


def make_demo_book(url: str, clock: Clock) -> None:
    """Make the demo book where nothing is; it appears whole or not at all."""
    target = store_path(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    remove_book(part)
    founded = create_book(str(part), clock, name="Operator", partner_sid=OPERATOR)
    password_hash = hash_password(PASSWORD)
    with founded.store.writing() as act:
        for customer in (_DOCUMENTED, *CUSTOMERS):
            act.add_partner(_partner(act, customer), password_hash)
        act.put_invoices([*_documented_invoices(), *_invoices_of_all()], ORIGIN)
    founded.store.close()
    os.replace(part, target)


def refuse_other_book(url: str, clock: Clock) -> None:
    """A Refusal where the book at a path is not a demo book: it is nobody's to play with or to make anew."""
    with closing(open_store(url, clock)) as store, store.reading() as book:
        if book.operator_sid() != OPERATOR:
            why = f"{store.path} is not a demo book, and is left as it is; give another place with --db"
            raise Refusal(errors.SETTING_INVALID, Flaw("db", why))


def demo_token(store: Store, partner_sid: str) -> Token:
    """A fresh token of a partner for a day; a demo that runs elsewhere keeps its own, expired ones are cleared away."""
    caller = operator_caller(store)
    expired = f"date_expiration_access_token+lt+{format_instant(store.clock.now())}"
    query = f"limit=1000&filter=name+eq+{_TOKEN_NAME}+and+partner_sid+eq+{partner_sid}+and+{expired}"
    for document in list_records(store, caller, parse_list(query, TOKENS)).documents:
        revoke_sid(store, caller, decode_json(document)["token_sid"])
    return grant_to(store, caller, partner_sid, Wish(name=_TOKEN_NAME, expires_in=_TOKEN_SECONDS))


def _partner(act: Writes, customer: Customer) -> Partner:
    scopes = (*PARTNER_SCOPES, "invoices.read_descendant")
    values = {"country_code": "USA"} | customer.partner
    display_id = values.pop("display_id")
    made = new_partner(act, partner_sid=customer.sid, parent_sid=customer.parent_sid, available_scopes=scopes, **values)
    return replace(made, display_id=display_id)


def _invoices_of_all() -> Iterator[Invoice]:
    for customer in CUSTOMERS:
        yield from _year(customer)


def _year(customer: Customer) -> Iterator[Invoice]:
    """Twelve months up to the sample's; the newest is open, what is owed is paid early in the month after."""
    balance = 0
    for month in range(12):
        start, end = _period(month)
        lines = [_item(customer, line, month, start, end) for line in customer.lines]
        owed = balance if customer.pays else balance if month % 4 == 3 else 0
        pays = (PayItem(amount=owed, date_created=start + 5 * DAY_MS, type=customer.pays or "check"),) if owed else ()
        invoice = _invoice(customer, month, tuple(lines), pays, balance)
        yield invoice
        balance = invoice.balance_forward


def _documented_invoices() -> Iterator[Invoice]:
    """The sample with the three months before it, which lead to its `balance_previous`."""
    balance = 0
    months = ((210, 50_400, 14, 36_000), (302, 72_480, 21, 0), (245, 58_800, 17, 0))
    for month, (cents, seconds, tax, paid) in enumerate(months, start=8):
        start, end = _period(month)
        item = InvoiceItem(
            amount=cents * _CENT,
            country_code="USA",
            date_billing_period_end=end,
            date_billing_period_start=start,
            direction="inbound",
            type="toll",
            usage=seconds,
        )
        pays = (PayItem(amount=paid * _CENT, date_created=start + DAY_MS, type="visa"),) if paid else ()
        made = _invoice(_DOCUMENTED, month, (item,), pays, balance, tax=tax * _CENT)
        yield replace(made, display_id=f"{month - 7:03}", paid=True, date_charged=made.date_issued)
        balance = made.balance_forward
    yield read_invoice(encode_json(SAMPLE)).invoice


def _period(month: int) -> tuple[int, int]:
    """The first and the last second of a month of the year, from the 20th to the 19th."""
    year, number = divmod(month, 12)
    start = parse_instant(f"{2024 + year}-{number + 1:02}-20")
    year, number = divmod(month + 1, 12)
    return start, parse_instant(f"{2024 + year}-{number + 1:02}-20") - 1000


def _item(customer: Customer, line: Line, month: int, start: int, end: int) -> InvoiceItem:
    usage = line.usage * (80 + _drawn(customer.sid, str(line), str(month)) % 41) // 100
    units = 60 if line.type.startswith("toll") else 1
    return InvoiceItem(
        amount=_cents(usage * line.price, units),
        country_code=line.country_code,
        date_billing_period_end=end,
        date_billing_period_start=start,
        direction=line.direction,
        type=line.type,
        usage=usage,
    )


def _invoice(
    customer: Customer,
    month: int,
    items: tuple[InvoiceItem, ...],
    pays: tuple[PayItem, ...],
    previous: int,
    *,
    tax: int | None = None,
) -> Invoice:
    start, end = _period(month)
    amount = sum(item.amount for item in items)
    taxes = tuple(
        TaxItem(amount=_cents(amount * each.basis_points, 10_000), jurisdiction=each.jurisdiction, type=each.type)
        for each in customer.taxes
    )
    if tax is not None:
        taxes = (replace(taxes[0], amount=tax),)
    amount_tax = sum(each.amount for each in taxes)
    forward = previous + amount + amount_tax - sum(each.amount for each in pays)
    is_open, is_paid = month == 11, month < 11 and customer.pays is not None
    opened = start - 30 * 60_000 + 1000  # 23:30:01 of the day before
    return Invoice(
        amount=amount,
        amount_due=max(0, forward),
        amount_tax=amount_tax,
        balance_forward=forward,
        balance_previous=previous,
        date_billing_period_end=end,
        date_billing_period_start=start,
        date_charge_expected=end,
        date_charged=end + 1000 + 5 * DAY_MS if is_paid else None,
        date_created=opened,
        date_issued=None if is_open else end + 1000,
        display_id=f"{month + 1:03}",
        invoice_items=items,
        invoice_sid=_sid(f"invoice {customer.sid} {month}"),
        paid=is_paid,
        partner_sid=customer.sid,
        pay_items=pays,
        status="open" if is_open else "closed",
        tax_items=taxes,
    )


def _cents(millionths: int, divisor: int) -> int:
    """An amount divided and brought to whole cents, half up."""
    return (2 * millionths + divisor * _CENT) // (2 * divisor * _CENT) * _CENT


def _drawn(*parts: str) -> int:
    """A number that follows from the parts and looks like chance."""
    return int.from_bytes(hashlib.sha256(" ".join(parts).encode()).digest()[:4])
