"""`tollbook import usage`: what is good is recorded, what is wrong is told and kept, and nothing counts twice."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tollbook

HEADING = "dr_sid,direction,number_src,number_dst,date_start,date_talk,date_stop,partner_sid\n"
COUNTS = ("read", "accepted", "duplicate", "parked", "rejected", "late", "unrated")


@pytest.fixture
def acme(tollbook: Tollbook) -> str:
    """A partner that is billed, in a sandbox."""
    assert tollbook("init", "--sandbox", "--clock", "2025-01-15T12:00:00Z").status == 0
    made: str = tollbook("partner", "add", "--name", "Acme", "--json").json["partner_sid"]
    return made


def row(number: int, partner: str, **values: str) -> str:
    made = {
        "dr_sid": f"c{number}", "direction": "outbound", "number_src": "13105550100", "number_dst": "442071838750",
        "date_start": "2025-01-15T10:00:00Z", "date_talk": "2025-01-15T10:00:05Z",
        "date_stop": f"2025-01-15T10:{number % 60:02}:30.000Z", "partner_sid": partner,
    }  # fmt: skip
    return ",".join((made | values).values()) + "\n"


def counts(ran: Any) -> dict[str, int]:
    return {name: ran.json[name] for name in COUNTS if ran.json[name]}


def test_a_file_is_recorded_and_sending_it_again_changes_nothing(tollbook: Tollbook, acme: str) -> None:
    Path("calls.csv").write_text(HEADING + "".join(row(number, acme) for number in range(1, 1_203)))
    first = tollbook("import", "usage", "calls.csv", "--json")
    assert (first.status, counts(first)) == (0, {"read": 1202, "accepted": 1202, "unrated": 1202})
    assert first.json["rejects"] == first.json["errors"] == []
    again = tollbook("import", "usage", "calls.csv", "--json")
    assert (again.status, counts(again)) == (0, {"read": 1202, "duplicate": 1202})
    shown = tollbook("import", "usage", "calls.csv")
    assert [line.split() for line in shown.out.splitlines() if "1202" in line] == [
        ["1202", "0", "1202", "0", "0", "0", "0"]
    ]


def test_what_is_rejected_is_told_and_kept_to_be_mended_and_sent_again(tollbook: Tollbook, acme: str) -> None:
    rows = [row(1, acme), row(2, acme, number_dst="anonymous"), row(3, acme), row(4, acme, dr_sid="c1"), "short,row\n"]
    Path("calls.csv").write_text(HEADING + "".join(rows))
    ran = tollbook("import", "usage", "calls.csv")
    assert ran.status == 1
    assert "calls.csv, line 3: c2: number_dst: expected an international number" in ran.err
    assert "calls.csv, line 5: c1: dr_sid: is recorded already with other content" in ran.err
    assert "calls.csv, line 6: has 2 cells under 8 headings" in ran.err
    assert "calls.rejected.csv: mend them there and send that file" in ran.err
    kept = Path("calls.rejected.csv").read_text()
    assert kept == HEADING + rows[1] + rows[3] + rows[4]
    Path("calls.rejected.csv").write_text(HEADING + rows[1].replace("anonymous", "4930123456"))
    mended = tollbook("import", "usage", "calls.rejected.csv", "--json")
    assert (mended.status, counts(mended)) == (0, {"read": 1, "accepted": 1, "unrated": 1})


def test_what_was_kept_before_is_never_replaced(tollbook: Tollbook, acme: str) -> None:
    Path("calls.csv").write_text(HEADING + row(1, acme, direction="up"))
    kept = [tollbook("import", "usage", "calls.csv", "--json").json["rejects"] for _ in range(3)]
    assert kept == [["calls.rejected.csv"], ["calls.rejected-2.csv"], ["calls.rejected-3.csv"]]
    told = tollbook("import", "usage", "calls.csv", "--rejects", "mine.csv", "--json")
    assert (told.status, told.json["rejects"]) == (1, ["mine.csv"])
    again = tollbook("import", "usage", "calls.csv", "--rejects", "mine.csv")
    assert (again.status, again.err) == (1, "tollbook: rejects: mine.csv is there already\n")
    assert tollbook("import", "usage", "calls.csv", "calls.csv", "--rejects", "x").err.startswith("tollbook: rejects: ")


def test_json_is_kept_in_the_shape_it_came_in(tollbook: Tollbook, acme: str) -> None:
    bad = {"dr_sid": "u1", "type": "lookup", "quantity": -1, "date": "2025-01-15T10:00:00Z"}
    good = bad | {"dr_sid": "u2", "quantity": 1}
    Path("a.ndjson").write_text("\n".join(map(json.dumps, (bad, good, bad))))
    Path("b.json").write_text(json.dumps({"items": [bad, good | {"dr_sid": "u3"}, bad]}, indent=1))
    ran = tollbook("import", "usage", "a.ndjson", "b.json", "--partner", acme, "--json")
    assert (ran.status, counts(ran)) == (1, {"read": 6, "accepted": 2, "unrated": 2, "rejected": 4})
    assert ran.json["rejects"] == ["a.rejected.ndjson", "b.rejected.json"]
    assert ran.json["errors"][2] == {
        "source": "b.json", "line": None, "index": 0, "dr_sid": "u1", "field": "quantity",
        "message": "expected a whole number from 0 to 1000000000000",
    }  # fmt: skip
    assert Path("a.rejected.ndjson").read_text() == f"{json.dumps(bad)}\n" * 2
    assert json.loads(Path("b.rejected.json").read_text()) == [bad, bad]
    again = tollbook("import", "usage", "b.rejected.json", "--partner", acme, "--json")
    assert counts(again) == {"read": 2, "rejected": 2}


def test_standard_input(tollbook: Tollbook, acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(text: str, *more: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text.encode()))))
        return tollbook("import", "usage", "-", "--json", *more)

    message = {"dr_sid": "m1", "direction": "inbound", "number_src": "Acme", "number_dst": "13105550100"}
    text = json.dumps(message | {"date_sent": "2025-01-15T10:00:00Z"})
    assert counts(send(text, "--partner", acme)) == {"read": 1, "accepted": 1, "unrated": 1}
    assert send(text).json["errors"][0]["message"] == "is missing"
    assert send("{}\n" + text, "--kind", "usage").json["rejects"] == ["stdin.rejected-2.ndjson"]
    assert Path("stdin.rejected.ndjson").read_text() == text + "\n"


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("dr_sid,prise,date_sent\n", (), "file: f: unknown column prise; did you mean price?"),
        ("a,b\n", (), "file: f: cannot tell what its records are"),
        ("", ("--partner", "me"), "partner: expected a lower-case UUID"),
    ],
)
def test_what_cannot_be_understood_is_refused(tollbook, acme, text, arguments, said) -> None:
    Path("f").write_text(text)
    ran = tollbook("import", "usage", "f", *arguments)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err


def test_a_file_that_is_not_there(tollbook: Tollbook, acme: str) -> None:
    ran = tollbook("import", "usage", "nothing.csv")
    assert ran.status == 1
    assert ran.err == "tollbook: nothing.csv: No such file or directory\n"


def test_what_was_dealt_with_before_a_failure_is_said(tollbook: Tollbook, acme: str) -> None:
    Path("calls.csv").write_text(HEADING + row(1, acme))
    Path("other.csv").write_text("a,b\n")
    ran = tollbook("import", "usage", "calls.csv", "other.csv")
    assert ran.status == 1
    assert ran.err.startswith("tollbook: 1 records were dealt with before this; what was sent may be sent again\n")


def test_a_partner_that_is_not_billed_or_not_there(tollbook: Tollbook, acme: str) -> None:
    stranger = "00000000-0000-4000-8000-000000000000"
    Path("calls.csv").write_text(HEADING + row(1, stranger))
    ran = tollbook("import", "usage", "calls.csv", "--json")
    (flaw,) = ran.json["errors"]
    assert (flaw["line"], flaw["field"], flaw["message"]) == (2, "partner_sid", "cannot find item by sid")
