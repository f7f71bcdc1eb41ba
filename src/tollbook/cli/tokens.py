"""`tollbook token`: the keys to the API."""

from argparse import Namespace
from typing import Any

from tollbook import errors, limits
from tollbook.billing.scopes import SCOPES
from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of
from tollbook.cli.output import note, print_json, print_table, readable
from tollbook.cli.records import every_record, token_record
from tollbook.errors import Flaw, Refusal
from tollbook.operations.books import operator_caller
from tollbook.operations.tokens import Wish, grant_to, revoke_sid
from tollbook.query.fields import TOKENS

_SHOWN = ("token_sid", "name", "partner_sid", "scopes", "date_expiration_access_token")


def add(arguments: Namespace) -> int:
    """Make a token and print its secret, this once."""
    if not 0 < arguments.expires_in <= limits.ACCESS_TOKEN_SECONDS_MAX:
        flaw = Flaw("expires_in", f"expected 1 to {limits.ACCESS_TOKEN_SECONDS_MAX} seconds")
        raise Refusal(errors.ARGUMENT_INVALID, flaw)
    store = book_of(arguments)
    caller = operator_caller(store)
    wish = Wish(arguments.scope, arguments.name, arguments.expires_in)
    token = grant_to(store, caller, arguments.partner or caller.partner_sid, wish)
    if arguments.json:
        print_json({"token": token.access_token, **token_record(token)})
    else:
        print(token.access_token)
        note(f"token {token.token_sid} of partner {token.partner_sid}; the secret is not shown again")
    return DONE


def list_all(arguments: Namespace) -> int:
    """List the tokens; their secrets are known to nobody."""
    store = book_of(arguments)
    tokens = list(every_record(store, operator_caller(store), TOKENS))
    if arguments.json:
        print_json(tokens)
    else:
        rows = [[_cell(name, token[name]) for name in _SHOWN] for token in tokens]
        print_table([name.removesuffix("_access_token") for name in _SHOWN], rows, folded=("scopes",), own="token_sid")
    return DONE


def _cell(name: str, value: Any) -> str:
    return "all" if name == "scopes" and set(value) == set(SCOPES) else readable(value)


def revoke(arguments: Namespace) -> int:
    """End a token; a server in use knows with the next request."""
    store = book_of(arguments)
    revoke_sid(store, operator_caller(store), arguments.token_sid)
    if arguments.json:
        print_json({"token_sid": arguments.token_sid, "revoked": True})
    else:
        note(f"token {arguments.token_sid} is revoked")
    return DONE
