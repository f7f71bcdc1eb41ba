"""Usage that changes after it was recorded: corrected, withdrawn, rated at last, rated anew, freed with its partner.

A record is never overwritten: each change keeps the version before, with who and why. On an open invoice the sums
change in place; what a closed one froze stays, and the difference is an adjustment on the current one (rules 4).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from tollbook import errors, limits
from tollbook.billing import periods
from tollbook.billing.deriving import key_of
from tollbook.billing.events import Event
from tollbook.billing.ledger import Billing
from tollbook.billing.model import Caller
from tollbook.billing.rating import Rated, Rating
from tollbook.clock import month_around
from tollbook.errors import Flaw, Refusal, no_item
from tollbook.operations.accounts import Account, Terms, Unlawful, account_of, terms_of
from tollbook.operations.placing import Placing, billed, rate, waiting
from tollbook.operations.recording import measure_name, park, time_name
from tollbook.operations.sheets import Tariffs
from tollbook.store import Store, Writes
from tollbook.store.archiving import archived_month
from tollbook.store.event_rows import Placed, Replaced


def find_record(act: Writes, caller: Caller, kind: str, dr_sid: str) -> Placed:
    """The latest version of a record of the caller or of a partner beneath it; 404 where there is none, 409 where it
    was archived.

    The nearest partner that ever had one decides: a withdrawal that is sent again must not reach another's record.
    """
    for owner in act.owners_of(caller.partner_sid, dr_sid):
        seen = act.seen(owner, [dr_sid])[dr_sid]
        if seen.kind == kind:
            placed = act.placed(owner, dr_sid)
            if placed is None:
                act.refuse_archived(owner, seen.date, there=False)
                break
            return placed
    raise no_item()


def correct(
    act: Writes, caller: Caller, kind: str, dr_sid: str, change: Callable[[Event], Event] | None, why: str
) -> Placed | None:
    """Replace a record by what `change` makes of it, or withdraw it (None); the new version.

    409 where its partner would be parked, or is, and the record does not wait with it: what is billed of it has to be
    known first.
    """
    before = find_record(act, caller, kind, dr_sid)
    event = change(before.event) if change else None
    if event is not None and (event.dr_sid, event.partner_sid) != (dr_sid, before.event.partner_sid):
        raise Refusal(errors.OBJECT_INVALID, Flaw("dr_sid", "a record keeps its sid and its partner"))
    terms = terms_of(act)
    account = _account(act, before.event.partner_sid, terms)
    waits = before.state == "parked" and account.billing.is_parked
    if not waits:
        _refuse_parked(account.billing)
    if event is not None:
        _refuse_untimely(account, event, act.now, terms)
    changing = Changing(act, account, Tariffs(act), who=caller.partner_sid, why=why)
    if waits:
        return changing.change_waiting(before, event)
    try:
        with act.savepoint():
            after = changing.change(before, event)
            changing.finish()
    except Unlawful as unlawful:
        raise Refusal(errors.CONFLICT, Flaw(None, str(unlawful))) from None
    return after


class Changing:
    """Replaces versions of one partner's records within an act."""

    def __init__(self, act: Writes, account: Account, tariffs: Tariffs, *, who: str, why: str) -> None:
        self._act = act
        self._account = account
        self._tariffs = tariffs
        self._placing = Placing(account, act.now)
        self._who = who
        self._why = why
        self._voided = act.voided(account.partner_sid)
        self._months: set[int] = set()
        """Those that are known not to be put away."""

    def change(self, before: Placed, event: Event | None) -> Placed | None:
        """Take a version off and put another in its place; ValueError becomes 422.

        A record of a voided invoice stays beside it, whatever is said of it now: its money was given back. 409 for one
        whose month is being put away.
        """
        if (month := month_around(before.event.time)[0]) not in self._months:
            self._act.refuse_archived(self._account.partner_sid, before.event.time, there=True)
            self._months.add(month)
        rating = None if event is None else self._rate(event)
        frozen, stays_on = self._placing.is_frozen(before), self._placing.open_of(before)
        before = replace(before, given_back=self.is_given_back(before))
        adjusted_sid = self._placing.take_off(before)
        after = None
        if event is not None and rating is not None:
            if before.given_back:
                self._placing.adjust(event, 0, rating.quantity)
                after = self._frozen(before, event, rating)
            elif frozen and isinstance(rating, Rated) and self._placing.where(event.time)[1] is None:
                self._placing.adjust(event, rating.units, rating.quantity)
                after = self._frozen(before, event, rating)
            else:
                new: dict[str, Any] = {"version": before.version + 1, "came": before.date_insert}
                after = self._placing.put(event, rating, stays_on=stays_on, **new)
        self._write(before, after, frozen=frozen, adjusted_sid=adjusted_sid)
        return after

    def is_given_back(self, placed: Placed) -> bool:
        """Whether a record's money was given back with its voided invoice: a change of it moves none any more."""
        return self._placing.is_frozen(placed) and placed.invoice_sid in self._voided

    def change_waiting(self, before: Placed, event: Event | None) -> Placed | None:
        """The same of a record that waits with its parked partner: its invoices stay as they are."""
        after = None
        if event is not None:
            key = key_of(event, self._placing.period(event.time))
            terms: dict[str, Any] = {"version": before.version + 1, "came": before.date_insert}
            after = waiting(event, key, self._rate(event).quantity, **terms)
        self._write(before, after, frozen=False, adjusted_sid=None)
        return after

    def _rate(self, event: Event) -> Rating:
        try:
            return rate(event, self._tariffs)
        except ValueError as error:
            raise Refusal(errors.OBJECT_INVALID, Flaw(measure_name(event), str(error))) from None

    def _frozen(self, before: Placed, event: Event, rating: Rating) -> Placed:
        """A new version that stays beside the closed invoice, whose difference an adjustment carries."""
        on = (before.invoice_created, before.invoice_sid)
        key = key_of(event, self._placing.period(event.time))
        return billed(
            event,
            rating,
            key,
            on=on,
            version=before.version + 1,
            late=before.late,
            came=before.date_insert,
            adjusted=True,
        )

    def _write(self, before: Placed, after: Placed | None, *, frozen: bool, adjusted_sid: str | None) -> None:
        # What an adjustment carries; a version that moves to an open invoice is counted there, whole.
        stays = after if after is not None and (after.adjusted or not frozen) else None
        units = 0 if before.given_back else (stays.units if stays else 0) - before.units
        usage = _billed(stays) - _billed(before)
        shown = before.invoice_sid if frozen and not before.adjusted else None
        self._act.keep_version(Replaced(before, self._act.now, self._who, self._why, shown, adjusted_sid, units, usage))
        self._act.take_out([before])
        if after is not None:
            self._act.add_events([after])
            if after.pin:
                self._act.mark_used({after.pin.version_sid})
        date = after.event.time if after else None
        self._act.move_seen(before.event.partner_sid, before.event.dr_sid, date)

    def finish(self) -> None:
        """Save the account."""
        self._placing.settle()
        self._account.save()


def _billed(placed: Placed | None) -> int:
    return placed.quantity if placed is not None and placed.state == "billed" else 0


def rate_waiting(store: Store, partner_sid: str | None = None) -> int:
    """Rate what waited for a rate, wherever there is one by now; how many records that were."""
    with store.reading() as book:
        whose = [partner_sid] if partner_sid else book.partners_waiting("unrated")
    return sum(_rate_waiting_of(store, sid) for sid in whose)


def _rate_waiting_of(store: Store, partner_sid: str) -> int:
    rated, after = 0, (0, "")
    while True:
        with store.writing() as act:
            some = act.waiting(partner_sid, "unrated", limits.USAGE_BATCH_MAX, after)
            account = account_of(act, partner_sid, terms_of(act))
            if not some or account is None or account.billing.is_parked:
                return rated
            rated += _place_waiting(act, account, some)
        after = (some[-1].date_insert, some[-1].event.dr_sid)


def _place_waiting(act: Writes, account: Account, some: Iterable[Placed]) -> int:
    """Put records that waited on invoices, those that can be rated; `Unlawful` parks the partner."""
    partner_sid = account.partner_sid
    try:
        with act.savepoint():
            tariffs, placing, moved = Tariffs(act), Placing(account, act.now), []
            for before in some:
                rating = rate(before.event, tariffs)
                if isinstance(rating, Rated) or before.state == "parked":
                    after = placing.put(before.event, rating, version=before.version, came=before.date_insert)
                    moved.append((before, after))
            act.take_out([before for before, _ in moved])
            act.add_events([after for _, after in moved])
            act.mark_used({after.pin.version_sid for _, after in moved if after.pin})
            placing.settle()
            if moved:
                account.save()
            return len(moved)
    except Unlawful as unlawful:
        park(act, partner_sid, terms_of(act), str(unlawful))
        return 0


def unpark(store: Store, partner_sid: str, who: str) -> int:
    """Free a parked partner: what waited goes on its invoices in the order in which it came, then those that are due
    are closed; how many records waited.

    If that would break the law again, the partner is parked again, with what is left. Whoever was interrupted here
    goes on by doing it again; so does a billing run.
    """
    with store.writing() as act:
        account = _account(act, partner_sid, terms_of(act))
        if account.billing.is_parked:
            account.move_billing("unpark", who)
            act.answer_notices(partner_sid, "parked", act.now)
            account.place_waiting_payments()
            _save(account)
            act.put_billing(replace(account.billing, date_due=act.now))  # until all that waited is placed
        elif not act.waiting(partner_sid, "parked", 1):
            raise Refusal(errors.CONFLICT, Flaw(None, "the partner is not parked"))
    return _place_parked(store, partner_sid, who)


def place_left(store: Store, partner_sid: str | None, who: str) -> None:
    """Place what still waits of partners, or of one, whose unparking was interrupted."""
    with store.reading() as book:
        whose = [partner_sid] if partner_sid else book.partners_waiting("parked")
        freed = [sid for sid in whose if (billing := book.billing(sid)) and not billing.is_parked]
        left = [sid for sid in freed if book.waiting(sid, "parked", 1)]
    for sid in left:
        _place_parked(store, sid, who)


def _place_parked(store: Store, partner_sid: str, who: str) -> int:
    placed = 0
    while True:
        with store.writing() as act:
            account = _account(act, partner_sid, terms_of(act))
            some = act.waiting(partner_sid, "parked", limits.USAGE_BATCH_MAX)
            if account.billing.is_parked:
                return placed
            if not some:
                account.close_due(who)
                account.save()
                return placed
            placed += _place_waiting(act, account, some)


class Difference(NamedTuple):
    """What rating a record anew changes: its partner, its sid, the prices before and after (billionths)."""

    partner_sid: str
    dr_sid: str
    before: int | None
    after: int | None


def rerate(
    store: Store, partner_sid: str, start: int, end: int, *, who: str, why: str, apply: bool = False
) -> Iterator[Difference]:
    """Rate a partner's records of [start, end) by the sheets of now; those whose price differs.

    Nothing changes unless it is to be applied: then open periods change in place, closed ones by adjustments. Prices
    that came with records are final; those of voided invoices move no money, and are not told.
    """
    with store.reading() as book:
        _refuse_parked(book.billing(partner_sid))
        archived = book.archived_first(partner_sid, start, whole=True)
        if archived is not None and archived < end:
            raise archived_month(month_around(archived)[0])
        tariffs = Tariffs(book)
        changed = [
            placed
            for placed in book.events_between(partner_sid, start, end)
            if placed.state == "billed" and placed.event.price is None and _differs(placed, tariffs)
        ]
    for begin in range(0, len(changed), limits.USAGE_BATCH_MAX):
        yield from _rerate(store, partner_sid, changed[begin : begin + limits.USAGE_BATCH_MAX], who, why, apply=apply)


def _differs(placed: Placed, tariffs: Tariffs) -> bool:
    rating = rate(placed.event, tariffs)
    if not isinstance(rating, Rated):
        return placed.price is not None
    return (rating.units, rating.pin) != (placed.units, placed.pin)


def _rerate(
    store: Store, partner_sid: str, some: list[Placed], who: str, why: str, *, apply: bool
) -> Iterator[Difference]:
    differences = []
    try:
        with store.writing() as act:
            account = _account(act, partner_sid, terms_of(act))
            _refuse_parked(account.billing)
            changing = Changing(act, account, Tariffs(act), who=who, why=why)
            for stale in some:
                before = act.placed(partner_sid, stale.event.dr_sid)
                if before is not None and before.version == stale.version:
                    moves = not changing.is_given_back(before)
                    after = changing.change(before, before.event)
                    if moves:
                        price = after.price if after else None
                        differences.append(Difference(partner_sid, before.event.dr_sid, before.price, price))
            changing.finish()
            if not apply:
                raise _OnlyLooked
    except _OnlyLooked:
        pass
    except Unlawful as unlawful:
        raise Refusal(errors.CONFLICT, Flaw(None, str(unlawful))) from None
    yield from differences


def _save(account: Account) -> None:
    try:
        account.save()
    except Unlawful as unlawful:
        raise Refusal(errors.CONFLICT, Flaw(None, str(unlawful))) from None


class _OnlyLooked(Exception):
    """Thrown to roll a dry run back."""


def _account(act: Writes, partner_sid: str, terms: Terms) -> Account:
    account = account_of(act, partner_sid, terms)
    if account is None:
        raise Refusal(errors.CONFLICT, Flaw("partner_sid", "the partner is not billed"))
    return account


def _refuse_parked(billing: Billing | None) -> None:
    if billing is not None and billing.is_parked:
        said = "the partner is parked; only records that wait with it can be corrected now"
        raise Refusal(errors.CONFLICT, Flaw("partner_sid", said))


def _refuse_untimely(account: Account, event: Event, now: int, terms: Terms) -> None:
    try:
        period = account.period_of(event.time)
    except ValueError as error:
        raise Refusal(errors.OBJECT_INVALID, Flaw(time_name(event), str(error))) from None
    if why := periods.untimely(event.time, now, period.start, terms.age_days_max):
        raise Refusal(errors.OBJECT_INVALID, Flaw(time_name(event), why))
