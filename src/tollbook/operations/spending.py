"""Whether a partner has spent more than it may, and shall not be served: for who lets calls and messages through.

Recorded usage is never refused (billing rules 4). The book's `spending_policy` is `warn`, a notice and no more;
`block`, told by the rating endpoints as well; or `charge`, which asks for a payment of what is owed.
"""

from typing import Final

from tollbook.billing.model import Sight
from tollbook.clock import DAY_MS
from tollbook.money import format_amount
from tollbook.store import Reads

POLICY: Final = "spending_policy"
POLICIES: Final = ("warn", "block", "charge")


def policy_of(book: Reads) -> str:
    """What the book does about a limit that is passed."""
    return book.settings().get(POLICY, "warn")


def why_blocked(book: Reads, partner_sid: str, now: int) -> str | None:
    """Why a partner's further use is to be stopped at an instant; None where it is not, or not by this book."""
    if policy_of(book) != "block":
        return None
    billing = book.billing(partner_sid)
    if billing is None:
        return None
    partner = book.partner(Sight("all", ""), partner_sid)
    if billing.spending_limit is not None and partner.balance < -billing.spending_limit:
        return f"owes more than {format_amount(billing.spending_limit)}, its spending_limit"
    limit, today = billing.daily_spending_limit, now - now % DAY_MS
    if limit is not None and billing.spent_day == today and partner.daily_spent_amount > limit:
        return f"spent more than {format_amount(limit)} today, its daily_spending_limit"
    return None
