"""`tollbook archive`: months are put away and come back, and what became of each is told."""

from pathlib import Path

import pytest
from tests.cli.conftest import Tollbook
from tests.cli.test_usage import HEADING, row


@pytest.fixture
def closed(tollbook: Tollbook) -> None:
    """A book with a closed month and an open one."""
    assert tollbook("init", "--sandbox", "--clock", "2025-01-01T00:00:00Z").status == 0
    cycle = ("--cycle", "calendar_month")
    acme = tollbook("partner", "add", "--name", "Acme", *cycle, "--json").json["partner_sid"]
    assert tollbook("clock", "set", "2025-01-31T00:00:00Z").status == 0
    heading, price = HEADING.replace("\n", ",price\n"), "0.01"
    Path("calls.csv").write_text(heading + "".join(row(n, acme).replace("\n", f",{price}\n") for n in range(1, 31)))
    assert tollbook("import", "usage", "calls.csv").status == 0
    assert tollbook("clock", "set", "2025-02-03T00:00:00Z").status == 0


def test_a_month_goes_and_comes_back(tollbook: Tollbook, closed: None) -> None:
    made = tollbook("archive", "--before", "2025-02-01", "--to", "files", "--json")
    assert (made.status, [(each["month"], each["result"], each["records"]) for each in made.json]) == (
        0,
        [("2025-01", "archived", 30)],
    )
    assert Path("files/event_2025_01.parquet").is_file()
    assert tollbook("check").out == "2 invoices: everything agrees\n"
    assert tollbook("explain", "--record", "c1", "--json").json[0]["state"] == "billed"
    again = tollbook("archive", "--before", "2025-02-01")
    assert (again.status, again.out, again.err) == (0, "", "there is nothing to put away\n")
    back = tollbook("archive", "--restore", "2025-01")
    assert back.status == 0
    assert "restored" in back.out
    assert tollbook("check").out == "2 invoices: everything agrees\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--before", "2025-02-02", "--to", "files"), "before: expected the first day of a month"),
        (("--before", "2025-02-01"), "to: name the folder"),
        ((), "before: give --before, or --restore"),
        (("--restore", "2025-13"), "restore: "),
        (("--restore", "January"), "restore: expected a month like 2024-01"),
        (("--restore", "2024-12"), "restore: no records of 2024-12 are archived"),
        (("--restore", "2024-12", "--to", "files"), "to: does not go with --restore"),
    ],
)
def test_what_cannot_be_done_is_said(tollbook: Tollbook, closed: None, arguments: tuple[str, ...], said: str) -> None:
    ran = tollbook("archive", *arguments)
    assert ran.status == 1
    assert ran.err.startswith(f"tollbook: {said}")
