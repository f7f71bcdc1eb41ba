"""Each rule as a whole invoice: what happened, and the JSON that must be served of it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.golden.stories import STORIES, Telling, told
from tests.simulation.book_laws import broken_laws

from tollbook.billing.currencies import minor_decimals
from tollbook.store import Writes


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_makes_the_invoices_that_it_must(path: Path, tmp_path: Path) -> None:
    story = told(path)
    telling = Telling(tmp_path, story)
    assert telling.served() == story["invoices"]
    if "imported" not in story:
        assert broken_laws(telling.engine.store, minor_decimals(story.get("currency", "USD"))) == []


@pytest.mark.postgres
@pytest.mark.parametrize("path", STORIES[::4], ids=lambda path: path.stem)
def test_a_story_in_which_every_act_is_run_twice(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another act came first it is run again; what the first run left in memory must not count."""
    from psycopg.errors import SerializationFailure

    from tollbook.store.postgres import PostgresStore

    once = PostgresStore._try

    def undone(act: Writes, do: Callable[[Writes], Any]) -> None:
        do(act)
        act.finish()
        raise SerializationFailure

    def twice(store: PostgresStore, do: Callable[[Writes], Any]) -> Any:
        with suppress(SerializationFailure):
            once(store, lambda act: undone(act, do))
        return once(store, do)

    monkeypatch.setattr(PostgresStore, "_try", twice)
    story = told(path)
    assert Telling(tmp_path, story).served() == story["invoices"]


def test_there_are_stories() -> None:
    assert len(STORIES) > 30
