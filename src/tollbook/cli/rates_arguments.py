"""The arguments of the verbs for rate sheets."""

from tollbook.cli.verbs import Arguments, Verbs

_DATE = "a day or an instant, UTC unless it says otherwise"


def add_import_rates(importing: Verbs) -> None:
    """`tollbook import rates`."""
    verb = importing.add(
        "rates",
        "rates:import_rates",
        "take a rate deck (CSV or JSON) as a new sheet, or as a new version of the sheet of that name",
        "tollbook import rates deck.csv --name Retail --service calls --direction outbound --effective 2025-02-01"
        " --default\n"
        "tollbook import rates deck.csv --name Retail --service calls --direction outbound --effective 2025-02-01"
        " --dry-run --map prefix=Code --map 'price=Rate USD'",
    )
    verb.add("file", metavar="FILE", help="the deck; - is standard input")
    verb.add("--name", required=True, help="the sheet's name")
    verb.add("--service", required=True, choices=("calls", "sms", "mms", "usage"), help="what it prices")
    verb.add("--direction", choices=("inbound", "outbound"), help="of calls and messages")
    verb.add("--effective", required=True, metavar="DATE", help=f"from when it holds: {_DATE}")
    _add_takers(verb)
    verb.add(
        "--map",
        action="append",
        default=[],
        metavar="WHAT=HEADING",
        help="which column is the prefix, the price, …; #3 is the third",
    )
    verb.add("--dry-run", action="store_true", help="show what would be taken; write nothing")
    verb.add(
        "--rounding", metavar="HOW:DECIMALS", help="round each event's price, such as half_up:4; exact unless given"
    )
    verb.add(
        "--convention",
        choices=("after_minimum", "whole"),
        default="after_minimum",
        help="beyond the minimum bill whole increments, or the whole duration up to a multiple of the increment",
    )
    _add_jump(verb)


def add_rates(rates: Verbs) -> None:
    """`tollbook rates`."""
    rates.add("list", "rates:list_all", "list the sheets and who has them", "tollbook rates list")
    show = rates.add("show", "rates:show", "show a sheet's versions and lines", "tollbook rates show Retail")
    show.add("name", metavar="NAME").add("--at", metavar="DATE", help=f"as it holds then: {_DATE}")
    show.add("--limit", type=int, default=20, metavar="N", help="at most so many lines; 0 is all")
    assign = rates.add(
        "assign",
        "rates:assign",
        "give a sheet to partners and all beneath them, or make it the default",
        "tollbook rates assign Retail SID SID",
    )
    assign.add("name", metavar="NAME").add("assign", nargs="*", metavar="SID", help="the partners")
    assign.add("--default", action="store_true", help="for everybody who has no nearer one")
    assign.add("--effective", metavar="DATE", help=f"from when on; now unless given: {_DATE}")
    lint = rates.add("lint", "rates:lint", "tell what looks wrong in a sheet", "tollbook rates lint Retail")
    lint.add("name", metavar="NAME").add("--at", metavar="DATE", help="its version then; the last one unless given")
    _add_jump(lint)


def _add_takers(verb: Arguments) -> None:
    verb.add("--assign", nargs="+", action="extend", default=[], metavar="SID", help="give it to these partners")
    verb.add("--default", action="store_true", help="make it the sheet of all who have no nearer one")


def _add_jump(verb: Arguments) -> None:
    verb.add("--jump-percent", type=int, default=50, metavar="N", help="tell of prices that move by more than this; 50")
