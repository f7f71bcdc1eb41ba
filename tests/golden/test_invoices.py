"""Each rule as a whole invoice: what happened, and the JSON that must be served of it."""

from pathlib import Path

import pytest
from tests.golden.stories import STORIES, Telling, told
from tests.simulation.book_laws import broken_laws

from tollbook.billing.currencies import minor_decimals


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_makes_the_invoices_that_it_must(path: Path, tmp_path: Path) -> None:
    story = told(path)
    telling = Telling(tmp_path, story)
    assert telling.served() == story["invoices"]
    if "imported" not in story:
        assert broken_laws(telling.engine.store, minor_decimals(story.get("currency", "USD"))) == []


def test_there_are_stories() -> None:
    assert len(STORIES) > 30
