"""`tollbook import rates` and `tollbook rates`: rate sheets in, shown, given to partners, judged."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tollbook import errors, limits
from tollbook.billing.linting import SheetFlaw, line_of
from tollbook.billing.sheets import CallRate, MessageRate, PriceRounding, Rate, Service, SheetVersion
from tollbook.cli.exits import DONE, FAILED
from tollbook.cli.opening import book_of, read_argument
from tollbook.cli.output import note, print_json, print_table, progress, readable
from tollbook.cli.rate_terms import bands_record, in_words, steps_record, times_in_words, times_record
from tollbook.clock import format_instant, parse_recorded
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.decks import DeckFile, read_deck
from tollbook.mediation.json_decks import is_json, read_json_deck
from tollbook.money import format_rate
from tollbook.operations import sheets
from tollbook.operations.correcting import rate_waiting
from tollbook.operations.sheets import Imported, NewVersion, To
from tollbook.store import Reads, Sheet, Store, VersionHead

_PREVIEWED = 5
_MONEY = ("price", "interstate", "intrastate", "indeterminate", "connection_fee", "charge_minimum", "charge_maximum")


def import_rates(arguments: Namespace) -> int:
    """Take a deck; 1 if a line is bad, and then nothing of it."""
    effective = _date(arguments.effective, "effective")
    rounding = _rounding(arguments.rounding)
    told = _told(arguments.map)
    data = _data(arguments.file)
    store = book_of(arguments)
    deck = _deck(data, arguments.service, told, _currency(store))
    made = None
    if not deck.bad:
        new = NewVersion(
            name=arguments.name,
            service=arguments.service,
            direction=arguments.direction,
            effective_date=effective,
            rates=deck.rates,
            convention=arguments.convention,
            price_rounding=rounding,
            messages_by=deck.messages_by,
            times=deck.times,
        )
        to, jump = To(tuple(arguments.assign), arguments.default), arguments.jump_percent
        made = sheets.import_deck(store, new, to, jump_percent=jump, dry_run=arguments.dry_run)
    rated = rate_waiting(store) if made and not arguments.dry_run else 0
    if arguments.json:
        print_json(_import_record(deck, made, dry_run=arguments.dry_run) | {"rated": rated})
    else:
        _tell(deck, made, arguments)
        _tell_rated(rated)
    return DONE if made else FAILED


def list_all(arguments: Namespace) -> int:
    """List the sheets."""
    store = book_of(arguments)
    with store.reading() as book:
        now = book.present(store.clock.now())
        given = book.assignments()
        records = [
            _sheet_record(sheet, book.version_heads(sheet.rates_plan_sid), now)
            | {"assigned_to": [one.partner_sid for one in given if one.rates_plan_sid == sheet.rates_plan_sid]}
            for sheet in book.sheets()
        ]
    if arguments.json:
        print_json(records)
    else:
        shown = ("name", "service", "direction", "effective_date", "lines", "versions", "assigned_to")
        rows = [[_takers(r[name]) if name == "assigned_to" else readable(r[name]) for name in shown] for r in records]
        print_table(shown, rows, right=("lines", "versions"), folded=("assigned_to",))
    return DONE


def show(arguments: Namespace) -> int:
    """Show a sheet's versions, and the lines of the one in force."""
    store = book_of(arguments)
    with store.reading() as book:
        sheet = sheets.named(book, arguments.name)
        heads = book.version_heads(sheet.rates_plan_sid)
        now = book.present(store.clock.now())
        head = _head_at(heads, _date(arguments.at, "at") if arguments.at else now) or heads[0]
        version = sheets.version_of(book, head.version_sid)
    lines = version.rates[: arguments.limit] if arguments.limit > 0 else version.rates
    if arguments.json:
        record = _sheet_record(sheet, heads, now) | {"versions": [_head_record(each) for each in heads]}
        record |= {"version_sid": head.version_sid, "times": times_record(version.times)}
        print_json(record | {"rates": [_rate_record(rate) for rate in lines]})
        return DONE
    columns = ("version_sid", "effective_date", "lines", "used")
    rows = [[readable(_head_record(each)[name]) for name in columns] for each in heads]
    print_table(columns, rows, right=("lines",), own="version_sid", title=_title(version))
    _print_rates(lines, f"from {format_instant(head.effective_date)}")
    for said in times_in_words(version.times):
        note(said)
    if len(lines) < len(version.rates):
        note(f"{len(lines)} of {len(version.rates)} lines; --limit 0 shows all")
    return DONE


def assign(arguments: Namespace) -> int:
    """Give a sheet to partners."""
    to = To(tuple(arguments.assign), arguments.default)
    if not to.each():
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("assign", "give SID… or --default"))
    effective = _date(arguments.effective, "effective") if arguments.effective else None
    store = book_of(arguments)
    sheet = sheets.assign(store, arguments.name, to, effective)
    rated = rate_waiting(store)
    if arguments.json:
        told = {"name": sheet.name, "rates_plan_sid": sheet.rates_plan_sid, "assigned_to": list(to.each())}
        print_json(told | {"rated": rated})
    else:
        note(f"{sheet.name} is the sheet of {_takers(to.each())}")
        _tell_rated(rated)
    return DONE


def lint(arguments: Namespace) -> int:
    """Tell what looks wrong in a version of a sheet; 1 if anything does."""
    store = book_of(arguments)
    with store.reading() as book:
        sheet = sheets.named(book, arguments.name)
        version = _asked(book, sheet, arguments.at)
        findings = sheets.linted(book, version, jump_percent=arguments.jump_percent)
    if arguments.json:
        print_json([_finding_record(finding) for finding in findings])
    else:
        _print_findings(findings)
    return FAILED if findings else DONE


# What is asked for.


def _asked(book: Reads, sheet: Sheet, at: str | None) -> SheetVersion:
    heads = book.version_heads(sheet.rates_plan_sid)
    head = _head_at(heads, _date(at, "at")) if at else heads[-1]
    if head is None:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("at", f"no version of {sheet.name} holds then"))
    return sheets.version_of(book, head.version_sid)


def _head_at(heads: Sequence[VersionHead], instant: int) -> VersionHead | None:
    return next((head for head in reversed(heads) if head.effective_date <= instant), None)


def _date(text: str, name: str) -> int:
    return read_argument(name, text, parse_recorded)


def _rounding(text: str | None) -> PriceRounding | None:
    if text is None:
        return None
    how, _, decimals = text.partition(":")
    if how not in ("half_up", "up", "down") or decimals not in map(str, range(limits.RATE_DECIMALS_MAX + 1)):
        said = f"expected half_up, up or down with 0 to {limits.RATE_DECIMALS_MAX} decimals, such as half_up:4"
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("rounding", said))
    return PriceRounding(how, int(decimals))  # type: ignore[arg-type]


def _told(pairs: Sequence[str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for pair in pairs:
        what, sign, heading = pair.partition("=")
        if not sign or not heading or what in told:
            said = f"expected each column once, as in --map prefix=Code, not {pair}"
            raise Refusal(errors.ARGUMENT_INVALID, Flaw("map", said))
        told[what.strip()] = heading
    return told


def _data(name: str) -> bytes:
    """The file's bytes, or one more than are read."""
    if name == "-":
        return sys.stdin.buffer.read(limits.DECK_BYTES_MAX + 1)
    with Path(name).open("rb") as file:
        return file.read(limits.DECK_BYTES_MAX + 1)


def _deck(data: bytes, service: Service, told: dict[str, str], currency: str) -> DeckFile:
    with progress("lines") as bar:
        if not is_json(data):
            return read_deck(data, service, told, currency=currency, watch=bar)
        if told:
            raise Refusal(errors.ARGUMENT_INVALID, Flaw("map", "a JSON deck has no columns"))
        return read_json_deck(data, service, currency=currency, watch=bar)


def _currency(store: Store) -> str:
    with store.reading() as book:
        return book.settings()["currency"]


# What is said.


def _tell(deck: DeckFile, made: Imported | None, arguments: Namespace) -> None:
    headings = deck.headings
    if deck.counted == "line":
        rows = [[column.target, column.heading, column.number] for column in headings.columns]
        told = ("taken for", "heading", "column")
        print_table(told, rows, right=("column",), title=f"line {headings.line} is the heading")
    if headings.unused:
        note(f"not read: {', '.join(headings.unused)}")
    for said in deck.notes:
        note(said)
    for bad in deck.bad:
        note(": ".join(filter(None, (f"{deck.counted} {bad.line}", bad.column, bad.reason))))
    if len(deck.bad) == limits.IMPORT_ERRORS_SHOWN_MAX:
        note("… and so on; not every flaw is shown")
    if made is None:
        note(f"nothing was written: {deck.bad_lines} of {deck.lines} {deck.counted}s are bad")
        return
    _print_rates(made.version.rates[:_PREVIEWED], f"the first of {len(made.version.rates)} lines")
    for said in times_in_words(made.version.times):
        note(said)
    _print_findings(made.findings)
    if not made.assigned_to and made.new_sheet:
        note(f"nobody has the sheet yet: tollbook rates assign {arguments.name} SID, or --default")
    print(f"{_title(made.version)}: {len(made.version.rates)} lines {_done(made, dry_run=arguments.dry_run)}")


def _tell_rated(records: int) -> None:
    if records:
        note(f"{records} records that had waited for a rate have one now")


def _done(made: Imported, *, dry_run: bool) -> str:
    kind = "a new sheet" if made.new_sheet else "a new version"
    if made.replaced_sid:
        kind = "in place of the version of that date, which had rated nothing"
    since = format_instant(made.version.effective_date)
    return f"would be written as {kind} from {since}" if dry_run else f"written, {kind} from {since}"


def _title(version: SheetVersion) -> str:
    return f"{version.name} ({' '.join(filter(None, (version.direction, version.service)))})"


def _takers(sids: Sequence[str | None]) -> str:
    return " ".join("default" if sid is None else sid for sid in dict.fromkeys(sids))


def _print_rates(rates: Sequence[Rate], title: str) -> None:
    records = [_rate_record(rate) for rate in rates]
    said = {name for record in records for name, value in record.items() if value is not None}
    columns = [name for name in (records[0] if records else {}) if name in said or name == "prefix"]
    rows = [[readable(in_words(record[name])) for name in columns] for record in records]
    if "prefix" in columns:
        at = columns.index("prefix")
        rows = [[*row[:at], line_of(rate), *row[at + 1 :]] for rate, row in zip(rates, rows, strict=True)]
    print_table(columns, rows, right=(*_MONEY, "billing_minimum", "billing_increment"), title=title)


def _print_findings(findings: Sequence[SheetFlaw]) -> None:
    for finding in findings[: limits.FINDINGS_SHOWN_MAX]:
        note(f"{finding.name}: {finding.line or 'the sheet'} {finding.words}")
    if len(findings) > limits.FINDINGS_SHOWN_MAX:
        note(f"… and {len(findings) - limits.FINDINGS_SHOWN_MAX} findings more")


def _import_record(deck: DeckFile, made: Imported | None, *, dry_run: bool) -> dict[str, Any]:
    """What an import understood and did, for a script."""
    version = made.version if made else None
    return {
        "columns": [column._asdict() for column in deck.headings.columns],
        "unused": list(deck.headings.unused),
        "notes": deck.notes,
        "errors": [{"line": bad.line, "column": bad.column, "message": bad.reason} for bad in deck.bad],
        "bad": deck.bad_lines,
        "lines": len(deck.rates),
        "written": made is not None and not dry_run,
        "rates_plan_sid": version.rates_plan_sid if version else None,
        "version_sid": version.version_sid if version else None,
        "effective_date": format_instant(version.effective_date) if version else None,
        "new_sheet": made.new_sheet if made else None,
        "replaced_sid": made.replaced_sid if made else None,
        "assigned_to": list(made.assigned_to) if made else [],
        "findings": [_finding_record(finding) for finding in made.findings] if made else [],
    }


def _sheet_record(sheet: Sheet, heads: Sequence[VersionHead], now: int) -> dict[str, Any]:
    head = _head_at(heads, now)
    return {
        "name": sheet.name,
        "rates_plan_sid": sheet.rates_plan_sid,
        "service": sheet.service,
        "direction": sheet.direction,
        "effective_date": format_instant(head.effective_date) if head else None,
        "lines": head.lines if head else None,
        "versions": len(heads),
    }


def _head_record(head: VersionHead) -> dict[str, Any]:
    dates = {"effective_date": format_instant(head.effective_date), "date_created": format_instant(head.date_created)}
    return head._asdict() | dates


def _finding_record(finding: SheetFlaw) -> dict[str, Any]:
    return {"name": finding.name, "line": finding.line, "words": finding.words}


def _rate_record(rate: Rate) -> dict[str, Any]:
    """A line as a person or a script reads it; null where it says nothing."""
    if isinstance(rate, CallRate):
        jurisdictions = {name: format_rate(price) for name, price in rate.jurisdictions.items()}
        return {
            "prefix": rate.prefix,
            "price": format_rate(rate.rate),
            "billing_minimum": rate.billing_minimum,
            "billing_increment": rate.billing_increment,
            "connection_fee": format_rate(rate.connection_fee) if rate.connection_fee else None,
            "charge_minimum": format_rate(rate.charge_minimum) if rate.charge_minimum else None,
            "charge_maximum": None if rate.charge_maximum is None else format_rate(rate.charge_maximum),
            "country_code": rate.country_code,
            "country_name": rate.country_name,
            **{name: jurisdictions.get(name) for name in ("interstate", "intrastate", "indeterminate")},
            "steps": steps_record(rate.steps),
            "bands": bands_record(rate.bands),
        }
    if isinstance(rate, MessageRate):
        before = ("sender_class", "mcc", "mnc")
        after = ("country_code", "country_name", "network", "operator")
        price = {"price": format_rate(rate.price)}
        return {n: getattr(rate, n) for n in before} | price | {n: getattr(rate, n) for n in after}
    conversion = rate.conversion
    how = None if conversion is None else f"{conversion.how} by {conversion.by}"
    return {
        "type": rate.type,
        "price": format_rate(rate.price),
        "conversion": how if conversion is None or conversion.rounding is None else f"{how}, {conversion.rounding}",
    }
