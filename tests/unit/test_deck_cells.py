"""The cells of a deck: prices, increments, codes, networks and senders in every dress that carriers give them."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.decks import billionths, codes, deck

from tollbook import limits
from tollbook.mediation.deck_cells import (
    read_increments,
    read_mccmnc,
    read_mnc,
    read_prefixes,
    read_price,
    read_sender,
)
from tollbook.mediation.deck_headings import delimiter_of
from tollbook.money import format_rate


@given(billionths, st.sampled_from(["{}", "${}", "$ {}", "{} $", "USD {}", "{} USD", "{}USD"]), st.integers(0, 4))
def test_prices_in_every_dress(price: int, dress: str, zeros: int) -> None:
    text = format_rate(price)
    text = f"{text}{'' if '.' in text else '.'}{'0' * zeros}"
    for written in {text, text.removeprefix("0") if price and text.startswith("0.") else text}:
        assert read_price(dress.format(written)) == price
        assert read_price(dress.format(written.replace(".", ",")), comma=True) == price


@pytest.mark.parametrize(
    "text",
    ["", "$", ".", ",", "-1", "+1", "1e3", "1.2.3", "0x1", "1 2", "٣", "NaN", "1_0", "1,000.5", "$$1", "US$1 $", "1%"],
)
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read_price(text, comma=True)


def test_a_decimal_comma_where_commas_part_cells_is_told() -> None:
    with pytest.raises(ValueError, match="decimal comma"):
        read_price("0,5")
    found = deck("code,rate", '44,"0,5"')
    assert "decimal comma" in found.bad[0].reason


@pytest.mark.parametrize(("text", "currency"), [("€1", "USD"), ("1 EUR", "USD"), ("£1", "EUR"), ("USD 1", "EUR")])
def test_another_currency_is_told(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"the book is in {currency}"):
        read_price(text, currency)


def test_the_books_own_currency_is_read() -> None:
    assert read_price("€0.5", "EUR") == read_price("0.5 EUR", "EUR") == read_price("¥0.5", "JPY") == 5 * 10**8
    assert read_price("$0.5", "CAD") == 5 * 10**8


seconds = st.integers(1, limits.BLOCK_SECONDS_MAX)


@given(st.integers(0, limits.BLOCK_SECONDS_MAX), seconds, st.sampled_from("/-:+;|"), st.sampled_from(["", " "]))
def test_increments_in_every_dress(minimum: int, increment: int, sign: str, blank: str) -> None:
    assert read_increments(f"{minimum}{blank}{sign}{blank}{increment}") == (minimum, increment)
    assert read_increments(f"{minimum}s{sign}{increment}s") == (minimum, increment)
    assert read_increments(str(increment)) == (increment, increment)


@given(st.text("0123456789/-: sx.,", max_size=8))
def test_increments_are_two_numbers_or_nothing(text: str) -> None:
    try:
        minimum, increment = read_increments(text)
    except ValueError:
        return
    assert 0 <= minimum <= limits.BLOCK_SECONDS_MAX
    assert 1 <= increment <= limits.BLOCK_SECONDS_MAX
    assert text.startswith(str(minimum)) or text.lstrip("0").startswith(str(minimum).lstrip("0"))


@pytest.mark.parametrize("text", ["", "/", "6/", "/6", "1/1/1", "0", "6/0", "86401", "1/86401", "60.5", "a", "٦/٦"])
def test_what_are_no_increments(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_increments(text)


@given(st.lists(codes, min_size=1, max_size=9), st.sampled_from([",", ", ", ";", " | ", "\n"]), st.booleans())
def test_several_codes_in_one_cell(found: list[str], delimiter: str, plus: bool) -> None:
    assert read_prefixes(delimiter.join(f"{'+' if plus else ''}{code}" for code in found)) == found


@given(codes, st.integers(0, 300))
def test_ranges_are_every_code_between(first: str, more: int) -> None:
    last = str(int(first) + more)
    assume(len(last) == len(first))
    assert read_prefixes(f"{first}-{last}") == [str(int(first) + n) for n in range(more + 1)]
    assert read_prefixes(f"{first} – {last}", "1")[-1] == f"1{last}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("44x", "a code of digits"), ("4.4", "a code of digits"), ("44*", "a code of digits"),
        ("٤٤", "a code of digits"),
        ("4429-4420", "a range rises"), ("1000000-9999999", "holds at most 10000 codes"), ("1-22", "as many digits"),
        (",", "a code of digits"), (";".join(f"{n}000-{n}999" for n in range(10, 21)), "more than 10000 codes"),
        ("1" * 21, "a code of digits"),
    ],
)  # fmt: skip
def test_what_are_no_codes(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_prefixes(text)


@pytest.mark.parametrize("text", ["", "*", "any", "Default", "ANY", "other"])
def test_the_catch_all_is_written_in_many_ways(text: str) -> None:
    assert read_prefixes(text) == [None]
    assert read_mnc(text) is None
    assert read_mccmnc(text) == (None, None)
    assert read_sender(text) is None


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("Short Code", "short_code"), ("short_code", "short_code"), ("10DLC", "toll"), ("toll-free", "toll_free"),
        ("Toll", "toll"),
    ],
)  # fmt: skip
def test_senders(text: str, sender: str) -> None:
    assert read_sender(text) == sender
    with pytest.raises(ValueError, match="expected short code"):
        read_sender(text + "x")


@pytest.mark.parametrize(
    ("line", "found"), [("a,b;c", ","), ("a;b;c,d", ";"), ('"a,b,c";d', ";"), ("a\tb", "\t"), ("", ",")]
)
def test_the_delimiter_is_what_stands_most_often_outside_quotes(line: str, found: str) -> None:
    assert delimiter_of(line) == found
