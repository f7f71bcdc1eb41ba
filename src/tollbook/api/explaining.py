"""What stands behind an invoice, in figures and in words."""

from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer
from tollbook.operations.explaining import encode_tidy
from tollbook.operations.explaining import explain_invoice as explained


def explain_invoice(request: Request) -> Answer:
    """The rates, corrections, credits and payments behind an invoice, with sums in words that add up to the cent."""
    request.no_arguments()
    found = explained(request.services.lists, request.caller, request.params["invoice_sid"])
    return Answer(encode_tidy(found))


ROUTES = (
    Route(
        "GET",
        "/billing/invoices/{invoice_sid}/explain",
        explain_invoice,
        "Explain an invoice",
        ("invoices.manage", "invoices.read"),
    ),
)
"""Each beneath `/core/v2`."""
