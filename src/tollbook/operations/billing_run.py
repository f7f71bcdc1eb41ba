"""The billing run: opens the invoices whose time has come, closes and issues those whose period is over.

Safe to run twice, at once, late, or after a month's silence: each partner is moved on in an act of its own, by what
the book says then, so that whoever comes second finds nothing to do. Each missed period is closed in its order.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from tollbook import limits
from tollbook.billing.model import Invoice
from tollbook.clock import DAY_MS
from tollbook.observe import log
from tollbook.operations.accounts import Account, Terms, Unlawful, account_of, terms_of
from tollbook.operations.correcting import place_left, rate_waiting
from tollbook.operations.recording import park
from tollbook.store import Reads, Store, Writes, store_failed

WHO = "billing run"
_SPENDING_DAY = "spending_day"
"""The book's name for the day whose spending it counts, so that a new one is begun once."""


class Issued(NamedTuple):
    """An invoice that was closed, or would be, with what the partner's invoice before it came to."""

    invoice: Invoice
    amount_before: int | None


@dataclass(slots=True)
class Run:
    """What a run did. `issued` is filled only where somebody wants to see it, up to a bound; so is `amount_before`."""

    partners: int = 0
    closed: int = 0
    amount: int = 0
    amount_before: int = 0
    parked: list[str] = field(default_factory=list)
    issued: list[Issued] = field(default_factory=list)

    def take(self, part: "Run") -> None:
        """Add what a part of the run did."""
        self.partners += part.partners
        self.closed += part.closed
        self.amount += part.amount
        self.amount_before += part.amount_before
        self.parked += part.parked
        self.issued += part.issued[: limits.ISSUED_SHOWN_MAX - len(self.issued)]


Watch = Callable[[int, int | None], None]


def run(
    store: Store,
    *,
    partner_sid: str | None = None,
    dry_run: bool = False,
    keep: bool = False,
    who: str = WHO,
    watch: Watch = lambda done, total: None,
) -> Run:
    """Move on every partner for whom something is due, or one; `keep` keeps what was issued, for a person to see.

    A dry run changes nothing and keeps what would be issued; what waits for a rate is left waiting.
    """
    made = Run()
    if not dry_run:
        place_left(store, partner_sid, who)
        rate_waiting(store, partner_sid)
    with store.reading() as book:
        total = 1 if partner_sid else book.due_count(book.present(store.clock.now()))
    busy: list[str] = []
    for chunk in _due(store, partner_sid):
        busy += _move_on(store, chunk, made, who=who, dry_run=dry_run, keep=keep or dry_run)
        watch(made.partners, total)
    for at in range(0, len(busy), limits.RUN_PARTNERS_MAX):
        some = busy[at : at + limits.RUN_PARTNERS_MAX]
        _move_on(store, some, made, who=who, dry_run=dry_run, keep=keep or dry_run, wait=True)
        watch(made.partners, total)
    if not dry_run:
        begin_day(store)
    return made


def begin_day(store: Store) -> None:
    """With the first look at a new day (UTC), nobody has spent anything yet; once a day, whoever comes first."""
    with store.reading() as book:
        if _day_of_spending(book) == _today(book.present(store.clock.now())):
            return
    store.act(_begin_day)


def _begin_day(act: Writes) -> None:
    act.hold_book(_SPENDING_DAY, "0")
    today = _today(act.now)
    if _day_of_spending(act) != today:
        act.forget_spent(today)
        act.answer_notices_before("daily_spending_limit", today, act.now)
        act.set_book(_SPENDING_DAY, str(today))


def _day_of_spending(book: Reads) -> int:
    return int(book.settings().get(_SPENDING_DAY, 0))


def _today(now: int) -> int:
    return now - now % DAY_MS


def _due(store: Store, partner_sid: str | None) -> Iterator[list[str]]:
    """The partners for whom something is due, some at a time, each once."""
    after = ""
    while True:
        with store.reading() as book:
            if partner_sid is not None:
                yield [partner_sid]
                return
            chunk = book.due_partners(book.present(store.clock.now()), after, limits.RUN_PARTNERS_MAX)
        if not chunk:
            return
        yield chunk
        after = chunk[-1]


def _move_on(
    store: Store, chunk: list[str], made: Run, *, who: str, dry_run: bool, keep: bool, wait: bool = False
) -> list[str]:
    """Move some partners on in one act; the sids of those that another act has, unless they are waited for."""

    def move(act: Writes) -> tuple[Run, list[str]]:
        claimed = chunk if wait else act.claim_due(chunk)
        part = _move_on_claimed(act, claimed, who=who, keep=keep)
        return part, sorted(set(chunk) - set(claimed))

    if dry_run:
        with suppress(_OnlyLooked), store.writing() as act:  # alone: nothing else may keep its instant
            made.take(_move_on_claimed(act, chunk, who=who, keep=keep))
            raise _OnlyLooked
        return []
    part, busy = store.act(move)
    made.take(part)
    return busy


def _move_on_claimed(act: Writes, partner_sids: Iterable[str], *, who: str, keep: bool) -> Run:
    """Move partners on; a defect with one of them must not keep the others waiting."""
    terms, made = terms_of(act), Run()
    for partner_sid in partner_sids:
        made.partners += 1
        try:
            with act.savepoint():
                _move_on_one(act, partner_sid, terms, made, who=who, keep=keep)
        except Unlawful as unlawful:
            park(act, partner_sid, terms, str(unlawful))
            made.parked.append(partner_sid)
        except Exception as error:
            if store_failed(error):
                raise
            log.exception("a partner cannot be billed", extra={"facts": {"partner_sid": partner_sid}})
    return made


def _move_on_one(act: Writes, partner_sid: str, terms: Terms, made: Run, *, who: str, keep: bool) -> None:
    account = account_of(act, partner_sid, terms)
    if account is None or account.billing.is_parked:
        return
    account.open_until(act.now)
    account.close_due(who)
    account.save()
    _tell(act, account, made, keep=keep)


def _tell(act: Writes, account: Account, made: Run, *, keep: bool) -> None:
    """Count what was closed, once it is saved."""
    made.closed += len(account.closed)
    made.amount += sum(invoice.amount for invoice in account.closed)
    if not keep:
        return
    for invoice in account.closed:
        before = act.amount_before(invoice.partner_sid, invoice.date_created)
        made.amount_before += before or 0
        made.issued.append(Issued(invoice, before))


class _OnlyLooked(Exception):
    """Thrown to roll a dry run back."""
