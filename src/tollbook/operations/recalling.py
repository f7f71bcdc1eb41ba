"""Open invoices that a worker has just written, kept for the next act on the same partner.

A partner's billing row has a revision, drawn anew at each write of it, and nothing of its open invoices changes without
that. What is kept under a revision is what the book holds as long as it still has that revision, whoever wrote since:
an act that was undone leaves a revision behind that no book ever has.
"""

import threading
from collections import OrderedDict
from typing import NamedTuple

from tollbook import limits
from tollbook.billing.ledger import OpenInvoice


class _Kept(NamedTuple):
    revision: int
    opens: list[OpenInvoice]


class Recall:
    """What was kept, by partner. Taking is having: two acts never share an invoice that one of them changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def take(self, partner_sid: str, revision: int) -> list[OpenInvoice] | None:
        """A partner's open invoices as of a revision, which are forgotten here; None where others are kept, or none."""
        with self._lock:
            kept = self._kept.pop(partner_sid, None)
        return kept.opens if kept and kept.revision == revision else None

    def keep(self, partner_sid: str, revision: int, opens: list[OpenInvoice]) -> None:
        """Keep a partner's open invoices as they were written with a revision; large ones are read again instead."""
        if sum(map(_lines, opens)) > limits.RECALLED_LINES_MAX:
            return
        with self._lock:
            self._kept[partner_sid] = _Kept(revision, opens)
            while len(self._kept) > limits.RECALLED_PARTNERS_MAX:
                self._kept.popitem(last=False)


def _lines(made_of: OpenInvoice) -> int:
    return len(made_of.sums) + len(made_of.lines) + len(made_of.payments)


recall = Recall()
"""This process's."""
