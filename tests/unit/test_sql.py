"""The composer of SQL: identifiers come from the catalogue, and no character of a user's is part of a statement."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.making import CHILD, EVERYTHING, own, tree

from tollbook.query.fields import INVOICES, PARTNERS, RESOURCES, TOKENS, Kind, Resource
from tollbook.query.filters import OPERATORS, Operator
from tollbook.query.listing import ListQuery, parse_list
from tollbook.store.dialect import POSTGRES
from tollbook.store.planning import Reach, plan_of
from tollbook.store.sql import Key, as_documents, beyond, compose, open_from, ordered_index

IDENTIFIERS = {
    *("r", "p", "x", "value", "json_extract", "json_each", "partner_tree", "descendant_sid", "ancestor_sid", "partner"),
    "invoice_created",
    *(word for resource in RESOURCES for word in (resource.name, resource.sid)),
    *(name for resource in RESOURCES for path in resource.paths() for name in path.split(".")),
}
KEYWORDS = set(
    re.findall(
        r"\w+",
        "AND OR IS NOT NULL IN LIKE GLOB ESCAPE EXISTS SELECT FROM WHERE JOIN ON ORDER BY ASC DESC NULLS FIRST LAST",
    )
)
TOKEN = re.compile(r"\s+|[A-Za-z_][A-Za-z_0-9]*|[().,?]|<>|<=|>=|[<>=&]|'\\'|\b1\b")

secrets = st.text("abcwyzæ'\"%_*?[];-() 0189\\", min_size=1, max_size=12)


def asked(query: str, resource: Resource = INVOICES) -> ListQuery:
    return parse_list(query, resource)


@st.composite
def conditions(draw: Any, resource: Resource) -> str:
    """One condition on an attribute of the resource, its value or pattern any text that fits."""
    path = draw(st.sampled_from(sorted(resource.paths())))
    first, _, rest = path.partition(".")
    outer = resource.by_name[first]
    field = (outer.part(rest) if rest else None) or outer
    if field.kind not in OPERATORS:
        path, field = resource.sid, resource.by_name[resource.sid]
    if field.kind is Kind.MAP:
        path += "." + draw(st.text("abcz_-:@é.", min_size=1, max_size=8))
    operator = draw(st.sampled_from(sorted(OPERATORS[field.kind])))
    value = draw(value_of(field.kind))
    if operator is Operator.IN:
        return f"{path} in ({value}, {value})"
    return f"{path} {operator} {draw(st.sampled_from(['null', value])) if operator in ('eq', 'ne') else value}"


def value_of(kind: Kind) -> st.SearchStrategy[str]:
    if kind is Kind.MONEY:
        return st.sampled_from(["-7.25", "9876543.21"])
    if kind is Kind.DECIMAL:
        return st.sampled_from(["-0.0025", "7.123456789"])
    if kind is Kind.INTEGER:
        return st.sampled_from(["5", "424242"])
    if kind is Kind.INSTANT:
        return st.just("2031-05-06")
    if kind is Kind.BOOLEAN:
        return st.sampled_from(["true", "false"])
    return secrets.map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("%", "\\%") + "'")


def is_pure(text: str) -> bool:
    """Whether SQL consists of the words of the composer and the catalogue, and nothing else."""
    tokens = TOKEN.findall(text)
    words = {token for token in tokens if token[0].isalpha()}
    return "".join(tokens) == text and words <= IDENTIFIERS | KEYWORDS


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_c1_taint_no_character_of_a_users_is_in_the_sql(resource: Resource) -> None:
    @given(st.lists(conditions(resource), min_size=1, max_size=4), st.sampled_from(["", "status,name desc"]))
    def check(written: list[str], order: str) -> None:
        order = order if resource is PARTNERS else ""
        composed = compose(asked(f"filter={quote(' and '.join(written))}&order={quote(order)}", resource))
        assert is_pure(f"{composed.where} {composed.order_by()} {composed.order_by(reverse=True)}")
        assert composed.where.count("?") == len(composed.parameters)
        anchor = tuple(f"anchor {number}" for number in range(len(composed.keys)))
        for reverse in (True, False):
            past = beyond(composed.keys, anchor, reverse=reverse)
            assert is_pure(past.text)
            assert past.text.count("?") == len(past.parameters)

    check()


def test_c1_the_taint_test_would_see_a_taint() -> None:
    assert is_pure("r.status = ? AND EXISTS (SELECT x.type FROM pay_items x WHERE x.amount <= ?)")
    for text in ("r.status = 'a'", "r.statuss = ?", "r.amount = 2", "r.status = ? -- a", "drop", "r.status = ?;"):
        assert not is_pure(text)


def test_e5_sight_comes_first_in_every_from() -> None:
    for sight, seen in ((own(), "r.partner_sid = ?"), (tree(), "r.partner_sid IN (SELECT descendant_sid FROM")):
        clause = open_from(INVOICES, sight, joined=True, index="invoice_by_status")
        assert clause.text.split(" WHERE ", 1)[1].startswith(seen)
        assert clause.parameters == [sight.partner_sid]
        assert clause.text.startswith(
            "FROM invoice r INDEXED BY invoice_by_status JOIN partner p ON p.partner_sid = r.partner_sid WHERE "
        )
    assert open_from(TOKENS, EVERYTHING).text == "FROM token r WHERE 1 = 1"
    assert open_from(TOKENS, EVERYTHING).parameters == []


@pytest.mark.parametrize(
    ("query", "joined"),
    [("", False), ("filter=partner.name eq a", True), ("order=partner.name", True), ("with_related=true", False)],
)
def test_c15_the_partner_is_joined_only_where_it_is_asked_about(query: str, joined: bool) -> None:
    assert compose(asked(query)).joined is joined


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", "r.date_created DESC, r.invoice_sid DESC"),
        ("amount", "r.amount ASC, r.invoice_sid ASC"),
        ("amount desc,status", "r.amount DESC, r.status ASC, r.invoice_sid ASC"),
        ("amount,status desc", "r.amount ASC, r.status DESC, r.invoice_sid DESC"),
        ("invoice_sid desc", "r.invoice_sid DESC"),
        ("invoice_sid,amount", "r.invoice_sid ASC, r.amount ASC"),
        ("partner.name desc", "p.name DESC, r.invoice_sid DESC"),
        ("partner.partner_sid", "p.partner_sid ASC, r.invoice_sid ASC"),
    ],
)
def test_ties_are_broken_by_the_sid_in_the_direction_of_the_last_key(order: str, expected: str) -> None:
    composed = compose(asked(f"order={order}"))
    assert composed.order_by() == f"ORDER BY {expected}"
    swapped = expected.replace("ASC", "-").replace("DESC", "ASC").replace("-", "DESC")
    assert composed.order_by(reverse=True) == f"ORDER BY {swapped}"


def test_e9_a_secret_is_null_in_every_clause() -> None:
    composed = compose(asked("filter=access_token ne abc and refresh_token eq null&order=access_token", TOKENS))
    assert composed.where == " AND (NULL <> ? OR NULL IS NULL) AND NULL IS NULL"
    assert composed.order_by() == "ORDER BY r.token_sid ASC"


def test_a_row_comparison_where_an_index_can_serve_it() -> None:
    keys = (Key("r.a", True, null=False), Key("r.s", True, null=False))
    assert beyond(keys, (1, "s"), reverse=False).text == " AND (r.a, r.s) < (?, ?)"
    assert beyond(keys, (1, "s"), reverse=True).text == " AND (r.a, r.s) > (?, ?)"


@pytest.mark.parametrize(
    ("anchor", "reverse", "text", "parameters"),
    [
        ((5, "s"), False, "((r.a > ?) OR (r.a = ? AND r.s > ?))", [5, 5, "s"]),
        ((5, "s"), True, "(((r.a < ? OR r.a IS NULL)) OR (r.a = ? AND r.s < ?))", [5, 5, "s"]),
        ((None, "s"), False, "((r.a IS NOT NULL) OR (r.a IS NULL AND r.s > ?))", ["s"]),
        ((None, "s"), True, "((r.a IS NULL AND r.s < ?))", ["s"]),
    ],
)
def test_null_is_lowest_beyond_an_anchor(
    anchor: tuple[Any, ...], reverse: bool, text: str, parameters: list[Any]
) -> None:
    keys = (Key("r.a", False, null=True), Key("r.s", False, null=False))
    clause = beyond(keys, anchor, reverse=reverse)
    assert (clause.text, clause.parameters) == (f" AND {text}", parameters)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "invoice_by_date_created"),
        ("order=date_created", "invoice_by_date_created"),
        ("order=amount", ""),
        ("order=date_created,amount", ""),
        ("order=invoice_sid", ""),
        ("order=shuffle", ""),
    ],
)
def test_the_index_that_yields_the_order(query: str, index: str) -> None:
    everyones = index.replace("invoice_by", "invoice_all_by")
    assert ordered_index(asked(query), compose(asked(query)), own(CHILD)) == index
    assert ordered_index(asked(query), compose(asked(query)), EVERYTHING) == everyones
    assert ordered_index(asked("", PARTNERS), compose(asked("", PARTNERS)), own()) == ""


def test_a_plan_is_composed_once() -> None:
    assert compose(asked("filter=paid eq true")) is compose(asked("filter=paid eq true"))


@pytest.mark.parametrize("sight", ["own", "tree", "all"])
@pytest.mark.parametrize("query", ["filter=status eq open", "offset=100", "order=amount", "offset=100&order=amount"])
def test_a_database_that_chooses_its_way_reads_no_document_before_it_knows_the_page(query: str, sight: Reach) -> None:
    plan = plan_of(asked(query), sight, POSTGRES)
    assert (plan.index, plan.walk, plan.many, plan.weighed) == ("", "", "", False)
    page, document = plan.sort.split("LIMIT ? OFFSET ?")
    assert "MATERIALIZED" in page
    assert "document" not in page
    assert "invoice_document" in document


def test_a_plain_list_is_a_range_of_documents_in_the_default_order_only() -> None:
    assert as_documents(asked("")) is not None
    assert as_documents(asked("order=date_created&offset=10")) is not None
    for query in (
        "offset=11",
        "order=shuffle",
        "order=amount",
        "order=date_created desc,invoice_sid".replace(" ", "+"),
        "filter=status+eq+open",
    ):
        assert as_documents(asked(query)) is None
