"""Rate sheets in the book: their versions, the lines of each, and which partner has which.

A version's lines never change under its sid. Every other change to sheets and assignments gives the book another
`sheets_generation`, a text that was never there before: what was made of the sheets before may be kept by it.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from tollbook.billing.bands import TimeBands
from tollbook.billing.increments import Convention
from tollbook.billing.numbers import Direction, Jurisdiction
from tollbook.billing.sheets import (
    Assignment,
    BandPrice,
    CallRate,
    Conversion,
    MessageRate,
    PriceRounding,
    Rate,
    Service,
    SheetVersion,
    Step,
    UsagePrice,
)
from tollbook.store.overtaking import Overtaken

GENERATION = "sheets_generation"
"""The setting of the book that is another one after every change to sheets and assignments."""


class Sheet(NamedTuple):
    """A rate sheet by its name: what it prices, and who keeps it."""

    rates_plan_sid: str
    name: str
    service: Service
    direction: Direction | None
    partner_sid: str
    date_created: int


class VersionHead(NamedTuple):
    """A version without its lines: since when it holds, how many it has, and whether it has rated something."""

    version_sid: str
    rates_plan_sid: str
    effective_date: int
    date_created: int
    lines: int
    used: bool


class _Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a version says beside its lines."""

    convention: Convention = "after_minimum"
    price_rounding: PriceRounding | None = None
    times: TimeBands | None = None
    messages_by: Literal["network", "prefix"] = "network"


class _CallTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a line of a call sheet says beside its columns."""

    connection_fee: int = 0
    charge_minimum: int = 0
    charge_maximum: int | None = None
    steps: tuple[Step, ...] = ()
    bands: tuple[BandPrice, ...] = ()
    jurisdictions: dict[Jurisdiction, int] = {}


_encode = msgspec.json.Encoder().encode
_read_terms = msgspec.json.Decoder(_Terms).decode
_read_call_terms = msgspec.json.Decoder(_CallTerms).decode
_read_conversion = msgspec.json.Decoder(Conversion).decode

_HEAD = "SELECT version_sid, rates_plan_sid, effective_date, date_created, lines, used FROM sheet_version"
_IN_ORDER = "ORDER BY rates_plan_sid, effective_date, date_created, version_sid"


class SheetReads:
    """Questions about rate sheets."""

    _run: Callable[..., Any]

    def sheets(self) -> list[Sheet]:
        """Every sheet, by name."""
        return [Sheet(*row) for row in self._run(f"SELECT {', '.join(Sheet._fields)} FROM sheet ORDER BY name")]

    def sheet_named(self, name: str) -> Sheet | None:
        """The sheet of that name."""
        row = self._run(f"SELECT {', '.join(Sheet._fields)} FROM sheet WHERE name = ?", (name,)).fetchone()
        return Sheet(*row) if row else None

    def version_heads(self, rates_plan_sid: str | None = None) -> list[VersionHead]:
        """The versions of one sheet, or of all, each sheet's in the order of effect; of one instant's the last wins."""
        where, parameters = (" WHERE rates_plan_sid = ?", (rates_plan_sid,)) if rates_plan_sid else ("", ())
        return [_head(row) for row in self._run(f"{_HEAD}{where} {_IN_ORDER}", parameters)]

    def version_named(self, version_sid: str) -> tuple[str, str, int] | None:
        """Of which sheet a version is, by sid and by name, and from when it holds; None where there is none."""
        row = self._run(
            "SELECT s.rates_plan_sid, s.name, v.effective_date FROM sheet_version v"
            " JOIN sheet s ON s.rates_plan_sid = v.rates_plan_sid WHERE v.version_sid = ?",
            (version_sid,),
        ).fetchone()
        return tuple(row) if row else None

    def sheet_version(self, version_sid: str) -> SheetVersion | None:
        """A version whole; None where there is none of that sid."""
        row = self._run(
            "SELECT s.rates_plan_sid, s.name, s.service, s.direction, v.effective_date, v.terms"
            " FROM sheet_version v JOIN sheet s ON s.rates_plan_sid = v.rates_plan_sid WHERE v.version_sid = ?",
            (version_sid,),
        ).fetchone()
        if row is None:
            return None
        rates_plan_sid, name, service, direction, effective_date, terms = row
        return SheetVersion(
            rates_plan_sid=rates_plan_sid,
            version_sid=version_sid,
            name=name,
            service=service,
            direction=direction,
            effective_date=effective_date,
            rates=tuple(self._rates(service, version_sid)),
            **msgspec.structs.asdict(_read_terms(terms)),
        )

    def sheet_of(self, version_sid: str) -> tuple[Sheet, int] | None:
        """The sheet of a version, and the instant from which the version holds; None where there is none."""
        row = self._run(
            f"SELECT {', '.join(f's.{name}' for name in Sheet._fields)}, v.effective_date FROM sheet_version v"
            " JOIN sheet s ON s.rates_plan_sid = v.rates_plan_sid WHERE v.version_sid = ?",
            (version_sid,),
        ).fetchone()
        return (Sheet(*row[:-1]), row[-1]) if row else None

    def _rates(self, service: Service, version_sid: str) -> Iterable[Rate]:
        table, columns, noun = _READ[service]
        # All rows at once: what is made of them takes longer than to read them, and is not the database's time.
        select = f"SELECT {columns} FROM {table} WHERE version_sid = ? ORDER BY position"
        return (noun(row) for row in self._run(select, (version_sid,)).fetchall())

    def assignments(self) -> list[Assignment]:
        """Who has which sheet, since when."""
        rows = self._run(
            "SELECT rates_plan_sid, partner_sid, service, direction, effective_date FROM sheet_assignment"
            " ORDER BY partner_sid, service, direction, effective_date"
        )
        return [_assignment(row) for row in rows]

    def chain_above(self, partner_sid: str) -> tuple[str, ...]:
        """A partner and those above it, upwards; none where there is no such partner."""
        rows = self._run(
            "SELECT ancestor_sid FROM partner_tree WHERE descendant_sid = ? ORDER BY depth", (partner_sid,)
        )
        return tuple(sid for (sid,) in rows)


class SheetWrites(SheetReads):
    """Changes of rate sheets."""

    _run_many: Callable[..., Any]
    _settings: dict[str, str] | None

    def add_sheet(self, sheet: Sheet) -> None:
        """A new sheet, without a version yet."""
        self._run("INSERT INTO sheet VALUES (?, ?, ?, ?, ?, ?)", sheet)
        self._change_generation()

    def add_version(self, version: SheetVersion, date_created: int) -> None:
        """A version of a known sheet, with its lines."""
        terms = _encode(_Terms(version.convention, version.price_rounding, version.times, version.messages_by)).decode()
        self._run(
            "INSERT INTO sheet_version (version_sid, rates_plan_sid, effective_date, date_created, terms, lines)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                version.version_sid,
                version.rates_plan_sid,
                version.effective_date,
                date_created,
                terms,
                len(version.rates),
            ),
        )
        for table, kind, row, columns in _WRITTEN:
            lines = ((version.version_sid, n, *row(r)) for n, r in enumerate(version.rates) if isinstance(r, kind))
            self._run_many(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", lines)
        self._change_generation()

    def drop_version(self, version_sid: str) -> None:
        """Forget a version and its lines; one that has rated something stays."""
        dropped = self._run("DELETE FROM sheet_version WHERE version_sid = ? AND used = 0", (version_sid,))
        if not dropped.rowcount:
            return
        for table, *_ in _WRITTEN:
            self._run(f"DELETE FROM {table} WHERE version_sid = ?", (version_sid,))
        self._change_generation()

    def put_assignment(self, assignment: Assignment) -> None:
        """Give a partner a sheet from an instant on, in place of what it was given for that very instant."""
        self._run(
            "INSERT INTO sheet_assignment VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (partner_sid, service, direction, effective_date)"
            " DO UPDATE SET rates_plan_sid = excluded.rates_plan_sid",
            (
                assignment.partner_sid or "",
                assignment.service,
                assignment.direction or "",
                assignment.effective_date,
                assignment.rates_plan_sid,
            ),
        )
        self._change_generation()

    def mark_used(self, version_sids: Iterable[str]) -> None:
        """Remember that these versions have rated something: from now on they stay."""
        wanted = sorted(set(version_sids))
        if not wanted:
            return
        marks = ", ".join("?" * len(wanted))
        used = f"SELECT version_sid FROM sheet_version WHERE version_sid IN ({marks}) AND used = 1"
        known = {sid for (sid,) in self._run(used, wanted)}
        for version_sid in wanted:
            if version_sid not in known:
                marked = self._run("UPDATE sheet_version SET used = 1 WHERE version_sid = ?", (version_sid,))
                if not marked.rowcount:  # an import replaced it since it rated
                    raise Overtaken

    def _change_generation(self) -> None:
        self._settings = None
        self._run(
            "INSERT INTO book VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (GENERATION, str(uuid.uuid4())),
        )


def _head(row: Sequence[Any]) -> VersionHead:
    head = VersionHead(*row)
    return head._replace(used=bool(head.used))


def _assignment(row: Sequence[Any]) -> Assignment:
    rates_plan_sid, partner_sid, service, direction, effective_date = row
    return Assignment(
        rates_plan_sid=rates_plan_sid,
        partner_sid=partner_sid or None,
        service=service,
        direction=direction or None,
        effective_date=effective_date,
    )


def _call_rate(row: Sequence[Any]) -> CallRate:
    prefix, price, minimum, increment, country_code, country_name, terms = row
    more = {} if terms is None else msgspec.structs.asdict(_read_call_terms(terms))
    return CallRate(
        prefix=prefix,
        rate=price,
        billing_minimum=minimum,
        billing_increment=increment,
        country_code=country_code,
        country_name=country_name,
        **more,
    )


def _message_rate(row: Sequence[Any]) -> MessageRate:
    return MessageRate(**dict(zip(MessageRate.__struct_fields__, row, strict=True)))


def _usage_price(row: Sequence[Any]) -> UsagePrice:
    type_, price, conversion = row
    return UsagePrice(type=type_, price=price, conversion=None if conversion is None else _read_conversion(conversion))


_OF_MESSAGES = ("message_rate", ", ".join(MessageRate.__struct_fields__), _message_rate)
_READ: dict[Service, tuple[str, str, Callable[[Sequence[Any]], Rate]]] = {
    "calls": (
        "call_rate",
        "prefix, price, billing_minimum, billing_increment, country_code, country_name, terms",
        _call_rate,
    ),
    "sms": _OF_MESSAGES,
    "mms": _OF_MESSAGES,
    "usage": ("usage_price", "type, price, terms", _usage_price),
}
"""By service: the table of its lines, the columns that are read, and the noun that a row of them is."""


def _call_row(rate: CallRate) -> tuple[Any, ...]:
    terms = _CallTerms(
        rate.connection_fee,
        rate.charge_minimum,
        rate.charge_maximum,
        rate.steps,
        rate.bands,
        dict(sorted(rate.jurisdictions.items())),
    )
    encoded = None if terms == _PLAIN else _encode(terms).decode()
    minimum, increment = rate.billing_minimum, rate.billing_increment
    return rate.prefix, rate.rate, minimum, increment, rate.country_code, rate.country_name, encoded


def _message_row(rate: MessageRate) -> tuple[Any, ...]:
    return msgspec.structs.astuple(rate)


def _usage_row(price: UsagePrice) -> tuple[Any, ...]:
    return price.type, price.price, None if price.conversion is None else _encode(price.conversion).decode()


_PLAIN = _CallTerms()
_WRITTEN: tuple[tuple[str, type, Callable[[Any], tuple[Any, ...]], int], ...] = (
    ("call_rate", CallRate, _call_row, 9),
    ("message_rate", MessageRate, _message_row, 11),
    ("usage_price", UsagePrice, _usage_row, 5),
)
"""A table of lines, the noun that it holds, the columns after the version and the position, and their number."""
