"""include_fields and exclude_fields: what is shown, against a plain reading of dotted names."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook import errors, limits
from tollbook.errors import Refusal
from tollbook.query.fields import INVOICES
from tollbook.query.projection import parse_projection

RECORD: dict[str, Any] = {
    "amount": "0.38",
    "date_issued": None,
    "invoice_items": [{"amount": "0.37", "type": "toll", "usage": 6}, {"amount": "0.01", "type": "did", "usage": 1}],
    "paid": False,
    "partner": {"attributes": {"county": "Kern"}, "name": "Acme", "scopes": ["a", "b"]},
    "pay_items": [],
}

names = st.sampled_from(
    [*INVOICES.paths(), "partner.attributes.county", "nonsense", "amount.x", "pay_items.x.y", "partner.scopes.x"]
)
some_names = st.lists(names, max_size=6)


def shown(include: str, exclude: str = "") -> Any:
    projection = parse_projection(include, exclude)
    return RECORD if projection is None else projection.apply(RECORD)


def leaves(value: Any, within: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Every leaf by its path; an element of an array by its position."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None or not value:
        return {within: value}
    return {path: leaf for key, each in inner for path, leaf in leaves(each, (*within, key)).items()}


def is_named(path: tuple[Any, ...], wanted: list[str]) -> bool:
    dotted = [part for part in path if not isinstance(part, int)]
    return any(dotted[: len(name.split("."))] == name.split(".") for name in wanted)


@given(some_names, some_names)
def test_a_leaf_is_shown_where_it_is_included_and_not_excluded(include: list[str], exclude: list[str]) -> None:
    expected = {
        path: leaf
        for path, leaf in leaves(RECORD).items()
        if (not include or is_named(path, include)) and not is_named(path, exclude)
    }
    got = leaves(shown(",".join(include), ",".join(exclude)))
    assert {path: leaf for path, leaf in got.items() if leaf not in ([], {})} == {
        path: leaf for path, leaf in expected.items() if leaf != []
    }


@given(some_names, some_names)
def test_what_is_shown_keeps_its_order(include: list[str], exclude: list[str]) -> None:
    kept = list(shown(",".join(include), ",".join(exclude)))
    assert kept == [name for name in RECORD if name in kept]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("amount", {"amount": "0.38"}),
        (" amount ,, paid ,", {"amount": "0.38", "paid": False}),
        ("nonsense", {}),
        ("Amount", {}),
        ("__class__", {}),
        ("amount.x", {}),
        ("invoice_items.usage", {"invoice_items": [{"usage": 6}, {"usage": 1}]}),
        ("invoice_items.x", {"invoice_items": [{}, {}]}),
        ("invoice_items.usage,invoice_items", {"invoice_items": RECORD["invoice_items"]}),
        ("invoice_items,invoice_items.usage", {"invoice_items": RECORD["invoice_items"]}),
        ("pay_items.amount", {"pay_items": []}),
        ("partner.name", {"partner": {"name": "Acme"}}),
        ("partner.attributes.county", {"partner": {"attributes": {"county": "Kern"}}}),
        ("partner.attributes.x", {"partner": {"attributes": {}}}),
        ("partner.scopes.x", {"partner": {"scopes": []}}),
        ("amount.", {}),
        (".amount", {}),
        ("date_issued", {"date_issued": None}),
    ],
)
def test_include(include: str, expected: dict[str, Any]) -> None:
    assert shown(include) == expected


def test_exclude_comes_after_include() -> None:
    assert shown("amount,paid", "paid") == {"amount": "0.38"}
    assert shown("", "partner,invoice_items.type,invoice_items.amount,nonsense,amount.x") == {
        "amount": "0.38",
        "date_issued": None,
        "invoice_items": [{"usage": 6}, {"usage": 1}],
        "paid": False,
        "pay_items": [],
    }


@pytest.mark.parametrize("blank", ["", " ", ",", " , ,"])
def test_blank_lists_are_absent(blank: str) -> None:
    assert parse_projection(blank, blank) is None


def test_a_name_with_thousands_of_dots_takes_little_memory() -> None:
    """Parsed lists are remembered: a thousand such would be a gigabyte."""
    tracemalloc.start()
    try:
        projection = parse_projection("invoice_items" + ".a" * 4_000, "")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 30_000
    assert projection is not None
    assert projection.apply(RECORD) == {"invoice_items": [{}, {}]}


@pytest.mark.parametrize("name", ["include_fields", "exclude_fields"])
def test_too_many_names(name: str) -> None:
    most = ["amount"] * limits.PROJECTION_NAMES_MAX
    assert parse_projection(",".join(most), "") is not None
    over = ",".join([*most, "amount"])
    with pytest.raises(Refusal) as caught:
        parse_projection(*((over, "") if name == "include_fields" else ("", over)))
    assert caught.value.problem is errors.ARGUMENT_INVALID
    assert caught.value.flaws[0].field == name


def test_d4_a_name_of_four_thousand_dots_is_only_unknown() -> None:
    deep = ".".join(["partner"] * 4_000)
    assert shown(deep) == {"partner": {}}
    assert shown("", deep) == RECORD
    assert shown("." * 4_000) == {}
