"""Every verb, as a person and as a script: its help, what it refuses, and how it ends."""

import argparse
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tollbook, book_url
from tests.making import invoice, item
from tests.operations.lines import line

from tollbook.cli.arguments import parser
from tollbook.cli.exits import EXITS
from tollbook.cli.output import print_table, readable
from tollbook.store import shown

ROOT = Path(__file__).resolve().parents[2]
SID = "00000001-0000-4000-8000-000000000000"


def verbs(top: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every verb's words and parser."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, beneath in action.choices.items():
                yield from verbs(beneath, (*path, name))
            return
    yield path, top


VERBS = dict(verbs(parser()))


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example_that_parses(words: tuple[str, ...], tollbook: Tollbook) -> None:
    ran = tollbook(*words, "--help")
    assert ran.status == 0
    example = ran.out.partition("example:\n")[2].strip().splitlines()[0]
    assert example.startswith(f"tollbook {' '.join(words)}")
    parser().parse_args(shlex.split(example)[1:])


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_runs_a_function_that_says_what_it_does(words: tuple[str, ...]) -> None:
    from importlib import import_module

    module, _, name = VERBS[words].get_default("run").partition(":")
    assert getattr(import_module(f"tollbook.cli.{module}"), name).__doc__


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_no_verb_takes_a_secret_as_an_argument(words: tuple[str, ...]) -> None:
    flags = {option for action in VERBS[words]._actions for option in action.option_strings}
    assert not flags & {"--password", "--token", "--secret"}


def test_help_comes_at_once_and_tells_the_exit_statuses(tollbook: Tollbook) -> None:
    loaded = "import sys, tollbook.cli; print({'rich', 'falcon', 'granian', 'argon2'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, env=environment, check=True)
    assert ran.stdout.strip() == "set()"
    told = tollbook("--help").out
    assert all(f"{status:>3}  {meaning}" in told for status, meaning in EXITS)


@pytest.mark.parametrize("words", [(), ("nonsense",), ("serve", "--port", "x"), ("import",), ("partner", "add")])
def test_what_is_not_understood_is_2(words: tuple[str, ...], tollbook: Tollbook) -> None:
    ran = tollbook(*words)
    assert ran.status == 2
    assert "usage: tollbook" in ran.err


def test_no_book(tollbook: Tollbook) -> None:
    ran = tollbook("partner", "list")
    assert ran.status == 1
    assert f"there is no book at {shown(book_url())}; make one with tollbook init" in ran.err
    assert json.loads(tollbook("partner", "list", "--json").err)["code"] == "book_foreign"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("partner", "show", SID), "cannot find item by sid"),
        (("partner", "passwd", SID), "cannot find item by sid"),
        (("partner", "add", "--name", " "), "cannot be blank"),
        (("partner", "add", "--name", "x", "--parent", SID), "parent_sid"),
        (("partner", "add", "--name", "x", "--scope", "everything"), "unknown scope"),
        (("partner", "add", "--name", "x", "--login", "x"), "there is no terminal to ask at"),
        (("partner", "add", "--name", "x", "--password-file", "none.txt"), "No such file"),
        (("partner", "add", "--name", "x", "--password-file", os.devnull), "is empty"),
        (("token", "add", "--partner", SID), "cannot find item by sid"),
        (("token", "add", "--scope", "x"), "unknown scope"),
        (("token", "add", "--expires-in", "0"), "expires_in"),
        (("token", "revoke", SID), "cannot find item by sid"),
        (("import", "invoices"), "give FILE"),
        (("import", "invoices", "x", "--from-url", "y"), "give FILE"),
        (("import", "invoices", "none.json"), "none.json: No such file"),
        (("import", "invoices", "--from-url", "https://h"), "TOLLBOOK_SOURCE_TOKEN"),
        (("invoices", "--filter", "colour eq red"), "unknown attribute colour"),
        (("invoices", "--limit", "1001"), "limit"),
        (("invoices", "--partner", SID), "cannot find item by sid"),
        (("invoices", "--partner", SID, "--token-file", "x"), "does not go with"),
        (("explain-query", "status"), "filter"),
        (("config", "--port", "99999"), "port"),
        (("config", "--config", "none.toml"), "none.toml"),
        (("restore", "none.db", "--db", "r.db"), "there is no book at none.db"),
        (("serve", "--db", "none.db"), "there is no book at none.db"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)  # fmt: skip
def test_refusals(
    words: tuple[str, ...], reason: str, made: Any, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ran = tollbook(*words)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("tollbook: ")
    assert reason in ran.err


def test_config_tells_sources(tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.toml").write_text("workers = 3\n")
    monkeypatch.setenv("TOLLBOOK_THREADS", "8")
    told = tollbook("config", "--json", "--config", "c.toml", "--port", "9000", "--no-strict-query").json
    assert told["workers"] == {"value": 3, "source": "file (c.toml)"}
    assert told["threads"] == {"value": 8, "source": "environment (TOLLBOOK_THREADS)"}
    assert told["port"] == {"value": 9000, "source": "flag"}
    assert told["strict_query"]["value"] is False
    assert told["host"]["source"] == "default"
    assert "environment (TOLLBOOK_THREADS)" in tollbook("config").out


def test_interrupted_and_broken(made: Any, tollbook: Tollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(error: BaseException) -> Any:
        def run(arguments: object) -> int:
            raise error

        return run

    monkeypatch.setattr("tollbook.cli.books.config", raising(KeyboardInterrupt()))
    assert tollbook("config").status == 130
    monkeypatch.setattr("tollbook.cli.books.config", raising(OSError(28, "No space left on device", "x.db")))
    ran = tollbook("config")
    assert (ran.status, ran.err) == (1, "tollbook: x.db: No space left on device\n")


def test_whoever_reads_may_leave(filled: str, tmp_path: Path) -> None:
    Path("many.ndjson").write_bytes(
        b"".join(line(invoice(n, filled, invoice_items=(item(),) * 50)) for n in range(200))
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "tollbook"]
    subprocess.run([*command, "import", "invoices", "many.ndjson"], env=environment, check=True, capture_output=True)
    with subprocess.Popen(
        [*command, "export", "invoices"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as export:
        assert export.stdout
        assert export.stderr
        export.stdout.readline()
        export.stdout.close()
        assert export.wait(30) == 141
        assert export.stderr.read() == b""


def test_what_a_terminal_shows_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [["a\x1b[2Jb\u202e"]])
    assert "a\\x1b[2Jb\\u202e" in capsys.readouterr().out
    assert readable(True) == "yes"
    assert readable({}) == ""
