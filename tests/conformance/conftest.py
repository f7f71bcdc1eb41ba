"""Every store there is: what the suite in this folder is run on. Another store is one more entry of STORES."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.making import NOW, plant_family

from tollbook.clock import FixedClock
from tollbook.store import Store, create_store


def _sqlite(folder: Path) -> Store:
    return create_store(str(folder / "book.db"), FixedClock(NOW))


Plant = Callable[[Store], None]
STORES: dict[str, Callable[[Path], Store]] = {"sqlite": _sqlite}
"""How an empty store is made in a folder."""


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A fresh store with the family, without invoices; its clock is a FixedClock at NOW."""
    made = STORES[request.param](tmp_path)
    plant_family(made)
    yield made
    made.close()


@pytest.fixture(scope="module", params=STORES)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Plant], Store]]:
    """A store with the family and what a function plants in it, made once a module: for tests that only read."""
    made: dict[Plant, Store] = {}

    def planted(plant: Plant) -> Store:
        if plant not in made:
            made[plant] = STORES[request.param](tmp_path_factory.mktemp("shared"))
            plant_family(made[plant])
            plant(made[plant])
        return made[plant]

    yield planted
    for each in made.values():
        each.close()
