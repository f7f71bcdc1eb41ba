"""Rates out: the sheets in force for the caller, and the price of one call or message without recording it."""

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from tollbook import errors, limits
from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer, Beside, list_answer
from tollbook.billing.events import SenderClass
from tollbook.billing.numbers import Direction, normalised, read_jurisdiction
from tollbook.billing.segments import segments_of
from tollbook.billing.sheets import Service
from tollbook.clock import parse_recorded
from tollbook.errors import Flaw, Refusal
from tollbook.operations.pricing import Call, InForce, Message, list_rates, price_call, price_message
from tollbook.query.arguments import read_arguments
from tollbook.query.fields import CALL_RATES, SMS_RATES, Resource
from tollbook.query.listing import parse_list
from tollbook.query.records import encode_json, read_sid

T = TypeVar("T")

SENDERS = ("short_code", "toll", "toll_free")
CALL_ARGUMENTS = ("direction", "duration", "to", "partner_sid", "date_start", "jurisdiction")
MESSAGE_ARGUMENTS = ("direction", "to", "message_segments", "text", "mcc", "mnc", "partner_sid", "date_start")
_WHOLE = re.compile(r"[0-9]{1,9}")
_MCC, _MNC = re.compile(r"[0-9]{3}"), re.compile(r"[0-9]{1,3}")


def list_inbound_rates(request: Request) -> Answer:
    """The rates that the caller has now for calls that it receives: its own sheet, its nearest reseller's, or all's."""
    return _list(request, CALL_RATES, "calls", "inbound")


def list_outbound_rates(request: Request) -> Answer:
    """The rates that the caller has now for calls that it makes: its own sheet, its nearest reseller's, or all's."""
    return _list(request, CALL_RATES, "calls", "outbound")


def list_sms_rates(request: Request) -> Answer:
    """The rates that the caller has now for messages that it sends from a kind of number, those for any kind too."""
    return _list(request, SMS_RATES, "sms", "outbound", _sender(request))


def get_call_price(request: Request) -> Answer:
    """What a call would cost now, or at another instant. Where there is no rate it is refused, never zero."""
    given = _Given(request, CALL_ARGUMENTS)
    asked: dict[str, Any] = {
        "direction": given.needed("direction", _direction),
        "duration": given.needed("duration", _duration),
        "to": given.needed("to", _number),
        "partner_sid": given.take("partner_sid", read_sid),
        "start": given.take("date_start", parse_recorded),
        "jurisdiction": given.take("jurisdiction", read_jurisdiction),
    }
    given.finish()
    return Answer(price_call(request.services.store, request.caller, Call(**asked)))


def get_sms_price(request: Request) -> Answer:
    """What an SMS from a kind of number would cost. Where there is no rate it is refused, never zero."""
    return _price_message(request, "sms")


def get_mms_price(request: Request) -> Answer:
    """What an MMS from a kind of number would cost. Where there is no rate it is refused, never zero."""
    return _price_message(request, "mms")


def _list(
    request: Request, resource: Resource, service: Service, direction: Direction, sender: SenderClass | None = None
) -> Answer:
    asked = parse_list(request.query, resource, strict=request.strict)
    page, in_force = list_rates(request.services.store, request.caller, asked, service, direction, sender)
    return list_answer(asked, page, request.url, _beside(in_force))


def _beside(in_force: InForce | None) -> Beside:
    """The keys that the list of a sheet has beside the others', in their alphabetical places."""
    if in_force is None:
        return b'"active":"no",', b'"effective_date":null,', b'"partner_sid":null,"rates_plan":null,'
    plan = encode_json({"name": in_force.name, "rates_plan_sid": in_force.rates_plan_sid})
    since, whose = encode_json(in_force.effective_date), encode_json(in_force.partner_sid)
    return b'"active":"yes",', b'"effective_date":%s,' % since, b'"partner_sid":%s,"rates_plan":%s,' % (whose, plan)


def _price_message(request: Request, type_: Literal["sms", "mms"]) -> Answer:
    sender = _sender(request)
    given = _Given(request, MESSAGE_ARGUMENTS)
    asked: dict[str, Any] = {
        "direction": given.needed("direction", _direction),
        "to": given.needed("to", _number),
        "segments": given.take("message_segments", _segments) or given.take("text", _segments_of) or 1,
        "mcc": given.take("mcc", _mcc),
        "mnc": given.take("mnc", _mnc),
        "partner_sid": given.take("partner_sid", read_sid),
        "start": given.take("date_start", parse_recorded),
    }
    given.not_both("message_segments", "text")
    given.finish()
    message = Message(type=type_, sender_class=sender, **asked)
    return Answer(price_message(request.services.store, request.caller, message))


def _sender(request: Request) -> SenderClass:
    """The kind of number in the path; 404 where it is none."""
    sender = request.params["sub_type"]
    if sender not in SENDERS:
        raise Refusal(errors.PATH_UNKNOWN)
    return cast(SenderClass, sender)


class _Given:
    """The arguments of a query string, taken one by one; every wrong one is told in one refusal."""

    def __init__(self, request: Request, known: tuple[str, ...]) -> None:
        found = read_arguments(request.query, known, strict=request.strict)
        self._values = {argument.name: argument.value for argument in found}
        self._flaws: list[Flaw] = []

    def take(self, name: str, read: Callable[[str], T]) -> T | None:
        """An argument's value; None where it is not given."""
        if name not in self._values:
            return None
        try:
            return read(self._values[name])
        except ValueError as error:
            self._flaws.append(Flaw(name, str(error)))
            return None

    def needed(self, name: str, read: Callable[[str], T]) -> T | None:
        """The value of an argument that must be given."""
        if name not in self._values:
            self._flaws.append(Flaw(name, "is required"))
        return self.take(name, read)

    def not_both(self, name: str, other: str) -> None:
        """Note where two arguments are given that say the same."""
        if name in self._values and other in self._values:
            self._flaws.append(Flaw(other, f"does not go with {name}"))

    def finish(self) -> None:
        """Refuse what was wrong."""
        if self._flaws:
            raise Refusal(errors.ARGUMENT_INVALID, *self._flaws)


def _direction(text: str) -> str:
    if text not in ("inbound", "outbound"):
        raise ValueError("expected inbound or outbound")
    return text


def _number(text: str) -> str:
    """The digits of a number; a `+` that was not percent-encoded has become a blank."""
    return normalised(text.strip(" "))


def _duration(text: str) -> int:
    if not _WHOLE.fullmatch(text) or int(text) > limits.CALL_SECONDS_MAX:
        raise ValueError(f"expected whole seconds from 0 to {limits.CALL_SECONDS_MAX}")
    return int(text)


def _segments(text: str) -> int:
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= limits.SEGMENTS_MAX:
        raise ValueError(f"expected 1 to {limits.SEGMENTS_MAX} segments")
    return int(text)


def _segments_of(text: str) -> int:
    return _segments(str(segments_of(text).segments))


def _mcc(text: str) -> str:
    if not _MCC.fullmatch(text):
        raise ValueError("expected a mobile country code of three digits")
    return text


def _mnc(text: str) -> str:
    if not _MNC.fullmatch(text):
        raise ValueError("expected a mobile network code of one to three digits")
    return text


_RATING = ("rating.manage", "rating.read")
_SUB = "{sub_type}"

ROUTES = (
    Route(
        "GET", "/calls/rates/inbound/pstn", list_inbound_rates, "List inbound rates", resource=CALL_RATES, lists=True
    ),
    Route(
        "GET", "/calls/rates/outbound/pstn", list_outbound_rates, "List outbound rates", resource=CALL_RATES, lists=True
    ),
    Route("GET", f"/sms/rates/outbound/{_SUB}", list_sms_rates, "List SMS rates", resource=SMS_RATES, lists=True),
    Route("GET", "/rating/calls/pstn", get_call_price, "Price a call", _RATING, arguments=CALL_ARGUMENTS),
    Route("GET", f"/rating/sms/{_SUB}", get_sms_price, "Price an SMS", _RATING, arguments=MESSAGE_ARGUMENTS),
    Route("GET", f"/rating/mms/{_SUB}", get_mms_price, "Price an MMS", _RATING, arguments=MESSAGE_ARGUMENTS),
)
"""Each beneath `/core/v2`."""
