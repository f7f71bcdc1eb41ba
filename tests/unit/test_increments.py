"""Measured time and billed blocks, against a walk in fractions of a second."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.billing.increments import (
    SECOND_NS,
    Convention,
    billed_runs,
    billed_seconds,
    measured_time,
    parse_seconds,
    started_seconds,
)

conventions = st.sampled_from(["after_minimum", "whole"])
measured_times = st.one_of(st.integers(0, 400 * SECOND_NS), st.integers(0, 400).map(lambda s: s * SECOND_NS))
steps_strategy: st.SearchStrategy[list[tuple[int, int]]] = st.just([]) | st.lists(
    st.tuples(st.integers(1, 200), st.integers(1, 60)), max_size=3, unique_by=lambda s: s[0]
).map(sorted)


def walked(
    measured: Fraction, minimum: int, increment: int, convention: Convention, steps: list[tuple[int, int]]
) -> list[tuple[int, int, int]]:
    """(begin, length, step) of each block, one after another, as the rules read."""
    if measured == 0:
        return []
    if measured <= minimum:
        return [(0, minimum, 0)]
    blocks = [(0, minimum, 0)] if convention == "after_minimum" and minimum else []
    while not blocks or blocks[-1][0] + blocks[-1][1] < measured:
        begins = blocks[-1][0] + blocks[-1][1] if blocks else 0
        step = sum(from_second <= begins for from_second, _ in steps)
        blocks.append((begins, steps[step - 1][1] if step else increment, step))
    return blocks


@given(measured_times, st.integers(0, 90), st.integers(1, 90), conventions, steps_strategy)
def test_blocks_are_those_of_the_rules(measured, minimum, increment, convention, steps) -> None:
    runs = billed_runs(started_seconds(measured), minimum, increment, convention, steps)
    blocks = [(run.begins + number * run.length, run.length, run.step) for run in runs for number in range(run.blocks)]
    assert blocks == walked(Fraction(measured, SECOND_NS), minimum, increment, convention, steps)
    assert all(former.ends == latter.begins for former, latter in pairwise(runs))
    if not steps:
        seconds = billed_seconds(started_seconds(measured), minimum, increment, convention)
        assert seconds == sum(length for _, length, _ in blocks)


@pytest.mark.parametrize(
    ("text", "minimum", "increment", "convention", "billed"),
    [
        ("31", 30, 6, "after_minimum", 36),
        ("31", 30, 18, "after_minimum", 48),
        ("31", 30, 18, "whole", 36),
        ("25", 30, 18, "whole", 30),
        ("25", 30, 18, "after_minimum", 30),
        ("60.0004", 60, 60, "after_minimum", 120),
        ("60.0004", 60, 60, "whole", 120),
        ("60", 60, 60, "after_minimum", 60),
        ("4.25", 60, 60, "after_minimum", 60),
        ("4.25015", 1, 1, "after_minimum", 5),
        ("0", 60, 60, "after_minimum", 0),
        ("0.000000001", 0, 1, "after_minimum", 1),
        ("0.000000001", 60, 60, "whole", 60),
    ],
)
def test_the_documented_examples(text, minimum, increment, convention, billed) -> None:
    assert billed_seconds(started_seconds(parse_seconds(text)), minimum, increment, convention) == billed


@given(st.integers(0, 10**9 - 1), st.integers(0, 10**9 - 1), st.integers(1, 9))
def test_a_duration_keeps_its_digits(whole: int, fraction: int, decimals: int) -> None:
    text = f"{whole}.{fraction:09}"[: len(str(whole)) + 1 + decimals]
    assert Fraction(parse_seconds(text), SECOND_NS) == Fraction(text)


@pytest.mark.parametrize("text", ["", "-1", "1e3", "1.", ".5", "1.0123456789", "1234567890", "NaN", "٣", "1 "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="seconds as a plain decimal"):
        parse_seconds(text)


def test_measured_time_is_stop_less_talk_and_a_duration_only_without_both() -> None:
    assert measured_time(1_000, 61_001, 5) == 60_001_000_000
    assert measured_time(None, 61_000, 99) == 0
    assert measured_time(None, None, 99) == 99
    with pytest.raises(ValueError, match="expected date_talk and date_stop, or a duration"):
        measured_time(None, None)
    with pytest.raises(ValueError, match="expected date_talk and date_stop, or a duration"):
        measured_time(1_000, None, 99)
    with pytest.raises(ValueError, match="date_stop is before date_talk"):
        measured_time(1_001, 1_000)
    assert measured_time(0, 31 * 86_400_000) == 31 * 86_400 * SECOND_NS
    with pytest.raises(ValueError, match="at most 2678400 seconds"):
        measured_time(0, 31 * 86_400_000 + 1)
