"""What bills beside the lists: a sandbox's clock."""

from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer
from tollbook.operations import sandbox
from tollbook.operations.ticking import run_due


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

ROUTES = (
    Route("GET", "/sandbox/clock", get_clock, "Read a sandbox's clock", _READ),
    Route("POST", "/sandbox/clock", post_clock, "Move a sandbox's clock", _MANAGE, body="json", idempotent=True),
)
"""Each beneath `/core/v2`."""
