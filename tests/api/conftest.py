"""Worlds to ask questions of: one of a test's own, and one that only readers share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.client import World, make_world
from tests.api.shelf import fill_shelf

collect_ignore = ["schemathesis_hooks.py"]  # loaded by another program, which tells it where the server is


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of this test's own, without invoices."""
    made = make_world(tmp_path)
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with invoices that nobody may change."""
    made = make_world(tmp_path_factory.mktemp("shelf"))
    fill_shelf(made)
    yield made
    made.store.close()
