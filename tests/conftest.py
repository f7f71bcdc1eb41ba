"""What every test may use: hypothesis profiles, a fresh book, and the words of a refusal.

Profile `ci` runs the same examples each time; `prove`, chosen by TOLLBOOK_PROVE=1, runs many more, new ones each time.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.making import NOW, plant_family

from tollbook.clock import FixedClock
from tollbook.store import Store, create_store

PROVING = os.environ.get("TOLLBOOK_PROVE") == "1"

settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None, database=None)
settings.register_profile(
    "prove", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("prove" if PROVING else "ci")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """A fresh book in a file of its own: an operator, two children and a grandchild, no invoices."""
    made = create_store(str(tmp_path / "book.db"), FixedClock(NOW))
    plant_family(made)
    yield made
    made.close()
