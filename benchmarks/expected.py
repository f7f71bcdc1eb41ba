"""What a right answer is, read from the NDJSON itself, and the comparison with what came.

A benchmark of a wrong answer is worthless: every candidate is compared before it is measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import cents
from benchmarks.processes import BenchError

Invoice = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, freed from its candidate's envelope."""

    items: list[Invoice]
    total: int


class WrongAnswerError(BenchError):
    """A candidate answered something else than the source says."""


def open_above_one(invoice: Invoice) -> bool:
    """The filter of the benchmark: `status eq open and amount gt 1`."""
    return invoice["status"] == "open" and cents(invoice["amount"]) > 100


def read(ndjson: Path, partners: Collection[str]) -> dict[str, list[Invoice]]:
    """The invoices of some partners, newest first, each list as a server should order it."""
    found: dict[str, list[Invoice]] = {sid: [] for sid in partners}
    wanted = re.compile(rb'"partner_sid":"([0-9a-f-]{36})"')
    with ndjson.open("rb") as source:
        for line in source:
            match = wanted.search(line)
            if match and match[1].decode() in found:
                found[match[1].decode()].append(json.loads(line))
    for invoices in found.values():
        invoices.sort(key=lambda i: (i["date_created"], i["invoice_sid"]), reverse=True)
    return found


def page(invoices: list[Invoice], limit: int, keep: Callable[[Invoice], bool] | None = None) -> Page:
    """The first page of `invoices` that `keep` lets through."""
    kept = invoices if keep is None else [invoice for invoice in invoices if keep(invoice)]
    return Page(kept[:limit], len(kept))


def compare(who: str, got: Page, want: Page) -> None:
    """Raises WrongAnswerError at the first difference; types count: 1 is neither "1" nor 1.0."""
    if got.total != want.total:
        raise WrongAnswerError(f"{who}: total {got.total}, not {want.total}")
    if len(got.items) != len(want.items):
        raise WrongAnswerError(f"{who}: {len(got.items)} invoices, not {len(want.items)}")
    for nth, (mine, theirs) in enumerate(zip(got.items, want.items, strict=True)):
        ours, source = (json.dumps(i, sort_keys=True) for i in (mine, theirs))
        if ours != source:
            raise WrongAnswerError(f"{who}: invoice {nth} is\n  {ours}\nand not\n  {source}")


def check_envelope(who: str, body: dict[str, Any], limit: int, offset: int, want: Page) -> None:
    """The seven keys of the wire contract around the items, for those that speak it."""
    has_more = offset + len(want.items) < want.total
    expected = {"count": len(want.items), "has_more": has_more, "limit": limit, "offset": offset}
    seen = {key: body.get(key) for key in expected}
    if seen != expected or not isinstance(body.get("pagination"), dict) or len(body) != 7:
        raise WrongAnswerError(f"{who}: envelope {seen}, not {expected}; keys {sorted(body)}")
    if has_more != ("next" in body["pagination"]):
        raise WrongAnswerError(f"{who}: has_more is {has_more}, pagination {body['pagination']}")
