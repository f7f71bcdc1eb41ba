"""The compiled deck answers what looking at every prefix answers."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.billing.prefixes import Prefixes

few_digits = st.text(st.sampled_from("0129"), min_size=1, max_size=5)
decks = st.lists(st.one_of(st.none(), few_digits, st.text("0123456789", min_size=1, max_size=8)), unique=True)


def longest(deck: list[str | None], number: str) -> int | None:
    found = [prefix for prefix in deck if prefix is not None and number.startswith(prefix)]
    if found:
        return deck.index(max(found, key=len))
    return deck.index(None) if None in deck else None


@given(decks, st.lists(st.one_of(few_digits, st.text("0123456789", max_size=15)), min_size=1))
def test_rating_equals_brute_force(deck: list[str | None], numbers: list[str]) -> None:
    compiled = Prefixes(deck)
    near = [prefix + tail for prefix in deck if prefix for tail in ("", "0", "9")]
    for number in [*numbers, *near]:
        assert compiled.find(number) == longest(deck, number)


@given(decks)
def test_the_intervals_are_sorted_and_disjoint(deck: list[str | None]) -> None:
    compiled = Prefixes(deck)
    assert len(compiled.bounds) == len(compiled.owners)
    assert all(former <= latter for former, latter in pairwise(compiled.bounds))


@given(decks.filter(lambda deck: len(deck) > 1), st.randoms())
def test_the_order_of_a_deck_changes_nothing(deck: list[str | None], chance: random.Random) -> None:
    shuffled = chance.sample(deck, len(deck))
    before, after = Prefixes(deck), Prefixes(shuffled)
    for number in (prefix or "777" for prefix in deck):
        ours, theirs = before.find(number), after.find(number)
        assert (ours is None) == (theirs is None)
        assert ours is None or theirs is None or deck[ours] == shuffled[theirs]


@pytest.mark.parametrize("prefix", ["", "+44", "4a", "٤٤", " 44", "-1"])
def test_a_prefix_is_digits(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix of digits"):
        Prefixes(["1", prefix])


@pytest.mark.parametrize(("deck", "name"), [(["44", "1", "44"], "44"), ([None, "1", None], "catch-all")])
def test_a_prefix_stands_once(deck: list[str | None], name: str) -> None:
    with pytest.raises(ValueError, match=f"the prefix {name} stands twice"):
        Prefixes(deck)


def test_a_deck_of_fifty_thousand_answers_with_the_longest() -> None:
    chance = random.Random(7)
    deck = sorted({str(chance.randrange(1, 10 ** chance.randint(1, 7))) for _ in range(60_000)})
    compiled = Prefixes(deck)
    for number in ("442071838750", *deck[::5_000]):
        longest = max((place for place, prefix in enumerate(deck) if number.startswith(prefix)), default=None)
        assert compiled.find(number) == longest
