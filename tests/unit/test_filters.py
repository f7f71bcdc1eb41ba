"""The filter language: what each operator takes of each kind, where a message points, and what is hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook import errors, limits
from tollbook.errors import Problem, Refusal
from tollbook.query.fields import INVOICES, PARTNERS, TOKENS, Field, Kind, Resource
from tollbook.query.filters import OPERATORS, Condition, Operator, parse_filter

DECK = Resource("rate", "/rates", "calls", "price", "price", (Field("price", Kind.DECIMAL, ""),))
OF_KIND = {
    Kind.TEXT: "status", Kind.SID: "invoice_sid", Kind.MONEY: "amount", Kind.INTEGER: "invoice_items.usage",
    Kind.INSTANT: "date_created", Kind.BOOLEAN: "paid", Kind.MAP: "partner.attributes.county",
    Kind.WORDS: "partner.available_scopes", Kind.DECIMAL: "price",
}  # fmt: skip
VALUES: dict[Kind, tuple[str, object]] = {
    Kind.MONEY: ("0.380", 380_000), Kind.INTEGER: ("12", 12), Kind.INSTANT: ("2024-10-31", 1_730_332_800_000),
    Kind.BOOLEAN: ("true", True), Kind.DECIMAL: ("-0.00250", -2_500_000),
}  # fmt: skip
MALFORMED = {
    Kind.MONEY: ["abc", "1e2", "٣", "NaN", "+5", ".5", "5.", "-0", "1_000", '""', '" 1"', "9" * 11, "0.1234567"],
    Kind.DECIMAL: ["abc", "1e2", "٣", "NaN", "+5", ".5", "5.", "-0.0", "1_000", '""', "9" * 10, "0.1234567891"],
    Kind.INTEGER: ["1.0", "1e3", "٣", "+5", '" 5 "', "1_0", "9" * 16, '""', "true", "0x10"],
    Kind.INSTANT: ["yesterday", "2024", "20241031", "2024-13-01", "0000-01-01", '""', "2024-01-01T24:00:00", "1"],
    Kind.BOOLEAN: ["yes", "1", "TRUE", "True", '""', "t"],
}  # fmt: skip


def one(text: str, resource: Resource = INVOICES):
    (condition,) = parse_filter(text, resource)
    return condition


def refused(text: str, problem: Problem, resource: Resource = INVOICES) -> str:
    with pytest.raises(Refusal) as caught:
        parse_filter(text, resource)
    assert caught.value.problem is problem
    (flaw,) = caught.value.flaws
    assert flaw.field == "filter"
    return flaw.message


def names(path: tuple[Field, ...]) -> list[str]:
    return [field.name for field in path]


# The grammar.


@pytest.mark.parametrize("kind", OF_KIND, ids=str)
@pytest.mark.parametrize("operator", Operator)
def test_every_operator_with_every_kind(kind: Kind, operator: Operator) -> None:
    word, value = VALUES.get(kind, ("open", "open"))
    given_value = f"({word}, '{word}')" if operator is Operator.IN else word
    for spelt in (operator.value, operator.value.upper(), operator.value.title()):
        text = f"{OF_KIND[kind]} {spelt} {given_value}"
        resource = DECK if kind is Kind.DECIMAL else INVOICES
        if operator in OPERATORS[kind]:
            condition = one(text, resource)
            assert condition.field.kind is kind
            assert condition.operator is operator
            assert condition.values == ((value, value) if operator is Operator.IN else (value,))
        else:
            message = refused(text, errors.FILTER_UNFIT, resource)
            at = len(OF_KIND[kind]) + 2
            assert message == f"position {at}: {operator} does not fit {OF_KIND[kind]}, which is {kind.value}"


@pytest.mark.parametrize("kind", OF_KIND, ids=str)
@pytest.mark.parametrize("operator", ["eq", "ne"])
def test_c9_everything_may_be_compared_with_null(kind: Kind, operator: str) -> None:
    assert one(f"{OF_KIND[kind]} {operator} null", DECK if kind is Kind.DECIMAL else INVOICES).values == ()


@pytest.mark.parametrize("operator", [op for op in Operator if op not in ("eq", "ne", "in")])
def test_c9_null_goes_with_eq_and_ne_only(operator: Operator) -> None:
    name = "invoice_items.usage" if operator is Operator.BIT else "status"
    message = refused(f"{name} {operator} null", errors.FILTER_UNFIT)
    assert message == f"position {len(name) + len(operator) + 3}: null goes with eq and ne only"
    assert "null cannot stand in a list" in refused("status in (open, null)", errors.FILTER_UNFIT)


def test_c9_only_a_bare_null_is_null() -> None:
    assert one('status eq "null"').values == one("status eq 'null'").values == ("null",)
    assert one("status eq NULL").values == ("NULL",)
    refused('date_issued eq "null"', errors.FILTER_UNFIT)


@pytest.mark.parametrize("text", ["", " ", "\t \t", " " * limits.FILTER_CHARS_MAX])
def test_a_blank_filter_is_absent(text: str) -> None:
    assert parse_filter(text, INVOICES) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status eq open", "open"),
        ("status\teq   open ", "open"),
        ("status eq'open'", "open"),
        ('status eq "it\'s"', "it's"),
        ("status eq 'say \"x\"'", 'say "x"'),
        (r'status eq "a\"b"', 'a"b'),
        (r"status eq 'a\'b'", "a'b"),
        (r'status eq "a\\b"', "a\\b"),
        (r'status eq "a\b"', "ab"),
        ('status eq ""', ""),
        ('status eq " open "', " open "),
        ('status eq "and"', "and"),
        ("status eq and", "and"),
        ("status eq or", "or"),
        ("status eq a:b-c+d.e%f_g/h@i", "a:b-c+d.e%f_g/h@i"),
        ("status eq Æøå", "Æøå"),
        ('status eq "🎺 \u202e"', "🎺 \u202e"),
        ('status eq "a,(b)"', "a,(b)"),
    ],
)
def test_values_bare_and_quoted(text: str, expected: str) -> None:
    assert one(text).values == (expected,)


@pytest.mark.parametrize("joiner", ["and", "AND", " And "])
def test_conditions_are_joined_by_and(joiner: str) -> None:
    found = parse_filter(f"amount gt 1 {joiner} status eq open {joiner} paid ne true", INVOICES)
    assert [names(c.path) for c in found] == [["amount"], ["status"], ["paid"]]


@pytest.mark.parametrize(
    ("name", "path", "key"),
    [
        ("invoice_items.amount", ["invoice_items", "amount"], None),
        ("pay_items.type", ["pay_items", "type"], None),
        ("partner.name", ["partner", "name"], None),
        ("partner.attributes.tax_id", ["partner", "attributes"], "tax_id"),
        ("partner.attributes.a.b", ["partner", "attributes"], "a.b"),
        ("partner.available_scopes", ["partner", "available_scopes"], None),
    ],
)
def test_dotted_paths(name: str, path: list[str], key: str | None) -> None:
    condition = one(f'{name} ne "1"' if "amount" not in name else f"{name} ne 1")
    assert (names(condition.path), condition.key) == (path, key)


def test_paths_of_the_other_lists() -> None:
    assert one("attributes.county eq Kern", PARTNERS).key == "county"
    assert names(one("scopes eq invoices.read", TOKENS).path) == ["scopes"]
    assert names(one("partner.login eq x", TOKENS).path) == ["partner", "login"]


def test_in_takes_a_list_of_values() -> None:
    assert one("status in (open, \"c d\",'e')").values == ("open", "c d", "e")
    assert one("amount IN(1)").values == (1_000_000,)
    assert one("status in (open, open)").values == ("open", "open")


# Where a message points.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("status", "position 7: expected an operator, found the end"),
        ("status eq  ", "position 10: expected a value, found the end"),
        ("status eq open and", "position 19: expected an attribute, found the end"),
        ("status in", "position 10: expected (, found the end"),
        ("status in (", "position 12: expected a value, found the end"),
        ("status in (a", "position 13: expected , or ), found the end"),
        ("status in ()", "position 12: expected a value, found )"),
        ("status in (a,)", "position 14: expected a value, found )"),
        ("status in (a b)", "position 14: expected , or ), found b"),
        ("status in open", "position 11: expected ( after in, found open"),
        ("status in (a, (b))", "position 15: expected a value, found ("),
        ('"status" eq open', "position 1: expected an attribute, found status"),
        (") eq open", "position 1: expected an attribute, found )"),
        ("status eq ,", "position 11: expected a value, found ,"),
        ("status eq open status", "position 16: expected and, found status"),
        ('status eq open "and" paid eq true', "position 16: expected and, found and"),
        ("status eq open, paid eq true", "position 15: expected and, found ,"),
        ("status eq open)", "position 15: expected and, found ); conditions are joined by and only"),
        ("status eq (open)", "position 11: expected a value, found (; conditions are joined by and only"),
        ("paid eq true not paid eq true", "position 14: expected and, found not; conditions are joined by and only"),
        ('paid eq true "or" paid eq true', "position 14: expected and, found or"),
        ("status = open", "position 8: = is no operator; write eq, ne, lt, le, gt, ge, in, like, ilike, bit"),
        ("  status eq a*b", "position 14: * cannot stand here; put the value in quotes"),
        ("ééé eq ü;", "position 9: ; cannot stand here; put the value in quotes"),
    ],
)
def test_a_message_points_at_the_position(text: str, message: str) -> None:
    assert refused(text, errors.FILTER_SYNTAX) == message


@pytest.mark.parametrize("word", ["eqq", "==", "is", "not", '"eq"', "(", ","])
def test_what_is_no_operator(word: str) -> None:
    message = refused(f"status {word} open", errors.FILTER_SYNTAX)
    assert message.startswith("position 8: ")
    if "=" not in word:
        assert "expected an operator (eq, ne, lt, le, gt, ge, in, like, ilike, bit), found" in message


@pytest.mark.parametrize("kind", MALFORMED, ids=str)
def test_c8_values_of_the_wrong_shape(kind: Kind) -> None:
    resource = DECK if kind is Kind.DECIMAL else INVOICES
    for word in MALFORMED[kind]:
        name = OF_KIND[kind]
        assert refused(f"{name} eq {word}", errors.FILTER_UNFIT, resource).startswith(f"position {len(name) + 5}: ")
        if Operator.IN in OPERATORS[kind]:
            message = refused(f"{name} in ({word})", errors.FILTER_UNFIT, resource)
            assert message.startswith(f"position {len(name) + 6}: ")


def test_c8_money_compares_by_value() -> None:
    assert one("amount eq 0.380") == one("amount eq 0.38") == one('amount eq "00.38"')
    assert one("amount eq -5").values == (-5_000_000,)


@pytest.mark.parametrize("text", ["2024-10-31T18:00:00", "2024-10-31T18:00:00.000Z", '"2024-10-31T19:00:00+01:00"'])
def test_dates_are_instants(text: str) -> None:
    assert one(f"date_created ge {text}") == one("date_created ge 2024-10-31T18:00:00+00:00")


def test_bit_wants_a_whole_number_that_is_not_negative() -> None:
    assert one("invoice_items.usage bit 0").values == (0,)
    assert "not negative" in refused("invoice_items.usage bit -1", errors.FILTER_UNFIT)


# Hostile rows.


@pytest.mark.parametrize(
    "text",
    [
        "status eq 'x' or '1'='1",
        "status eq 'x' or '1'='1'",
        "status eq open; drop table invoice",
        'status eq "a" --',
        "status eq open /* x */",
        "1=1",
        "status eq open union select 1",
        "status eq open and 1 eq 1",
    ],
)
def test_c1_injections_are_not_in_the_language(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_filter(text, INVOICES)
    assert caught.value.problem.status == 400


@pytest.mark.parametrize(
    "name",
    [
        "__class__", "__dict__.x", "partner.token_hash", "partner.password_hash", "password_hash", "origin", "rowid",
        "partner.password", "Status", "STATUS", "status.x", "paid.", ".paid", "partner..name", "partner.name.x", "and",
        "invoice_items.amount.x", "invoice_items.position", "partner.parent_sid.name", "r.status", "document", "nоte",
    ],
)  # fmt: skip
def test_c2_hidden_and_nonexistent_are_one_and_the_same(name: str) -> None:
    message = refused(f"{name} eq 1", errors.FILTER_UNKNOWN_FIELD)
    assert message.startswith(f"position 1: unknown attribute {name}")
    assert message.partition("; did you mean ")[2].rstrip("?") in {"", *INVOICES.paths()}


def test_c2_the_nearest_name_is_given() -> None:
    assert refused("stauts eq open", errors.FILTER_UNKNOWN_FIELD).endswith("; did you mean status?")
    assert refused("paid eq true and x eq 1", errors.FILTER_UNKNOWN_FIELD).startswith("position 18: ")


@pytest.mark.parametrize("name", ["invoice_items", "partner", "partner.attributes", "partner.attributes.", "tax_items"])
def test_arrays_and_objects_cannot_be_compared_themselves(name: str) -> None:
    for comparison in ("eq null", "like a", "eq 1"):
        message = refused(f"{name} {comparison}", errors.FILTER_UNFIT)
        assert message == f"position 1: {name} cannot be compared itself; name an attribute within it"


def test_c3_ten_thousand_conditions() -> None:
    most = " and ".join(["paid eq true"] * limits.FILTER_CONDITIONS_MAX)
    assert len(parse_filter(most, INVOICES)) == limits.FILTER_CONDITIONS_MAX == 20
    assert refused(most + " and paid eq true", errors.FILTER_TOO_LARGE) == "position 341: more than 20 conditions"
    far_more = refused(most + " and paid eq true" * 10_000, errors.FILTER_TOO_LARGE)
    assert far_more == "position 2001: more than 2000 characters"


def test_c3_the_longest_filter() -> None:
    assert len(parse_filter(f"status eq {'a' * (limits.FILTER_CHARS_MAX - 10)}", INVOICES)) == 1
    refused(f"status eq {'a' * (limits.FILTER_CHARS_MAX - 9)}", errors.FILTER_TOO_LARGE)


def test_c3_ten_thousand_choices() -> None:
    most = ",".join(["1"] * limits.FILTER_CHOICES_MAX)
    assert len(one(f"amount in ({most})").values) == limits.FILTER_CHOICES_MAX
    assert refused(f"amount in ({most},1)", errors.FILTER_TOO_LARGE) == "more than 200 values in one list"


@pytest.mark.parametrize("text", ["(" * 1_990, "(status eq open)", "not status eq open", "NOT (paid eq true)", "not"])
def test_c4_parentheses_and_not_are_told_from_typos(text: str) -> None:
    message = refused(text, errors.FILTER_SYNTAX)
    assert message.startswith("position 1: ")
    assert message.endswith("is not in the language; conditions are joined by and only")


@pytest.mark.parametrize("word", ["not", "NOT", "("])
def test_c4_not_before_an_operator_is_told_from_typos(word: str) -> None:
    message = refused(f"status {word} eq open", errors.FILTER_SYNTAX)
    assert message.startswith("position 8: expected an operator (eq, ne, ")
    assert message.endswith(f"found {word}; conditions are joined by and only")


@pytest.mark.parametrize("word", ["or", "OR", "Or"])
def test_c4_or_is_told_from_typos(word: str) -> None:
    message = refused(f"status eq open {word} status eq closed", errors.FILTER_SYNTAX)
    assert message == f"position 16: expected and, found {word}; conditions are joined by and only"


def test_c5_long_patterns() -> None:
    assert one(f"status like {'a' * limits.PATTERN_CHARS_MAX}")
    for text in ("a" * 101, "_" * 101, "%a" * 51):
        assert "more than 100 characters" in refused(f"status like {text}", errors.FILTER_TOO_LARGE)
    assert "more than 2000 characters" in refused(f'status ilike "{"%a" * 30_000}"', errors.FILTER_TOO_LARGE)


def test_c5_many_wildcards() -> None:
    assert one("status like %a%b%c%d%")
    assert one(r'status like "%a%b%c%d%\%\%"')
    message = refused("paid eq true and status ilike %a%b%c%d%e%", errors.FILTER_TOO_LARGE)
    assert message == "position 31: a pattern with more than 5 %"


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("a%_b", "a%_b"),
        (r'"100\%"', r"100\%"),
        (r'"a\_b"', r"a\_b"),
        (r'"a\\b"', r"a\\b"),
        (r'"a\\%"', r"a\\%"),
        (r'"a\bc"', "abc"),
        (r"'\''", "'"),
        ('"*?[x]"', "*?[x]"),
    ],
)
def test_c7_a_backslash_makes_the_next_character_literal(written: str, pattern: str) -> None:
    assert one(f"status like {written}").values == (pattern,)
    assert one(f"status ilike {written}").values == (pattern,)


@pytest.mark.parametrize(
    "text", ['status eq "open', "status eq 'open", 'status eq "', 'status eq "open\\', 'status eq "a\\"']
)
def test_c14_an_unclosed_quote(text: str) -> None:
    assert refused(text, errors.FILTER_SYNTAX) == "position 11: the quote opened here is not closed"


@pytest.mark.parametrize("quote", "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb`´")
def test_c14_smart_quotes(quote: str) -> None:
    assert refused(f"status eq {quote}open{quote}", errors.FILTER_SYNTAX) == (
        "position 11: a typographic quote; use \" or '"
    )


@pytest.mark.parametrize(
    "character", ["\0", "\n", "\r", "\x1b", "\u200f", "\u202e", "\u00a0", "\ufeff", "\u2028", "\u3000"]
)
def test_c14_characters_that_are_not_seen(character: str) -> None:
    message = refused(f"status {character} eq open", errors.FILTER_SYNTAX)
    assert message == f"position 8: U+{ord(character):04X} cannot stand here; put the value in quotes"


def test_c14_many_spaces_and_nested_quotes() -> None:
    assert one("status" + " " * 1_900 + "eq open").values == ("open",)
    refused("status" + " " * 10_000 + "eq open", errors.FILTER_TOO_LARGE)
    assert refused("status eq \"a'b\"c'", errors.FILTER_SYNTAX) == "position 17: the quote opened here is not closed"


@given(st.text(max_size=60) | st.text(st.sampled_from("status eq amount and in (),\"'\\%null1.-"), max_size=80))
def test_c14_any_text_is_read_or_refused(text: str) -> None:
    try:
        told: tuple[object, ...] = parse_filter(text, INVOICES)
    except Refusal as refusal:
        told = (refusal.problem.status, *(flaw.field for flaw in refusal.flaws))
    assert told == (400, "filter") or all(isinstance(each, Condition) for each in told)


words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


@given(words, st.sampled_from("\"'"))
def test_every_text_can_be_written_in_quotes(value: str, quote: str) -> None:
    written = "".join("\\" + character if character in (quote, "\\") else character for character in value)
    first, second = parse_filter(f"status eq {quote}{written}{quote} and paid eq true", INVOICES)
    assert (first.values, second.values) == ((value,), (True,))


def test_the_scanner_is_linear() -> None:
    for text in ('"' + "\\" * 1_998, "a" * 2_000, "(" * 2_000, "'" * 1_999, "%" * 2_000, "," * 2_000):
        with pytest.raises(Refusal):
            parse_filter(text, INVOICES)
