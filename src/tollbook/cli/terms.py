"""`tollbook book`: what the book says of its billing."""

from argparse import Namespace

from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of
from tollbook.cli.output import note, print_json, print_table
from tollbook.operations import book_settings
from tollbook.operations.book_settings import BOOK_SETTINGS


def show(arguments: Namespace) -> int:
    """Show the settings of the book, and its currency."""
    store = book_of(arguments)
    with store.reading() as book:
        values = book_settings.values_of(book)
        currency = book.settings().get("currency", "USD")
    if arguments.json:
        print_json({"currency": currency} | values)
        return DONE
    rows = [("currency", currency, "of every amount; fixed")]
    rows += [(setting.name, values[setting.name], setting.help) for setting in BOOK_SETTINGS]
    print_table(("setting", "value", "meaning"), rows, folded=("meaning",))
    return DONE


def set_value(arguments: Namespace) -> int:
    """Change one setting of the book."""
    values = book_settings.set_value(book_of(arguments), arguments.name, arguments.value)
    if arguments.json:
        print_json(values)
    else:
        note(f"{arguments.name} is {values[arguments.name]}")
    return DONE
