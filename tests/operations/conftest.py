"""Books that the tests of several files begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine import Engine
from tests.operations.archives import make_small, two_months


@pytest.fixture
def lived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A book of two months to put away, in files of many groups and by many acts."""
    make_small(monkeypatch)
    engine = two_months(tmp_path)
    yield engine
    engine.store.close()
