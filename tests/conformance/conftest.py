"""The store that the suite in this folder is run on: `tests.stores` says which."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.making import NOW, plant_family
from tests.stores import fresh_store

from tollbook.clock import FixedClock
from tollbook.store import Store

Plant = Callable[[Store], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A fresh store with the family, without invoices; its clock is a FixedClock at NOW."""
    made = fresh_store(tmp_path, FixedClock(NOW))
    plant_family(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Plant], Store]]:
    """A store with the family and what a function plants in it, made once a module: for tests that only read."""
    made: dict[Plant, Store] = {}

    def planted(plant: Plant) -> Store:
        if plant not in made:
            made[plant] = fresh_store(tmp_path_factory.mktemp("shared"), FixedClock(NOW))
            plant_family(made[plant])
            plant(made[plant])
        return made[plant]

    yield planted
    for each in made.values():
        each.close()
