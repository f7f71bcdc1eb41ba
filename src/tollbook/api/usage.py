"""Usage in: records sent one by one or by the thousand, corrected, withdrawn."""

from collections.abc import Callable

from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer
from tollbook.mediation.batches import read_body
from tollbook.mediation.records import SHAPES, RecordKind
from tollbook.operations.usage import correct_record, post_body, read_correction, read_reason, withdraw_record
from tollbook.query.arguments import read_arguments
from tollbook.query.fields import CALL_DRS, MESSAGE_DRS, Resource
from tollbook.query.listing import parse_view


def post_calls(request: Request) -> Answer:
    """Record a call, or up to a thousand, each by itself: the answer says what became of each, in order."""
    return _post(request, "call")


def post_messages(request: Request) -> Answer:
    """Record a message, or up to a thousand, each by itself: the answer says what became of each, in order."""
    return _post(request, "message")


def post_usage(request: Request) -> Answer:
    """Record any other use, or up to a thousand, each by itself: the answer says what became of each, in order."""
    return _post(request, "usage")


def patch_call(request: Request) -> Answer:
    """Correct a call: what the body names changes, null takes it back. The version before is kept, with why."""
    return _patch(request, "call")


def patch_message(request: Request) -> Answer:
    """Correct a message: what the body names changes, null takes it back. The version before is kept, with why."""
    return _patch(request, "message")


def delete_call(request: Request) -> Answer:
    """Withdraw a call. What it cost is taken off its invoice, or credited on the current one; it is kept."""
    return _delete(request, "call")


def delete_message(request: Request) -> Answer:
    """Withdraw a message. What it cost is taken off its invoice, or credited on the current one; it is kept."""
    return _delete(request, "message")


def _post(request: Request, kind: RecordKind) -> Answer:
    request.no_arguments()
    body = read_body(kind, request.text, request.caller.partner_sid)
    return request.write(post_body(request.caller, kind, body))


def _patch(request: Request, kind: RecordKind) -> Answer:
    view = parse_view(request.query, SHAPES[kind].resource, strict=request.strict)
    changes, reason = read_correction(request.body)
    sid = request.params["dr_sid"]
    return request.write(lambda act: correct_record(act, request.caller, kind, sid, changes, reason, view))


def _delete(request: Request, kind: RecordKind) -> Answer:
    given = {field.name: field.value for field in read_arguments(request.query, ("reason",), strict=request.strict)}
    reason, sid = read_reason(given.get("reason")), request.params["dr_sid"]
    return request.write(lambda act: withdraw_record(act, request.caller, kind, sid, reason), status=204)


def _may(area: str, verb: str) -> tuple[str, ...]:
    return f"{area}.manage", f"{area}.{verb}"


def _sending(path: str, act: Callable[[Request], Answer], summary: str, area: str) -> Route:
    return Route("POST", path, act, summary, _may(area, "create"), body="text", idempotent=True)


def _changing(path: str, act: Callable[[Request], Answer], summary: str, resource: Resource) -> Route:
    may = _may(resource.area, "update")
    return Route("PATCH", path, act, summary, may, body="json", resource=resource, idempotent=True)


def _withdrawing(path: str, act: Callable[[Request], Answer], summary: str, area: str) -> Route:
    return Route("DELETE", path, act, summary, _may(area, "delete"), idempotent=True)


ROUTES = (
    _sending("/calls/call_drs", post_calls, "Record calls", "calls"),
    _changing("/calls/call_drs/{dr_sid}", patch_call, "Correct a call", CALL_DRS),
    _withdrawing("/calls/call_drs/{dr_sid}", delete_call, "Withdraw a call", "calls"),
    _sending("/sms/message_drs", post_messages, "Record messages", "sms"),
    _changing("/sms/message_drs/{dr_sid}", patch_message, "Correct a message", MESSAGE_DRS),
    _withdrawing("/sms/message_drs/{dr_sid}", delete_message, "Withdraw a message", "sms"),
    _sending("/billing/usage", post_usage, "Record other usage", "invoices"),
)
"""Each beneath `/core/v2`; the lists are in `resources`."""
