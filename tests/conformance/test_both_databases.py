"""SQLite and PostgreSQL side by side: the same random book in both, and every page of it byte for byte the same.

The texts are what databases fold, order and match differently; dates and amounts stand at their limits.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import PROVING
from tests.making import (
    CHILD,
    EVERYTHING,
    FAMILY,
    NOW,
    RESELLER,
    invoice,
    item,
    own,
    partner,
    plant_family,
    put,
    sid,
    tax,
    tree,
)
from tests.making import payment as paid
from tests.stores import fresh_store

from tollbook.billing.model import Invoice, Sight
from tollbook.clock import FixedClock, read_instant
from tollbook.errors import Refusal
from tollbook.query.fields import INVOICES, PARTNERS, Resource
from tollbook.query.listing import parse_list
from tollbook.store import Store, create_store

pytestmark = pytest.mark.postgres

EXAMPLES = 5_000 if PROVING else 400
BOOKS = 20 if PROVING else 3

CHARACTERS = [
    *"aAbBzZ", *"éÉßẞıİiIşŞΣσςœŒ", "e\u0301", "\u00e9", "%", "_", "\\", "*", "?", "[", "]", "^", "-", "'", '"', " ",
    "\t", "\n", "\x01", "\x7f", "\u00a0", "\u200d", "\u2028", "\ufb01", "\uff5e", "\ufffd", "\uffff", "\U0001f3ba",
    "\U0010ffff", "0", "9", ".", "$", "{", ",", ":", "漢", "ي",
]  # fmt: skip
"""Case that folds elsewhere, composed and not, what patterns and quotes are made of, above the first plane."""

WORDS = ["", " ", "a", "a ", " a", "A", "ab", "a%b", "a_b", "a\\b", "a*b", "[a]", "straße", "STRASSE", "null", "true",
         "1", "01", "1.0"]  # fmt: skip
texts = st.lists(st.sampled_from(CHARACTERS), max_size=4).map("".join) | st.sampled_from(WORDS)
WHOLE = [0, 1, -1, 2, 7, 2**31 - 1, 2**31, -(2**31) - 1, 2**40 + 5, 10**15 - 1, 1 - 10**15]
MONEY = [0, 1, -1, 370_000, 380_000, 10**16 - 1, 1 - 10**16, 999_999, -999_999]
INSTANTS = [read_instant(f"{text}Z") for text in (
    "2000-01-01T00:00:00.000", "2024-02-29T23:59:59.999", "2024-10-27T00:30:00.000", "2024-10-27T01:30:00.000",
    "2024-12-31T23:59:60.000".replace(":60", ":59"), "2025-01-01T00:00:00.000", "2100-12-31T23:59:59.999",
)]  # fmt: skip

words = st.sampled_from
maybe_instants = words([None, *INSTANTS])
items = st.builds(item, amount=words(MONEY), country_code=words([None, "USA", "CAN"]), type=texts, usage=words(WHOLE),
                  direction=words([None, "inbound", "outbound"]))  # fmt: skip
taxes = st.builds(tax, amount=words(MONEY), jurisdiction=texts, type=texts)
payments = st.builds(paid, amount=words(MONEY), type=texts, date_created=words(INSTANTS))


@st.composite
def books(draw: st.DrawFn) -> list[Invoice]:
    """Some invoices with odd values in every attribute."""
    numbers = draw(st.lists(st.integers(0, 9_999), min_size=25, max_size=25, unique=True))
    return [
        invoice(
            number,
            draw(words(FAMILY)),
            **{name: draw(words(MONEY)) for name in ("amount", "amount_due", "balance_forward", "balance_previous")},
            **{name: draw(maybe_instants) for name in ("date_charge_expected", "date_charged", "date_issued")},
            date_created=draw(words(INSTANTS)),
            display_id=draw(texts),
            paid=draw(st.booleans()),
            status=draw(texts),
            invoice_items=tuple(draw(st.lists(items, max_size=2))),
            pay_items=tuple(draw(st.lists(payments, max_size=1))),
            tax_items=tuple(draw(st.lists(taxes, max_size=1))),
        )
        for number in numbers
    ]


class Both(NamedTuple):
    """One book in each database, and the sids of its invoices."""

    file: Store
    served: Store
    sids: list[str]


def plant_odd(store: Store) -> None:
    """Partners whose texts are odd."""
    with store.writing() as act:
        for number, text in enumerate([*CHARACTERS, *WORDS]):
            odd = {"attributes": {"county": text, "odd": f"{text}a"}} if number % 3 else {}
            made = partner(number + 1, 0xA0, name=f"{text}n", city=text if number % 5 else None, zip=text[::-1], **odd)
            act.add_partner(made)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Both]]:
    """Books with the same in them."""
    made: list[Both] = []

    @settings(max_examples=BOOKS, database=None)
    @given(books())
    def make(some: list[Invoice]) -> None:
        folder = tmp_path_factory.mktemp("both")
        pair = (create_store(str(folder / "book.db"), FixedClock(NOW)), fresh_store(folder, FixedClock(NOW)))
        for store in pair:
            plant_family(store)
            plant_odd(store)
            put(store, *some)
        made.append(Both(*pair, [each.invoice_sid for each in some]))

    make()
    yield made
    for each in made:
        each.file.close()
        each.served.close()


# Questions.

TEXT = ("status", "display_id", "invoice_items.type", "tax_items.jurisdiction", "pay_items.type", "partner.name",
        "partner.city", "partner.attributes.county", "partner.attributes.tax.id", "partner.attributes.no")  # fmt: skip
NUMBER = {"amount": MONEY, "balance_forward": MONEY, "invoice_items.amount": MONEY, "invoice_items.usage": WHOLE}
DATE = ("date_created", "date_charged", "date_issued", "date_charge_expected", "pay_items.date_created")
ORDER = ("status", "display_id", "amount", "date_created", "date_charged", "paid", "invoice_sid", "partner.city",
         "partner.name", "partner.parent_sid", "partner.charge_at")  # fmt: skip


ASKED_DATES = ["2000-01-01", "2024-02-29T23:59:59.999Z", "2024-10-27T01:30:00+01:00", "2100-12-31T23:59:59.999Z"]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Texts with wildcards in them, which may be escaped."""
    parts = draw(st.lists(texts | words(["%", "_", "\\%", "\\_", "\\\\"]), max_size=4))
    return '"' + "".join(parts).replace('"', "") + '"'


@st.composite
def conditions(draw: st.DrawFn) -> str:
    kind = draw(words(["text", "text", "text", "number", "date", "null", "paid"]))
    compare = words(["eq", "ne", "lt", "le", "gt", "ge"])
    if kind == "text":
        path, how = draw(words(TEXT)), draw(compare | words(["in", "like", "ilike", "ilike"]))
        if how == "in":
            return f"{path} in ({', '.join(map(quoted, draw(st.lists(texts, min_size=1, max_size=4))))})"
        return f"{path} {how} {draw(patterns()) if how in ('like', 'ilike') else quoted(draw(texts))}"
    if kind == "number":
        path = draw(words(sorted(NUMBER)))
        value = draw(words(NUMBER[path]))
        if path.endswith("usage"):
            return f"{path} {draw(compare)} {value}"
        return f"{path} {draw(compare)} {'-' if value < 0 else ''}{abs(value) // 10**6}.{abs(value) % 10**6:06}"
    if kind == "date":
        return f"{draw(words(DATE))} {draw(compare)} {draw(words(ASKED_DATES))}"
    if kind == "null":
        return f"{draw(words(TEXT + DATE))} {draw(words(['eq', 'ne']))} null"
    return f"paid eq {draw(words(['true', 'false']))}"


sights = words([EVERYTHING, tree(RESELLER), own(CHILD), own(RESELLER)])
keys = st.lists(st.tuples(words(ORDER), words(["asc", "desc"])), max_size=3, unique_by=lambda key: key[0])


def answered(store: Store, sight: Sight, text: str, resource: Resource = INVOICES) -> Any:
    """A page as it is; or the refusal."""
    try:
        query = parse_list(text, resource)
        with store.reading() as book:
            page = book.page(sight, query)
            return page.total, page.has_next, page.has_previous, [bytes(row.document) for row in page.rows]
    except Refusal as refusal:
        return refusal.problem.code, refusal.flaws


@settings(max_examples=EXAMPLES)
@given(
    number=st.integers(0, BOOKS - 1),
    wanted=st.lists(conditions(), max_size=3),
    order=keys,
    sight=sights,
    limit=st.integers(1, 12),
    place=st.integers(0, 24),
    way=words(["offset", "after", "before"]),
)
def test_a_page_is_the_same_on_both(
    both: list[Both],
    number: int,
    wanted: list[str],
    order: list[tuple[str, str]],
    sight: Sight,
    limit: int,
    place: int,
    way: str,
) -> None:
    book = both[number % len(both)]
    asked: dict[str, Any] = {"limit": limit, way: place if way == "offset" else book.sids[place]}
    if wanted:
        asked["filter"] = " and ".join(wanted)
    if order:
        asked["order"] = ",".join(" ".join(key) for key in order)
    text = "&".join(f"{name}={quote(str(value))}" for name, value in asked.items())
    assert answered(book.file, sight, text) == answered(book.served, sight, text)


def test_most_questions_are_answered(both: list[Both]) -> None:
    """And not refused by both in the same words."""
    asked = [
        'status ilike "%A%"',
        'status like "a\\%b"',
        'partner.attributes.county ge "a"',
        "invoice_items.usage gt 7",
    ]
    for each in asked:
        total, *_, documents = answered(both[0].file, EVERYTHING, f"limit=50&filter={quote(each)}")
        assert total == len(documents)
    assert len(answered(both[0].served, EVERYTHING, "limit=200", PARTNERS)[-1]) > 60


@settings(max_examples=EXAMPLES // 4)
@given(
    wanted=texts,
    how=words(["eq", "ne", "lt", "ge", "like", "ilike"]),
    field=words(["name", "city", "attributes.county", "attributes.odd"]),
    key=words(["name", "city", "zip", "balance", "date_created"]),
)
def test_partners_are_the_same_on_both(both: list[Both], wanted: str, how: str, field: str, key: str) -> None:
    text = f"limit=50&order={key}%20desc&filter={quote(f'{field} {how} {quoted(wanted)}')}"
    assert answered(both[0].file, EVERYTHING, text, PARTNERS) == answered(both[0].served, EVERYTHING, text, PARTNERS)


@given(st.text(max_size=5), st.sampled_from(["lt", "le", "eq", "ge", "like", "ilike"]))
def test_any_text_may_be_asked_for(both: list[Both], wanted: str, how: str) -> None:
    """Lone surrogates and NUL included: both answer, or refuse in the same words."""
    with suppress(UnicodeEncodeError):
        text = f"filter={quote(f'status {how} {quoted(wanted)}')}"
        assert answered(both[0].file, EVERYTHING, text) == answered(both[0].served, EVERYTHING, text)


@given(st.text(max_size=3), st.text(max_size=3))
def test_what_is_looked_up_by_name_is_the_same_on_both(both: list[Both], before: str, behind: str) -> None:
    """A login, a sid, a key, a reference with a NUL in it: no text of a book has one."""
    odd = f"{before}\0{behind}"
    for store in (both[0].file, both[0].served):
        with store.reading() as book:
            assert book.login(odd) is None
            assert book.directory(odd) is None
            assert book.sheet_named(odd) is None
            assert book.billing(odd) is None
            assert book.seen(CHILD, [odd, "a"]) == {}
        with store.writing() as act:
            assert act.kept_answer(CHILD, odd) is None
            assert act.payment_by_reference(CHILD, odd, odd) is None
            assert act.seen(CHILD, [odd]) == {}
            assert act.billings_of([odd, sid(77)]) == {}
