"""What bills beside the lists: payments, adjustments, voided invoices, and a sandbox's clock."""

from collections.abc import Callable

from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer
from tollbook.operations import sandbox
from tollbook.operations.adjusting import adjust, read_reason, void
from tollbook.operations.payments import pay
from tollbook.operations.reading import show_adjustment, show_invoice, show_payment
from tollbook.operations.ticking import run_due


def post_payment(request: Request) -> Answer:
    """Record a payment of the caller or a partner beneath it, or a refund of one: a negative amount."""
    request.no_arguments()
    return request.write(lambda act: show_payment(pay(act, request.caller, request.body)))


def post_adjustment(request: Request) -> Answer:
    """Record a credit note for a closed invoice, or goodwill, a transfer or a write-off, in a partner's favour."""
    request.no_arguments()
    return request.write(lambda act: show_adjustment(adjust(act, request.caller, request.body)))


def post_void(request: Request) -> Answer:
    """Void a closed invoice: it stays as it is, and its exact negatives go on the current one."""
    request.no_arguments()
    reason, sid = read_reason(request.body), request.params["invoice_sid"]
    return request.write(lambda act: show_invoice(void(act, request.caller, sid, reason)))


def get_clock(request: Request) -> Answer:
    """The instant of a sandbox. Where the book is none there is no such path."""
    request.no_arguments()
    return Answer(sandbox.show(request.services.store))


def post_clock(request: Request) -> Answer:
    """Move a sandbox's clock forward, and run what then falls due. The operator alone may."""
    request.no_arguments()
    answer = request.write(lambda act: sandbox.move_as_asked(act, request.caller, request.body))
    run_due(request.services.store)
    return answer


_READ = ("invoices.manage", "invoices.read")
_MANAGE = ("invoices.manage",)
_PAY = ("payments.manage", "payments.create")


def _write(path: str, act: Callable[[Request], Answer], summary: str, scopes: tuple[str, ...]) -> Route:
    return Route("POST", path, act, summary, scopes, body="json", idempotent=True)


ROUTES = (
    _write("/billing/payments", post_payment, "Record a payment", _PAY),
    _write("/billing/adjustments", post_adjustment, "Record an adjustment", _MANAGE),
    _write("/billing/invoices/{invoice_sid}/void", post_void, "Void an invoice", _MANAGE),
    Route("GET", "/sandbox/clock", get_clock, "Read a sandbox's clock", _READ),
    _write("/sandbox/clock", post_clock, "Move a sandbox's clock", _MANAGE),
)
"""Each beneath `/core/v2`; the lists are in `resources`."""
