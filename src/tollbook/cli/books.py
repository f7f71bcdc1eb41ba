"""The verbs about the book itself: made, verified, copied, brought up to date."""

from argparse import Namespace

from tollbook.cli.exits import DONE
from tollbook.cli.opening import settings_of
from tollbook.cli.output import note, print_json
from tollbook.clock import SystemClock
from tollbook.operations.books import create_book


def init(arguments: Namespace) -> int:
    """Make a book and print the first token, this once."""
    settings, _ = settings_of(arguments)
    founded = create_book(settings.db, SystemClock(), name=arguments.name, currency=arguments.currency)
    founded.store.close()
    if arguments.json:
        print_json({"partner_sid": founded.operator.partner_sid, "token": founded.token.access_token})
        return DONE
    print(founded.token.access_token)
    note(f"made the book {settings.db}; the operator is partner {founded.operator.partner_sid}")
    note("above is the first token, with every scope; it is not shown again")
    return DONE
