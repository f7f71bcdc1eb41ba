"""What a scope implies, and that a token never does more than its partner may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.billing.scopes import PARTNER_SCOPES, SCOPES, beyond, common, holds

some_scopes = st.sets(st.sampled_from(SCOPES), max_size=8)


def test_the_closed_list_has_each_scope_once() -> None:
    assert len(set(SCOPES)) == len(SCOPES) == 8 * 5 + 4
    assert set(PARTNER_SCOPES) <= set(SCOPES)


@pytest.mark.parametrize("verb", ["create", "read", "update", "delete", "manage"])
def test_manage_implies_the_four_verbs_of_its_area_only(verb: str) -> None:
    assert holds(["calls.manage"], f"calls.{verb}")
    assert not holds(["calls.manage"], f"sms.{verb}")


@pytest.mark.parametrize(
    ("held", "scope"),
    [
        ("invoices.manage", "invoices.read_descendant"),
        ("oauth.manage", "oauth.manage_all_tokens"),
        ("oauth.manage_all_tokens", "oauth.read"),
        ("invoices.read_descendant", "invoices.read"),
        ("invoices.read", "invoices.manage"),
        ("invoices.read", "invoices.update"),
        ("invoices", "invoices.read"),
        ("invoices.manage", "invoices"),
        ("invoices.manage", ""),
        ("Invoices.Read", "invoices.read"),
        ("invoices.manage", "invoices.readx"),
    ],
)
def test_e4_what_is_not_implied(held: str, scope: str) -> None:
    assert not holds([held], scope)


@given(some_scopes, some_scopes)
def test_e3_common_is_what_both_hold(asked: set[str], held: set[str]) -> None:
    both = common(asked, held)
    assert both == {scope for scope in SCOPES if holds(asked, scope) and holds(held, scope)}
    assert not beyond(both, held)
    assert not beyond(both, asked)
    assert common(both, held) == both


@given(st.lists(st.sampled_from(SCOPES)), some_scopes)
def test_beyond_keeps_the_order_asked(asked: list[str], held: set[str]) -> None:
    assert beyond(asked, held) == [scope for scope in asked if not holds(held, scope)]
