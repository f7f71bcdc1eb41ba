"""Every verb's arguments, help and example. Nothing heavy is imported here: help comes at once.

A verb names the function that runs it as `module:function` within this package.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from tollbook import __version__
from tollbook.cli.billing_arguments import add_billing, add_clock
from tollbook.cli.exits import EXITS
from tollbook.cli.explaining_arguments import add_explain
from tollbook.cli.rates_arguments import add_import_rates, add_rates
from tollbook.cli.run_arguments import add_archive, add_bill, add_book, add_cycle, add_looking, add_standing
from tollbook.cli.usage_arguments import add_import_usage
from tollbook.cli.verbs import Verbs
from tollbook.config import Settings

_YEAR_SECONDS = 365 * 86_400
_PASSWORD = "the password, on the file's first line; else TOLLBOOK_PASSWORD"  # noqa: S105  (help)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    exits = "\n".join(f"  {status:>3}  {meaning}" for status, meaning in EXITS)
    top = argparse.ArgumentParser(
        prog="tollbook",
        description="A self-hosted telecom billing server, compatible with the CarrierX Core API v2.",
        epilog=f"exit status:\n{exits}\n\nEvery setting is also a variable: --read-deadline-ms is"
        " TOLLBOOK_READ_DEADLINE_MS.\n`tollbook VERB --help` shows an example of each verb.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"tollbook {__version__}")
    verbs = Verbs(top)
    _add_serving(verbs)
    _add_moving(verbs)
    _add_listing(verbs)
    add_bill(verbs)
    add_looking(verbs)
    _add_partners(verbs.beneath("partner", "the partners: customers, resellers, what they may do, how they are billed"))
    add_explain(verbs)
    _add_tokens(verbs.beneath("token", "the keys to the API"))
    add_rates(verbs.beneath("rates", "the rate sheets: what is charged, since when, and who has them"))
    add_billing(verbs)
    add_clock(verbs.beneath("clock", "the time of a sandbox, a book whose clock stands still until it is moved"))
    add_book(verbs.beneath("book", "what the book says of its billing"))
    _add_keeping(verbs)
    add_archive(verbs)
    return top


_SERVER = tuple(setting.name for setting in fields(Settings) if setting.name != "db")


def _add_serving(verbs: Verbs) -> None:
    verbs.add(
        "init",
        "books:init",
        "make a new book with its operator, and print the first token",
        "tollbook init --db tollbook.db --name 'Example Telecom'",
    ).add("--name", default="Operator", help="the operator's name").add(
        "--currency", default="USD", help="the book's currency, ISO 4217"
    ).add("--sandbox", action="store_true", help="make a book whose clock stands still until it is moved").add(
        "--clock", metavar="INSTANT", help="where a sandbox's clock begins; the present unless given"
    ).add(
        "--distributed", action="store_true", help="spread the book over the nodes of a Citus cluster (postgresql://)"
    )
    verbs.add(
        "serve",
        "serving:serve",
        "serve the book",
        "tollbook serve --db tollbook.db --port 8080 --workers 2",
        json=False,
    ).settings(*_SERVER)
    verbs.add(
        "demo", "serving:demo", "make a book of sample invoices and serve it", "tollbook demo --port 8081", json=False
    ).settings("host", "port").add("--fresh", action="store_true", help="make the sample book anew").add(
        "--postgres", action="store_true", help="in a PostgreSQL server of its own, which ends with it"
    )


def _add_moving(verbs: Verbs) -> None:
    importing = verbs.beneath("import", "take records into the book")
    importing.add(
        "invoices",
        "moving:import_invoices",
        "take invoices from files or from a server, verbatim; all of them or none",
        "tollbook import invoices march.ndjson\n"
        "curl … | tollbook import invoices -\n"
        "tollbook import invoices --from-url https://api.example.com/core/v2/billing/invoices --token-file token.txt",
    ).add(
        "file", nargs="*", metavar="FILE", help="an envelope, an array, an object or NDJSON; - is standard input"
    ).add("--keep-going", action="store_true", help="write what is good, whatever else is bad").add(
        "--under", metavar="SID", help="make unknown partners beneath this one, not beneath the operator"
    ).add("--from-url", metavar="URL", help="pull a list page by page from a compatible server").add(
        "--token-file", type=Path, metavar="FILE", help="that server's token; else TOLLBOOK_SOURCE_TOKEN"
    ).add("--restart", action="store_true", help="begin a broken-off pull anew")
    add_import_rates(importing)
    add_import_usage(importing)
    exporting = verbs.beneath("export", "write records of the book to a file")
    exporting.add(
        "invoices",
        "moving:export_invoices",
        "write invoices as NDJSON, which import takes",
        "tollbook export invoices march.ndjson",
    ).add("file", nargs="?", default="-", metavar="FILE", help="where to; - is standard output").add(
        "--partner", metavar="SID", help="one partner's only"
    )


def _add_listing(verbs: Verbs) -> None:
    verbs.add(
        "invoices",
        "listing:invoices",
        "list invoices: a table for a person, the API's JSON for a pipe",
        "tollbook invoices --filter 'status eq open and amount gt 1' --order 'amount desc'",
    ).settings("host", "port", "public_url").add("--partner", metavar="SID", help="as that partner sees them").add(
        "--token-file", type=Path, metavar="FILE", help="as the holder of that token sees them"
    ).add("--filter", help="such as 'status eq open'").add("--order", help="such as 'amount desc'").add(
        "--limit", help="at most so many"
    ).add("--offset", help="from there on").add("--after", metavar="SID", help="those after that invoice").add(
        "--before", metavar="SID", help="those before that invoice"
    ).add("--fields", help="these attributes only, comma separated").add(
        "--with-related", action="store_true", help="with each invoice's partner"
    ).add("--curl", action="store_true", help="print the equivalent request instead")
    verbs.add(
        "explain-query",
        "listing:explain_query",
        "show what a filter becomes: its conditions, the SQL, the plan",
        "tollbook explain-query 'status eq open and amount gt 1'",
    ).add("filter", nargs="?", default="", help="the filter's text").add("--order", help="such as 'amount desc'").add(
        "--partner", metavar="SID", help="as that partner would ask"
    )


def _add_partners(verbs: Verbs) -> None:
    made = verbs.add(
        "add",
        "partners:add",
        "make a partner, billed from today on",
        "tollbook partner add --name 'Acme' --login acme --scope invoices.read",
    )
    made.add("--name", required=True, help="the partner's name").add(
        "--parent", metavar="SID", help="beneath this partner, not beneath the operator"
    ).add("--login", help="the name to log in with; a password is then asked for").add(
        "--scope", nargs="+", action="extend", help="what the partner may do"
    ).add("--password-file", type=Path, metavar="FILE", help=_PASSWORD)
    add_cycle(made)
    made.add("--unbilled", action="store_true", help="bill it only when start-billing says so: for one with a past")
    add_standing(verbs)
    verbs.add("list", "partners:list_all", "list the partners", "tollbook partner list")
    verbs.add("show", "partners:show", "show one partner", "tollbook partner show SID").add("sid", metavar="SID")
    verbs.add(
        "set",
        "partners:set_values",
        "change a partner's attributes, as PATCH /partners/SID does",
        "tollbook partner set SID payment_type=prepay charge_at=5 prepay_amount=50 spending_limit=",
    ).add("sid", metavar="SID").add(
        "value", nargs="+", metavar="NAME=VALUE", help="an attribute and its new value; no value is none"
    )
    verbs.add("passwd", "partners:passwd", "set a partner's password", "tollbook partner passwd SID").add(
        "sid", metavar="SID"
    ).add("--password-file", type=Path, metavar="FILE", help=_PASSWORD)
    verbs.add(
        "scopes",
        "partners:scopes",
        "say what a partner may do",
        "tollbook partner scopes SID --scope invoices.read invoices.read_descendant",
    ).add("sid", metavar="SID").add("--scope", nargs="+", action="extend", required=True, help="all that it may do")


def _add_tokens(verbs: Verbs) -> None:
    verbs.add(
        "add",
        "tokens:add",
        "make a token, and print its secret once",
        "tollbook token add --partner SID --scope invoices.read --name reports",
    ).add("--partner", metavar="SID", help="whose it is; the operator's unless given").add(
        "--scope", nargs="+", action="extend", help="what it may do; all that the partner may unless given"
    ).add("--name", help="a name to know it by").add(
        "--expires-in",
        type=int,
        default=_YEAR_SECONDS,
        metavar="SECONDS",
        help="how long it lives; a year unless given",
    )
    verbs.add("list", "tokens:list_all", "list the tokens, without their secrets", "tollbook token list")
    verbs.add("revoke", "tokens:revoke", "end a token", "tollbook token revoke TOKEN_SID").add(
        "token_sid", metavar="TOKEN_SID"
    )


def _add_keeping(verbs: Verbs) -> None:
    verbs.add(
        "check",
        "checking:check",
        "prove the book: documents and counters from rows, invoices from records, and every law of money",
        "tollbook check --db tollbook.db",
    ).add("--repair", action="store_true", help="make anew what follows from rows and records; what is closed stays")
    verbs.add("backup", "books:backup", "copy the book while it is in use", "tollbook backup sunday.db").add(
        "file", type=Path, metavar="FILE"
    ).add("--yes", action="store_true", help="replace the file if it is there")
    verbs.add(
        "restore", "books:restore", "verify a backup, then put it in the book's place", "tollbook restore sunday.db"
    ).add("file", type=Path, metavar="FILE").add("--yes", action="store_true", help="do not ask")
    verbs.add(
        "move",
        "books:move",
        "copy a book to another place, a file or a PostgreSQL database, and prove it there",
        "tollbook move tollbook.db postgresql://host/book",
    ).add("source", metavar="SOURCE", help="the book").add(
        "dest", metavar="DEST", help="a path where nothing is, or an empty database; an interrupted move goes on"
    ).add(
        "--distributed", action="store_true", help="spread the copy over the nodes of a Citus cluster (postgresql://)"
    )
    verbs.add("migrate", "books:migrate", "bring an older book to this version, after a backup", "tollbook migrate")
    verbs.add("config", "books:config", "show every setting and where it comes from", "tollbook config").settings(
        *_SERVER
    )
