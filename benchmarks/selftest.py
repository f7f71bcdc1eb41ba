"""The harness judged: small data, short runs, every candidate; ends non-zero on a wrong answer.

Also that a wrong answer would have been noticed: a comparison that never fails proves nothing.
"""

from __future__ import annotations

import doctest
import json
from importlib import import_module
from itertools import pairwise

from benchmarks import data, expected, growth_part, import_part, operator_part, peers_part
from benchmarks.expected import Page, WrongAnswerError
from benchmarks.machine import Machine
from benchmarks.material import say
from benchmarks.numbers import Outcome
from benchmarks.processes import BenchError
from benchmarks.settings import DATA, Settings
from benchmarks.tollbook import executable

SMALL = Settings(partners=10, seconds=1, rounds=1, growth=(500, 2_000), fresh=True, folder=DATA / "selftest")
DOCTESTED = ("data", "numbers", "load", "report", "peers.normalised")


def selftest(machine: Machine) -> list[Outcome]:
    """Every part once; raises at the first thing that is wrong."""
    doctests()
    generator()
    comparison()
    outcomes = [peers_part.measure(SMALL, machine)]
    if executable():
        parts = (operator_part, import_part, growth_part)
        outcomes += [part.measure(SMALL, machine) for part in parts]
    return outcomes


def doctests() -> None:
    """The examples in the docstrings."""
    for name in DOCTESTED:
        failed, tried = doctest.testmod(import_module(f"benchmarks.{name}"))
        _must(failed == 0 and tried > 0, f"examples of benchmarks.{name}")


def generator() -> None:
    """What the generator promises: canonical, chained, deterministic, unique."""
    texts = list(data.lines([200] * 5 + [1_000]))
    _must(texts == list(data.lines([200] * 5 + [1_000])), "the same invoices every time")
    invoices = [json.loads(text) for text in texts]
    sids = {invoice["invoice_sid"] for invoice in invoices}
    _must(len(sids) == len(invoices) == 2_000, "one sid an invoice")
    _must({i["partner_sid"] for i in invoices} == set(data.partner_sids(6)), "partners are known")
    _must({i["status"] for i in invoices} == {"open", "closed", "void"}, "every status occurs")
    for text, invoice in zip(texts, invoices, strict=True):
        canonical = json.dumps(invoice, sort_keys=True, separators=(",", ":"))
        _must(text == canonical and len(invoice) == 19, "19 keys in order, compact")
        _must(_adds_up(invoice), f"arithmetic of {text}")
    for sid in data.partner_sids(6):
        own = [invoice for invoice in invoices if invoice["partner_sid"] == sid]
        for one, following in pairwise(own):
            chained = one["balance_forward"] == following["balance_previous"]
            later = one["date_created"] < following["date_created"]
            touching = one["date_billing_period_end"] < following["date_billing_period_start"]
            _must(chained and later and touching, f"chain of {sid} at {one['display_id']}")


def _adds_up(invoice: expected.Invoice) -> bool:
    def total(array: str) -> int:
        return sum(data.cents(item["amount"]) for item in invoice[array])

    amount, tax, forward = (data.cents(invoice[key]) for key in ("amount", "amount_tax", "balance_forward"))
    before = data.cents(invoice["balance_previous"])
    return (
        amount == total("invoice_items")
        and tax == total("tax_items")
        and forward == before + amount + tax - total("pay_items")
        and data.cents(invoice["amount_due"]) == max(0, forward)
        and 3 <= len(invoice["invoice_items"]) <= 6
        and 1 <= len(invoice["tax_items"]) <= 3
    )


def comparison() -> None:
    """Wrong answers are noticed: a lost key, a float, a wrong total, another order."""
    right = [json.loads(line) for line in data.lines([3])]
    want = Page(right, 3)
    expected.compare("itself", want, want)
    lost = {key: value for key, value in right[0].items() if key != "date_charged"}
    floating = right[0] | {"amount": float(right[0]["amount"])}
    for got in (
        Page([lost, *right[1:]], 3),
        Page([floating, *right[1:]], 3),
        Page(right, 4),
        Page(right[::-1], 3),
        Page(right[:2], 3),
    ):
        try:
            expected.compare("wrong", got, want)
        except WrongAnswerError:
            continue
        raise BenchError("selftest: a wrong answer went unnoticed")


def _must(holds: bool, what: str) -> None:
    if not holds:
        say(f"WRONG: {what}")
        raise BenchError(f"selftest: {what}")
