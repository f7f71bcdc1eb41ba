"""The operator's first page over every partner, beside one partner's: both with an exact total."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks import expected, tollbook
from benchmarks.candidates import LIST_PATH, read_contract
from benchmarks.expected import Page
from benchmarks.load import Caller, Request, sequential_ms
from benchmarks.machine import Machine
from benchmarks.material import list_material, need_tollbook, say
from benchmarks.numbers import Outcome, Requirement, ratio, spread, table
from benchmarks.quiet import Quiet
from benchmarks.settings import Settings

TIMES_MAX = 10.0
LIMIT = 10


def measure(settings: Settings, machine: Machine) -> Outcome:
    """Both pages in turn, one connection, one request after another."""
    need_tollbook()
    material, ndjson = list_material(settings, peers=False)
    book = material.book
    assert book is not None
    sampled = material.partners[:: max(1, settings.partners // 50)]
    everyone = Request(f"{LIST_PATH}?limit={LIMIT}", book.operator)
    singles = [Request(f"{LIST_PATH}?limit={LIMIT}", book.tokens[sid]) for sid in sampled]
    newest = Page(_newest(ndjson, LIMIT), settings.invoices)
    own = expected.read(ndjson, sampled)
    quiet = Quiet()
    theirs: list[float] = []
    all_of_it: list[float] = []
    for nth in range(settings.rounds):
        quiet.look()
        say(f"round {nth + 1} of {settings.rounds}: operator")
        with tollbook.serve(book, material.log("operator")) as server:
            caller = Caller(server.port)
            _check("operator", caller.get(everyone), newest)
            for sid, request in zip(sampled, singles, strict=True):
                _check(sid, caller.get(request), expected.page(own[sid], LIMIT))
            theirs.append(sequential_ms(caller, singles, settings.seconds / 2))
            all_of_it.append(sequential_ms(caller, [everyone], settings.seconds / 2))
            caller.close()
    rows = [
        [f"one partner, {settings.invoices_each:,} invoices", str(spread(theirs))],
        [
            f"the operator, {settings.partners:,} partners, {settings.invoices:,} invoices",
            str(spread(all_of_it)),
        ],
    ]
    text = (
        f"Sequential requests on one connection, limit={LIMIT}, total included, median latency of"
        f" each of {settings.rounds} rounds. {quiet}\n\n" + table(["first page of", "ms"], rows)
    )
    asked = "the operator's first page: × one partner's"
    bound = Requirement(asked, ratio(all_of_it, theirs), TIMES_MAX, at_least=False)
    return Outcome("The operator sees everybody", text, [bound])


def _check(who: str, body: bytes, want: Page) -> None:
    expected.compare(who, read_contract(who, body, LIMIT, 0, want), want)


def _newest(ndjson: Path, count: int) -> list[expected.Invoice]:
    """The newest invoices of all, found without decoding the rest."""
    created = re.compile(rb'"date_created":"([^"]+)","date_issued"')

    def keyed() -> Iterator[tuple[bytes, bytes]]:
        with ndjson.open("rb") as source:
            for line in source:
                match = created.search(line)
                if match:
                    yield match[1], line

    return [json.loads(line) for _, line in heapq.nlargest(count, keyed())]
