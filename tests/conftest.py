"""What every test may use: hypothesis profiles, a fresh book, and the words of a refusal.

Profile `ci` runs the same examples each time; `prove`, chosen by TOLLBOOK_PROVE=1, runs many more, new ones each time.
`--seed N` runs those of a number, the same each time.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.making import NOW, plant_family
from tests.stores import ON_POSTGRES, end_server, fresh_store

from tollbook.clock import FixedClock
from tollbook.store import Store

PROVING = os.environ.get("TOLLBOOK_PROVE") == "1"

settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None, database=None)
settings.register_profile(
    "prove", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("prove" if PROVING else "ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seed N`, a short name for what hypothesis has already."""
    parser.addoption("--seed", dest="hypothesis_seed", metavar="N", help="the examples of that number, to replay a run")


def pytest_configure(config: pytest.Config) -> None:
    """A run by its number makes its own examples, not those of every day."""
    if config.getoption("hypothesis_seed") is not None:
        settings.register_profile(
            "seeded", settings.get_profile(settings.get_current_profile_name()), derandomize=False
        )
        settings.load_profile("seeded")


def pytest_sessionfinish() -> None:
    """Leave no server and no folder of one behind."""
    end_server()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database: books in files on PostgreSQL, that server otherwise."""
    other = "files" if ON_POSTGRES else "postgres"
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker(other)])
    items[:] = [item for item in items if not item.get_closest_marker(other)]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """A fresh book in a file of its own: an operator, two children and a grandchild, no invoices."""
    made = fresh_store(tmp_path, FixedClock(NOW))
    plant_family(made)
    yield made
    made.close()
