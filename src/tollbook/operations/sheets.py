"""Rate sheets: taken into the book, given to partners, and found for each event that is to be rated.

A sheet is known by its name. An import makes another version of it; a version that has rated something stays as it is
for ever, and of two that take effect at one instant the later import wins.
"""

import threading
import uuid
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from tollbook import errors, limits
from tollbook.billing.bands import Offset, TimeBands, utc
from tollbook.billing.increments import Convention
from tollbook.billing.linting import SheetFlaw, lint
from tollbook.billing.numbers import Direction
from tollbook.billing.sheets import (
    Assignment,
    CallDeck,
    Deck,
    MessageDeck,
    PriceRounding,
    Rate,
    Service,
    SheetVersion,
    UsageDeck,
    assigned_sheet,
)
from tollbook.errors import Flaw, Refusal, no_item
from tollbook.query.records import read_text
from tollbook.store import Reads, Sheet, Store, VersionHead, Writes


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What an import brings: lines for a sheet of that name from an instant on, and the terms beside them."""

    name: str
    service: Service
    direction: Direction | None
    effective_date: int
    rates: tuple[Rate, ...]
    convention: Convention = "after_minimum"
    price_rounding: PriceRounding | None = None
    messages_by: Literal["network", "prefix"] = "network"
    times: TimeBands | None = None


class Imported(NamedTuple):
    """A version as it was written (or would be), what looks wrong with it, and the unused one that it replaced."""

    version: SheetVersion
    findings: list[SheetFlaw]
    new_sheet: bool
    replaced_sid: str | None
    assigned_to: tuple[str | None, ...]


class To(NamedTuple):
    """Who gets a sheet: partners, or everybody who has no nearer one."""

    partner_sids: tuple[str, ...] = ()
    default: bool = False

    def each(self) -> tuple[str | None, ...]:
        """The partners' sids, and None for the book's default."""
        return (*dict.fromkeys(self.partner_sids), *([None] if self.default else []))


NOBODY = To()
JUMP_PERCENT = 50
"""How far a price may move from one version to the next without a word of the linter's."""


def import_deck(
    store: Store, new: NewVersion, to: To = NOBODY, *, jump_percent: int = JUMP_PERCENT, dry_run: bool = False
) -> Imported:
    """Take in a version of a sheet, new or known by its name, and give it to partners from its first instant on.

    A `dry_run` writes nothing. 409 where the known sheet prices something else, 422 for lines that cannot be compiled.
    """
    _check(new)
    if dry_run:
        with store.reading() as book:
            return _prepared(book, new, to, jump_percent, now=book.present(store.clock.now()))
    with store.writing() as act:
        made = _prepared(act, new, to, jump_percent, now=act.now)
        if made.new_sheet:
            act.add_sheet(_sheet(act, made.version))
        if made.replaced_sid:
            act.drop_version(made.replaced_sid)
        act.add_version(made.version, _date_created(act, made.version.rates_plan_sid))
        _give(act, made.version, to, new.effective_date)
    return made


def assign(store: Store, name: str, to: To, effective_date: int | None = None) -> Sheet:
    """Give a sheet to partners, or make it the default, from an instant on (now unless given)."""
    with store.writing() as act:
        sheet = named(act, name)
        _give(act, sheet, to, act.now if effective_date is None else effective_date)
    return sheet


def named(book: Reads, name: str) -> Sheet:
    """The sheet of that name; 404 where there is none."""
    sheet = book.sheet_named(name)
    if sheet is None:
        raise Refusal(errors.ITEM_UNKNOWN, Flaw("name", f"no sheet is called {name}"))
    return sheet


def version_of(book: Reads, version_sid: str) -> SheetVersion:
    """A version whole; 404 where there is none."""
    version = book.sheet_version(version_sid)
    if version is None:
        raise no_item()
    return version


def linted(book: Reads, version: SheetVersion, *, jump_percent: int = JUMP_PERCENT) -> list[SheetFlaw]:
    """What looks wrong with a version of a sheet, beside the one before it and the dates of all others."""
    return _findings(book, version, jump_percent, None)


def _check(new: NewVersion) -> None:
    flaws = []
    try:
        read_text(new.name)
    except ValueError as error:
        flaws.append(Flaw("name", str(error)))
    if not new.name.strip():
        flaws.append(Flaw("name", "is blank"))
    if (new.direction is None) is not (new.service == "usage"):
        flaws.append(Flaw("direction", "is inbound or outbound for calls and messages, and none for other usage"))
    if not new.rates:
        flaws.append(Flaw("rates", "there is no line"))
    if flaws:
        raise Refusal(errors.OBJECT_INVALID, *flaws)


def _prepared(book: Reads, new: NewVersion, to: To, jump_percent: int, now: int) -> Imported:
    known = book.sheet_named(new.name)
    if known and (known.service, known.direction) != (new.service, new.direction):
        is_ = f"{known.name} prices {' '.join(filter(None, (known.direction, known.service)))}"
        raise Refusal(errors.CONFLICT, Flaw("name", f"{is_}: give another name", known.rates_plan_sid))
    for partner_sid in to.partner_sids:
        _check_partner(book, partner_sid)
    terms = msgspec.structs.asdict(new)
    plan = known.rates_plan_sid if known else str(uuid.uuid4())
    version = SheetVersion(rates_plan_sid=plan, version_sid=str(uuid.uuid4()), **terms)
    try:
        compiled(version)
    except ValueError as error:
        raise Refusal(errors.OBJECT_INVALID, Flaw("rates", str(error))) from error
    heads = book.version_heads(plan) if known else []
    unused = [head for head in heads if head.effective_date == new.effective_date and not head.used]
    replaced = unused[-1].version_sid if unused else None
    findings = _findings(book, version, jump_percent, now, besides=replaced)
    return Imported(version, findings, known is None, replaced, to.each())


def _findings(
    book: Reads, version: SheetVersion, jump_percent: int, now: int | None, besides: str | None = None
) -> list[SheetFlaw]:
    """The linter's findings; only the version before is read whole, of the others the dates are enough."""
    known = book.version_heads(version.rates_plan_sid)
    heads = [head for head in known if head.version_sid not in (besides, version.version_sid)]
    former = max((h for h in heads if h.effective_date < version.effective_date), key=_effect, default=None)
    others = [
        version_of(book, head.version_sid)
        if head is former
        else replace(version, version_sid=head.version_sid, effective_date=head.effective_date, rates=())
        for head in heads
        if head is former or former is None or head.effective_date != former.effective_date
    ]
    return lint(version, others, now, jump_percent)


def _effect(head: VersionHead) -> tuple[int, int]:
    return head.effective_date, head.date_created


def _sheet(act: Writes, version: SheetVersion) -> Sheet:
    return Sheet(version.rates_plan_sid, version.name, version.service, version.direction, act.operator_sid(), act.now)


def _date_created(act: Writes, rates_plan_sid: str) -> int:
    """This instant, or just after the latest import of the sheet: so that the later of two wins."""
    return max([act.now, *(head.date_created + 1 for head in act.version_heads(rates_plan_sid))])


def _give(act: Writes, sheet: Sheet | SheetVersion, to: To, effective_date: int) -> None:
    for partner_sid in to.each():
        if partner_sid is not None:
            _check_partner(act, partner_sid)
        act.put_assignment(
            Assignment(
                rates_plan_sid=sheet.rates_plan_sid,
                partner_sid=partner_sid,
                service=sheet.service,
                direction=sheet.direction,
                effective_date=effective_date,
            )
        )


def _check_partner(book: Reads, partner_sid: str) -> None:
    if not book.chain_above(partner_sid):
        raise Refusal(errors.ITEM_UNKNOWN, Flaw("partner_sid", f"there is no partner {partner_sid}"))


# Which deck an event has. Three things are kept in the process: decks by their version's sid, whose lines never
# change; who has which sheet, by the generation that the book names; and in a `Tariffs` the answers already given.


def compiled(version: SheetVersion) -> Deck:
    """A version made ready for rating; ValueError where a line stands twice, or its zone is unknown."""
    if version.service == "calls":
        return CallDeck(version, utc if version.times is None else zone_offset(version.times.zone))
    return UsageDeck(version) if version.service == "usage" else MessageDeck(version)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@lru_cache(limits.ZONES_REMEMBERED_MAX)
def zone_offset(zone: str) -> Offset:
    """How far a zone's local time is ahead of UTC at an instant; ValueError where no such zone is known here.

    >>> zone_offset("Europe/Berlin")(1_735_689_600_000)
    3600000
    """
    if zone == "UTC":
        return utc
    try:
        known = ZoneInfo(zone)
    except (OSError, LookupError, ValueError):
        raise ValueError(f"no time zone {zone} is known here") from None

    def offset(instant: int) -> int:
        ahead = (_EPOCH + instant * _MS).astimezone(known).utcoffset()
        return (ahead or timedelta()) // _MS

    return offset


class _Decks:
    """Compiled decks by version, as many lines in all as the limit lets in; the one used longest ago goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Deck] = OrderedDict()
        self._lines = 0

    def get(self, book: Reads, version_sid: str) -> Deck:
        with self._lock:
            found = self._kept.get(version_sid)
            if found is not None:
                self._kept.move_to_end(version_sid)
                return found
        made = compiled(version_of(book, version_sid))
        with self._lock:
            if version_sid not in self._kept:
                self._kept[version_sid] = made
                self._lines += _size(made)
            while self._lines > limits.DECK_LINES_REMEMBERED_MAX and len(self._kept) > 1:
                self._lines -= _size(self._kept.popitem(last=False)[1])
        return made


def _size(deck: Deck) -> int:
    return len(deck.version.rates) + 1


Given = dict[tuple[str | None, Service, Direction | None], list[Assignment]]


Timeline = tuple[list[int], list[str | None]]
"""The instants at which another version comes into force, rising, and the version before and from each on."""


class _Table(NamedTuple):
    """Assignments by partner, service and direction, and each sheet's versions in the order of effect.

    `timelines` remembers what follows for a partner: nobody is ever moved in the tree, so it holds as long as these do.
    """

    given: Given
    versions: dict[str, list[VersionHead]]
    timelines: dict[tuple[str, Service, Direction | None], "Timeline"]


class _Tables:
    """Who has which sheet, for the last few generations: readers of an older snapshot may still ask for theirs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Table] = OrderedDict()

    def get(self, book: Reads) -> _Table:
        generation = book.sheets_generation()
        if generation is None:
            return _Table({}, {}, {})
        with self._lock:
            found = self._kept.get(generation)
        if found is None:
            found = _read_table(book)
            with self._lock:
                self._kept[generation] = found
                while len(self._kept) > limits.SHEET_TABLES_REMEMBERED_MAX:
                    self._kept.popitem(last=False)
        return found


def _read_table(book: Reads) -> _Table:
    given: Given = defaultdict(list)
    for one in book.assignments():
        given[one.partner_sid, one.service, one.direction].append(one)
    versions: dict[str, list[VersionHead]] = defaultdict(list)
    for head in book.version_heads():
        versions[head.rates_plan_sid].append(head)
    return _Table(dict(given), dict(versions), {})


_decks = _Decks()
_tables = _Tables()


class Tariffs:
    """Decks for the events of one act or snapshot, which sees the sheets as they were when this was made."""

    def __init__(self, book: Reads) -> None:
        self._book = book
        self._table = _tables.get(book)
        self._decks: dict[str, Deck] = {}

    def deck(self, partner_sid: str, service: Service, direction: Direction | None, start: int) -> Deck | None:
        """The deck of a partner at an instant: its own, its nearest ancestor's, or the default; None without one."""
        version_sid = self.version_sid(partner_sid, service, direction, start)
        return None if version_sid is None else self.deck_of(version_sid)

    def version_sid(self, partner_sid: str, service: Service, direction: Direction | None, start: int) -> str | None:
        """The version whose deck that is."""
        key = (partner_sid, service, direction)
        begins, versions = self._table.timelines.get(key) or self._remember(key)
        return versions[bisect_right(begins, start)]

    def deck_of(self, version_sid: str) -> Deck:
        """The deck of a version, such as one that an event is pinned to; 404 where there is none."""
        found = self._decks.get(version_sid)
        if found is None:
            found = self._decks[version_sid] = _decks.get(self._book, version_sid)
        return found

    def _remember(self, key: tuple[str, Service, Direction | None]) -> Timeline:
        timelines = self._table.timelines
        if len(timelines) >= limits.TIMELINES_REMEMBERED_MAX:
            timelines.clear()
        made = timelines[key] = self._timeline(*key)
        return made

    def _timeline(self, partner_sid: str, service: Service, direction: Direction | None) -> Timeline:
        chain = self._book.chain_above(partner_sid)
        given, versions, _ = self._table
        own = [one for sid in (*chain, None) for one in given.get((sid, service, direction), ())]
        plans = {one.rates_plan_sid for one in own}
        changes = {one.effective_date for one in own}
        changes |= {head.effective_date for plan in plans for head in versions.get(plan, ())}
        begins = sorted(changes)
        in_force: list[str | None] = [None]
        for instant in begins:
            plan = assigned_sheet(own, chain, service, direction, instant)
            in_force.append(None if plan is None else _in_force(versions.get(plan, ()), instant))
        return begins, in_force


def _in_force(heads: Sequence[VersionHead], instant: int) -> str | None:
    """The last of a sheet's versions, in the order of effect, that is effective."""
    found: Iterable[VersionHead] = (head for head in reversed(heads) if head.effective_date <= instant)
    return next((head.version_sid for head in found), None)
