"""The demo book: the documented sample as documented, and a reseller with two customers, billed for a year.

Beneath the operator stand the documented partner, whose newest invoice is the sample, imported like the three before
it, and the reseller. What the reseller and its customers used is made up (`demo_usage`), then recorded, rated, closed
and paid month by month as in any book. The book is a sandbox: its clock stands in the sample's period until it is
moved. Every demo book is the same but for its tokens.
"""

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from tollbook import errors, limits
from tollbook.billing.events import CallEvent, Event
from tollbook.billing.model import Invoice, InvoiceItem, Partner, PayItem, TaxItem, Token
from tollbook.billing.periods import day_of
from tollbook.billing.scopes import PARTNER_SCOPES
from tollbook.clock import DAY_MS, Clock, format_instant, parse_instant
from tollbook.errors import Flaw, Refusal
from tollbook.money import format_amount
from tollbook.operations import adjusting, billing_run, correcting, payments, recording, sandbox, sheets
from tollbook.operations.books import create_book, operator_caller
from tollbook.operations.demo_usage import Calls, Habit, Messages, Other, sheets_of, usage_of
from tollbook.operations.importing import ORIGIN
from tollbook.operations.invoice_records import read_invoice
from tollbook.operations.partners import new_partner
from tollbook.operations.passwords import hash_password
from tollbook.operations.reading import list_records
from tollbook.operations.standing import begin_billing
from tollbook.operations.tokens import Wish, grant_to, revoke_sid
from tollbook.query.fields import TOKENS
from tollbook.query.listing import parse_list
from tollbook.query.records import decode_json, encode_json
from tollbook.query.sample import SAMPLE
from tollbook.store import Store, Writes, finish_store, is_served, open_store, remove_book, store_path

PASSWORD: Final = "demo-password"  # noqa: S105  (every demo partner's, told in the README)
DOCUMENTED_PARTNER: Final[str] = SAMPLE["partner_sid"]
NOW: Final = parse_instant("2025-01-15T12:00:00Z")
"""Where the demo's clock stands: in the sample's period."""

_CENT: Final = 10_000  # in millionths
_NAMESPACE = uuid.UUID("6f0b3c52-5d0e-4f7a-9a77-0d6b6c1d2a54")
_TOKEN_NAME = "demo"  # noqa: S105  (a name, not a secret)
_TOKEN_SECONDS = 86_400
_MONTHS: Final = 12
_SLICES: Final = 3  # of a month: how often its usage is recorded
_ONE_IN_LATE: Final = 40  # records of a month's last third come when it is closed
_CORRECTED, _CREDITED = 5, 7  # the months in which a record is corrected, an invoice credited

Watch = Callable[[int, int], None]


def _sid(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))


OPERATOR: Final = _sid("operator")
RESELLER: Final = _sid("reseller")
CLINIC: Final = _sid("clinic")
LOGISTICS: Final = _sid("logistics")


class Customer(NamedTuple):
    """One partner of the demo with its habits."""

    sid: str
    parent_sid: str
    habits: tuple[Habit, ...]
    partner: dict[str, Any]


CUSTOMERS: Final = (
    Customer(
        RESELLER,
        OPERATOR,
        (
            Calls("inbound", "USA", 280, 260),
            Calls("outbound", "USA", 350, 240),
            Calls("outbound", "GBR", 20, 300),
            Calls("inbound", "USA", 60, 200, toll_free=True),
            Messages("outbound", 200),
            Other("lookup", 40, 4),
        ),
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
        CLINIC,
        RESELLER,
        (
            Calls("inbound", "USA", 140, 180),
            Calls("outbound", "USA", 75, 150),
            Messages("outbound", 105),
            Other("tts", 20, 900),
        ),
        {
            "name": "Harbor Clinic",
            "company_name": "Harbor Clinic Inc.",
            "login": "harbor",
            "city": "Duluth",
            "state": "MN",
            "display_id": "CX20000002",
            "payment_type": "prepay",
            "charge_at": 2_000_000,
            "prepay_amount": 10_000_000,
        },
    ),
    Customer(
        LOGISTICS,
        RESELLER,
        (
            Calls("outbound", "USA", 170, 220),
            Calls("outbound", "CAN", 40, 260),
            Calls("outbound", "MEX", 27, 300),
            Calls("outbound", "DEU", 13, 400),
            Messages("inbound", 75),
            Messages("outbound", 85),
        ),
        {
            "name": "Summit Logistics",
            "company_name": "Summit Logistics GmbH & Co. KG",
            "login": "summit",
            "city": "Zürich",
            "country_code": "CHE",
            "display_id": "CX20000003",
            "spending_limit": 75_000_000,
        },
    ),
)
_DOCUMENTED: Final = Customer(
    DOCUMENTED_PARTNER,
    OPERATOR,
    (),
    {"name": "ABC", "company_name": "ABC", "login": "abc", "city": "Long Beach", "state": "CA"}
    | {"address1": "1 Main Street", "zip": "90804", "display_id": "CX57121051"},
)


def make_demo_book(url: str, clock: Clock, watch: Watch = lambda done, total: None) -> None:
    """Make the demo book where nothing is; it appears whole or not at all. `watch` is told of each month."""
    if is_served(url):
        with closing(_lived(url, clock, watch)) as store:
            finish_store(store)
        return
    target = store_path(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    remove_book(str(part))
    _lived(str(part), clock, watch).close()
    os.replace(part, target)


def _lived(url: str, clock: Clock, watch: Watch) -> Store:
    """The demo book at the end of its year, open."""
    why = "the demo book was being made; tollbook demo makes it anew"
    founded = create_book(url, clock, name="Operator", partner_sid=OPERATOR, sandbox_clock=_starts(0), unfinished=why)
    store = founded.store
    store.act(_furnish)
    for version, takers in sheets_of((CLINIC, LOGISTICS)):
        sheets.import_deck(store, version, sheets.To(takers, default=not takers))
    year = _Year(store)
    for month in range(_MONTHS):
        watch(month, _MONTHS)
        year.live(month)
    watch(_MONTHS, _MONTHS)
    return store


def _furnish(act: Writes) -> None:
    """The partners, and the documented one's invoices."""
    password_hash = hash_password(PASSWORD)
    for customer in (_DOCUMENTED, *CUSTOMERS):
        act.add_partner(_partner(act, customer), password_hash)
    for customer in CUSTOMERS:
        begin_billing(act, customer.sid, OPERATOR, begins=day_of(act.now))
    act.put_invoices(list(_documented_invoices()), ORIGIN)


def refuse_other_book(url: str, clock: Clock) -> None:
    """A Refusal where the book at a path is not a demo book: it is nobody's to play with or to make anew."""
    with closing(open_store(url, clock)) as store, store.reading() as book:
        if book.operator_sid() != OPERATOR:
            why = f"{store.place} is not a demo book, and is left as it is; give another place with --db"
            raise Refusal(errors.SETTING_INVALID, Flaw("db", why))


def demo_token(store: Store, partner_sid: str) -> Token:
    """A fresh token of a partner for a day; a demo that runs elsewhere keeps its own, expired ones are cleared away."""
    caller = operator_caller(store)
    expired = f"date_expiration_access_token+lt+{format_instant(store.clock.now())}"
    query = f"limit=1000&filter=name+eq+{_TOKEN_NAME}+and+partner_sid+eq+{partner_sid}+and+{expired}"
    for document in list_records(store, caller, parse_list(query, TOKENS)).documents:
        revoke_sid(store, caller, decode_json(document)["token_sid"])
    return grant_to(store, caller, partner_sid, Wish(name=_TOKEN_NAME, expires_in=_TOKEN_SECONDS))


class _Year:
    """A year of the demo as its operator lived it: usage taken in, invoices closed, payments recorded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._caller = operator_caller(store)
        self._billed: list[Event] = []
        self._late: list[Event] = []

    def live(self, month: int) -> None:
        """One month; of the last, what of it is over."""
        start, end = _starts(month), _starts(month + 1)
        over = min(end, NOW)
        events = [e for each in CUSTOMERS for e in usage_of(each.sid, each.habits, start, over)]
        self._early(month, start)
        width = (over - start) // _SLICES
        for number in range(1, _SLICES + 1):
            begins, ends = start + (number - 1) * width, start + number * width if number < _SLICES else over
            some = [event for event in events if begins <= event.time < ends]
            if number == _SLICES and over == end:
                self._run(end - limits.NEXT_INVOICE_LEAD_SECONDS * 1000 + 1000)
                self._late = some[::_ONE_IN_LATE]
                self._billed = some = [event for event in some if event not in self._late]
            self._record(ends, some)
            self._pay(CLINIC, "visa")
        if over == end:
            self._run(end)

    def _early(self, month: int, start: int) -> None:
        """What happens in a month's first days: late records, payments, a correction, a credit."""
        self._record(start + 2 * DAY_MS, self._late)
        self._at(start + 5 * DAY_MS)
        self._pay(RESELLER, "wire")
        if month == _CORRECTED:
            self._correct(self._billed)
        if month == _CREDITED:
            self._credit(CLINIC)

    def _record(self, instant: int, events: Sequence[Event]) -> None:
        self._at(instant)
        in_order = sorted(events, key=lambda event: (event.time, event.dr_sid))
        for begin in range(0, len(in_order), limits.USAGE_BATCH_MAX):
            some = in_order[begin : begin + limits.USAGE_BATCH_MAX]
            self._store.act(lambda act, some=some: recording.record(act, self._caller, some))  # type: ignore[misc]

    def _run(self, instant: int) -> None:
        self._at(instant)
        billing_run.run(self._store)

    def _at(self, instant: int) -> None:
        self._store.act(lambda act: sandbox.move(act, self._caller, sandbox.Move(to=instant)))

    def _pay(self, partner_sid: str, type_: str) -> None:
        """Pay what the partner is asked for."""
        with self._store.reading() as book:
            asked = [
                n.amount for n in book.notices(100) if (n.partner_sid, n.kind) == (partner_sid, "charge_requested")
            ]
        for amount in asked:
            body = {"partner_sid": partner_sid, "type": type_, "amount": format_amount(amount or 0)}
            self._store.act(lambda act, body=body: payments.pay(act, self._caller, body))  # type: ignore[misc]

    def _correct(self, events: Sequence[Event]) -> None:
        """A call of a closed month turns out to have been shorter: the difference is an adjustment."""
        wrong = max((e for e in events if isinstance(e, CallEvent) and e.date_talk), key=lambda e: e.measured)

        def shorter(event: Event) -> Event:
            assert isinstance(event, CallEvent)
            return replace(event, date_talk=(event.date_stop or 0) - 60_000)

        why = "the switch had lost the end of the call"
        self._store.act(lambda act: correcting.correct(act, self._caller, "call", wrong.dr_sid, shorter, why))

    def _credit(self, partner_sid: str) -> None:
        """A credit note for half a dollar of the newest closed invoice."""
        with self._store.reading() as book:
            invoices = [decode_json(document) for document in book.invoice_documents(partner_sid)]
        newest = [invoice for invoice in invoices if invoice["status"] == "closed"][-1]["invoice_sid"]
        body = {"kind": "credit_note", "amount": "0.5", "invoice_sid": newest, "reason": "an hour without service"}
        self._store.act(lambda act: adjusting.adjust(act, self._caller, body))


def _starts(month: int) -> int:
    """The 20th on which a month of the demo's year begins."""
    year, number = divmod(month, 12)
    return parse_instant(f"{2024 + year}-{number + 1:02}-20")


def _partner(act: Writes, customer: Customer) -> Partner:
    scopes = (*PARTNER_SCOPES, "invoices.read_descendant")
    values = {"country_code": "USA"} | customer.partner
    display_id = values.pop("display_id")
    made = new_partner(act, partner_sid=customer.sid, parent_sid=customer.parent_sid, available_scopes=scopes, **values)
    return replace(made, display_id=display_id)


def _documented_invoices() -> Iterator[Invoice]:
    """The sample with the three months before it, which lead to its `balance_previous`."""
    balance = 0
    months = ((210, 50_400, 14, 36_000), (302, 72_480, 21, 0), (245, 58_800, 17, 0))
    for month, (cents, seconds, tax, paid) in enumerate(months, start=8):
        start, end = _starts(month), _starts(month + 1) - 1000
        item = InvoiceItem(
            amount=cents * _CENT,
            country_code="USA",
            date_billing_period_end=end,
            date_billing_period_start=start,
            direction="inbound",
            type="toll",
            usage=seconds,
        )
        pays = (PayItem(amount=paid * _CENT, date_created=start + DAY_MS, type="american_express"),) if paid else ()
        forward = balance + (cents + tax - paid) * _CENT
        yield Invoice(
            amount=item.amount,
            amount_due=max(0, forward),
            amount_tax=tax * _CENT,
            balance_forward=forward,
            balance_previous=balance,
            date_billing_period_end=end,
            date_billing_period_start=start,
            date_charge_expected=end,
            date_charged=end + 1000,
            date_created=start - limits.NEXT_INVOICE_LEAD_SECONDS * 1000 + 1000,  # 23:30:01 of the day before
            date_issued=end + 1000,
            display_id=f"{month - 7:03}",
            invoice_items=(item,),
            invoice_sid=_sid(f"invoice {DOCUMENTED_PARTNER} {month}"),
            paid=True,
            partner_sid=DOCUMENTED_PARTNER,
            pay_items=pays,
            status="closed",
            tax_items=(TaxItem(amount=tax * _CENT, jurisdiction="federal", type="fed_universal_service_fund"),),
        )
        balance = forward
    yield read_invoice(encode_json(SAMPLE)).invoice
