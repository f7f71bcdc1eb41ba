"""Random books, each as nouns for the store and as wire records for the oracle, and random questions about them.

Values come from small pools, so that ties, nulls and near misses are the rule.
"""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from tests.conformance.oracle import ANY, ONE, Record, Wanted
from tests.making import FAMILY, sid

from tollbook.billing.model import Invoice, InvoiceItem, PayItem, TaxItem

INVOICES_COUNT = 40
AMOUNTS = ["-351.91", "-1", "-0.000001", "0", "0.37", "0.38", "0.5", "9", "10", "100.000001", "9999999999.999999"]
DATES = ["2024-02-29T00:00:00.000Z", "2024-10-31T18:00:00.000Z", "2024-10-31T18:00:00.001Z", "2100-12-31T23:59:59.999Z"]
TEXTS = ["open", "Open", "OPEN", "closed", "void", "a%b", "a_b", "axb", "a*b?[c]^", "Éa", "éA", "e", "z", "\\", "'\"",
         "🎺", "\uff5e"]  # fmt: skip
USAGES = [0, 1, 2, 5, 6, 7, 60, 8880, -1, -6, 2**40 + 5, 10**15 - 1]

_MONEY = ("amount", "amount_due", "amount_tax", "balance_forward", "balance_previous")
_DATES = ("date_billing_period_end", "date_billing_period_start", "date_created")
_MAYBE_DATES = ("date_charge_expected", "date_charged", "date_issued")

PATHS = {
    "text": [
        *("status", "display_id", "invoice_sid", "partner_sid", "tax_items.jurisdiction", "tax_items.type"),
        *("invoice_items.type", "invoice_items.direction", "invoice_items.country_code", "pay_items.type"),
        *("partner.name", "partner.city", "partner.state", "partner.company_name", "partner.parent_sid"),
        *("partner.display_id", "partner.partner_sid", "partner.attributes.county", "partner.attributes.tax.id"),
        *("partner.attributes.none", "partner.available_scopes", "partner.zip"),
    ],
    "money": [*_MONEY, "invoice_items.amount", "pay_items.amount", "tax_items.amount", "partner.balance",
              "partner.charge_at"],
    "date": [*_DATES, *_MAYBE_DATES, "invoice_items.date_billing_period_end", "pay_items.date_created",
             "partner.date_created"],
    "integer": ["invoice_items.usage"],
    "boolean": ["paid"],
}  # fmt: skip
ORDERABLE = [
    path
    for path in (path for kind in PATHS.values() for path in kind)
    if "_items." not in path and ".attributes." not in path and not path.endswith("scopes")
]


def millionths(text: str) -> int:
    """Inside money, by decimal arithmetic."""
    return int(Decimal(text) * 1_000_000)


def milliseconds(text: str | None) -> int | None:
    """An inside instant, by the standard library's reading."""
    if text is None:
        return None
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def random_records(seed: int) -> list[Record]:
    """The wire records of one book, the same for the same seed."""
    draw = random.Random(seed)
    numbers = draw.sample(range(10_000), INVOICES_COUNT)
    return [_record(draw, number) for number in numbers]


def _record(draw: random.Random, number: int) -> Record:
    record: Record = {
        **{name: draw.choice(AMOUNTS) for name in _MONEY},
        **{name: draw.choice(DATES) for name in _DATES},
        **{name: draw.choice([None, None, *DATES]) for name in _MAYBE_DATES},
        "display_id": draw.choice(["001", "002", "010", "1000", "é"]),
        "invoice_items": [_item(draw) for _ in range(draw.choice([0, 1, 1, 2, 3]))],
        "invoice_sid": sid(number),
        "paid": draw.random() < 0.5,
        "partner_sid": draw.choice(FAMILY),
        "pay_items": [_payment(draw) for _ in range(draw.choice([0, 0, 1, 2]))],
        "status": draw.choice(TEXTS),
        "tax_items": [_tax(draw) for _ in range(draw.choice([0, 1, 2]))],
    }
    return dict(sorted(record.items()))


def _item(draw: random.Random) -> Record:
    item = {
        "amount": draw.choice(AMOUNTS),
        "country_code": draw.choice([None, "USA", "CAN"]),
        "date_billing_period_end": draw.choice(DATES),
        "date_billing_period_start": draw.choice(DATES),
        "direction": draw.choice(["inbound", "outbound"]),
        "type": draw.choice(["toll", "sms", *TEXTS]),
        "usage": draw.choice(USAGES),
    }
    if draw.random() < 0.3:
        del item["direction"]
    return item


def _payment(draw: random.Random) -> Record:
    return {"amount": draw.choice(AMOUNTS), "date_created": draw.choice(DATES), "type": draw.choice(TEXTS)}


def _tax(draw: random.Random) -> Record:
    return {"amount": draw.choice(AMOUNTS), "jurisdiction": draw.choice(TEXTS), "type": draw.choice(TEXTS)}


def as_invoice(record: Record) -> Invoice:
    """The noun of a wire record."""
    arrays = {"invoice_items": InvoiceItem, "pay_items": PayItem, "tax_items": TaxItem}
    children = {name: tuple(noun(**_inside(each)) for each in record[name]) for name, noun in arrays.items()}
    return Invoice(**{**_inside(record), **children})


def _inside(record: Record) -> dict[str, Any]:
    inside: dict[str, Any] = {"direction": None} if "usage" in record else {}
    for name, value in record.items():
        money = name.startswith(("amount", "balance"))
        inside[name] = millionths(value) if money else milliseconds(value) if name.startswith("date_") else value
    return inside


# Questions.

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from([*TEXTS, "inbound", "USA", "toll", "001", "Åre", "Kern", "7", "CA", *FAMILY, "Acme & Søn"]),
    "money": st.sampled_from(AMOUNTS).map(Decimal) | st.decimals(-400, 400, places=6),
    "date": st.sampled_from(DATES).map(datetime.fromisoformat),
    "integer": st.sampled_from(USAGES),
    "boolean": st.booleans(),
}
_OPERATORS = {
    "text": ["eq", "ne", "lt", "le", "gt", "ge", "in", "like", "ilike"],
    "money": ["eq", "ne", "lt", "le", "gt", "ge", "in"],
    "date": ["eq", "ne", "lt", "le", "gt", "ge", "in"],
    "integer": ["eq", "ne", "lt", "le", "gt", "ge", "in", "bit"],
    "boolean": ["eq", "ne"],
}


@st.composite
def conditions(draw: Any) -> Wanted:
    """Any condition that the language allows on an invoice."""
    kind = draw(st.sampled_from(["text", "text", "money", "date", "integer", "boolean"]))
    path = draw(st.sampled_from(PATHS[kind]))
    operator = draw(st.sampled_from(_OPERATORS[kind]))
    if operator in ("eq", "ne") and draw(st.integers(0, 4)) == 0:
        return Wanted(path, operator, None)
    if operator in ("like", "ilike"):
        return Wanted(path, operator, draw(_patterns()))
    if operator == "in":
        return Wanted(path, operator, tuple(draw(st.lists(_VALUES[kind], min_size=1, max_size=4))))
    value = _VALUES[kind] if operator != "bit" else st.integers(0, 9) | st.just(2**40)
    return Wanted(path, operator, draw(value))


@st.composite
def _patterns(draw: Any) -> tuple[Any, ...]:
    """A text of the pools with some of its characters replaced by wildcards."""
    text = draw(st.sampled_from([*TEXTS, "inbound", "toll", "Åre", "acme%_1", "Acme & Søn", "Reseller"]))
    parts: list[Any] = [draw(st.sampled_from([character, character, ONE, ANY])) for character in text]
    parts = [*draw(st.sampled_from([[], [ANY]])), *parts, *draw(st.sampled_from([[], [ANY]]))]
    while parts.count(ANY) > 5:
        parts.remove(ANY)
    swapped = [draw(st.integers(0, 2)) == 0 for _ in parts]
    return tuple(
        part.swapcase() if swap and isinstance(part, str) else part for part, swap in zip(parts, swapped, strict=True)
    )


orders = st.lists(
    st.tuples(st.sampled_from(ORDERABLE), st.booleans()), min_size=1, max_size=3, unique_by=lambda key: key[0]
) | st.just([("date_created", True)])
"""Up to three (path, descending); often the default one."""


def written(wanted: Wanted, quote: str) -> str:
    """The filter text of a condition."""
    value = wanted.value
    if value is None:
        return f"{wanted.path} {wanted.operator} null"
    if wanted.operator in ("like", "ilike"):
        parts = ("%" if part is ANY else "_" if part is ONE else _escaped(part, "%_\\" + quote) for part in value)
        return f"{wanted.path} {wanted.operator} {quote}{''.join(parts)}{quote}"
    if wanted.operator == "in":
        return f"{wanted.path} in ({', '.join(_value(each, quote) for each in value)})"
    return f"{wanted.path} {wanted.operator} {_value(value, quote)}"


def _value(value: Any, quote: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Decimal):
        return f"{value:f}" if value else "0.00"
    return f"{quote}{_escaped(value, chr(92) + quote)}{quote}" if isinstance(value, str) else str(value)


def _escaped(text: str, special: str) -> str:
    return "".join("\\" + character if character in special else character for character in text)
