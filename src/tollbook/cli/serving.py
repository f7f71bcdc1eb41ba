"""`tollbook serve` and `tollbook demo`."""

import os
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Final

from tollbook import errors
from tollbook.cli.opening import settings_of
from tollbook.cli.output import note, progress
from tollbook.config import Settings
from tollbook.errors import Flaw, Refusal


def serve(arguments: Namespace) -> int:
    """Serve the book until told to stop."""
    from tollbook.api import server

    settings, _ = settings_of(arguments)
    return server.serve(settings)


def demo(arguments: Namespace) -> int:
    """Serve the demo book, made if it is missing, and say what to try."""
    settings, sources = settings_of(arguments)
    own = any(sourced.name == "db" and sourced.source == "default" for sourced in sources)
    if arguments.postgres:
        return _demo_on_postgres(settings, fresh=arguments.fresh, own=own)
    if own:
        settings = replace(settings, db=str(_own_place() / "demo.db"))
    else:
        _refuse_other_book(settings.db)
    return _demo(settings, fresh=arguments.fresh)


def _demo(settings: Settings, *, fresh: bool) -> int:
    from tollbook.api import server

    tokens = _book_with_tokens(settings, fresh=fresh)
    try:
        return server.serve(settings, on_ready=lambda address: _say(address, settings, *tokens))
    except Refusal as refusal:
        raise _with_advice(refusal, settings.port) from None


def _demo_on_postgres(settings: Settings, *, fresh: bool, own: bool) -> int:
    """The same in a PostgreSQL server of its own, which is there as long as the demo is."""
    from tollbook.store import postgres_server

    if not own:
        said = "--postgres makes a server of its own; a database of yours needs --db alone"
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("postgres", said))
    folder = _own_place() / "demo-postgres"
    if not postgres_server.may_reach(folder.parent):
        folder = _SHARED_PLACE / "demo-postgres"
    note(f"starting PostgreSQL in {folder} …")
    with postgres_server.kept(folder, "demo") as url:
        return _demo(replace(settings, db=url), fresh=fresh)


def _book_with_tokens(settings: Settings, *, fresh: bool) -> tuple[str, str]:
    """Fresh tokens of the documented partner and of the operator."""
    from tollbook.clock import SystemClock
    from tollbook.operations import demo as book
    from tollbook.store import has_book, open_store, remove_book, shown

    if fresh or not has_book(settings.db):
        note(f"making the demo book {shown(settings.db)}: a year of calls and messages, billed month by month …")
        remove_book(settings.db)
        with progress("months") as bar:
            book.make_demo_book(settings.db, SystemClock(), bar)
    try:
        store = open_store(settings.db, SystemClock())
    except Refusal as refusal:
        raise Refusal(refusal.problem, *refusal.flaws, Flaw("db", "or make the demo book anew: --fresh")) from None
    tokens = [book.demo_token(store, sid).access_token or "" for sid in (book.DOCUMENTED_PARTNER, book.OPERATOR)]
    store.close()
    return tokens[0], tokens[1]


def _refuse_other_book(db: str) -> None:
    """Leave a book alone that is there and no demo's: the place was chosen for another verb, as by TOLLBOOK_DB."""
    from tollbook.clock import SystemClock
    from tollbook.operations.demo import refuse_other_book
    from tollbook.store import has_book

    if has_book(db):
        refuse_other_book(db, SystemClock())


_SHARED_PLACE: Final = Path("/var/lib/tollbook")
"""For a server that root starts: it runs as somebody else, to whom root's own folders are closed."""


def _own_place() -> Path:
    """Where the demo is kept unless told otherwise: with the person's other data, not in a checkout."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "tollbook"


def _say(address: str, settings: Settings, token: str, operator_token: str) -> None:
    from tollbook.store import shown

    print(
        f"""
The demo book   {shown(settings.db)}
A fresh token   {token}
Operator token  {operator_token}  (sees every partner)
Reference       {address}/docs

Try it:
  curl -H 'Authorization: Bearer {token}' '{address}/core/v2/billing/invoices?limit=1'

Its time stands still. Move it by a month, and watch three invoices close:
  curl -H 'Authorization: Bearer {operator_token}' --json '{{"advance":"31d"}}' '{address}/core/v2/sandbox/clock'
  curl -H 'Authorization: Bearer {operator_token}' '{address}/core/v2/billing/invoices?filter=status+eq+closed&limit=3'

Ctrl-C ends it.""",
        flush=True,
    )


def _with_advice(refusal: Refusal, port: int) -> Refusal:
    if not any(flaw.field == "port" for flaw in refusal.flaws):
        return refusal
    advice = Flaw("port", f"for example --port {port % 65_535 + 1}, or --port 0 for any that is free")
    return Refusal(refusal.problem, *refusal.flaws, advice)
