"""What each comparison means, by small tables: text, patterns, null, arrays, related objects and maps."""

from collections.abc import Callable

import pytest
from tests.conformance.asking import found
from tests.conformance.conftest import Plant
from tests.making import (
    CHILD,
    FAMILY,
    GRANDCHILD,
    MILLION,
    NOW,
    OPERATOR,
    RESELLER,
    invoice,
    item,
    own,
    partner,
    payment,
    put,
    sid,
    tax,
    token,
)

from tollbook.clock import DAY_MS
from tollbook.query.fields import PARTNERS, TOKENS
from tollbook.store import Store

TEXTS = ["100%", "100 %", "1000", "a_b", "a%b", "axb", "a\\b", "a*b", "a?b", "a[b]c", "a^b", "aXb", "ABC", "abc", "aBc",
         "Éa", "éa", "ÉA", "", "a\nb", "🎺", "e\u0301", "é"]  # fmt: skip


def plant_texts(store: Store) -> None:
    """One invoice for each text, as its status."""
    put(store, *(invoice(number, status=text) for number, text in enumerate(TEXTS)))


@pytest.fixture
def of_texts(shared: Callable[[Plant], Store]) -> Store:
    """The store with an invoice for each of TEXTS."""
    return shared(plant_texts)


def texts(store: Store, where: str) -> list[str]:
    """The statuses that match, in the order of TEXTS."""
    return [TEXTS[int(each[:8], 16)] for each in found(store, where)]


@pytest.mark.parametrize(
    ("operator", "pattern", "expected"),
    [
        ("like", "abc", ["abc"]),
        ("ilike", "abc", ["ABC", "abc", "aBc"]),
        ("like", "ABC", ["ABC"]),
        ("ilike", "ABC", ["ABC", "abc", "aBc"]),
        ("like", "éa", ["éa"]),
        ("ilike", "éa", ["éa"]),  # ASCII only: É is not é
        ("ilike", "ÉA", ["Éa", "ÉA"]),
        ("like", "é", ["é"]),  # code points: composed is not decomposed
        ("like", "__", ["Éa", "éa", "ÉA", "e\u0301"]),
        ("like", "_", ["🎺", "é"]),
        ("ilike", "_", ["🎺", "é"]),
        ("like", "a_b", ["a_b", "a%b", "axb", "a\\b", "a*b", "a?b", "a^b", "aXb", "a\nb"]),
        ("ilike", "A_B", ["a_b", "a%b", "axb", "a\\b", "a*b", "a?b", "a^b", "aXb", "a\nb"]),
        ("like", r'"a\_b"', ["a_b"]),
        ("ilike", r'"A\_b"', ["a_b"]),
        ("like", r'"a\%b"', ["a%b"]),
        ("ilike", r'"a\%B"', ["a%b"]),
        ("like", r'"a\\b"', ["a\\b"]),
        ("ilike", r'"a\\b"', ["a\\b"]),
        ("like", r'"100\%"', ["100%"]),
        ("like", '"100%"', ["100%", "100 %", "1000"]),
        ("like", '"a*b"', ["a*b"]),
        ("ilike", '"a*b"', ["a*b"]),
        ("like", '"a?b"', ["a?b"]),
        ("ilike", '"a?b"', ["a?b"]),
        ("like", '"a[b]c"', ["a[b]c"]),
        ("ilike", '"a[b]c"', ["a[b]c"]),
        ("like", '"a[^x]b"', []),
        ("like", '"a^b"', ["a^b"]),
        ("like", '"%"', TEXTS),
        ("like", '"%%%%%"', TEXTS),
        ("ilike", '"%"', TEXTS),
        ("like", '""', [""]),
        ("ilike", '""', [""]),
        ("like", '"%b"', ["a_b", "a%b", "axb", "a\\b", "a*b", "a?b", "a^b", "aXb", "a\nb"]),
        ("like", '"%[%"', ["a[b]c"]),
        ("like", '"%]%"', ["a[b]c"]),
        ("like", "b", []),
    ],
)
def test_c6_c7_patterns(of_texts: Store, operator: str, pattern: str, expected: list[str]) -> None:
    assert texts(of_texts, f"status {operator} {pattern}") == expected


@pytest.mark.parametrize("bound", ["abc", "Éa", "e\u0301", "", "🎺", "a"])
def test_c6_text_compares_by_code_point(of_texts: Store, bound: str) -> None:
    assert texts(of_texts, f'status lt "{bound}"') == [text for text in TEXTS if text < bound]
    assert texts(of_texts, f'status le "{bound}"') == [text for text in TEXTS if text <= bound]
    assert texts(of_texts, f'status gt "{bound}"') == [text for text in TEXTS if text > bound]
    assert texts(of_texts, f'status ge "{bound}"') == [text for text in TEXTS if text >= bound]
    assert texts(of_texts, f'status eq "{bound}"') == [text for text in TEXTS if text == bound]
    assert texts(of_texts, f'status ne "{bound}"') == [text for text in TEXTS if text != bound]


def test_c1_values_are_values(of_texts: Store) -> None:
    assert texts(of_texts, "status eq \"x' or '1'='1\"") == []
    assert texts(of_texts, 'status in ("abc\\"); drop table invoice; --", abc)') == ["abc"]
    assert texts(of_texts, 'status ne "0"') == TEXTS


def test_c5_a_pattern_at_its_bounds_is_answered(store: Store) -> None:
    put(store, *(invoice(number, status="a" * 64) for number in range(50)))
    assert found(store, "status like %a%a%a%a%b") == []
    assert found(store, f'status ilike "{"_" * 64}%"') == [sid(number) for number in range(50)]
    assert found(store, f"status like {'_' * 100}") == []


def plant_issued(store: Store) -> None:
    """Four invoices, two of them issued."""
    issued = (None, NOW, None, NOW + DAY_MS)
    put(store, *(invoice(number, date_issued=instant) for number, instant in enumerate(issued)))


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("date_issued eq null", [0, 2]),
        ("date_issued ne null", [1, 3]),
        (f"date_issued ne {'2025-01-15T12:00:00.000Z'}", [0, 2, 3]),
        ("date_issued eq 2025-01-15T12:00:00.000Z", [1]),
        ("date_issued le 2099-01-01", [1, 3]),
        ("date_issued ge 2000-01-01", [1, 3]),
        ("date_issued in (2025-01-15T12:00:00, 2000-01-01)", [1]),
        ("amount eq null", []),
        ("amount ne null", [0, 1, 2, 3]),
        ("status eq null", []),
        ("partner.state eq null", [0, 1, 2, 3]),
        ("partner.state ne CA", [0, 1, 2, 3]),
        ("partner.state like %", []),
        ("partner.attributes.none eq null", [0, 1, 2, 3]),
        ("partner.attributes.none ne x", [0, 1, 2, 3]),
        ("partner.attributes.none lt x", []),
    ],
)
def test_c9_null_equals_only_null(shared: Callable[[Plant], Store], condition: str, numbers: list[int]) -> None:
    assert found(shared(plant_issued), condition) == [sid(number) for number in numbers]


def plant_nested(store: Store) -> None:
    """Four invoices whose arrays hold none, one or two elements."""
    put(
        store,
        invoice(0, invoice_items=(), pay_items=(), tax_items=()),
        invoice(1, invoice_items=(item(usage=6, direction=None, country_code=None),), pay_items=(payment(),)),
        invoice(2, OPERATOR, invoice_items=(item(type="sms", usage=9), item(amount=-MILLION, direction="outbound"))),
        invoice(3, GRANDCHILD, tax_items=(tax(jurisdiction="state"), tax(amount=0)), pay_items=(payment(amount=-1),)),
    )


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("invoice_items.type eq toll", [1, 2, 3]),
        ("invoice_items.type ne toll", [2]),
        ("invoice_items.direction eq null", [1]),
        ("invoice_items.direction ne null", [2, 3]),
        ("invoice_items.direction ne inbound", [1, 2]),
        ("invoice_items.direction gt a", [2, 3]),
        ("invoice_items.country_code eq null", [1]),
        ("invoice_items.type eq sms and invoice_items.direction eq outbound", [2]),  # each for itself
        ("invoice_items.amount lt 0", [2]),
        ("invoice_items.amount lt 0 and invoice_items.type eq null", []),
        ("invoice_items.usage bit 6", [1]),
        ("invoice_items.usage bit 0", [1, 2, 3]),
        ("invoice_items.usage bit 8 and invoice_items.usage bit 1", [2]),
        ("invoice_items.usage in (6, 9)", [1, 2]),
        ("invoice_items.usage ge 8880", [2, 3]),
        ("invoice_items.date_billing_period_start eq 2025-01-15T12:00:00Z", [1, 2, 3]),
        ("pay_items.amount ge 100", [1]),
        ("pay_items.amount eq -0.000001", [3]),
        ("pay_items.type eq null", []),
        ("pay_items.type ne null", [1, 3]),
        ("tax_items.jurisdiction ne federal", [3]),
        ("tax_items.jurisdiction ilike STATE", [3]),
        ("tax_items.amount eq 0.32 and tax_items.amount eq 0.00", [3]),
        ("partner.name like %er%", [2]),
        ("partner.name eq 'Acme & Søn'", [0, 1]),
        ("partner.city eq Åre", [0, 1, 3]),
        ("partner.city eq null", [2]),
        ("partner.parent_sid eq null", [2]),
        (f"partner.parent_sid eq {RESELLER}", [3]),
        ("partner.attributes.county eq Kern", [0, 1]),
        ("partner.attributes.county ilike kern", [0, 1, 3]),
        ("partner.attributes.county ne Kern", [2, 3]),
        ("partner.attributes.county eq null", [2]),
        ("partner.attributes.county in (kern, x)", [3]),
        ("partner.attributes.tax.id eq 7", [3]),
        ("partner.attributes.tax eq null", [0, 1, 2, 3]),
        ("partner.available_scopes eq null", []),
        ("partner.balance le -0.69", [0, 1, 2, 3]),
        (f"partner_sid in ({OPERATOR}, {GRANDCHILD})", [2, 3]),
        ("paid eq false and paid ne true", [0, 1, 2, 3]),
    ],
)
def test_c15_conditions_on_what_is_nested(shared: Callable[[Plant], Store], condition: str, numbers: list[int]) -> None:
    assert found(shared(plant_nested), condition) == [sid(number) for number in numbers]


def test_conditions_on_partners(store: Store) -> None:
    with store.writing() as act:
        act.add_partner(partner(0xA4, 0xA1, available_scopes=("sms.read", "invoices.read"), balance=-1, login="Zoë"))
    new = sid(0xA4)
    for condition, expected in (
        ("available_scopes eq sms.read", [new]),
        ("available_scopes ne sms.read", [new]),
        ("available_scopes like invoices.%", [new]),
        ("available_scopes in (calls.read)", []),
        ("available_scopes ne null", [new]),
        ("attributes.county ne null", [CHILD, GRANDCHILD]),
        ("login eq Zoë", [new]),
        ("login ne Zoë", list(FAMILY)),
        ("balance lt 0", [new]),
        ("charge_at eq null and name ilike partner%", [new]),
    ):
        assert found(store, condition, PARTNERS) == expected, condition


def test_conditions_on_tokens(store: Store) -> None:
    with store.writing() as act:
        act.add_token(token(1, scopes=("invoices.read", "sms.manage"), name="a"), b"1", None)
        act.add_token(token(2, GRANDCHILD, scopes=(), date_last_accessed=NOW), b"2", b"22")
    for condition, expected in (
        ("scopes eq sms.manage", [1]),
        ("scopes ne sms.manage", [1]),
        ("scopes ne null", [1]),
        ("scopes eq null", []),
        ("scopes ilike SMS.%", [1]),
        ("partner.name like acme%", [2]),
        ("name ne a", [2]),
        ("date_last_accessed ge 2025-01-01", [2]),
        ("access_token eq null", [1, 2]),
        ("access_token ne null", []),
        ("refresh_token eq abc", []),
        ("refresh_token ne abc", [1, 2]),
        ("access_token like %", []),
        ("access_token in (a, b)", []),
    ):
        assert found(store, condition, TOKENS) == [sid(number) for number in expected], condition
    assert found(store, "scopes ne null", TOKENS, own(GRANDCHILD)) == []
