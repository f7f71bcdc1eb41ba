"""What one partner's list costs as it grows to a million invoices: pages, cursors, filter, total.

Each size has a book of its own, which also holds a partner with 200 invoices to compare with.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import data, expected, tollbook
from benchmarks.candidates import LIST_PATH
from benchmarks.load import Caller, RefusedError, Request, sequential_ms
from benchmarks.machine import Machine
from benchmarks.material import ndjson_of, need_tollbook, say
from benchmarks.numbers import Outcome, Requirement, ratio, short, spread, table
from benchmarks.processes import Server
from benchmarks.quiet import Quiet
from benchmarks.settings import Settings

SMALL = 200
LIMIT = 10
FILTER = "filter=status%20eq%20open%20and%20amount%20gt%201"
FIRST = "first page"
CASES = (
    f"first page of the partner with {SMALL}",
    FIRST,
    "after, at the start",
    "after, in the middle",
    "after, at the end",
    "offset, in the middle",
    "filter, with its exact total",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a big partner's invoices, newest first."""

    sids: list[str]
    matching: list[str]
    """Those that the filter keeps."""


def measure(settings: Settings, machine: Machine) -> Outcome:
    """All sizes in turn, round after round."""
    need_tollbook()
    taken: dict[int, dict[str, list[float]]] = {n: defaultdict(list) for n in settings.growth}
    for count in settings.growth:
        prepare(count, settings)
    quiet = Quiet()
    for nth in range(settings.rounds):
        for count in settings.growth:
            quiet.look()
            say(f"round {nth + 1} of {settings.rounds}: a partner with {count:,} invoices")
            for case, ms in _round(count, settings, check=nth == 0).items():
                taken[count][case].append(ms)
    return _outcome(settings, taken, quiet)


def folder_of(count: int, settings: Settings) -> Path:
    """Where the data and the book of a size are kept."""
    return settings.folder / f"growth-{count}"


def prepare(count: int, settings: Settings) -> tuple[tollbook.Book, Facts]:
    """The book with the big partner and the small one, and what is known of it."""
    folder = folder_of(count, settings)
    ndjson = ndjson_of(folder, [count, SMALL])
    partners = data.partner_sids(2)
    if not (folder / "tollbook.db").exists():
        say(f"importing {count:,} invoices of one partner …")
    book = tollbook.keep_book(folder / "tollbook.db", ndjson, partners, settings.fresh)
    return book, _facts(folder, ndjson, partners[0])


def _facts(folder: Path, ndjson: Path, partner: str) -> Facts:
    kept = folder / "facts.json"
    if not kept.exists():
        sids: list[str] = []
        matching: list[str] = []
        with ndjson.open("rb") as source:
            for line in source:
                invoice = json.loads(line)
                if invoice["partner_sid"] == partner:
                    sids.append(invoice["invoice_sid"])
                    if expected.open_above_one(invoice):
                        matching.append(invoice["invoice_sid"])
        # Oldest first in the file, newest first on the wire.
        kept.write_text(json.dumps({"sids": sids[::-1], "matching": matching[::-1]}))
    known: dict[str, Any] = json.loads(kept.read_text())
    return Facts(known["sids"], known["matching"])


def _round(count: int, settings: Settings, check: bool) -> dict[str, float]:
    book, facts = prepare(count, settings)
    with tollbook.serve(book, folder_of(count, settings) / "serve.log") as server:
        return ask(server, count, facts, book, settings, check)


def partners() -> list[str]:
    """The big one and the small one."""
    return data.partner_sids(2)


def ask(
    server: Server, count: int, facts: Facts, book: tollbook.Book, settings: Settings, check: bool
) -> dict[str, float]:
    """How long each case took a server, in ms; infinite where it did not answer."""
    big, small = (book.tokens[sid] for sid in partners())
    taken = {}
    caller = Caller(server.port)
    for case, (request, sids, total) in _requests(count, facts, big, small).items():
        try:
            if check:
                _check(f"{case} of {count:,}", caller.get(request), sids, total)
            taken[case] = sequential_ms(caller, [request], settings.seconds / 4)
        except RefusedError as refused:
            say(f"NO ANSWER: {refused}")
            taken[case] = math.inf
    caller.close()
    return taken


def _requests(count: int, facts: Facts, big: str, small: str) -> dict[str, tuple[Request, list[str] | None, int]]:
    """By case: what is asked, the sids that must come (None: not known), the total."""
    middle = count // 2
    sids = facts.sids
    found: dict[str, tuple[Request, list[str] | None, int]] = {}
    first = f"{LIST_PATH}?limit={LIMIT}"
    found[CASES[0]] = (Request(first, small), None, SMALL)
    found[CASES[1]] = (Request(first, big), sids[:LIMIT], count)
    for case, place in zip(CASES[2:5], (0, middle, count - LIMIT - 1), strict=True):
        request = Request(f"{first}&after={sids[place]}", big)
        found[case] = (request, sids[place + 1 : place + 1 + LIMIT], count)
    deep = Request(f"{first}&offset={middle}", big)
    found[CASES[5]] = (deep, sids[middle : middle + LIMIT], count)
    narrowed = Request(f"{first}&{FILTER}", big)
    found[CASES[6]] = (narrowed, facts.matching[:LIMIT], len(facts.matching))
    return found


def _check(who: str, body: bytes, sids: list[str] | None, total: int) -> None:
    answer = json.loads(body)
    got = [item["invoice_sid"] for item in answer["items"]]
    if answer["total"] != total or (sids is not None and got != sids):
        raise expected.WrongAnswerError(
            f"{who}: total {answer['total']}, not {total}; or sids\n  {got}\nand not\n  {sids}"
        )


def _outcome(settings: Settings, taken: dict[int, dict[str, list[float]]], quiet: Quiet) -> Outcome:
    sizes = list(taken)
    rows = [[case, *(str(spread(taken[n][case])) for n in sizes)] for case in CASES]
    text = (
        "One partner has all of the invoices; its book also holds a partner with"
        f" {SMALL}. Sequential requests on one connection, limit={LIMIT}, total included; median"
        f" latency in ms of each of {settings.rounds} interleaved rounds. The offset is half of"
        f" the invoices. {quiet}\n\n" + table(["ms", *(f"{n:,}" for n in sizes)], rows)
    )
    largest = sizes[-1]
    return Outcome("One partner grows", text, _requirements(largest, taken[largest]))


def _requirements(count: int, taken: dict[str, list[float]]) -> list[Requirement]:
    first = taken[FIRST]
    size = f"{short(count)} invoices"
    bounds = [Requirement(f"{size}: first page: × {SMALL}", ratio(first, taken[CASES[0]]), 2, False)]
    bounds += [Requirement(f"{size}: {case}: × first page", ratio(taken[case], first), 2, False) for case in CASES[2:5]]
    deep = ratio(taken[CASES[5]], first)
    bounds.append(Requirement(f"{size}: offset={count // 2}: × first page", deep, 200, False))
    narrowed = spread(taken[CASES[6]])
    bounds.append(Requirement(f"{size}: filter with its exact total", narrowed, 50, False, " ms"))
    return bounds
