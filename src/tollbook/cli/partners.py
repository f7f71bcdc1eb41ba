"""`tollbook partner`: customers, resellers, and what they may do."""

from argparse import Namespace

from tollbook import errors
from tollbook.billing.model import Sight
from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of
from tollbook.cli.output import note, print_json, print_table, readable
from tollbook.cli.records import every_record, partner_record
from tollbook.cli.secrets import password_in
from tollbook.cli.standing import cycle_of
from tollbook.errors import Flaw, Refusal
from tollbook.operations.books import operator_caller
from tollbook.operations.partners import change_partner, create_partner, set_password
from tollbook.query.fields import PARTNERS

_SHOWN = ("partner_sid", "name", "parent_sid", "login", "status", "balance")


def add(arguments: Namespace) -> int:
    """Make a partner."""
    body = {
        "name": arguments.name,
        "parent_sid": arguments.parent,
        "login": arguments.login,
        "available_scopes": arguments.scope,
        "password": _password(arguments) if arguments.login or arguments.password_file else None,
    }
    store = book_of(arguments)
    given = {name: value for name, value in body.items() if value is not None}
    billed = None if arguments.unbilled else cycle_of(arguments)
    partner = create_partner(store, operator_caller(store), given, billed=billed)
    if arguments.json:
        print_json(partner_record(partner))
    else:
        print(partner.partner_sid)
        note(f"partner {partner.name} ({partner.display_id}) is made")
    return DONE


def list_all(arguments: Namespace) -> int:
    """List the partners."""
    store = book_of(arguments)
    partners = list(every_record(store, operator_caller(store), PARTNERS, "&order=date_created"))
    if arguments.json:
        print_json(partners)
    else:
        rows = [[readable(partner[name]) for name in _SHOWN] for partner in partners]
        print_table(_SHOWN, rows, right=("balance",), own="partner_sid")
    return DONE


def show(arguments: Namespace) -> int:
    """Show one partner."""
    store = book_of(arguments)
    with store.reading() as book:
        record = partner_record(book.partner(Sight("all", ""), arguments.sid))
    if arguments.json:
        print_json(record)
    else:
        rows = [[name, readable(value)] for name, value in record.items()]
        print_table(("attribute", "value"), rows, folded=("value",))
    return DONE


def passwd(arguments: Namespace) -> int:
    """Set a partner's password."""
    store = book_of(arguments)
    with store.reading() as book:
        partner = book.partner(Sight("all", ""), arguments.sid)
    set_password(store, partner.partner_sid, _password(arguments))
    if arguments.json:
        print_json({"partner_sid": partner.partner_sid, "changed": True})
    else:
        note(f"the password of {partner.name} is changed")
        if partner.login is None:
            note("the partner has no login yet, and cannot use it")
    return DONE


def scopes(arguments: Namespace) -> int:
    """Say what a partner may do; its tokens know with the next request."""
    store = book_of(arguments)
    body = {"available_scopes": arguments.scope}
    partner = change_partner(store, operator_caller(store), arguments.sid, body, whole=False)
    if arguments.json:
        print_json(partner_record(partner))
    else:
        note(f"{partner.name} may: {', '.join(partner.available_scopes)}")
    return DONE


def set_values(arguments: Namespace) -> int:
    """Change attributes of a partner."""
    body: dict[str, str | None] = {}
    for word in arguments.value:
        name, equals, value = word.partition("=")
        if not equals:
            raise Refusal(errors.ARGUMENT_INVALID, Flaw("value", f"expected NAME=VALUE, found {word}"))
        body[name] = value or None
    store = book_of(arguments)
    partner = change_partner(store, operator_caller(store), arguments.sid, body, whole=False)
    if arguments.json:
        print_json(partner_record(partner))
    else:
        note(f"{partner.name} is changed: {', '.join(body)}")
    return DONE


def _password(arguments: Namespace) -> str:
    return password_in(arguments.password_file)
