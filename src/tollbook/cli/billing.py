"""`tollbook pay`, `adjust` and `void`: what a person records of money, as the API's bodies have it."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from tollbook.billing.model import Caller
from tollbook.cli.exits import DONE
from tollbook.cli.opening import book_of
from tollbook.cli.output import note, print_json
from tollbook.operations.adjusting import adjust as adjust_account
from tollbook.operations.adjusting import void as void_invoice
from tollbook.operations.books import operator_caller
from tollbook.operations.payments import pay as record_payment
from tollbook.operations.reading import show_adjustment, show_invoice, show_payment
from tollbook.query.records import decode_json
from tollbook.store import Writes


def pay(arguments: Namespace) -> int:
    """Record a payment, or a refund of one."""
    names = ("amount", "date_value", "partner_sid", "provider", "reason", "reference", "refunds_sid", "type")
    body = _body(arguments, names)
    made = _do(arguments, lambda act, caller: show_payment(record_payment(act, caller, body)))
    return _tell(arguments, made, "payment_sid", f"{made['kind']} of {made['amount']}, {made['type']}")


def adjust(arguments: Namespace) -> int:
    """Record a credit note, goodwill, a transfer or a write-off."""
    body = _body(arguments, ("amount", "invoice_sid", "item", "kind", "partner_sid", "reason"))
    made = _do(arguments, lambda act, caller: show_adjustment(adjust_account(act, caller, body)))
    return _tell(arguments, made, "adjustment_sid", f"{made['kind']} of {made['amount']}")


def void(arguments: Namespace) -> int:
    """Void a closed invoice."""
    sid, reason = arguments.invoice_sid, arguments.reason
    made = _do(arguments, lambda act, caller: show_invoice(void_invoice(act, caller, sid, reason)))
    if arguments.json:
        print_json(made)
    else:
        note(f"invoice {made['display_id']} is void; its negatives are on the partner's current invoice")
    return DONE


def _body(arguments: Namespace, names: tuple[str, ...]) -> dict[str, str]:
    """The attributes that the command line gives."""
    given = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def _do(arguments: Namespace, do: Callable[[Writes, Caller], bytes]) -> Mapping[str, Any]:
    """Do an act as the operator; what the API would have answered."""
    store = book_of(arguments)
    caller = operator_caller(store)
    made: Mapping[str, Any] = decode_json(store.act(lambda act: do(act, caller)))
    return made


def _tell(arguments: Namespace, made: Mapping[str, Any], sid: str, what: str) -> int:
    if arguments.json:
        print_json(made)
        return DONE
    print(made[sid])
    on = f"on invoice {made['invoice_sid']}" if made["invoice_sid"] else "waiting: the partner is parked"
    note(f"{what}, {on}")
    return DONE
