"""What a command says: records as JSON or as tables, notes to a person, progress on a terminal.

Results go to standard output, everything else to standard error.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from tollbook.errors import Refusal
from tollbook.money import format_amount

if TYPE_CHECKING:
    from rich.table import Table

_PIPE_COLUMNS = 10_000
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z")


def print_json(value: Any) -> None:
    """A result for a script."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def note(text: str) -> None:
    """A word to a person, out of the way of the result."""
    print(plain(text), file=sys.stderr)


def plain(text: str) -> str:
    r"""Text without what could move a terminal's cursor or hide a part of itself.

    >>> print(plain("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def refusal_json(refusal: Refusal) -> str:
    """A refusal for a script: the API's error body with the problem's code."""
    flaws = [flaw._asdict() for flaw in refusal.flaws]
    return json.dumps({"code": refusal.problem.code, "message": refusal.problem.message, "errors": flaws})


def readable(value: Any) -> str:
    """A wire value as a person reads it: dates without `T` and the rest, words side by side, null as nothing.

    >>> readable("2024-12-19T23:30:01.000Z"), readable(["invoices.read", "sms.read"]), readable(None)
    ('2024-12-19 23:30:01', 'invoices.read sms.read', '')
    """
    if isinstance(value, str):
        return f"{value[:10]} {value[11:19]}" if _DATE.fullmatch(value) else value
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None or value == {} else str(value)


def money_cell(amount: int | None, decimals: int = 2, *, signed: bool = False) -> str:
    """An amount (millionths) for a column of them: the currency's decimals, thousands apart; nothing for None.

    >>> money_cell(1_234_500_000), money_cell(-370_000), money_cell(370_000, signed=True), money_cell(5_000_000, 0)
    ('1,234.50', '-0.37', '+0.37', '5')
    """
    if amount is None:
        return ""
    sign = "-" if amount < 0 else "+" if signed and amount else ""
    whole, _, fraction = format_amount(abs(amount)).partition(".")
    point = f".{fraction.ljust(decimals, '0')}" if fraction or decimals else ""
    return f"{sign}{int(whole):,}{point}"


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    folded: Sequence[str] = (),
    own: str | None = None,
    title: str | None = None,
    total: Sequence[Any] | None = None,
) -> None:
    """A table for a person; columns in `right` stand to the right as amounts do, those in `folded` may take more lines.

    `total` is a last row beneath a line.

    A narrow window shortens every sid but those in `own`, the records', which other verbs take. A line may then still
    be longer than the window, but nothing of it is lost.
    """
    from rich.console import Console
    from rich.measure import Measurement

    whole = [*rows, total] if total else rows
    cells = [["" if cell is None else plain(str(cell)) for cell in row] for row in whole]
    table = _table(headings, cells, right, folded, title, has_total=bool(total))
    # A pipe has no width: no line is broken there.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
    unbounded = console.options.update(width=_PIPE_COLUMNS)
    if Measurement.get(console, unbounded, table).maximum > console.width:
        short = [[_shortened(name, cell, own) for name, cell in zip(headings, row, strict=True)] for row in cells]
        table = _table(headings, short, right, folded, title, has_total=bool(total))
        console.width = max(console.width, _narrowest(headings, short, folded))
    console.print(table)


def _table(
    headings: Sequence[str],
    cells: list[list[str]],
    right: Sequence[str],
    folded: Sequence[str],
    title: str | None,
    *,
    has_total: bool,
) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, collapse_padding=True, show_edge=False
    )
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in right else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading not in folded)
    for number, row in enumerate(cells):
        if has_total and number == len(cells) - 1:
            table.add_section()
        table.add_row(*map(Text, row))
    return table


def _shortened(heading: str, cell: str, own: str | None) -> str:
    return f"{cell[:8]}…" if heading.endswith("_sid") and heading != own and cell else cell


def _narrowest(headings: Sequence[str], cells: list[list[str]], folded: Sequence[str]) -> int:
    """How wide a table must be: a folded column as its longest word, any other as its longest cell; two between."""
    from rich.cells import cell_len

    widths = []
    for column, heading in enumerate(headings):
        texts = [heading, *(row[column] for row in cells)]
        parts = [word for text in texts for word in text.split()] if heading in folded else texts
        widths.append(max(map(cell_len, parts), default=0))
    return sum(widths) + 2 * (len(widths) - 1)


class Bar(Protocol):
    """Something that shows how far a long act has come."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """So much is done, of so much if that is known."""
        ...


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Bar]:
    """A progress bar on standard error while the context lasts; nothing where that is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=total)

        def move(done: int, total: int | None = None) -> None:
            if total is not None:
                bars.update(task, total=total)
            bars.update(task, completed=done)

        yield move
