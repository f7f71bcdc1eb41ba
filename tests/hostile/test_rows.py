"""Every row of hostile inputs has a test or a written reason."""

import re
from pathlib import Path

from tests.hostile.rows import ELSEWHERE, REASONS, ROWS

TESTS = Path(__file__).resolve().parents[1]


def rows_tested() -> set[str]:
    """The rows whose id a test's name carries."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        for ids in re.findall(r"^ *def test_((?:[a-e][0-9]+_)+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.update(ids.upper().strip("_").split("_"))
    return found


def test_every_row_has_a_test_or_a_reason() -> None:
    assert sorted(set(ROWS) - rows_tested() - set(REASONS) - set(ELSEWHERE)) == []


def test_a_reason_stands_only_where_there_is_no_test() -> None:
    assert sorted(set(REASONS) & (rows_tested() | set(ELSEWHERE))) == []
    assert set(REASONS) | set(ELSEWHERE) <= set(ROWS)


def test_what_is_proven_elsewhere_is_there() -> None:
    for name in ELSEWHERE.values():
        assert "def test_" in (TESTS.parent / name).read_text(encoding="utf-8")


def test_a_test_names_no_row_that_is_not_in_the_table() -> None:
    known = set(ROWS) | {f"A{number}" for number in range(1, 20)}
    assert sorted(rows_tested() - known) == []
