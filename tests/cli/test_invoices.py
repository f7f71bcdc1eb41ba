"""Invoices at the command line: in and out, as a table or for a pipe, and how a list is asked for."""

import io
import json
import shlex
from pathlib import Path

import pytest
from tests.cli.conftest import Tollbook
from tests.making import invoice
from tests.operations.lines import line
from tests.operations.source import TOKEN, Source, serving

SID = "00000001-0000-4000-8000-000000000000"


def test_import_tells_everything(filled: str, tollbook: Tollbook) -> None:
    bad = line(invoice(9, filled), amount="1.", colour=1, invoice_items=[{"amount": "x"}])
    Path("bad.ndjson").write_bytes(line(invoice(8, SID), colour=1) + bad + b"junk\n")
    ran = tollbook("import", "invoices", "bad.ndjson")
    assert (ran.status, ran.out) == (1, "")
    assert "bad.ndjson, line 2: amount: expected a plain decimal" in ran.err
    assert "bad.ndjson, line 2: invoice_items[0].usage: is missing" in ran.err
    assert "bad.ndjson, line 3: not valid JSON" in ran.err
    assert "nothing was written: 2 of 3 records are bad" in ran.err
    assert tollbook("invoices").json["total"] == 5
    ran = tollbook("import", "invoices", "bad.ndjson", "--keep-going")
    assert (ran.status, ran.out) == (1, "3 records: 1 invoices new, 0 replaced, 2 bad\n")
    assert f"made the partner {SID}" in ran.err
    assert "unknown attribute colour, dropped from 1 records" in ran.err
    report = tollbook("import", "invoices", "bad.ndjson", "--json").json
    assert (report["read"], report["bad"], report["partners_made"]) == (3, 2, [])
    assert {"source": "bad.ndjson", "line": 2, "index": None, "field": "amount"}.items() <= report["errors"][0].items()


def test_import_from_standard_input(filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line(invoice(7, filled)))))
    assert "1 invoices new" in tollbook("import", "invoices", "-").out


def test_export_and_import_again(filled: str, tollbook: Tollbook) -> None:
    ran = tollbook("export", "invoices", "out.ndjson")
    assert (ran.status, ran.err) == (0, "5 invoices written to out.ndjson\n")
    assert tollbook("export", "invoices", "out2.ndjson", "--partner", filled, "--json").json["invoices"] == 5
    text = Path("out.ndjson").read_bytes()
    assert text == Path("out2.ndjson").read_bytes()
    tollbook("init", "--db", "again.db")
    assert "5 invoices new" in tollbook("import", "invoices", "out.ndjson", "--db", "again.db").out
    tollbook("export", "invoices", "out3.ndjson", "--db", "again.db")
    assert Path("out3.ndjson").read_bytes() == text


def test_import_from_a_server(filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [json.loads(line(invoice(n, filled))) for n in range(100, 104)]
    with serving(Source(records, page=3)) as source:
        Path("token.txt").write_text(TOKEN)
        ran = tollbook("import", "invoices", "--from-url", source.url, "--token-file", "token.txt")
        assert (ran.status, ran.out) == (0, "4 records: 4 invoices new, 0 replaced\n")
        records[1]["amount"] = None
        monkeypatch.setenv("TOLLBOOK_SOURCE_TOKEN", TOKEN)
        ran = tollbook("import", "invoices", "--from-url", source.url)
        assert ran.status == 1
        assert "item 1: amount: cannot be null" in ran.err
        assert "stopped at a page" in ran.err
        records[3]["amount"] = None
        records[1]["amount"] = "1"
        assert tollbook("import", "invoices", "--from-url", source.url).status == 1
        assert "going on where the last pull broke off" in tollbook("import", "invoices", "--from-url", source.url).err
        assert TOKEN not in ran.err + ran.out


def test_invoices_for_a_pipe_are_the_api_s(filled: str, tollbook: Tollbook) -> None:
    words = ["--filter", "amount gt 1", "--order", "amount desc", "--limit", "2", "--fields", "amount"]
    answer = tollbook("invoices", *words, "--public-url", "https://b.example").json
    assert list(answer) == ["count", "has_more", "items", "limit", "offset", "pagination", "total"]
    assert answer["items"] == [{"amount": "4"}, {"amount": "3"}]
    assert (answer["total"], answer["has_more"]) == (3, True)
    assert answer["pagination"]["next"].startswith("https://b.example/core/v2/billing/invoices?filter=amount%20gt%201&")
    assert "partner" in tollbook("invoices", "--with-related", "--partner", filled).json["items"][0]


def test_invoices_for_a_person(filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "140")
    ran = tollbook("invoices", "--limit", "2", "--order", "amount")
    assert "2 of 5 invoices\nmore: --offset 2\n" in ran.err
    assert "display_id" in ran.out
    ran = tollbook(
        "invoices", "--limit", "1", "--fields", "amount,tax_items", "--after", "00000001-0000-4000-8000-000000000000"
    )
    assert '{"amount":"0.32"' in ran.out
    assert "more: " not in ran.err


@pytest.mark.parametrize("columns", ["40", "80", "100"])
def test_a_narrow_window_keeps_the_sids_that_verbs_take(
    filled: str, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    token_sid = tollbook("token", "list", "--json").json[0]["token_sid"]
    invoice_sid = tollbook("invoices", "--limit", "1").json["items"][0]["invoice_sid"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", columns)
    assert token_sid in tollbook("token", "list").out
    assert filled in tollbook("partner", "list").out
    table = tollbook("invoices", "--limit", "1").out
    assert invoice_sid in table
    assert f"{filled[:8]}…" in table


def test_the_request_as_curl(filled: str, tollbook: Tollbook) -> None:
    ran = tollbook("invoices", "--curl", "--filter", "status eq 'open'", "--limit", "5")
    words = shlex.split(ran.out)
    assert words[:3] == ["curl", "-H", "Authorization: Bearer $TOLLBOOK_TOKEN"]
    assert words[3] == "http://127.0.0.1:8080/core/v2/billing/invoices?filter=status%20eq%20%27open%27&limit=5"


def test_explain_query(filled: str, tollbook: Tollbook) -> None:
    words = ["status eq open and amount gt 0.5 and date_created lt 2025-01-01", "--order", "amount desc"]
    told = tollbook("explain-query", *words, "--json").json
    assert [row["inside"] for row in told["conditions"]] == [["open"], [500_000], [1735689600000]]
    assert told["conditions"][1]["values"] == ["0.5"]
    assert told["order"] == ["amount desc"]
    assert any("FROM invoice" in step["statement"] and step["plan"] for step in told["statements"])
    text = tollbook("explain-query", *words, "--partner", filled).out
    assert "Order: amount desc\n" in text
    assert "Plan:\n  " in text
    assert tollbook("explain-query", "--order", "shuffle", "--json").json["order"] == ["shuffle"]
